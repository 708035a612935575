//! Keys: what they are made of, and bytes that sort as they do.

use std::collections::BTreeSet;

use contracts::resources::{Key, KeyType};

use super::error::{Error, Result, invalid};
use super::value::{Item, Value};

/// The most bytes of a partition key.
const PARTITION_BYTES_MAX: usize = 2048;
/// The most bytes of a sort key.
const SORT_BYTES_MAX: usize = 1024;

const MISMATCH: &str = "The provided key element does not match the schema";

/// A key as bytes: partition first, then sort value. Keys of one schema sort as their values do, and none is the
/// beginning of another.
pub(super) type KeyBytes = Box<[u8]>;

/// The attributes a table or an index is ordered by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schema {
    pub(super) partition: Key,
    pub(super) sort: Option<Key>,
}

impl Schema {
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        std::iter::once(self.partition).chain(self.sort)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.keys().any(|key| key.name == name)
    }

    /// The key attributes of an item that has them, as an item of their own.
    pub(super) fn pick(&self, item: &Item) -> Item {
        Item::of(self.keys().filter_map(|key| Some((key.name.into(), item.get(key.name)?.clone()))).collect())
    }

    /// The key of an item, `None` where an attribute is missing or has another type.
    pub(super) fn encode(&self, item: &Item) -> Option<KeyBytes> {
        let mut bytes = Vec::with_capacity(64);
        self.encode_into(item, &mut bytes)?;
        Some(bytes.into())
    }

    /// As [`Schema::encode`], behind what is there.
    pub(super) fn encode_into(&self, item: &Item, bytes: &mut Vec<u8>) -> Option<()> {
        for key in self.keys() {
            let value = item.get(key.name).filter(|value| fits(value, key.kind))?;
            encode_value(value, bytes);
        }
        Some(())
    }

    /// The key of an item to be written.
    pub(super) fn of_item(&self, item: &Item) -> Result<KeyBytes> {
        self.checked(item, |key, value| {
            let (name, expected) = (key.name, letter(key.kind));
            invalid(match value {
                None => format!("One or more parameter values were invalid: Missing the key {name} in the item"),
                Some(value) => format!(
                    "One or more parameter values were invalid: Type mismatch for key {name} expected: {expected} \
                     actual: {}",
                    value.kind()
                ),
            })
        })
    }

    /// The key in a request that names an item by it.
    pub(super) fn of_key(&self, key: &Item) -> Result<KeyBytes> {
        if key.len() != self.keys().count() {
            return Err(invalid(MISMATCH));
        }
        self.checked(key, |_, _| invalid(MISMATCH))
    }

    /// The key of an item, each part checked in turn; `unfit` tells of one that is missing or has another type.
    fn checked(&self, item: &Item, unfit: impl Fn(Key, Option<&Value>) -> Error) -> Result<KeyBytes> {
        for (key, most) in self.keys().zip([PARTITION_BYTES_MAX, SORT_BYTES_MAX]) {
            let value = item.get(key.name);
            let fitting = value.filter(|value| fits(value, key.kind)).ok_or_else(|| unfit(key, value))?;
            let Value::S(text) = fitting else { continue };
            if text.is_empty() {
                return Err(Error::EmptyKey(format!(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot \
                     contain an empty string value. Key: {}",
                    key.name
                )));
            }
            if text.len() > most {
                return Err(invalid(format!(
                    "One or more parameter values were invalid: Size of key {} has exceeded the maximum size \
                     limit of {most} bytes",
                    key.name
                )));
            }
        }
        self.encode(item).ok_or_else(|| invalid(MISMATCH))
    }
}

/// Whether none of these keys comes twice.
pub(super) fn all_distinct<K: Ord>(mut keys: impl Iterator<Item = K>) -> bool {
    let mut seen = BTreeSet::new();
    keys.all(|key| seen.insert(key))
}

/// Whether a key attribute of this kind can have that value.
pub(super) fn fits(value: &Value, kind: KeyType) -> bool {
    matches!((value, kind), (Value::S(_), KeyType::Text) | (Value::N(_), KeyType::Number))
}

/// DynamoDB's letter for a kind of key attribute.
pub(super) fn letter(kind: KeyType) -> &'static str {
    match kind {
        KeyType::Text => "S",
        KeyType::Number => "N",
    }
}

/// Appends a key value's bytes. Values of other types than keys can have add nothing.
pub(super) fn encode_value(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::N(number) => bytes.extend_from_slice(&number.sortable()),
        Value::S(_) | Value::B(_) => {
            encode_beginning(value, bytes);
            // Less than anything that can go on, and never within a text.
            bytes.extend_from_slice(&[0, 0]);
        }
        _ => {}
    }
}

/// Appends what the bytes of all texts begin with that begin with this one.
pub(super) fn encode_beginning(value: &Value, bytes: &mut Vec<u8>) {
    let plain = match value {
        Value::S(text) => text.as_bytes(),
        Value::B(binary) => binary,
        _ => return,
    };
    for byte in plain {
        bytes.push(*byte);
        if *byte == 0 {
            bytes.push(0xFF);
        }
    }
}

/// The first bytes behind all that begin with these; `None` where there are none.
pub(super) fn behind(mut beginning: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = beginning.pop() {
        if last < 0xFF {
            beginning.push(last + 1);
            return Some(beginning);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::number::Number;
    use super::*;

    fn bytes(values: &[&Value]) -> Vec<u8> {
        let mut bytes = Vec::new();
        values.iter().for_each(|value| encode_value(value, &mut bytes));
        bytes
    }

    fn text() -> impl Strategy<Value = String> {
        "[\u{0}\u{1}ab\u{ff}\u{10ffff}]{0,4}"
    }

    proptest! {
        #[test]
        fn keys_sort_as_their_values_do(
            (one, other) in (text(), text()),
            (first, second) in (any::<i32>(), any::<i32>()),
        ) {
            let number = |number: i32| Value::N(Number::parse(&number.to_string()).unwrap());
            let values = [Value::S(one.as_str().into()), Value::S(other.as_str().into())];
            let numbers = [number(first), number(second)];
            let encoded = bytes(&[&values[0], &numbers[0]]).cmp(&bytes(&[&values[1], &numbers[1]]));
            prop_assert_eq!(encoded, (&one, first).cmp(&(&other, second)));
            let binaries = [Value::B(one.as_bytes().into()), Value::B(other.as_bytes().into())];
            prop_assert_eq!(bytes(&[&binaries[0]]).cmp(&bytes(&[&binaries[1]])), one.cmp(&other));
        }

        #[test]
        fn what_begins_alike_stands_together(beginning in text(), whole in text()) {
            let mut from = Vec::new();
            encode_beginning(&Value::S(beginning.as_str().into()), &mut from);
            let key = bytes(&[&Value::S(whole.as_str().into())]);
            let inside = key >= from && behind(from).is_none_or(|end| key < end);
            prop_assert_eq!(inside, whole.starts_with(&beginning));
        }
    }
}
