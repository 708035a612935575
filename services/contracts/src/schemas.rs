//! JSON Schemas of the events, made of their types: one document for each detail type, which describes the whole
//! `detail`.
//!
//! The same documents lie as files in `schemas/`, so that a change of a type shows in review; the test below demands
//! that they agree. `cargo run -p contracts --example schemas` writes them.

mod least;
mod texts;
mod validators;

pub use least::least;
pub use validators::{Fault, Validators};

use crate::events::{Happening, Metadata};
use schemars::{Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, sync::LazyLock};

/// The version of every schema so far, `{major}.{minor}`. A minor one only adds optional fields; a new major one is a
/// new document beside the old one.
pub const VERSION: &str = "1.0";
/// Where schemas are at home.
const BASE: &str = "https://schemas.bigsmokes.example/events";
/// Where a document keeps the types that its fields refer to.
const TYPES: &str = "#/$defs/";

/// Every detail type, with the service that publishes it.
pub const PUBLISHED: &[(&str, &[&str])] = &[
    ("orders", &["OrderCreated", "OrderModified", "OrderCancelled", "OrderDeleted"]),
    ("products", &["ProductCreated", "ProductModified", "ProductDeleted"]),
    (
        "warehouse",
        &[
            "StockReserved",
            "StockReleased",
            "StockReservationFailed",
            "StockReplenished",
            "PackagingStarted",
            "PackageCreated",
            "PackagingFailed",
            "WarehouseClosed",
            "WarehouseOpened",
        ],
    ),
    (
        "payment",
        &[
            "PaymentAuthorised",
            "PaymentCaptured",
            "PaymentFailed",
            "PaymentVoided",
            "PaymentRefunded",
            "PaymentUnknown",
        ],
    ),
    ("delivery", &["DeliveryStarted", "DeliveryCompleted", "DeliveryFailed", "ReturnReceived"]),
    ("users", &["UserCreated", "AgeVerificationCompleted"]),
    ("platform", &["RegionStateChanged"]),
];

/// The schema of one detail type.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The service that publishes it.
    pub service: &'static str,
    /// The detail type.
    pub detail_type: &'static str,
    /// The schema, draft 2020-12.
    pub schema: Value,
}

impl Document {
    /// Its file, below the directory of all schemas.
    pub fn file(&self) -> String {
        format!("{}/{}/{VERSION}.json", self.service, self.detail_type)
    }
}

/// The schemas of all events, as this build's types have them.
pub fn documents() -> Vec<Document> {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(plain));
    let mut generator = settings.into_generator();
    generator.subschema_for::<Metadata>();
    generator.subschema_for::<Happening>();
    let mut types = generator.take_definitions(true);
    let happening = types.remove("Happening").unwrap_or_default();
    let of_service = |(service, names): &(&'static str, &'static [&'static str])| {
        names.iter().map(|name| (*service, *name)).collect::<Vec<_>>()
    };
    let named = PUBLISHED.iter().flat_map(of_service);
    named
        .map(|(service, detail_type)| {
            let detail = detail_of(&happening, detail_type);
            Document { service, detail_type, schema: document(service, detail_type, detail, &types) }
        })
        .collect()
}

/// Takes the links of our own documentation out of a description.
pub fn plain(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace("[`crate::", "`").replace("[`", "`").replace("`]", "`");
    }
}

/// The validators of [`documents`], compiled once.
pub fn validators() -> &'static Validators {
    static COMPILED: LazyLock<Validators> = LazyLock::new(|| {
        Validators::new(documents().into_iter().map(|document| (document.detail_type, document.schema)))
    });
    &COMPILED
}

/// The schema of a happening's content, without what the event says about itself.
fn detail_of(happening: &Value, detail_type: &str) -> Value {
    let kinds = happening["oneOf"].as_array().into_iter().flatten();
    let mut kinds = kinds.map(|kind| &kind["properties"]);
    let kind = kinds.find(|kind| kind["detail-type"]["const"] == detail_type);
    kind.map_or(Value::Null, |kind| kind["detail"].clone())
}

fn document(service: &str, detail_type: &str, mut schema: Value, types: &Map<String, Value>) -> Value {
    let major = VERSION.split('.').next().unwrap_or_default();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["$id"] = json!(format!("{BASE}/{service}/{detail_type}/{VERSION}.json"));
    schema["title"] = json!(detail_type);
    schema["type"] = json!("object");
    schema["properties"]["metadata"] = json!({
        "$ref": format!("{TYPES}Metadata"),
        "properties": { "schema": { "const": format!("bigsmokes.{service}.{detail_type}/{major}") } },
    });
    match schema["required"].as_array_mut() {
        Some(required) => required.push(json!("metadata")),
        None => schema["required"] = json!(["metadata"]),
    }
    schema["$defs"] = needed(&schema, types).into();
    schema
}

/// Those of the types that a schema refers to, also by way of others.
fn needed(schema: &Value, types: &Map<String, Value>) -> Map<String, Value> {
    let (mut found, mut waiting) = (Map::new(), references(schema));
    while let Some(name) = waiting.pop_first() {
        let Some(of_type) = types.get(&name).filter(|_| !found.contains_key(&name)) else { continue };
        waiting.extend(references(of_type));
        found.insert(name, of_type.clone());
    }
    found
}

fn references(schema: &Value) -> BTreeSet<String> {
    match schema {
        Value::Object(fields) => {
            let here = fields.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix(TYPES));
            fields.values().flat_map(references).chain(here.map(str::to_owned)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests;
