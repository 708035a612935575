//! Items without DynamoDB's type letters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number as JsonNumber, Value as Json};

use super::number::Number;
use super::value::{Item, Value};

pub(super) fn item(item: &Item) -> Json {
    // A JSON object keeps its names sorted, so equal items give equal text.
    Json::Object(item.iter().map(|(name, attribute)| (name.to_string(), value(attribute))).collect())
}

fn value(attribute: &Value) -> Json {
    match attribute {
        Value::S(text) => Json::from(&**text),
        Value::N(digits) => number(*digits),
        Value::B(bytes) => binary(bytes),
        Value::Bool(flag) => Json::from(*flag),
        Value::Null => Json::Null,
        Value::Ss(texts) => texts.iter().map(|text| &**text).collect(),
        Value::Ns(numbers) => numbers.iter().map(|digits| number(*digits)).collect(),
        Value::Bs(binaries) => binaries.iter().map(|bytes| binary(bytes)).collect(),
        Value::L(values) => values.iter().map(value).collect(),
        Value::M(values) => item(values),
    }
}

/// Whole numbers stay exact; what no JSON number can hold stays text.
fn number(number: Number) -> Json {
    let digits = number.to_string();
    if let Ok(whole) = digits.parse::<i64>() {
        return whole.into();
    }
    digits.parse::<f64>().ok().and_then(JsonNumber::from_f64).map_or_else(|| digits.into(), Json::Number)
}

fn binary(bytes: &[u8]) -> Json {
    STANDARD.encode(bytes).into()
}
