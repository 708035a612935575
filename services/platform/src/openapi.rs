//! A service's description of itself, OpenAPI 3.1, made of its table of routes.

use crate::routes::{self, Content, RouteSpec, Who};
use bytes::Bytes;
use contracts::{ErrorBody, schemas};
use http::{HeaderName, header};
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value, json};
use std::{
    future::{Ready, ready},
    sync::{Arc, LazyLock},
};

/// Where the description lies.
pub const PATH: &str = "/openapi.json";
/// Where it keeps the types that its routes refer to.
const TYPES: &str = "/components/schemas";

/// What is described, and where it lies, from the root of its host.
pub struct About {
    name: &'static str,
    servers: Vec<String>,
}

impl About {
    /// A service: behind the gateway of a region, or by itself.
    pub fn service(name: &'static str) -> Self {
        About { name, servers: vec![format!("/{name}"), "/".into()] }
    }

    /// Routes that lie at the root wherever they are.
    pub fn at_root(name: &'static str) -> Self {
        About { name, servers: vec!["/".into()] }
    }
}

/// A handler that answers at `path` with the description of routes. It is made when it is first asked for.
pub(crate) fn describe(
    about: About,
    path: &'static str,
    mut table: Vec<RouteSpec>,
) -> impl Fn() -> Ready<([(HeaderName, &'static str); 1], Bytes)> + Clone + Send + Sync + 'static {
    table.push(routes::get(path, Who::Anyone, "This description").gives::<Value>().bare());
    let text = Arc::new(LazyLock::new(move || Bytes::from(document(&about, &table).to_string())));
    move || ready(([(header::CONTENT_TYPE, "application/json")], Bytes::clone(&text)))
}

/// The description of routes.
pub fn document(about: &About, routes: &[RouteSpec]) -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(schemas::plain))
        .with_transform(RecursiveTransform(bounded));
    let mut generator = settings.with(|settings| settings.definitions_path = TYPES.into()).into_generator();
    let refusal = generator.subschema_for::<ErrorBody>().to_value();
    let mut paths = Map::new();
    for route in routes {
        let path = paths.entry(public_path(route)).or_insert_with(|| json!({}));
        path[route.verb.word()] = operation(route, &mut generator);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": format!("BigSmokes {}", about.name), "version": env!("CARGO_PKG_VERSION") },
        "servers": about.servers.iter().map(|url| json!({ "url": url })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "responses": { "Refusal": {
                "description": "What went wrong",
                "content": { "application/json": { "schema": refusal } },
            } },
            "securitySchemes": {
                "person": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "service": { "type": "apiKey", "in": "header", "name": "Authorization",
                    "description": "AWS Signature Version 4, with a key of the calling service" },
                "webhook": { "type": "apiKey", "in": "header", "name": "webhook-signature",
                    "description": "Standard Webhooks, with the key of the third party" },
            },
        },
    })
}

/// Says what fits a whole number, which a format alone only hints at.
fn bounded(schema: &mut Schema) {
    let (least, most) = match schema.get("format").and_then(Value::as_str) {
        Some("uint8") => (json!(0), json!(u8::MAX)),
        Some("uint16") => (json!(0), json!(u16::MAX)),
        Some("uint32") => (json!(0), json!(u32::MAX)),
        Some("uint64") => (json!(0), json!(u64::MAX)),
        Some("int64") => (json!(i64::MIN), json!(i64::MAX)),
        _ => return,
    };
    for (word, bound) in [("minimum", least), ("maximum", most)] {
        if schema.get(word).is_none() {
            schema.insert(word.to_owned(), bound);
        }
    }
}

/// The path with its parameters named as everything else is.
fn public_path(route: &RouteSpec) -> String {
    let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) => format!("{{{}}}", public_name(name)),
        None => part.to_owned(),
    };
    route.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// `orderId` of `order_id`.
fn public_name(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        name + &initial.to_ascii_uppercase() + rest
    })
}

fn operation(route: &RouteSpec, generator: &mut SchemaGenerator) -> Value {
    let callers: Vec<String> = route.who.iter().flat_map(|who| who.words()).collect();
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "x-callers": callers,
        "security": security(&route.who),
        "parameters": parameters(route, generator),
        "responses": responses(route, generator),
    });
    if let Some(body) = &route.takes {
        operation["requestBody"] = json!({ "required": true, "content": content(body, generator) });
    }
    operation
}

fn operation_id(route: &RouteSpec) -> String {
    let words = route.path.split(['/', '{', '}', '.', '-', '_']).filter(|word| !word.is_empty());
    words.fold(route.verb.word().to_owned(), |id, word| id + "_" + word)
}

/// One of these proofs is enough.
fn security(who: &[Who]) -> Value {
    let proof = |who: &Who| match who {
        Who::Anyone => json!({}),
        Who::Person | Who::Staff(_) => json!({ "person": [] }),
        Who::Services(_) => json!({ "service": [] }),
        Who::Partner(_) => json!({ "webhook": [] }),
    };
    who.iter().map(proof).collect()
}

