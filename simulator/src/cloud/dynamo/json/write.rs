//! Writes attribute values and answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::cloud::dynamo::number::Number;
use crate::cloud::dynamo::value::{Item, Value};

/// Appends an item.
pub(in crate::cloud::dynamo) fn write_item(out: &mut String, item: &Item) {
    let mut object = Object::new(out);
    item.iter().for_each(|(name, value)| write_value(object.field(name), value));
    object.end();
}

/// Appends a value.
fn write_value(out: &mut String, value: &Value) {
    out.push_str("{\"");
    out.push_str(value.kind());
    out.push_str("\":");
    match value {
        Value::S(text) => write_text(out, text),
        Value::N(number) => write_number(out, *number),
        Value::B(bytes) => write_binary(out, bytes),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Null => out.push_str("true"),
        Value::Ss(texts) => write_list(out, texts, |out, text| write_text(out, text)),
        Value::Ns(numbers) => write_list(out, numbers, |out, number| write_number(out, *number)),
        Value::Bs(binaries) => write_list(out, binaries, |out, bytes| write_binary(out, bytes)),
        Value::L(values) => write_list(out, values, write_value),
        Value::M(item) => write_item(out, item),
    }
    out.push('}');
}

/// Writes an object field by field.
pub(in crate::cloud::dynamo) struct Object<'o> {
    out: &'o mut String,
    empty: bool,
}

impl<'o> Object<'o> {
    pub(in crate::cloud::dynamo) fn new(out: &'o mut String) -> Self {
        out.push('{');
        Object { out, empty: true }
    }

    /// Begins a field; its value is to be appended.
    pub(in crate::cloud::dynamo) fn field(&mut self, name: &str) -> &mut String {
        if !std::mem::take(&mut self.empty) {
            self.out.push(',');
        }
        write_text(self.out, name);
        self.out.push(':');
        self.out
    }

    pub(in crate::cloud::dynamo) fn end(self) {
        self.out.push('}');
    }
}

/// Appends an array.
pub(in crate::cloud::dynamo) fn write_list<T>(
    out: &mut String,
    elements: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    out.push('[');
    for (position, element) in elements.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write(out, element);
    }
    out.push(']');
}

fn write_number(out: &mut String, number: Number) {
    out.push('"');
    number.write(out);
    out.push('"');
}

fn write_binary(out: &mut String, bytes: &[u8]) {
    out.push('"');
    STANDARD.encode_string(bytes, out);
    out.push('"');
}

/// Appends a JSON string.
pub(in crate::cloud::dynamo) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut clean = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[clean..at]);
        clean = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                out.push_str("\\u00");
                out.extend(
                    [control >> 4, control & 15].map(|half| char::from(b"0123456789abcdef"[half as usize])),
                );
            }
        }
    }
    out.push_str(&text[clean..]);
    out.push('"');
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, value)| (&**name, value)))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_key(self.kind())?;
        match self {
            Value::S(text) => map.serialize_value(&**text)?,
            Value::N(number) => map.serialize_value(&number.to_string())?,
            Value::B(bytes) => map.serialize_value(&STANDARD.encode(bytes))?,
            Value::Bool(flag) => map.serialize_value(flag)?,
            Value::Null => map.serialize_value(&true)?,
            Value::Ss(texts) => map.serialize_value(&texts.iter().map(|text| &**text).collect::<Vec<_>>())?,
            Value::Ns(numbers) => {
                map.serialize_value(&numbers.iter().map(Number::to_string).collect::<Vec<_>>())?;
            }
            Value::Bs(binaries) => {
                map.serialize_value(
                    &binaries.iter().map(|bytes| STANDARD.encode(bytes)).collect::<Vec<_>>(),
                )?;
            }
            Value::L(values) => map.serialize_value(values)?,
            Value::M(item) => map.serialize_value(item)?,
        }
        map.end()
    }
}
