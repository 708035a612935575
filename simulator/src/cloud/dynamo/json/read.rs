//! Reads attribute values, straight from the text of a request.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use crate::cloud::dynamo::number::Number;
use crate::cloud::dynamo::value::{Item, Value};

/// Stands before the message of a value that is well-formed JSON and still not valid, so that [`crate::cloud::dynamo::error`]
/// can tell it from malformed JSON. No message of serde begins so.
pub(in crate::cloud::dynamo) const INVALID: char = '\u{1}';

fn invalid<E: de::Error>(message: impl fmt::Display) -> E {
    E::custom(format_args!("{INVALID}{message}"))
}

/// A text, borrowed from the request where it has no escapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::cloud::dynamo) struct Text<'a>(Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;

        impl<'de> Visitor<'de> for Borrow {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Borrow)
    }
}

/// A JSON object in the order in which it was written.
#[derive(Clone, Debug)]
pub(in crate::cloud::dynamo) struct Pairs<'a, V>(pub(in crate::cloud::dynamo) Vec<(Text<'a>, V)>);

impl<'de: 'a, 'a, V: Deserialize<'de>> Deserialize<'de> for Pairs<'a, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect<V>(std::marker::PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Collect<V> {
            type Value = Pairs<'de, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Collect(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Pairs(pairs) = Pairs::<Value>::deserialize(deserializer)?;
        if pairs.iter().any(|(name, _)| name.is_empty()) {
            return Err(invalid(
                "One or more parameter values were invalid: Attribute name must not be empty",
            ));
        }
        Ok(Item::of(pairs.into_iter().map(|(name, value)| ((*name).into(), value)).collect()))
    }
}

/// The member of an attribute value that says its type.
#[derive(serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    S,
    N,
    B,
    Bool,
    Null,
    Ss,
    Ns,
    Bs,
    L,
    M,
    #[serde(other)]
    Other,
}

impl Kind {
    /// Reads the member's value; a JSON null counts as absent.
    fn read<'de, A: MapAccess<'de>>(self, map: &mut A) -> Result<Option<Value>, A::Error> {
        Ok(match self {
            Kind::S => map.next_value::<Option<Text<'de>>>()?.map(|text| Value::S((*text).into())),
            Kind::N => map.next_value::<Option<Text<'de>>>()?.map(number).transpose()?.map(Value::N),
            Kind::B => map.next_value::<Option<Text<'de>>>()?.map(binary).transpose()?.map(Value::B),
            Kind::Bool => map.next_value::<Option<bool>>()?.map(Value::Bool),
            Kind::Null => match map.next_value::<Option<bool>>()? {
                Some(false) => {
                    return Err(invalid(
                        "One or more parameter values were invalid: Null attribute value types must have the value of true",
                    ));
                }
                Some(true) => Some(Value::Null),
                None => None,
            },
            Kind::Ss => {
                let texts = map.next_value::<Option<Vec<Text<'de>>>>()?;
                texts
                    .map(|texts| set("An string set", texts, |text| Ok((*text).into())))
                    .transpose()?
                    .map(Value::Ss)
            }
            Kind::Ns => {
                let texts = map.next_value::<Option<Vec<Text<'de>>>>()?;
                texts.map(|texts| set("An number set", texts, number)).transpose()?.map(Value::Ns)
            }
            Kind::Bs => {
                let texts = map.next_value::<Option<Vec<Text<'de>>>>()?;
                texts.map(|texts| set("Binary sets", texts, binary)).transpose()?.map(Value::Bs)
            }
            Kind::L => map.next_value::<Option<Vec<Value>>>()?.map(Value::L),
            Kind::M => map.next_value::<Option<Item>>()?.map(Value::M),
            Kind::Other => {
                map.next_value::<de::IgnoredAny>()?;
                None
            }
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tagged;

        impl<'de> Visitor<'de> for Tagged {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an attribute value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut value = None;
                while let Some(kind) = map.next_key::<Kind>()? {
                    let Some(read) = kind.read(&mut map)? else { continue };
                    if value.replace(read).is_some() {
                        return Err(invalid(
                            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
                        ));
                    }
                }
                value.ok_or_else(|| {
                    invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
                })
            }
        }

        deserializer.deserialize_map(Tagged)
    }
}

fn number<E: de::Error>(text: Text<'_>) -> Result<Number, E> {
    Number::parse(&text).map_err(invalid)
}

fn binary<E: de::Error>(text: Text<'_>) -> Result<Arc<[u8]>, E> {
    let bytes = STANDARD.decode(text.as_bytes()).map_err(|_| E::custom("Invalid Base64 encoding"))?;
    Ok(bytes.into())
}

fn set<'a, T: Ord, E: de::Error>(
    kind: &str,
    texts: Vec<Text<'a>>,
    read: impl Fn(Text<'a>) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    if texts.is_empty() {
        return Err(invalid(format_args!(
            "One or more parameter values were invalid: {kind}  may not be empty"
        )));
    }
    let count = texts.len();
    let mut members = texts.into_iter().map(read).collect::<Result<Vec<T>, E>>()?;
    members.sort_unstable();
    members.dedup_by(|a, b| a == b);
    if members.len() < count {
        return Err(invalid(
            "One or more parameter values were invalid: Input collection contains duplicates",
        ));
    }
    Ok(members)
}
