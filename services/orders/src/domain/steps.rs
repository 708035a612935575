//! What an order's owner has to do next. Decided from the order alone, so that any owner decides the same.

use super::{refunds, timers};
use contracts::{Erasure, Order, OrderStatus, PaymentState, StockState, Timestamp, journal::EffectKind};

/// Something to do for an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the payment service for an effect, after its intent is journalled.
    Pay {
        /// Capture, void or refund.
        effect: EffectKind,
        /// Minor units.
        amount: i64,
        /// The key that the provider sees.
        effect_key: String,
    },
    /// Let the delivery service hand it to the carrier, after the intent is journalled.
    Release {
        /// The key that the carrier sees.
        effect_key: String,
    },
    /// Ask how far a package is which was asked for under an earlier owner.
    FollowPackage,
    /// Make sure that this region knows of a delivery which began under an earlier owner, or whether goods that are asked
    /// back have come already.
    FollowDelivery,
    /// Take the goods off the stock.
    ConsumeStock,
    /// Give the goods back to the stock.
    ReleaseStock,
    /// Find a warehouse that has the goods.
    Reallocate,
    /// Money and goods are settled: finish.
    Wind,
    /// Ask what is known of the customer's age.
    CheckAge,
    /// Have every region forget whose order it was.
    Erase,
    /// It has waited as long as it may.
    TimeUp,
}

/// The next thing to do at `now`, if any.
pub fn next(order: &Order, now: Timestamp) -> Option<Step> {
    if timers::wakes_at(order).is_some_and(|wakes_at| wakes_at <= now) {
        return Some(Step::TimeUp);
    }
    money(order).or_else(|| goods(order)).or_else(|| course(order))
}

/// The key that the carrier sees.
pub fn dispatch_key(order: &Order) -> String {
    format!("{}:dispatch", order.order_id)
}

fn money(order: &Order) -> Option<Step> {
    let (id, attempt) = (order.order_id, order.payment_attempt);
    let pay = |effect, amount, effect_key| Some(Step::Pay { effect, amount, effect_key });
    match order.payment_state {
        PaymentState::CapturePending | PaymentState::Unknown if order.status == OrderStatus::Packaged => {
            pay(EffectKind::Capture, order.total, format!("{id}:capture:{attempt}"))
        }
        PaymentState::VoidPending => pay(EffectKind::Void, order.total, format!("{id}:void:{attempt}")),
        PaymentState::RefundPending => {
            let effect_key = format!("{id}:refund:{}", refunds::cause(order.status));
            pay(EffectKind::Refund, refunds::due(order), effect_key)
        }
        _ => None,
    }
}

fn goods(order: &Order) -> Option<Step> {
    match order.stock_state {
        StockState::ReleasePending => Some(Step::ReleaseStock),
        StockState::Held | StockState::Committed | StockState::Picked
            if matches!(
                order.status,
                OrderStatus::Shipped
                    | OrderStatus::Fulfilled
                    | OrderStatus::ReturnRequested
                    | OrderStatus::DeliveryFailed
            ) =>
        {
            Some(Step::ConsumeStock)
        }
        _ => None,
    }
}

fn course(order: &Order) -> Option<Step> {
    match order.status {
        _ if order.erasure == Some(Erasure::Pending) => Some(Step::Erase),
        OrderStatus::New | OrderStatus::Packaging if under_predecessor(order) || resumed(order) => {
            Some(Step::FollowPackage)
        }
        OrderStatus::Packaged if captured(order) => Some(Step::Wind),
        OrderStatus::Paid => Some(Step::Release { effect_key: dispatch_key(order) }),
        OrderStatus::Shipped if under_predecessor(order) => Some(Step::FollowDelivery),
        // A courier may have brought them before the customer asked: nobody tells that again.
        OrderStatus::ReturnRequested => Some(Step::FollowDelivery),
        OrderStatus::AgeReview => Some(Step::CheckAge),
        OrderStatus::Reallocating | OrderStatus::Backordered => Some(Step::Reallocate),
        OrderStatus::Cancelling if order.payment_state.is_final() && order.stock_state.is_final() => {
            Some(Step::Wind)
        }
        _ => None,
    }
}

fn captured(order: &Order) -> bool {
    matches!(order.payment_state, PaymentState::Captured | PaymentState::PartiallyRefunded)
}

/// Whether the order began under an earlier owner: what others reported of it may have been lost with that one.
pub fn under_predecessor(order: &Order) -> bool {
    order.history.first().is_some_and(|born| born.epoch < order.epoch)
}

/// Whether the order stood still for want of money: what the warehouse reported meanwhile did not move it.
fn resumed(order: &Order) -> bool {
    order.history.iter().any(|step| step.status == OrderStatus::PaymentFailed)
}

#[cfg(test)]
mod tests;
