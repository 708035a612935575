//! The life of an order's money. No HTTP, no storage, no clock.
//!
//! Every effect at the provider has a key, and a key is asked for until the provider has said how it ended:
//! an effect whose answer is lost is never asked for under another key. What has ended is remembered by key,
//! and the sums are counted from that.

use contracts::{OrderId, PaymentState, bodies::payment::PaymentView};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Effects that one order may have at most.
const EFFECTS_MAX: usize = 50;

/// What can be done with money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Operation {
    Capture,
    Void,
    Refund,
}

impl Operation {
    /// The word in keys and addresses.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Operation::Capture => "capture",
            Operation::Void => "void",
            Operation::Refund => "refund",
        }
    }

    fn pending(self) -> PaymentState {
        match self {
            Operation::Capture => PaymentState::CapturePending,
            Operation::Void => PaymentState::VoidPending,
            Operation::Refund => PaymentState::RefundPending,
        }
    }
}

/// Something that the provider is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Effect {
    pub(crate) operation: Operation,
    /// The key that the provider sees.
    pub(crate) key: String,
    /// Minor units: what to move; what was authorised, for a void.
    pub(crate) amount: i64,
    /// The number of the token, from 1.
    pub(crate) attempt: u32,
}

/// How an effect ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ended {
    pub(crate) effect: Effect,
    /// Whether the provider did it.
    pub(crate) done: bool,
    /// What the provider moved or freed, minor units; 0 where it refused.
    pub(crate) amount: i64,
    /// The provider's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What the provider says of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenFacts {
    pub(crate) authorised: i64,
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
    pub(crate) voided: bool,
}

/// An order's money as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payment {
    pub(crate) state: PaymentState,
    pub(crate) authorised: i64,
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
    pub(crate) currency: String,
    /// The number of the token in use.
    pub(crate) attempt: u32,
    /// The token in use, sealed.
    pub(crate) payment_ref: String,
    /// Begun, and not known to have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) effect: Option<Effect>,
    /// What has ended, by key.
    #[serde(default)]
    pub(crate) ended: BTreeMap<String, Ended>,
    /// Refunded by an owner whose rows are lost, under keys that are not known here; minor units.
    #[serde(default)]
    pub(crate) unaccounted: i64,
    /// Whether a person must look at it.
    #[serde(default)]
    pub(crate) attention: bool,
}

/// An effect that the order's owner wants.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) effect: Effect,
    pub(crate) currency: String,
    pub(crate) payment_ref: String,
}

/// What to do about a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is done.
    Stands,
    /// Ask the provider for its key; where it is unknown there, begin it.
    Seek,
    /// It was begun: ask the provider for its key; where it is unknown there, ask for the effect again.
    Resume,
    /// Another effect was begun: finish that one first.
    FinishFirst(Effect),
}

/// Why a command is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    /// The provider refused it for good.
    #[error("{0}")]
    Refused(String),
    /// The money is in a state that does not allow it.
    #[error("{0}")]
    Conflict(&'static str),
    /// The key names another effect.
    #[error("the effect key names another effect")]
    KeyReused,
}

const CAPTURED: Denied = Denied::Conflict("captured: it can only be refunded");

/// Decides about a command.
pub(crate) fn decide(held: &Payment, command: &Command) -> Result<Step, Denied> {
    let wanted = &command.effect;
    if held.state == PaymentState::Conflicted {
        return Err(Denied::Conflict("the provider's amount differs from ours; a person must look"));
    }
    if let Some(ended) = held.ended.get(&wanted.key) {
        return if same(&ended.effect, wanted) { stands(held, ended) } else { Err(Denied::KeyReused) };
    }
    match &held.effect {
        Some(begun) if begun.key != wanted.key => Ok(Step::FinishFirst(begun.clone())),
        Some(begun) if same(begun, wanted) => Ok(Step::Resume),
        Some(_) => Err(Denied::KeyReused),
        None => Ok(Step::Seek),
    }
}

fn stands(held: &Payment, ended: &Ended) -> Result<Step, Denied> {
    let effect = &ended.effect;
    if effect.operation == Operation::Void && held.captured_with(effect.attempt) {
        return Err(CAPTURED);
    }
    match ended.done {
        true => Ok(Step::Stands),
        false => Err(Denied::Refused(ended.reason.clone().unwrap_or_else(|| "refused".into()))),
    }
}

