//! The rules: what a stored verdict says now, and what a cart may hold.

use contracts::{
    CartId, FieldError, Timestamp, UserId,
    bodies::users::{AgeCallback, AgeVerdict, AgeView},
    events::ProductUnits,
};

/// Products of one cart at the most: an order takes no more lines.
pub(crate) const CART_PRODUCTS_MAX: usize = 30;
/// Units of one product at the most.
const UNITS_MAX: u32 = 99;
/// Bytes of what the age checker tells beside its verdict, at most.
const TEXT_MAX: usize = 128;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Whose a cart is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CartOf {
    /// A signed-in customer's, which nobody else can use.
    Customer(UserId),
    /// Of whoever knows the id.
    Bearer(CartId),
}

impl CartOf {
    /// The cart's key. Customers' ids may be UUIDs as well: the prefix keeps their carts from whoever knows one.
    pub(crate) fn key(&self) -> String {
        match self {
            CartOf::Customer(user_id) => user_id.to_string(),
            CartOf::Bearer(id) => format!("anonymous#{id}"),
        }
    }

    /// The id that its user knows it by.
    pub(crate) fn id(&self) -> String {
        match self {
            CartOf::Customer(user_id) => user_id.to_string(),
            CartOf::Bearer(id) => id.to_string(),
        }
    }

    /// How long it is kept after the last change, milliseconds.
    pub(crate) fn kept_ms(&self) -> i64 {
        match self {
            CartOf::Customer(_) => 7 * DAY_MS,
            CartOf::Bearer(_) => DAY_MS,
        }
    }
}

/// What a verdict says at a moment. Whoever was never verified, or whose verdict ran out, is pending.
pub(crate) fn age_at(now: Timestamp, held: Option<AgeView>) -> AgeView {
    let pending = AgeView { verdict: AgeVerdict::Pending, valid_until: None };
    match held {
        Some(AgeView { verdict: AgeVerdict::Passed, valid_until: Some(until) }) if until <= now => pending,
        Some(held) => held,
        None => pending,
    }
}

/// Whether a verdict on a later reference than the one that is held counts: a repeated or overtaken one does not.
pub(crate) fn is_newer(held: Option<Timestamp>, reference: Timestamp) -> bool {
    held.is_none_or(|held| held < reference)
}

/// What is wrong with what the age checker says.
pub(crate) fn callback_fault(found: &AgeCallback) -> Option<FieldError> {
    let fits = |text: &str| (1..=TEXT_MAX).contains(&text.len());
    let range =
        |field: &str| Some(FieldError::new(field, "RANGE", format!("must have 1 to {TEXT_MAX} bytes")));
    match found {
        AgeCallback { verdict: AgeVerdict::Pending, .. } => {
            Some(FieldError::new("verdict", "VALUE", "must be PASSED or FAILED"))
        }
        found if !fits(&found.method) => range("method"),
        found if !fits(&found.provider_reference) => range("providerReference"),
        _ => None,
    }
}

/// What is wrong with an item of a cart. No units take the product out of it.
pub(crate) fn fault(item: &ProductUnits) -> Option<FieldError> {
    (item.quantity > UNITS_MAX)
        .then(|| FieldError::new("quantity", "RANGE", format!("must be 0 to {UNITS_MAX}")))
}

/// Puts an item into a cart; the number replaces the one before. Nothing, where the cart is full.
pub(crate) fn put(mut items: Vec<ProductUnits>, item: ProductUnits) -> Option<Vec<ProductUnits>> {
    items.retain(|held| held.product_id != item.product_id && held.quantity > 0);
    if item.quantity > 0 {
        items.push(item);
    }
    items.sort_by_key(|held| held.product_id);
    (items.len() <= CART_PRODUCTS_MAX).then_some(items)
}

