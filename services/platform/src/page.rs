//! Page tokens: opaque to clients, valid in every region, since they hold nothing but the last key.

use crate::tables::{Item, number, text};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::collections::BTreeMap;

/// The text is not a page token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a page token")]
pub struct BadToken;

/// How many items a page has where the caller does not say, and at the most.
pub const LIMIT_DEFAULT: usize = 20;
/// See [`LIMIT_DEFAULT`].
pub const LIMIT_MAX: usize = 100;

/// The size of a page from what the caller asked for.
pub fn limit(asked: Option<i64>) -> usize {
    asked.map_or(LIMIT_DEFAULT, |asked| asked.clamp(1, LIMIT_MAX as i64) as usize)
}

/// The token for a last key of string and number attributes.
pub fn encode(key: &Item) -> String {
    let parts: BTreeMap<&str, String> = key
        .iter()
        .filter_map(|(name, value)| match value {
            AttributeValue::S(text) => Some((name.as_str(), format!("S{text}"))),
            AttributeValue::N(number) => Some((name.as_str(), format!("N{number}"))),
            _ => None,
        })
        .collect();
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&parts).unwrap_or_default())
}

/// The last key in a token.
///
/// # Errors
/// When the text is not a token.
pub fn decode(token: &str) -> Result<Item, BadToken> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| BadToken)?;
    let parts: BTreeMap<String, String> = serde_json::from_slice(&bytes).map_err(|_| BadToken)?;
    parts
        .into_iter()
        .map(|(name, value)| match value.split_at_checked(1) {
            Some(("S", value)) => Ok((name, text(value))),
            Some(("N", value)) => Ok((name, number(value))),
            _ => Err(BadToken),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_token() {
        let key = Item::from([("a".into(), text("x#1")), ("b".into(), number(7))]);
        assert_eq!(decode(&encode(&key)), Ok(key));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "%%%", "e30x", "bm9wZQ"] {
            assert_eq!(decode(bad), Err(BadToken), "{bad}");
        }
    }
}
