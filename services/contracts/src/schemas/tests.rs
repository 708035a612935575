use super::*;
use crate::events::Event;
use std::path::Path;

/// Adds a field to every object in a value.
fn add_everywhere(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(add_everywhere);
            fields.insert("addedLater".into(), json!({ "anything": 1 }));
        }
        Value::Array(items) => items.iter_mut().for_each(add_everywhere),
        _ => {}
    }
}

fn envelope(document: &Document, detail: &Value) -> Value {
    let source = format!("ecommerce.{}", document.service);
    json!({ "source": source, "detail-type": document.detail_type, "detail": detail })
}

#[test]
fn every_detail_type_has_a_schema_and_no_other() {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let happening = generator.root_schema_for::<Happening>().to_value();
    let kinds = happening["oneOf"].as_array().expect("kinds").iter();
    let kinds: BTreeSet<&str> =
        kinds.map(|kind| kind["properties"]["detail-type"]["const"].as_str().expect("a name")).collect();
    let published = PUBLISHED.iter().flat_map(|(_, names)| names.iter().copied());
    assert_eq!(published.collect::<BTreeSet<_>>(), kinds, "PUBLISHED and the variants of Happening");
    assert_eq!(validators().detail_types().collect::<BTreeSet<_>>(), kinds, "all of them compile");
}

#[test]
fn the_files_are_what_the_types_say() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    for document in documents() {
        let text = std::fs::read_to_string(directory.join(document.file())).unwrap_or_default();
        let file: Value = serde_json::from_str(&text).unwrap_or_default();
        let file_name = document.file();
        assert!(
            file == document.schema,
            "schemas/{file_name}: run `cargo run -p contracts --example schemas`, and look at what it changes: \
             a field that is new must be optional, anything else needs a new major version"
        );
    }
}

#[test]
fn a_schema_and_its_type_agree_on_what_an_event_must_hold() {
    for document in documents() {
        let smallest = least(&document.schema, &document.schema);
        let check = |detail: &Value| validators().check(document.detail_type, detail);
        assert_eq!(check(&smallest), Ok(()), "{}: {smallest:#}", document.detail_type);
        let event = Event::from_envelope(&envelope(&document, &smallest));
        let event = event.unwrap_or_else(|why| panic!("{}: {why}", document.detail_type));
        assert_eq!(event.metadata.schema, event.happening.schema());
        assert_eq!(check(&event.detail()), Ok(()), "as it is written again");
        for name in smallest.as_object().expect("fields").keys() {
            let mut lacking = smallest.clone();
            lacking.as_object_mut().expect("fields").remove(name);
            let fault = check(&lacking).expect_err(name);
            assert!(fault.rule.contains(name), "{}: {fault}", document.detail_type);
            assert!(Event::from_envelope(&envelope(&document, &lacking)).is_err(), "without {name}");
        }
    }
}

#[test]
fn what_nobody_knows_is_ignored() {
    for document in documents() {
        let mut detail = least(&document.schema, &document.schema);
        add_everywhere(&mut detail);
        assert_eq!(validators().check(document.detail_type, &detail), Ok(()));
        assert!(Event::from_envelope(&envelope(&document, &detail)).is_ok());
    }
}

#[test]
fn a_fault_names_the_place_and_not_the_content() {
    let document = &documents()[0];
    let smallest = least(&document.schema, &document.schema);
    let wrong: [(&str, Value, &str); 6] = [
        ("/orderId", json!("secret"), "is not a uuid"),
        ("/createdDate", json!("yesterday"), "is not a date-time"),
        ("/total", json!("secret"), "is not of type integer"),
        ("/deliveryPrice", json!(-1), "is less than 0"),
        ("/currency", json!("dollars"), "does not match ^[A-Z]{3}$"),
        ("/metadata/schema", json!("bigsmokes.orders.Other/1"), "is not \"bigsmokes.orders.OrderCreated/1\""),
    ];
    for (path, value, rule) in wrong {
        let mut detail = smallest.clone();
        *detail.pointer_mut(path).expect("a field") = value;
        let fault = validators().check(document.detail_type, &detail).expect_err(path);
        assert_eq!((fault.path.as_str(), fault.rule.as_str()), (path, rule));
    }
}

#[test]
fn an_event_without_a_schema_is_refused() {
    assert!(validators().check("OrderDreamt", &json!({})).is_err());
}
