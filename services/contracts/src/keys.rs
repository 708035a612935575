//! Derived keys: the same inputs give the same key in every region.

use crate::ids::{Continent, EventId, OrderId, ShardId, UserId};
use aws_lc_rs::digest;
use serde::Serialize;
use uuid::Uuid;

/// The namespace of all derived ids: UUIDv5 of the URL namespace and `https://bigsmokes.example`.
const NAMESPACE: Uuid = Uuid::from_u128(0x8a77_0b84_aaaf_58b8_a0a8_ea22_2791_1cd1);

/// The id of the order that an attempt makes: UUIDv5 of customer and idempotency key.
pub fn order_id(user: &UserId, idempotency_key: &str) -> OrderId {
    OrderId(Uuid::new_v5(&NAMESPACE, format!("order/{user}/{idempotency_key}").as_bytes()))
}

/// The id of an event: UUIDv5 of (aggregate, aggregate id, epoch, version, detail type). Version 1 of an
/// order is the journalled order whoever writes it, so its epoch counts as 0.
pub fn event_id(aggregate: &str, aggregate_id: &str, epoch: u64, version: u64, detail_type: &str) -> EventId {
    let epoch = if version == 1 { 0 } else { epoch };
    let name = format!("event/{aggregate}/{aggregate_id}/{epoch}/{version}/{detail_type}");
    EventId(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}

/// The shard of a customer's orders: a hash of the user id, within the customer's home continent.
pub fn shard_of(home: &Continent, user: &UserId, shards: u16) -> ShardId {
    let hash = digest::digest(&digest::SHA256, user.as_str().as_bytes());
    let number = u16::from_be_bytes([hash.as_ref()[0], hash.as_ref()[1]]) % shards.max(1);
    ShardId(format!("{home}-{number:02}"))
}

/// The journal's key of an attempt: hash of customer and idempotency key.
pub fn journal_key(user: &UserId, idempotency_key: &str) -> String {
    sha256_hex(format!("{user}\n{idempotency_key}").as_bytes())
}

/// The hash of a payment token, under which it is bound to an order. The token itself is stored nowhere.
pub fn token_hash(payment_token: &str) -> String {
    sha256_hex(format!("token\n{payment_token}").as_bytes())
}

/// The hash of a request's canonical body: field order and white space do not matter.
pub fn canonical_hash<T: Serialize>(body: &T) -> String {
    // serde_json::Value keeps object keys sorted, which makes the text canonical.
    let canonical = serde_json::to_value(body).unwrap_or_default().to_string();
    sha256_hex(canonical.as_bytes())
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).flatten().collect()
}

/// Whether a text may be an idempotency key: 1 to 64 of `[A-Za-z0-9_-]`.
pub fn valid_idempotency_key(key: &str) -> bool {
    (1..=64).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_has_one_order_id_everywhere_and_customers_do_not_share_it() {
        let (ann, bob) = (UserId::from("ann"), UserId::from("bob"));
        assert_eq!(order_id(&ann, "k1"), order_id(&ann, "k1"));
        assert_ne!(order_id(&ann, "k1"), order_id(&bob, "k1"));
        assert_ne!(order_id(&ann, "k1"), order_id(&ann, "k2"));
    }

    #[test]
    fn branches_share_the_event_of_version_one_only() {
        let of = |epoch, version| event_id("order", "o", epoch, version, "OrderModified");
        assert_eq!(of(1, 1), of(2, 1));
        assert_ne!(of(1, 2), of(2, 2));
    }

    #[test]
    fn key_order_does_not_change_the_body_hash() {
        let one: serde_json::Value = serde_json::from_str(r#"{"a":1,"b":2}"#).expect("json");
        let two: serde_json::Value = serde_json::from_str(r#"{ "b":2, "a":1 }"#).expect("json");
        assert_eq!(canonical_hash(&one), canonical_hash(&two));
    }

    #[test]
    fn idempotency_keys_have_a_form() {
        assert!(valid_idempotency_key("a-B_9"));
        for bad in ["", "a b", "ä", &"x".repeat(65)] {
            assert!(!valid_idempotency_key(bad), "{bad}");
        }
    }
}
