//! The events of payments. The service listens to none: the order's owner tells it what to do.

use crate::domain::{Ended, Operation, Payment};
use contracts::{
    OrderId, PaymentState,
    events::{Event, Happening, PaymentOutcome},
    resources::Subscription,
};
use platform::{
    Platform,
    bus::{self, Aggregate},
};

/// Payments react to no events.
pub const SUBSCRIPTION: Option<Subscription> = None;

/// Something to tell, and to write into the ledger.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// An effect ended.
    Ended(Ended),
    /// An effect was asked for, and nobody knows how it ended.
    Unknown,
}

/// The authorisation that a payment's next version is the first to know of: the order's own, or that of a later token.
pub(crate) fn authorised(order_id: OrderId, before: Option<&Payment>, after: &Payment) -> Option<Happening> {
    let known = before.is_some_and(|before| before.authorised > 0 && before.attempt == after.attempt);
    let told = after.authorised > 0 && !known;
    told.then(|| Happening::PaymentAuthorised(outcome(order_id, after, after.authorised, after.attempt)))
}

fn outcome(order_id: OrderId, payment: &Payment, amount: i64, attempt: u32) -> PaymentOutcome {
    PaymentOutcome { order_id, amount, currency: payment.currency.clone(), attempt, reason: None }
}

/// What others hear of it.
pub(crate) fn of(order_id: OrderId, payment: &Payment, news: &News) -> Option<Happening> {
    match news {
        News::Unknown => {
            let begun = payment.effect.as_ref()?;
            Some(Happening::PaymentUnknown(outcome(order_id, payment, begun.amount, begun.attempt)))
        }
        // A person must look first: nobody may act on an amount that is in doubt.
        News::Ended(_) if payment.state == PaymentState::Conflicted => None,
        News::Ended(ended) => {
            let effect = &ended.effect;
            let outcome = outcome(order_id, payment, effect.amount, effect.attempt);
            let outcome = PaymentOutcome { reason: ended.reason.clone(), ..outcome };
            match (effect.operation, ended.done) {
                (Operation::Capture, true) => Some(Happening::PaymentCaptured(outcome)),
                (Operation::Capture, false) => Some(Happening::PaymentFailed(outcome)),
                (Operation::Void, true) if payment.captured == 0 => Some(Happening::PaymentVoided(outcome)),
                (Operation::Refund, true) => Some(Happening::PaymentRefunded(outcome)),
                (Operation::Void | Operation::Refund, _) => None,
            }
        }
    }
}

/// The event of a change made here and now.
pub(crate) fn event(
    platform: &Platform,
    order_id: OrderId,
    epoch: u64,
    version: u64,
    happening: Happening,
) -> Event {
    let id = order_id.to_string();
    bus::event(platform, Aggregate { kind: "payment", id: &id, version, epoch }, &id, happening)
}
