use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::cloud::dynamo::value::Item;

/// The names and values that came with a request.
struct Given {
    names: Pairs<'static, Text<'static>>,
    values: Pairs<'static, Value>,
}

fn pairs<V: serde::de::DeserializeOwned>(json: Json) -> Pairs<'static, V> {
    let Json::Object(fields) = json else { panic!("{json} is no object") };
    let name =
        |name: String| serde_json::from_str(Box::leak(json!(name).to_string().into_boxed_str())).unwrap();
    Pairs(
        fields.into_iter().map(|(key, value)| (name(key), serde_json::from_value(value).unwrap())).collect(),
    )
}

fn given(values: Json) -> Given {
    let Json::Object(names) = json!({ "#s": "size", "#x": "x" }) else { unreachable!() };
    let text =
        |text: &str| serde_json::from_str(Box::leak(json!(text).to_string().into_boxed_str())).unwrap();
    let names = names.iter().map(|(key, name)| (text(key), text(name.as_str().unwrap()))).collect();
    Given { names: Pairs(names), values: pairs(values) }
}

fn item(json: Json) -> Item {
    serde_json::from_value(json).unwrap()
}

fn bound<'r, T: Grammar>(text: &str, given: &'r Given) -> Result<Bound<'r, T>> {
    let parsed = T::parse(text).map_err(invalid)?;
    Attributes::new(Some(&given.names), Some(&given.values))?.bind(Arc::new(parsed))
}

fn holds(text: &str, item: &Item, given: &Given) -> bool {
    let condition = bound::<Condition>(text, given).unwrap();
    condition.root().holds(item, condition.scope())
}

fn updated(text: &str, old: &Item, given: &Given) -> std::result::Result<Item, String> {
    let update = bound::<Update>(text, given).map_err(|error| format!("{error:?}"))?;
    update.root().apply(old, update.scope())
}

fn numbers() -> Given {
    given(
        json!({ ":one": { "N": "1" }, ":two": { "N": "2" }, ":x": { "S": "x" }, ":list": { "L": [{ "N": "9" }] },
        ":set": { "SS": ["x"] } }),
    )
}

#[test]
fn conditions_hold_or_do_not() {
    let item = item(json!({ "n": { "N": "1.50" }, "s": { "S": "xyz" }, "t": { "SS": ["x", "y"] },
        "m": { "M": { "size": { "N": "1" } } }, "l": { "L": [{ "N": "1" }, { "M": { "x": { "S": "x" } } }] } }));
    let given = numbers();
    for (text, expected) in [
        ("n > :one AND n < :two", true),
        ("n BETWEEN :one AND :two", true),
        ("n IN (:one, :two)", false),
        ("NOT n = :one", true),
        ("n = :one OR n = :two", false),
        ("n = :one AND n = :two OR s = s", true),
        ("n = :one AND (n = :two OR s = s)", false),
        ("m.#s = :one", true),
        ("l[0] = m.#s and l[1].#x = :x", true),
        ("attribute_exists(l[1]) AND attribute_not_exists(l[2])", true),
        ("begins_with(s, :x) AND contains(s, :x) AND contains(t, :x) AND contains(l, :one)", true),
        ("size(t) = :two AND size(l) = :two AND size(s) > :two", true),
        ("nothing <> :one", true),
        ("nothing = :one OR nothing < :one", false),
        ("s > :one OR s < :one", false),
    ] {
        assert_eq!(holds(text, &item, &given), expected, "{text}");
    }
}

#[test]
fn what_is_no_condition_is_refused() {
    let deep = format!("{}n = :one{}", "NOT (".repeat(400), ")".repeat(400));
    for text in [
        "",
        "n",
        "n =",
        "n == :one",
        "((n = :one))",
        "size = :one",
        "n = :one n = :two",
        "foo(n)",
        "a[00] = n",
        "#",
        &deep,
    ] {
        assert!(Condition::parse(text).is_err(), "{text}");
    }
    let given = numbers();
    for text in
        ["n = :nobody", "#nobody = n", "contains(n, n)", "begins_with(s, :one)", "n BETWEEN :two AND :one"]
    {
        assert!(bound::<Condition>(text, &given).is_err(), "{text}");
    }
}