/// Whether two effects under one key are the same one. What a void frees is the provider's to say.
fn same(one: &Effect, other: &Effect) -> bool {
    one.operation == other.operation && (one.operation == Operation::Void || one.amount == other.amount)
}

/// Whether a void may go on although the provider has not heard of a capture that was begun. Should the
/// capture still arrive, one of the two is refused.
pub(crate) fn may_overtake(begun: &Effect, command: &Command) -> bool {
    let wanted = &command.effect;
    (begun.operation, wanted.operation) == (Operation::Capture, Operation::Void)
        && begun.attempt == wanted.attempt
}

/// The money with a command's effect begun.
pub(crate) fn begin(held: &Payment, command: &Command) -> Result<Payment, Denied> {
    allow(held, command)?;
    let wanted = &command.effect;
    let mut next = held.with_next_token(command).unwrap_or_else(|| held.clone());
    if next.authorised == 0 {
        next.authorised = wanted.amount;
    }
    next.state = wanted.operation.pending();
    next.effect = Some(wanted.clone());
    Ok(next)
}

fn allow(held: &Payment, command: &Command) -> Result<(), Denied> {
    use PaymentState::{
        Authorised, CapturePending, Captured, None, PartiallyRefunded, Refunded, Unknown, Voided,
    };
    let wanted = &command.effect;
    if held.currency != command.currency {
        return Err(Denied::Conflict("the currency is not the order's"));
    }
    if held.ended.len() >= EFFECTS_MAX {
        return Err(Denied::Conflict("too many effects for one order"));
    }
    let (same_token, next_token) = (wanted.attempt == held.attempt, wanted.attempt > held.attempt);
    match (wanted.operation, held.state) {
        (Operation::Capture, None | Authorised) if same_token && !held.tried_to_capture(wanted.attempt) => {
            Ok(())
        }
        (Operation::Capture, None | Authorised) if same_token => {
            Err(Denied::Conflict("this token was refused; void it and take another"))
        }
        (Operation::Capture | Operation::Void, Voided) if next_token => Ok(()),
        (Operation::Capture, None | Authorised) => {
            Err(Denied::Conflict("the token before must be voided first"))
        }
        (Operation::Capture, Voided) => Err(Denied::Conflict("voided")),
        // The last two: a capture that the provider has not heard of is overtaken.
        (Operation::Void, None | Authorised | CapturePending | Unknown) if same_token => Ok(()),
        (Operation::Void, Captured | PartiallyRefunded | Refunded) => Err(CAPTURED),
        (Operation::Refund, Captured | PartiallyRefunded)
            if wanted.amount <= held.captured - held.refunded =>
        {
            Ok(())
        }
        (Operation::Refund, Captured | PartiallyRefunded | Refunded) => {
            Err(Denied::Conflict("more than was captured and not yet refunded"))
        }
        (Operation::Refund, _) => Err(Denied::Conflict("nothing was captured")),
        (_, _) => Err(Denied::Conflict("the state of the payment does not allow it")),
    }
}

/// The money after an effect ended. `sought` says that it was found at the provider under its key instead of
/// having been asked for now: then it may be one of those that are unaccounted for.
pub(crate) fn settle(held: &Payment, ended: Ended, sought: bool) -> Payment {
    let mut next = held.clone();
    let effect = ended.effect.clone();
    let (operation, done) = (effect.operation, ended.done);
    let differs = done && operation != Operation::Void && ended.amount != effect.amount;
    if sought && done && operation == Operation::Refund {
        next.unaccounted = (next.unaccounted - ended.amount).max(0);
    }
    next.remember(ended);
    next.state = match &next.effect {
        _ if differs => PaymentState::Conflicted,
        Some(begun) => begun.operation.pending(),
        None if operation == Operation::Void && done => PaymentState::Voided,
        None => next.state_by_sums(),
    };
    next.attention |= differs || (operation == Operation::Refund && !done);
    next
}

/// The money while nobody knows how its effect ended.
pub(crate) fn unknown(held: &Payment) -> Payment {
    Payment { state: PaymentState::Unknown, ..held.clone() }
}

