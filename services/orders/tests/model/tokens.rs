//! One payment token for two attempts: each copy binds it to the first order that it stores, for good.
//!
//! Bounds: 3 copies, two keys of one shard with one token, two owners. Messages arrive at any time, any number of
//! times; replies may be lost.

use contracts::{
    Code, ErrorBody, OrderId,
    journal::{Accepted, Ballot, Entry, EntryValue},
};
use orders::journal::{
    W,
    rules::{self, Decision, Tally},
};
use stateright::{Model, Property};

const N: usize = 3;
const ORDERS: usize = 2;

/// What is searched.
pub(crate) struct Tokens {
    /// Whether copies bind tokens.
    binds: bool,
    /// The entry of each order, by owner.
    entries: [[Entry; ORDERS]; 2],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Copy {
    promised: bool,
    /// The owner under whose ballot each order's entry was written.
    entries: [Option<u8>; ORDERS],
    token: Option<u8>,
    /// Whether the first owner counts this copy, by order.
    stored: [bool; ORDERS],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    copies: [Copy; N],
    told: [bool; ORDERS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Accept { copy: usize, order: usize, replied: bool },
    Promise(usize),
}

impl Tokens {
    pub(crate) fn new(binds: bool) -> Self {
        let entry = |epoch, order: usize| {
            let owner = crate::sample::owner(epoch);
            let ballot = Ballot { epoch, region: owner.region, incarnation: String::new() };
            let order_id = OrderId(uuid::Uuid::from_u128(order as u128));
            let value = EntryValue::Refused {
                order_id,
                request_hash: order.to_string(),
                answer: ErrorBody::new(Code::Conflict, ""),
            };
            Entry::open("am-00".into(), order.to_string(), ballot, value)
        };
        Tokens { binds, entries: [1, 2].map(|epoch| [0, 1].map(|order| entry(epoch, order))) }
    }

    fn accept(&self, copy: &mut Copy, order: usize, owner: u8) -> Accepted {
        let proposed = &self.entries[usize::from(owner)][order];
        let promised = copy.promised.then(|| &self.entries[1][order].ballot);
        let held = copy.entries[order].map(|owner| &self.entries[usize::from(owner)][order]);
        let bound = copy.token.filter(|bound| self.binds && usize::from(*bound) != order);
        match (rules::judge(promised, held, proposed), bound) {
            (rules::Judgement::Outranked(promised), _) => Accepted::Outranked { promised },
            (rules::Judgement::Held, _) => Accepted::Held { entry: Box::new(proposed.clone()) },
            (_, Some(bound)) => {
                Accepted::TokenBound { order_id: self.entries[0][usize::from(bound)].value.order_id() }
            }
            _ => {
                copy.entries[order] = Some(owner);
                copy.token = copy.token.or(Some(order as u8));
                Accepted::Stored
            }
        }
    }

    /// Whether a takeover of these copies makes orders of what customers were told, in whatever order it writes.
    fn recovers(&self, state: &State, copies: &[usize]) -> bool {
        [[0, 1], [1, 0]].into_iter().all(|sequence| {
            let mut copies: Vec<Copy> = copies.iter().map(|copy| state.copies[*copy]).collect();
            sequence.into_iter().all(|order| {
                if copies.iter().all(|copy| copy.entries[order].is_none()) {
                    return !state.told[order];
                }
                let mut tally = Tally::default();
                copies.iter_mut().for_each(|copy| tally.count(Some(self.accept(copy, order, 1))));
                !state.told[order] || tally.decide(W, N) == Decision::Chosen
            })
        })
    }
}

const ONE_ORDER: &str = "a token backs one order";
const ALL: &str = "all copies make an order of what was acknowledged";

impl Model for Tokens {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State { copies: [Copy::default(); N], told: [false; ORDERS] }]
    }

    fn actions(&self, _: &State, steps: &mut Vec<Step>) {
        for copy in 0..N {
            steps.push(Step::Promise(copy));
            let each = (0..ORDERS).flat_map(|order| [(order, true), (order, false)]);
            steps.extend(each.map(|(order, replied)| Step::Accept { copy, order, replied }));
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Promise(copy) => state.copies[copy].promised = true,
            Step::Accept { copy, order, replied } => {
                let answer = self.accept(&mut state.copies[copy], order, 0);
                state.copies[copy].stored[order] |= replied && matches!(answer, Accepted::Stored);
                let stored = state.copies.iter().filter(|copy| copy.stored[order]).count();
                state.told[order] |= stored >= W;
            }
        }
        state.copies.sort_unstable();
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONE_ORDER, |_, state: &State| state.told != [true, true]),
            Property::always(ALL, |model: &Tokens, state: &State| model.recovers(state, &[0, 1, 2])),
            Property::sometimes("an order is acknowledged", |_, state: &State| state.told == [true, false]),
        ];
        // A known limit: see below.
        properties.push(Property::sometimes(
            "an acknowledged order waits",
            |model: &Tokens, state: &State| {
                [[0, 1], [0, 2], [1, 2]].iter().any(|majority| !model.recovers(state, majority))
            },
        ));
        properties
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{breaks, holds};

    /// Two copies may hold one attempt each after a crash: then both wait for the third copy. The search finds that
    /// too ("an acknowledged order waits"), so that whoever lifts the limit hears of it here.
    #[test]
    fn a_token_backs_one_order() {
        holds("tokens", "3 copies, 2 keys with one token, 2 owners", Tokens::new(true));
    }

    #[test]
    fn copies_bind_tokens() {
        breaks("Unbound", ONE_ORDER, Tokens::new(false));
    }
}