#[test]
fn updates_see_the_item_as_it_was() {
    let old = item(
        json!({ "n": { "N": "1" }, "t": { "SS": ["x", "y"] }, "l": { "L": [{ "N": "1" }, { "N": "2" }] },
        "m": { "M": { "x": { "N": "1" } } } }),
    );
    let given = numbers();
    for (text, changed) in [
        ("SET n = n + :two, k = n", json!({ "n": { "N": "3" }, "k": { "N": "1" } })),
        ("SET n = if_not_exists(nothing, :one) - (n + :two)", json!({ "n": { "N": "-2" } })),
        (
            "SET l = list_append(:list, l)",
            json!({ "l": { "L": [{ "N": "9" }, { "N": "1" }, { "N": "2" }] } }),
        ),
        (
            "SET l[7] = :x, l[5] = :one",
            json!({ "l": { "L": [{ "N": "1" }, { "N": "2" }, { "N": "1" }, { "S": "x" }] } }),
        ),
        ("REMOVE l[0], m.#x", json!({ "l": { "L": [{ "N": "2" }] }, "m": { "M": {} } })),
        ("ADD n :two, t :set DELETE u :set", json!({ "n": { "N": "3" } })),
        ("DELETE t :set", json!({ "t": { "SS": ["y"] } })),
        ("SET m.y = m.#x", json!({ "m": { "M": { "x": { "N": "1" }, "y": { "N": "1" } } } })),
    ] {
        let mut expected = old.clone();
        item(changed).iter().for_each(|(name, value)| expected.insert(name, value.clone()));
        assert_eq!(updated(text, &old, &given), Ok(expected), "{text}");
    }
    for text in [
        "SET a.b = :one",
        "SET n = s + :one",
        "SET n = nothing",
        "ADD t :one",
        "SET l.x = :x",
        "REMOVE n.x",
        "DELETE n :set",
    ] {
        assert!(updated(text, &old, &given).is_err(), "{text}");
    }
    for text in [
        "SET",
        "SET n = :one SET k = :one",
        "SET n = :one, n = :two",
        "REMOVE m, m.#x",
        "ADD n :x",
        "SET n = :x + :one",
    ] {
        assert!(bound::<Update>(text, &given).is_err(), "{text}");
    }
}

#[test]
fn projections_keep_what_leads_to_the_parts() {
    let whole = item(json!({ "a": { "S": "a" }, "m": { "M": { "x": { "N": "1" }, "y": { "N": "2" } } },
        "l": { "L": [{ "N": "0" }, { "M": { "x": { "N": "1" }, "y": { "N": "2" } } }, { "N": "2" }] } }));
    let given = numbers();
    for (text, expected) in [
        ("a, nothing", json!({ "a": { "S": "a" } })),
        ("m.y", json!({ "m": { "M": { "y": { "N": "2" } } } })),
        ("l[2], l[0]", json!({ "l": { "L": [{ "N": "0" }, { "N": "2" }] } })),
        ("l[1].y, l[1].#x", json!({ "l": { "L": [{ "M": { "x": { "N": "1" }, "y": { "N": "2" } } }] } })),
        ("m.nothing, l[9], a.b", json!({})),
    ] {
        let projection = bound::<Projection>(text, &given).unwrap();
        assert_eq!(projection.root().apply(&whole, projection.scope()), item(expected), "{text}");
    }
    assert!(bound::<Projection>("m, m.#x", &given).is_err());
}

proptest! {
    /// Whatever is set is there, and nothing else has changed.
    #[test]
    fn what_an_update_sets_a_condition_finds(one in "[a-z]{0,3}", number in -99i64..99) {
        let given = given(json!({ ":s": { "S": one }, ":n": { "N": number.to_string() } }));
        let old = item(json!({ "k": { "S": "k" }, "m": { "M": {} } }));
        let new = updated("SET a = :s, m.#x = :n ADD b :n", &old, &given).unwrap();
        prop_assert!(holds("a = :s AND m.#x = :n AND b = :n AND size(m) <> :n OR m.#x = :n", &new, &given));
        prop_assert_eq!(updated("REMOVE a, b, m.#x", &new, &given).unwrap(), old);
    }
}