fn parameters(route: &RouteSpec, generator: &mut SchemaGenerator) -> Vec<Value> {
    let in_path = route.parameters().map(|name| {
        let id = matches!(name, "order_id" | "product_id" | "cart_id");
        let schema =
            if id { json!({ "type": "string", "format": "uuid" }) } else { json!({ "type": "string" }) };
        json!({ "in": "path", "name": public_name(name), "required": true, "schema": schema })
    });
    let in_headers = route.headers.iter().map(|header| {
        json!({ "in": "header", "name": header.name, "required": header.required,
            "description": header.meaning, "schema": { "type": "string" } })
    });
    let in_query = route.query.iter().map(|field| {
        let mut schema = (field.schema)(generator);
        bounded(&mut schema); // what is written out in place is in no list of definitions
        json!({ "in": "query", "name": field.name, "required": field.required, "description": field.meaning,
            "schema": schema })
    });
    in_path.chain(in_headers).chain(in_query).collect()
}

fn responses(route: &RouteSpec, generator: &mut SchemaGenerator) -> Value {
    let done = match &route.gives {
        Some(body) => json!({ "description": "Done", "content": content(body, generator) }),
        None => json!({ "description": "Done",
            "content": { "application/json": { "schema": { "type": "null" } } } }),
    };
    let of_status = |status: u16| match status {
        200 => done.clone(),
        _ if route.bare => done.clone(),
        201..400 => json!({ "description": "Done, with no body" }),
        _ => json!({ "$ref": "#/components/responses/Refusal" }),
    };
    let statuses = route.statuses().into_iter();
    statuses.map(|status| (status.to_string(), of_status(status))).collect::<Map<_, _>>().into()
}

fn content(body: &Content, generator: &mut SchemaGenerator) -> Value {
    match body {
        Content::Json(schema) => json!({ "application/json": { "schema": schema(generator) } }),
        Content::Text(media_type) => json!({ *media_type: { "schema": { "type": "string" } } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::{get, post};
    use contracts::bodies::orders::{CancelRequest, OrderPage};

    fn routes() -> Vec<RouteSpec> {
        vec![
            get("/", Who::Person, "Lists").pages().needs::<u32>("since", "A version").gives::<OrderPage>(),
            post("/{order_id}/cancel", Who::Person, "Cancels")
                .or(Who::Staff("admin"))
                .takes::<CancelRequest>()
                .also(&[409]),
            post("/backend/events", Who::Services(&["orders"]), "Applies an event"),
            get("/version", Who::Anyone, "Says what runs").gives_text("text/plain").bare(),
        ]
    }

    /// Every place that a document refers to.
    fn references(value: &Value) -> Vec<&str> {
        match value {
            Value::Object(fields) => {
                let here = fields.get("$ref").and_then(Value::as_str);
                fields.values().flat_map(references).chain(here).collect()
            }
            Value::Array(items) => items.iter().flat_map(references).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn a_description_refers_to_nothing_that_it_lacks() {
        let document = document(&About::service("orders"), &routes());
        let found = references(&document);
        assert!(
            found.contains(&"#/components/schemas/Order")
                && found.contains(&"#/components/schemas/ErrorBody")
        );
        for place in found {
            assert!(document.pointer(place.trim_start_matches('#')).is_some(), "{place}");
        }
    }

    #[test]
    fn a_route_is_described_with_its_callers_parameters_and_statuses() {
        let document = document(&About::service("orders"), &routes());
        let cancel = &document["paths"]["/{orderId}/cancel"]["post"];
        assert_eq!(cancel["operationId"], "post_order_id_cancel");
        assert_eq!(cancel["x-callers"], json!(["person", "group:admin"]));
        assert_eq!(cancel["parameters"][0]["name"], "orderId");
        let statuses: Vec<&str> =
            cancel["responses"].as_object().expect("answers").keys().map(String::as_str).collect();
        assert_eq!(statuses, ["200", "400", "401", "403", "404", "409", "413", "422", "429", "500", "503"]);
        let list = &document["paths"]["/"]["get"];
        let asked = list["parameters"].as_array().expect("a list").iter();
        let asked: Vec<_> = asked.map(|one| (one["name"].as_str(), one["required"].as_bool())).collect();
        let since = (Some("since"), Some(true));
        assert_eq!(asked, [(Some("limit"), Some(false)), (Some("nextToken"), Some(false)), since]);
        let fits = &list["parameters"][2]["schema"];
        assert_eq!((&fits["minimum"], &fits["maximum"]), (&json!(0), &json!(u32::MAX)));
        let version = &document["paths"]["/version"]["get"]["responses"];
        assert_eq!(version.as_object().map(Map::len), Some(1));
    }
}
