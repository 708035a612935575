//! Items without DynamoDB's type letters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dynoxide::{AttributeValue, Item};
use serde_json::{Number, Value};

pub(super) fn item(item: &Item) -> Value {
    // A JSON object keeps its names sorted, so equal items give equal text.
    Value::Object(item.iter().map(|(name, attribute)| (name.clone(), value(attribute))).collect())
}

fn value(attribute: &AttributeValue) -> Value {
    match attribute {
        AttributeValue::S(text) => Value::from(text.as_str()),
        AttributeValue::N(digits) => number(digits),
        AttributeValue::B(bytes) => binary(bytes),
        AttributeValue::BOOL(flag) => Value::from(*flag),
        AttributeValue::NULL(_) => Value::Null,
        AttributeValue::SS(texts) => texts.iter().map(String::as_str).collect(),
        AttributeValue::NS(numbers) => numbers.iter().map(|digits| number(digits)).collect(),
        AttributeValue::BS(binaries) => binaries.iter().map(|bytes| binary(bytes)).collect(),
        AttributeValue::L(values) => values.iter().map(value).collect(),
        AttributeValue::M(values) => item(values),
    }
}

/// Whole numbers stay exact; what no JSON number can hold stays text.
fn number(digits: &str) -> Value {
    if let Ok(whole) = digits.parse::<i64>() {
        return whole.into();
    }
    digits.parse::<f64>().ok().and_then(Number::from_f64).map_or_else(|| digits.into(), Value::Number)
}

fn binary(bytes: &[u8]) -> Value {
    STANDARD.encode(bytes).into()
}