/// The items of a customer's cart that change when what lay in an anonymous one is added: of each product the greater
/// number counts. Nothing, where the cart has no room for all of it.
pub(crate) fn merge(own: &[ProductUnits], anonymous: &[ProductUnits]) -> Option<Vec<ProductUnits>> {
    let held = |item: &ProductUnits| own.iter().find(|held| held.product_id == item.product_id);
    let fresh = anonymous.iter().filter(|item| held(item).is_none()).count();
    let more = |item: &&ProductUnits| held(item).is_none_or(|held| held.quantity < item.quantity);
    (own.len() + fresh <= CART_PRODUCTS_MAX).then(|| anonymous.iter().filter(more).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::ProductId;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const NOW: Timestamp = Timestamp(1_000);

    fn passed(until: Option<i64>) -> Option<AgeView> {
        Some(AgeView { verdict: AgeVerdict::Passed, valid_until: until.map(Timestamp) })
    }

    #[test]
    fn only_a_verdict_that_still_holds_is_passed() {
        assert_eq!(age_at(NOW, None).verdict, AgeVerdict::Pending);
        assert_eq!(age_at(NOW, passed(None)).verdict, AgeVerdict::Passed);
        assert_eq!(age_at(NOW, passed(Some(1_001))).verdict, AgeVerdict::Passed);
        assert_eq!(age_at(NOW, passed(Some(1_000))).verdict, AgeVerdict::Pending);
        let failed = AgeView { verdict: AgeVerdict::Failed, valid_until: None };
        assert_eq!(age_at(NOW, Some(failed)).verdict, AgeVerdict::Failed);
    }

    fn units(number: u128, quantity: u32) -> ProductUnits {
        ProductUnits { product_id: ProductId(uuid::Uuid::from_u128(number)), quantity }
    }

    #[test]
    fn the_last_number_counts_and_none_takes_the_product_out() {
        let cart = put(vec![units(1, 2), units(2, 1)], units(1, 5)).expect("room");
        assert_eq!(cart, [units(1, 5), units(2, 1)]);
        assert_eq!(put(cart, units(1, 0)).expect("room"), [units(2, 1)]);
    }

    #[test]
    fn a_full_cart_takes_changes_and_nothing_new() {
        let full: Vec<_> = (1..=CART_PRODUCTS_MAX as u128).map(|number| units(number, 1)).collect();
        assert!(put(full.clone(), units(1, 9)).is_some());
        assert!(put(full, units(99, 1)).is_none());
        assert!(fault(&units(1, 99)).is_none() && fault(&units(1, 100)).is_some());
    }

    #[test]
    fn an_anonymous_cart_is_never_a_customers() {
        let id = uuid::Uuid::from_u128(7);
        let (customer, bearer) = (CartOf::Customer(UserId(id.to_string())), CartOf::Bearer(CartId(id)));
        assert_eq!(customer.id(), bearer.id());
        assert_ne!(customer.key(), bearer.key());
    }

    #[test]
    fn what_finds_no_room_stays_where_it_is() {
        let full: Vec<_> = (1..=CART_PRODUCTS_MAX as u128).map(|number| units(number, 1)).collect();
        assert_eq!(merge(&full, &[units(1, 2)]), Some(vec![units(1, 2)]));
        assert_eq!(merge(&full, &[units(99, 1)]), None);
    }

    fn some_cart() -> impl Strategy<Value = Vec<ProductUnits>> {
        let lines = proptest::collection::btree_map(0_u128..20, 1..=UNITS_MAX, 0..15);
        lines.prop_map(|lines| lines.into_iter().map(|(number, quantity)| units(number, quantity)).collect())
    }

    /// A cart after some of its items changed.
    fn after(own: &[ProductUnits], changes: &[ProductUnits]) -> BTreeMap<ProductId, u32> {
        own.iter().chain(changes).map(|item| (item.product_id, item.quantity)).collect()
    }

    proptest! {
        #[test]
        fn the_newest_reference_counts_in_whatever_order_verdicts_come(order in proptest::collection::vec(0_i64..50, 1..20)) {
            let take = |held: Option<Timestamp>, at: &i64| {
                if is_newer(held, Timestamp(*at)) { Some(Timestamp(*at)) } else { held }
            };
            let held = order.iter().fold(None, take);
            prop_assert_eq!(held, order.iter().max().copied().map(Timestamp));
            prop_assert!(!is_newer(held, Timestamp(order[0])));
        }

        #[test]
        fn merging_loses_nothing_invents_nothing_and_is_done_once(own in some_cart(), anonymous in some_cart()) {
            let changes = merge(&own, &anonymous).expect("30 products at most");
            let merged = after(&own, &changes);
            let of = |items: &[ProductUnits], id: &ProductId| {
                items.iter().find(|item| item.product_id == *id).map_or(0, |item| item.quantity)
            };
            for item in own.iter().chain(&anonymous) {
                prop_assert!(merged[&item.product_id] >= item.quantity);
            }
            for (id, quantity) in &merged {
                prop_assert_eq!(*quantity, of(&own, id).max(of(&anonymous, id)));
            }
            let merged: Vec<_> =
                merged.into_iter().map(|(product_id, quantity)| ProductUnits { product_id, quantity }).collect();
            prop_assert_eq!(merge(&merged, &anonymous), Some(Vec::new()));
        }
    }
}
