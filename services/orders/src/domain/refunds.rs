//! What goes back to a customer of the money that was captured. An order can be refunded more than once: for what its
//! package lacks, and for what comes back later.

use contracts::{Order, OrderStatus, PaymentState};

/// What is to be paid back, all of the order's refunds together.
fn in_all(order: &Order) -> i64 {
    order.captured - kept(order)
}

/// What of it is still to be paid back.
pub(super) fn due(order: &Order) -> i64 {
    in_all(order) - order.refunded
}

/// What of the captured money the shop keeps.
fn kept(order: &Order) -> i64 {
    match order.status {
        OrderStatus::Packaged
        | OrderStatus::Paid
        | OrderStatus::Shipped
        | OrderStatus::Fulfilled
        | OrderStatus::ReturnRequested => order.total,
        OrderStatus::Returned => order.total - order.returned_value(),
        _ => 0,
    }
}

/// Why it is paid back. Each cause is refunded once.
pub(super) fn cause(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::DeliveryFailed => "delivery",
        OrderStatus::PackagingFailed => "packaging",
        OrderStatus::Packaged => "partial",
        OrderStatus::Returned => "return",
        _ => "cancel",
    }
}

/// Hears that `total` was paid back so far, and says whether that is news. A refund is heard of as an answer, as an event
/// and again from a later owner, so sums are compared and never added.
pub(super) fn heard(order: &mut Order, total: i64) -> bool {
    let in_all = in_all(order);
    if total <= order.refunded && total < in_all {
        return false; // an earlier refund
    }
    order.refunded = order.refunded.max(total);
    order.payment_state = match order.refunded {
        // A refund that was begun before more was due: the rest is still to come.
        refunded if refunded < in_all => PaymentState::RefundPending,
        refunded if refunded < order.captured => PaymentState::PartiallyRefunded,
        _ => PaymentState::Refunded,
    };
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples;
    use contracts::{OrderLine, Package, ProductId, events::ProductUnits};

    /// Captured with one more line than was packed; one unit of what was packed came back.
    fn returned() -> Order {
        let product_id = ProductId(uuid::Uuid::from_u128(1));
        let (name, package) = ("Robusto".into(), Package::default());
        let line = OrderLine { product_id, name, package, price: 1_000, quantity: 2 };
        Order {
            products: vec![line],
            total: 3_500,
            captured: 4_500,
            refunded: 1_000,
            returned: vec![ProductUnits { product_id, quantity: 1 }],
            status: OrderStatus::Returned,
            payment_state: PaymentState::RefundPending,
            ..samples::order()
        }
    }

    fn after(order: &Order, total: i64) -> Option<(PaymentState, i64)> {
        let mut next = order.clone();
        heard(&mut next, total).then_some((next.payment_state, next.refunded))
    }

    #[test]
    fn each_refund_pays_back_what_is_due_beyond_the_earlier_ones() {
        let order = returned();
        assert_eq!(due(&order), 1_000);
        assert_eq!(due(&Order { status: OrderStatus::Cancelling, ..order }), 3_500);
    }

    #[test]
    fn an_earlier_refund_that_is_heard_of_again_counts_once() {
        let order = returned();
        assert_eq!(after(&order, 1_000), None);
        assert_eq!(after(&order, 2_000), Some((PaymentState::PartiallyRefunded, 2_000)));
    }

    #[test]
    fn a_refund_that_was_begun_before_more_was_due_leaves_the_rest_to_come() {
        let cancelled = Order { status: OrderStatus::Cancelling, refunded: 0, ..returned() };
        assert_eq!(after(&cancelled, 1_000), Some((PaymentState::RefundPending, 1_000)));
        assert_eq!(after(&cancelled, 4_500), Some((PaymentState::Refunded, 4_500)));
    }
}
