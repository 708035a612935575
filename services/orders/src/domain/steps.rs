//! What an order's owner has to do next. Decided from the order alone, so that any owner decides the same.

use contracts::{Order, OrderStatus, PaymentState, StockState, journal::EffectKind};

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
    /// Make sure that this region knows of a delivery which began under an earlier owner.
    FollowDelivery,
    /// Take the goods off the stock.
    ConsumeStock,
    /// Give the goods back to the stock.
    ReleaseStock,
    /// Find another warehouse.
    Reallocate,
    /// Money and goods are settled: finish.
    Wind,
}

/// The next thing to do, if any.
pub fn next(order: &Order) -> Option<Step> {
    money(order).or_else(|| goods(order)).or_else(|| course(order))
}

fn money(order: &Order) -> Option<Step> {
    let id = order.order_id;
    let pay = |effect, amount, effect_key| Some(Step::Pay { effect, amount, effect_key });
    match order.payment_state {
        PaymentState::CapturePending | PaymentState::Unknown if order.status == OrderStatus::Packaged => {
            pay(EffectKind::Capture, order.total, format!("{id}:capture:1"))
        }
        PaymentState::VoidPending => pay(EffectKind::Void, order.total, format!("{id}:void:1")),
        PaymentState::RefundPending => {
            let due = order.captured - order.refunded - kept(order);
            pay(EffectKind::Refund, due, format!("{id}:refund:{}", cause(order.status)))
        }
        _ => None,
    }
}

/// What of the captured money the shop keeps.
fn kept(order: &Order) -> i64 {
    match order.status {
        OrderStatus::Packaged | OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Fulfilled => {
            order.total
        }
        _ => 0,
    }
}

fn cause(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::DeliveryFailed => "delivery",
        OrderStatus::PackagingFailed => "packaging",
        OrderStatus::Packaged => "partial",
        _ => "cancel",
    }
}

fn goods(order: &Order) -> Option<Step> {
    match order.stock_state {
        StockState::ReleasePending => Some(Step::ReleaseStock),
        StockState::Held | StockState::Committed | StockState::Picked
            if matches!(
                order.status,
                OrderStatus::Shipped | OrderStatus::Fulfilled | OrderStatus::DeliveryFailed
            ) =>
        {
            Some(Step::ConsumeStock)
        }
        _ => None,
    }
}

fn course(order: &Order) -> Option<Step> {
    match order.status {
        OrderStatus::New | OrderStatus::Packaging if under_predecessor(order) => Some(Step::FollowPackage),
        OrderStatus::Packaged if captured(order) => Some(Step::Wind),
        OrderStatus::Paid => Some(Step::Release { effect_key: format!("{}:dispatch", order.order_id) }),
        OrderStatus::Shipped if under_predecessor(order) => Some(Step::FollowDelivery),
        OrderStatus::Reallocating => Some(Step::Reallocate),
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
fn under_predecessor(order: &Order) -> bool {
    order.history.first().is_some_and(|born| born.epoch < order.epoch)
}
