//! Sizes of items, and what reading and writing them costs.

use super::value::{Item, Value};

/// The largest item, in bytes.
pub(super) const ITEM_BYTES_MAX: usize = 400 * 1024;

/// Bytes of an item: its names and its values.
pub(super) fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

/// Bytes of a value.
pub(super) fn value_bytes(value: &Value) -> usize {
    match value {
        Value::S(text) => text.len(),
        Value::N(number) => number.size(),
        Value::B(bytes) => bytes.len(),
        Value::Bool(_) | Value::Null => 1,
        Value::Ss(texts) => texts.iter().map(|text| text.len()).sum(),
        Value::Ns(numbers) => numbers.iter().map(|number| number.size()).sum(),
        Value::Bs(binaries) => binaries.iter().map(|bytes| bytes.len()).sum(),
        // Three bytes for a list or a map, one for each thing in it.
        Value::L(values) => 3 + values.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
        Value::M(item) => 3 + item.len() + item_bytes(item),
    }
}

/// Write units of an item: one for each begun KB.
pub(super) fn write_units(bytes: usize) -> f64 {
    bytes.div_ceil(1024).max(1) as f64
}

/// Read units: one for each begun 4 KB, half of it where the read may be stale.
pub(super) fn read_units(bytes: usize, consistent: bool) -> f64 {
    let units = bytes.div_ceil(4096).max(1) as f64;
    if consistent { units } else { units / 2.0 }
}