/// For [`Planted::FreshKey`](platform::planted::Planted): the money as if nothing had been begun.
pub(crate) fn forgotten(held: &Payment) -> Payment {
    Payment { state: PaymentState::Authorised, effect: None, ..held.clone() }
}

impl Payment {
    /// The money of an order that nothing was done with yet.
    pub(crate) fn new(command: &Command) -> Self {
        Payment {
            state: PaymentState::None,
            authorised: 0,
            captured: 0,
            refunded: 0,
            currency: command.currency.clone(),
            attempt: command.effect.attempt,
            payment_ref: command.payment_ref.clone(),
            effect: None,
            ended: BTreeMap::new(),
            unaccounted: 0,
            attention: false,
        }
    }

    /// Whether it is known how the capture of a token ended.
    pub(crate) fn tried_to_capture(&self, attempt: u32) -> bool {
        self.captures(attempt).next().is_some()
    }

    fn captured_with(&self, attempt: u32) -> bool {
        self.captures(attempt).any(|ended| ended.done)
    }

    fn captures(&self, attempt: u32) -> impl Iterator<Item = &Ended> {
        let of_token =
            move |effect: &Effect| effect.operation == Operation::Capture && effect.attempt == attempt;
        self.ended.values().filter(move |ended| of_token(&ended.effect))
    }

    /// The same money with the token that a command brings, where the one before is voided.
    pub(crate) fn with_next_token(&self, command: &Command) -> Option<Payment> {
        let next = self.state == PaymentState::Voided && command.effect.attempt > self.attempt;
        next.then(|| Payment {
            state: PaymentState::None,
            authorised: command.effect.amount,
            attempt: command.effect.attempt,
            payment_ref: command.payment_ref.clone(),
            ..self.clone()
        })
    }

    /// The money as a new owner finds it: what is stored, corrected by how effects ended that were not known
    /// of, and by what the provider says of the token in use.
    pub(crate) fn rebuilt(&self, token: Option<TokenFacts>, found: Vec<Ended>) -> Payment {
        let mut next = self.clone();
        found.into_iter().for_each(|ended| next.remember(ended));
        let Some(token) = token else { return next };
        next.authorised = token.authorised;
        next.unaccounted = 0;
        next.recount();
        next.unaccounted = (token.refunded - next.refunded).max(0);
        next.recount();
        let differs = token.captured != next.captured;
        next.attention |= differs;
        next.state = match &next.effect {
            _ if differs => PaymentState::Conflicted,
            Some(begun) => begun.operation.pending(),
            None if token.voided => PaymentState::Voided,
            None => next.state_by_sums(),
        };
        next
    }

    /// The same money, in conflict where the provider did another amount under the command's key.
    pub(crate) fn compared(mut self, command: &Command) -> Payment {
        let wanted = &command.effect;
        let ended = self.ended.get(&wanted.key);
        if ended.is_some_and(|ended| ended.done && !same(&ended.effect, wanted)) {
            self.state = PaymentState::Conflicted;
            self.attention = true;
        }
        self
    }

    /// Notes how an effect ended.
    fn remember(&mut self, ended: Ended) {
        if self.effect.as_ref().is_some_and(|begun| begun.key == ended.effect.key) {
            self.effect = None;
        }
        self.ended.insert(ended.effect.key.clone(), ended);
        self.recount();
    }

    fn recount(&mut self) {
        let sum = |operation: Operation| -> i64 {
            let done = self.ended.values().filter(|ended| ended.done && ended.effect.operation == operation);
            done.map(|ended| ended.amount).sum()
        };
        (self.captured, self.refunded) = (sum(Operation::Capture), sum(Operation::Refund) + self.unaccounted);
    }

    fn state_by_sums(&self) -> PaymentState {
        match (self.captured, self.refunded) {
            (0, _) => PaymentState::Authorised,
            (_, 0) => PaymentState::Captured,
            (captured, refunded) if refunded < captured => PaymentState::PartiallyRefunded,
            _ => PaymentState::Refunded,
        }
    }

    /// As callers see it.
    pub(crate) fn view(&self, order_id: OrderId, version: u64) -> PaymentView {
        PaymentView {
            order_id,
            state: self.state,
            authorised: self.authorised,
            captured: self.captured,
            refunded: self.refunded,
            currency: self.currency.clone(),
            version,
        }
    }
}

#[cfg(test)]
mod tests;
