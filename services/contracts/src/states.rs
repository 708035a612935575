//! The life of an order: which status may follow which.

use crate::order::OrderStatus::{self, *};

/// Every step that the contract's table allows, from status to status.
pub const STEPS: &[(OrderStatus, OrderStatus)] = &[
    (AgeReview, New),
    (AgeReview, Cancelling),
    (AgeReview, PaymentFailed),
    (Backordered, New),
    (Backordered, Cancelling),
    (Backordered, PaymentFailed),
    (New, Packaging),
    (New, Cancelling),
    (New, Reallocating),
    (New, PaymentFailed),
    (Packaging, Packaged),
    (Packaging, PackagingFailed),
    (Packaging, Cancelling),
    (Packaging, Reallocating),
    (Packaging, PaymentFailed),
    (Packaged, Paid),
    (Packaged, PaymentFailed),
    (Packaged, Packaged),
    (Packaged, Cancelling),
    (Packaged, Reallocating),
    (Paid, Shipped),
    (Paid, DeliveryFailed),
    (Paid, Cancelling),
    (Paid, Reallocating),
    (PaymentFailed, New),
    (PaymentFailed, AgeReview),
    (PaymentFailed, Backordered),
    (PaymentFailed, Packaging),
    (PaymentFailed, Packaged),
    (PaymentFailed, Reallocating),
    (PaymentFailed, Cancelling),
    (Shipped, Fulfilled),
    (Shipped, DeliveryFailed),
    (Cancelling, Cancelled),
    (Reallocating, New),
    (Reallocating, Paid),
    (Reallocating, Backordered),
    (Reallocating, Cancelling),
    (Reallocating, PaymentFailed),
    (Fulfilled, ReturnRequested),
    (ReturnRequested, Returned),
    (ReturnRequested, Fulfilled),
];

/// The statuses in which an order may begin.
pub const BEGINNINGS: &[OrderStatus] = &[New, AgeReview, Backordered];

/// Whether `to` may follow `from`. Staying in a status (money or goods moved on) is always allowed.
pub fn may_follow(from: OrderStatus, to: OrderStatus) -> bool {
    from == to || STEPS.contains(&(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn reach(start: &[OrderStatus]) -> BTreeSet<OrderStatus> {
        let mut reached: BTreeSet<_> = start.iter().copied().collect();
        loop {
            let before = reached.len();
            let next = STEPS.iter().filter(|(from, _)| reached.contains(from)).map(|(_, to)| *to);
            reached.extend(next.collect::<Vec<_>>());
            if reached.len() == before {
                return reached;
            }
        }
    }

    #[test]
    fn every_status_is_reachable() {
        assert_eq!(reach(BEGINNINGS).len(), OrderStatus::ALL.len());
    }

    #[test]
    fn every_status_can_end() {
        for status in OrderStatus::ALL {
            assert!(reach(&[status]).into_iter().any(OrderStatus::terminal), "{status}");
        }
    }
}
