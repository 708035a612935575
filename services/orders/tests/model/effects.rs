//! Effects that cannot be undone: a capture, or a parcel handed to the carrier.
//!
//! Bounds: one effect of one order, two owners that may both be alive, the second of which may also cancel the order;
//! calls to the provider arrive at any time after they were sent, any number of times, or never. An entry of the
//! journal is one step here, taken or refused by the epoch: that this is so is what the journal's own model shows.

use contracts::{OrderStatus, PaymentState, Timestamp};
use orders::domain::steps::{self, Step as Due};
use stateright::{Model, Property};

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The effect is tried before its intent is known to be chosen.
    TriedBeforeIntent,
    /// A new owner does not read intents.
    IntentsUnread,
    /// The key of an effect names the owner's epoch.
    KeyOfEpoch,
}

/// What is searched.
pub(crate) struct Effects {
    broken: Option<Broken>,
    /// The key that the provider sees, by owner.
    keys: [String; 2],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    /// Its intent is chosen, as far as it knows.
    intends: bool,
    /// It has sent the call.
    called: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    owners: [Owner; 2],
    /// The journal has an intent.
    intent: bool,
    /// The second owner has taken over; and what it read then.
    taken: Option<bool>,
    /// Effects that happened, by the owner whose call was the first of its key.
    happened: [bool; 2],
    /// The customer was told that nothing happened and nothing will.
    cancelled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Intend(usize),
    Call(usize),
    Arrive(usize),
    TakeOver,
    Cancel,
}

impl Effects {
    fn of(keys: impl Fn(u64) -> String) -> Self {
        Effects { broken: None, keys: [keys(1), keys(2)] }
    }

    /// The capture of a packaged order.
    pub(crate) fn capture() -> Self {
        Effects::of(|epoch| {
            let mut order = crate::sample::order(epoch);
            order.status = OrderStatus::Packaged;
            order.payment_state = PaymentState::CapturePending;
            match steps::next(&order, Timestamp(0)) {
                Some(Due::Pay { effect_key, .. }) => effect_key,
                other => panic!("{other:?} is due"),
            }
        })
    }

    /// The dispatch of a paid order.
    pub(crate) fn dispatch() -> Self {
        Effects::of(|epoch| {
            let mut order = crate::sample::order(epoch);
            order.status = OrderStatus::Paid;
            order.payment_state = PaymentState::Captured;
            match steps::next(&order, Timestamp(0)) {
                Some(Due::Release { effect_key }) => effect_key,
                other => panic!("{other:?} is due"),
            }
        })
    }

    pub(crate) fn broken(mut self, broken: Broken) -> Self {
        self.broken = Some(broken);
        if broken == Broken::KeyOfEpoch {
            self.keys = [1, 2].map(|epoch| format!("{}:{epoch}", self.keys[0]));
        }
        self
    }

    fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }
}

const ONCE: &str = "an effect happens at most once";
const NOT_AFTER: &str = "nothing happens to an order that was cancelled as untouched";

impl Model for Effects {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        // A copy refuses the first owner once the second has its promise.
        let writes = |owner: usize| (owner == 1) == state.taken.is_some();
        for (number, owner) in state.owners.iter().enumerate() {
            let drives = (number == 0 || state.taken.is_some()) && !(number == 1 && state.cancelled);
            if drives && writes(number) {
                steps.push(Step::Intend(number));
            }
            if drives && (owner.intends || number == 0 && self.is(Broken::TriedBeforeIntent)) {
                steps.push(Step::Call(number));
            }
            if owner.called {
                steps.push(Step::Arrive(number));
            }
        }
        match state.taken {
            None => steps.push(Step::TakeOver),
            // What no intent names was not tried.
            Some(false) if !state.owners[1].intends => steps.push(Step::Cancel),
            Some(_) => {}
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Intend(owner) => {
                state.owners[owner].intends = true;
                state.intent = true;
            }
            Step::Call(owner) => state.owners[owner].called = true,
            Step::Arrive(owner) => {
                let known = (0..2).any(|first| state.happened[first] && self.keys[first] == self.keys[owner]);
                state.happened[owner] |= !known;
            }
            Step::TakeOver => state.taken = Some(state.intent && !self.is(Broken::IntentsUnread)),
            Step::Cancel => state.cancelled = true,
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONCE, |_, state: &State| state.happened != [true, true]),
            Property::always(NOT_AFTER, |_, state: &State| {
                !(state.cancelled && state.happened.contains(&true))
            }),
            Property::sometimes("the second owner finishes what the first began", |_, state: &State| {
                state.taken == Some(true) && state.owners[1].called && state.happened == [true, false]
            }),
            Property::sometimes("the second owner cancels", |_, state: &State| state.cancelled),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{breaks, holds};

    #[test]
    fn at_most_once() {
        holds("effects", "a capture, 2 owners", Effects::capture());
        holds("effects", "a dispatch, 2 owners", Effects::dispatch());
    }

    #[test]
    fn intents_come_first() {
        breaks("TriedBeforeIntent", NOT_AFTER, Effects::capture().broken(Broken::TriedBeforeIntent));
    }

    #[test]
    fn intents_are_read() {
        breaks("IntentsUnread", NOT_AFTER, Effects::dispatch().broken(Broken::IntentsUnread));
    }

    #[test]
    fn keys_outlive_owners() {
        breaks("KeyOfEpoch", ONCE, Effects::capture().broken(Broken::KeyOfEpoch));
    }
}
