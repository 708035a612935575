use super::*;
use contracts::order::StatusChange;
use serde_json::json;

/// An order from Europe's warehouse to Germany, which took these steps, one a day from day 0.
fn order(statuses: &[OrderStatus]) -> Order {
    let steps = statuses.iter().enumerate().map(|(day, status)| StatusChange {
        version: day as u64 + 1,
        status: *status,
        at: day_of(day as i64),
        epoch: 1,
        reason: None,
    });
    let order = json!({
        "orderId": "0190c2f4-0000-7000-8000-000000000001", "userId": "ann",
        "createdDate": day_of(0), "modifiedDate": day_of(0), "status": "NEW", "products": [],
        "address": { "name": "Ann", "streetAddress": "1", "city": "Berlin", "country": "DE", "phoneNumber": "1" },
        "deliveryPrice": 0, "total": 0, "currency": "USD", "version": statuses.len(), "epoch": 1,
        "homeRegion": "eu-west-1", "home": "eu", "shard": "eu-00", "idempotencyKey": "k", "requestHash": "h",
        "paymentState": "AUTHORISED", "captured": 0, "refunded": 0, "stockState": "COMMITTED",
        "warehouseId": "wh-eu", "allocation": 1, "acceptPartial": true, "allowBackorder": false,
        "attention": false, "history": [],
    });
    let order: Order = serde_json::from_value(order).expect("an order");
    let status = *statuses.last().expect("a step");
    Order { status, history: steps.collect(), ..order }
}

fn day_of(day: i64) -> Timestamp {
    Timestamp(1_790_000_000_000 + day * DAY_MS)
}

/// The days between which it arrives, from a continent.
fn days(order: &Order, from: &str) -> Option<(i64, i64)> {
    let window = arrival(&way(order)?, &from.into())?;
    let day = |moment: Timestamp| (moment.0 - day_of(0).0) / DAY_MS;
    Some((day(window.earliest), day(window.latest)))
}

use OrderStatus::*;

#[test]
fn a_new_order_is_packed_and_then_under_way() {
    assert_eq!(days(&order(&[New]), "eu"), Some((1 + 2, 3 + 6)));
    let american = Order { warehouse_id: "wh-am".into(), ..order(&[New]) };
    assert_eq!(days(&american, "am"), Some((1 + 4, 3 + 10)));
}

#[test]
fn steps_in_the_warehouse_do_not_begin_anew() {
    assert_eq!(days(&order(&[New, Packaging]), "eu"), Some((3, 9)));
    assert_eq!(days(&order(&[New, Packaging, Packaged]), "eu"), Some((2 + 2, 9)));
    assert_eq!(days(&order(&[New, Packaging, Packaged, Paid]), "eu"), Some((3 + 2, 9)));
}

#[test]
fn a_slow_warehouse_moves_the_estimate() {
    let slow = order(&[New, New, New, New, New, Packaging]);
    assert_eq!(days(&slow, "eu"), Some((5 + 2, 5 + 6)));
}

#[test]
fn a_shipped_order_counts_from_its_shipping() {
    let shipped = order(&[New, Packaging, Packaged, Paid, Shipped]);
    assert_eq!(days(&shipped, "eu"), Some((4 + 2, 4 + 6)));
    let later_version = order(&[New, Packaging, Packaged, Paid, Shipped, Shipped]);
    assert_eq!(days(&later_version, "eu"), Some((4 + 2, 4 + 6)));
}

#[test]
fn another_warehouse_begins_anew_and_from_its_own_continent() {
    let lost = order(&[New, Packaging, Reallocating]);
    assert_eq!(days(&lost, "eu"), None);
    let moved = Order { warehouse_id: "wh-ap".into(), ..order(&[New, Packaging, Reallocating, New]) };
    assert_eq!(days(&moved, "ap"), Some((3 + 1 + 5, 3 + 3 + 12)));
    assert_eq!(way(&moved).map(|way| way.from), Some("wh-ap".into()));
}

#[test]
fn whoever_waits_is_promised_nothing_until_the_wait_is_over() {
    for waits in [AgeReview, Backordered, PaymentFailed, Reallocating] {
        assert_eq!(days(&order(&[waits]), "eu"), None, "{waits}");
        assert_eq!(days(&order(&[New, waits]), "eu"), None, "{waits}");
        assert_eq!(days(&order(&[waits, New]), "eu"), Some((1 + 3, 1 + 9)), "{waits}");
    }
}

#[test]
fn what_has_arrived_or_never_will_has_no_estimate() {
    let over = [Fulfilled, Cancelling, Cancelled, PackagingFailed, DeliveryFailed, ReturnRequested, Returned];
    for status in over {
        assert_eq!(days(&order(&[New, Packaging, status]), "eu"), None, "{status}");
    }
}

#[test]
fn every_status_is_spoken_for() {
    let told = OrderStatus::ALL.iter().filter(|status| way(&order(&[**status])).is_some());
    assert_eq!(told.copied().collect::<Vec<_>>(), [New, Packaging, Packaged, Paid, Shipped]);
}

#[test]
fn a_warehouse_that_nobody_knows_gives_no_estimate() {
    assert_eq!(days(&order(&[New]), "moon"), None);
}
