//! The door's own rules.

pub(crate) mod estimate;
mod transit;

use contracts::{Timestamp, UserId, bodies::orders::CreateOrderRequest, keys};

/// How long the same body of the same customer counts as the same attempt where the client names none.
const WINDOW_MS: i64 = 10 * 60 * 1000;
/// Fewer units than this are few.
const LOW_UNITS: i64 = 20;

/// The idempotency key of an attempt that the client did not name.
pub(crate) fn derived_key(user: &UserId, request: &CreateOrderRequest, now: Timestamp) -> String {
    let window = now.0.div_euclid(WINDOW_MS);
    let body = keys::canonical_hash(request);
    let hash = keys::sha256_hex(format!("{user}\n{window}\n{body}").as_bytes());
    format!("auto-{}", &hash[..40])
}

/// The key of an attempt, from the input and the header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// The client named it.
    Given(String),
    /// The client did not.
    Absent,
    /// Input and header name two.
    Contradictory,
}

/// Which key a client gave.
pub(crate) fn key(input: Option<&str>, header: Option<&str>) -> Key {
    match (input, header) {
        (Some(input), Some(header)) if input != header => Key::Contradictory,
        (Some(key), _) | (None, Some(key)) => Key::Given(key.to_owned()),
        (None, None) => Key::Absent,
    }
}

/// How well a product is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, async_graphql::Enum)]
pub(crate) enum Availability {
    /// Plenty.
    InStock,
    /// Few are left.
    Low,
    /// None are left, and the order may wait for more.
    Backorder,
    /// None are left.
    OutOfStock,
}

/// What the units that nobody has spoken for come to. Only a product that is still sold comes again.
pub(crate) fn availability(units: i64, sold: bool) -> Availability {
    match units {
        ..=0 if sold => Availability::Backorder,
        ..=0 => Availability::OutOfStock,
        1..LOW_UNITS => Availability::Low,
        _ => Availability::InStock,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Address;

    fn request(name: &str) -> CreateOrderRequest {
        let address = Address {
            name: name.into(),
            company_name: None,
            street_address: "1 Calle Ocho".into(),
            post_code: None,
            city: "Miami".into(),
            state: None,
            country: "US".into(),
            phone_number: "+1".into(),
        };
        CreateOrderRequest {
            products: Vec::new(),
            address,
            delivery_price: 0,
            payment_token: "t".into(),
            currency: None,
            idempotency_key: None,
            allow_backorder: false,
            accept_partial: true,
            cart_id: None,
        }
    }

    #[test]
    fn an_unnamed_attempt_is_the_same_for_ten_minutes() {
        let (ann, bob) = (UserId::from("ann"), UserId::from("bob"));
        let key = derived_key(&ann, &request("Ann"), Timestamp(0));
        assert!(keys::valid_idempotency_key(&key));
        assert_eq!(key, derived_key(&ann, &request("Ann"), Timestamp(WINDOW_MS - 1)));
        assert_ne!(key, derived_key(&ann, &request("Ann"), Timestamp(WINDOW_MS)));
        assert_ne!(key, derived_key(&ann, &request("Anna"), Timestamp(0)));
        assert_ne!(key, derived_key(&bob, &request("Ann"), Timestamp(0)));
    }

    #[test]
    fn input_and_header_must_agree() {
        assert_eq!(key(Some("a"), Some("a")), Key::Given("a".into()));
        assert_eq!(key(None, Some("b")), Key::Given("b".into()));
        assert_eq!(key(Some("a"), None), Key::Given("a".into()));
        assert_eq!(key(Some("a"), Some("b")), Key::Contradictory);
        assert_eq!(key(None, None), Key::Absent);
    }

    #[test]
    fn few_units_are_told_from_none_and_from_plenty() {
        let told = |sold| [-1, 0, 1, 19, 20].map(|units| availability(units, sold));
        use Availability::{Backorder, InStock, Low, OutOfStock};
        assert_eq!(told(true), [Backorder, Backorder, Low, Low, InStock]);
        assert_eq!(told(false), [OutOfStock, OutOfStock, Low, Low, InStock]);
    }
}
