//! How long an order may wait, and for what.

use contracts::{Erasure, Order, OrderStatus, PaymentState, StockState, Timestamp};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Row 5: a verdict on the customer's age.
pub const AGE_REVIEW_MS: i64 = DAY_MS;
/// Row 7: goods that are out of stock.
pub const BACKORDER_MS: i64 = 14 * DAY_MS;
/// Row 15: another payment token.
pub const PAYMENT_FAILED_MS: i64 = 3 * DAY_MS;
/// Row 16: the provider's answer about a capture, before a person must look.
pub const UNKNOWN_MS: i64 = HOUR_MS;
/// Row 28: after this long a fulfilled order is not taken back.
pub const RETURN_WINDOW_MS: i64 = 30 * DAY_MS;
/// Row 30: goods that are to come back.
pub const RETURN_MS: i64 = 30 * DAY_MS;
/// Row 31: how long an authorisation is good for. Card schemes let the usual ones lapse after seven days, and the
/// provider has no call that renews one.
pub const AUTHORISATION_MS: i64 = 7 * DAY_MS;

/// When the order has waited as long as it may, if it waits.
pub fn wakes_at(order: &Order) -> Option<Timestamp> {
    [waits_until(order), authorised_until(order)].into_iter().flatten().min()
}

/// Whether it is the authorisation that runs out first.
pub fn authorisation_ends(order: &Order) -> bool {
    authorised_until(order).is_some_and(|until| waits_until(order).is_none_or(|other| until <= other))
}

/// Whether it is too late at `now` to send a fulfilled order back.
pub fn too_late_to_return(order: &Order, now: Timestamp) -> bool {
    since(order).plus_ms(RETURN_WINDOW_MS) < now
}

fn waits_until(order: &Order) -> Option<Timestamp> {
    let wait_ms = match order.status {
        OrderStatus::AgeReview => AGE_REVIEW_MS,
        OrderStatus::Backordered => BACKORDER_MS,
        OrderStatus::PaymentFailed => PAYMENT_FAILED_MS,
        OrderStatus::ReturnRequested => RETURN_MS,
        OrderStatus::Packaged if order.payment_state == PaymentState::Unknown && !order.attention => {
            UNKNOWN_MS
        }
        _ => return None,
    };
    Some(since(order).plus_ms(wait_ms))
}

fn authorised_until(order: &Order) -> Option<Timestamp> {
    use OrderStatus::{AgeReview, Backordered, New, Packaged, Packaging, Reallocating};
    let counts = matches!(order.status, New | AgeReview | Backordered | Packaging | Packaged | Reallocating);
    let authorised = order.payment_state == PaymentState::Authorised;
    (counts && authorised).then(|| authorised_at(order).plus_ms(AUTHORISATION_MS))
}

/// When the token in use was bound: with the order, or when the order came back from a failed payment.
fn authorised_at(order: &Order) -> Timestamp {
    let steps = order.history.windows(2).rev();
    let replaced = steps
        .filter(|pair| pair[0].status == OrderStatus::PaymentFailed)
        .find(|pair| pair[1].status != OrderStatus::PaymentFailed);
    replaced.map_or(order.created_date, |pair| pair[1].at)
}

/// When the order came into its status.
pub fn since(order: &Order) -> Timestamp {
    let stayed = order.history.iter().rev().take_while(|step| step.status == order.status);
    stayed.last().map_or(order.modified_date, |step| step.at)
}

/// The status before the present one.
pub fn before(order: &Order) -> Option<OrderStatus> {
    order.history.iter().rev().map(|step| step.status).find(|status| *status != order.status)
}

/// Whether the order only waits: for a person, for goods, for time to pass or for a region to come back.
pub fn only_waits(order: &Order) -> bool {
    let may_wait = order.status.may_wait() || order.erasure == Some(Erasure::Pending);
    may_wait
        && order.payment_state != PaymentState::VoidPending
        && order.stock_state != StockState::ReleasePending
}
