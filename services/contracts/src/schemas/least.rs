//! A value made of a schema alone.

use serde_json::{Value, json};

/// An id that is nobody's.
const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// The least that a schema allows: of objects what must be there, of lists one item. `root` is the document that its
/// references point into.
pub fn least(schema: &Value, root: &Value) -> Value {
    if let Some(place) = schema["$ref"].as_str() {
        let referred = root.pointer(place.trim_start_matches('#')).unwrap_or(&Value::Null);
        return with_fields(least(referred, root), schema, root);
    }
    let first = |list: &str| schema[list].get(0);
    if let Some(word) = schema.get("const").or_else(|| first("enum")) {
        return word.clone();
    }
    if let Some(choice) = first("oneOf").or_else(|| first("anyOf")) {
        return least(choice, root);
    }
    match schema["type"].as_str().or_else(|| schema["type"][0].as_str()) {
        Some("object") => with_fields(json!({}), schema, root),
        Some("array") => json!([least(&schema["items"], root)]),
        Some("integer" | "number") => json!(schema["minimum"].as_i64().unwrap_or_default().max(1)),
        Some("boolean") => json!(true),
        Some("string") => json!(text(schema)),
        _ => Value::Null,
    }
}

/// The fields that a schema demands, over those that are there.
fn with_fields(mut value: Value, schema: &Value, root: &Value) -> Value {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let demanded = schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
        if demanded || value.get(name).is_some() {
            value[name] = least(field, root);
        }
    }
    value
}

/// A text of the forms that the contract's texts have.
fn text(schema: &Value) -> &'static str {
    match (schema["format"].as_str(), schema["pattern"].as_str()) {
        (Some("uuid"), _) => ID,
        (Some("date-time"), _) => "2026-01-01T00:00:00.000Z",
        (_, Some("^[A-Z]{3}$")) => "USD",
        (_, Some("^[A-Za-z]{2}$")) => "DE",
        _ => "word",
    }
}
