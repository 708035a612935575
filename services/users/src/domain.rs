//! The rules: what a stored verdict says now, and what a cart may hold.

use contracts::{
    FieldError, Timestamp,
    bodies::users::{AgeVerdict, AgeView},
    events::ProductUnits,
};

/// Products of one cart at the most: an order takes no more lines.
pub(crate) const CART_PRODUCTS_MAX: usize = 30;
/// Units of one product at the most.
const UNITS_MAX: u32 = 99;

/// What a verdict says at a moment. Whoever was never verified, or whose verdict ran out, is pending.
pub(crate) fn age_at(now: Timestamp, held: Option<AgeView>) -> AgeView {
    let pending = AgeView { verdict: AgeVerdict::Pending, valid_until: None };
    match held {
        Some(AgeView { verdict: AgeVerdict::Passed, valid_until: Some(until) }) if until <= now => pending,
        Some(held) => held,
        None => pending,
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

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::ProductId;

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
}
