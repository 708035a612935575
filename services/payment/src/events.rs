//! The events of payments. The service listens to none: the order's owner tells it what to do.

use crate::domain::{Effect, Ended, Operation, Payment};
use contracts::{
    OrderId, PaymentState,
    events::{Event, Happening, PaymentOutcome, PaymentRefund},
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

/// Says which of an order's refunds it is. Its consumers count by the sum, as they may hear of a refund more than once.
fn refund(order_id: OrderId, payment: &Payment, effect: &Effect, outcome: PaymentOutcome) -> PaymentRefund {
    let cause = effect.key.strip_prefix(&format!("{order_id}:{}:", effect.operation.word()));
    PaymentRefund { outcome, refund: cause.map(str::to_owned), refunded_total: Some(payment.refunded) }
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
                (Operation::Refund, true) => {
                    Some(Happening::PaymentRefunded(refund(order_id, payment, effect, outcome)))
                }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Command, begin, settle};

    /// The payment after an effect, and what is told of it.
    fn after(
        held: &Payment,
        order_id: OrderId,
        operation: Operation,
        name: &str,
        amount: i64,
    ) -> (Payment, Happening) {
        let key = format!("{order_id}:{}:{name}", operation.word());
        let effect = Effect { operation, key, amount, attempt: 1 };
        let command =
            Command { effect: effect.clone(), currency: "USD".into(), payment_ref: "sealed".into() };
        let begun = begin(held, &command).expect("allowed");
        let ended = Ended { effect, done: true, amount, reference: None, reason: None };
        let payment = settle(&begun, ended.clone(), false);
        let told = of(order_id, &payment, &News::Ended(ended)).expect("told");
        (payment, told)
    }

    #[test]
    fn each_refund_says_which_it_is_and_what_was_paid_back_in_all() {
        let order_id = OrderId(uuid::Uuid::from_u128(7));
        let effect = Effect { operation: Operation::Capture, key: String::new(), amount: 900, attempt: 1 };
        let command = Command { effect, currency: "USD".into(), payment_ref: "sealed".into() };
        let (mut payment, _) = after(&Payment::new(&command), order_id, Operation::Capture, "1", 900);
        for (name, amount, total) in [("partial", 300, 300), ("return", 200, 500)] {
            let told;
            (payment, told) = after(&payment, order_id, Operation::Refund, name, amount);
            let Happening::PaymentRefunded(refund) = told else { panic!("{told:?}") };
            assert_eq!((refund.refund.as_deref(), refund.refunded_total), (Some(name), Some(total)));
            assert_eq!(refund.outcome.amount, amount);
        }
    }
}
