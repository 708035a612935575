//! Items without DynamoDB's type letters.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

use super::number::Number;
use super::record::Record;
use super::value::{Item, Value};

/// An item of a table as it is at a moment. Serialises to plain JSON.
#[derive(Clone, Debug)]
pub struct PlainItem(Arc<Record>);

impl PlainItem {
    /// An item that was read elsewhere.
    pub(in super::super) fn new(item: Item) -> Self {
        PlainItem(Record::new(item))
    }

    pub(super) fn of(record: &Arc<Record>) -> Self {
        PlainItem(record.clone())
    }

    /// A text attribute.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.item().get(name)? {
            Value::S(text) => Some(text),
            _ => None,
        }
    }

    /// A number attribute that is whole and not negative.
    pub fn whole(&self, name: &str) -> Option<u64> {
        match self.0.item().get(name)? {
            Value::N(digits) => digits.to_string().parse().ok(),
            _ => None,
        }
    }

    /// How many entries a map attribute has.
    pub fn entries(&self, name: &str) -> Option<usize> {
        match self.0.item().get(name)? {
            Value::M(entries) => Some(entries.len()),
            _ => None,
        }
    }
}

impl Serialize for PlainItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields(self.0.item(), serializer)
    }
}

/// Names are sorted, so equal items give equal text.
fn fields<S: Serializer>(item: &Item, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(item.iter().map(|(name, value)| (&**name, Plain(value))))
}

struct Plain<'a>(&'a Value);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::S(text) => serializer.serialize_str(text),
            Value::N(digits) => Digits(*digits).serialize(serializer),
            Value::B(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Null => serializer.serialize_unit(),
            Value::Ss(texts) => serializer.collect_seq(texts.iter().map(|text| &**text)),
            Value::Ns(numbers) => serializer.collect_seq(numbers.iter().map(|digits| Digits(*digits))),
            Value::Bs(binaries) => {
                serializer.collect_seq(binaries.iter().map(|bytes| STANDARD.encode(bytes)))
            }
            Value::L(values) => serializer.collect_seq(values.iter().map(Plain)),
            Value::M(values) => fields(values, serializer),
        }
    }
}

/// Whole numbers stay exact; what no JSON number can hold stays text.
struct Digits(Number);

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.0.to_string();
        if let Ok(whole) = digits.parse::<i64>() {
            return serializer.serialize_i64(whole);
        }
        match digits.parse::<f64>() {
            Ok(number) if number.is_finite() => serializer.serialize_f64(number),
            _ => serializer.serialize_str(&digits),
        }
    }
}
