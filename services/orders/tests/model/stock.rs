//! Stock whose owner moves: the new owner of a warehouse applies again what the journal knows before it sells.
//!
//! Bounds: 3 copies, one unit of stock, an order that reserved it under the warehouse's first owner, one move of the
//! warehouse, one takeover of the order's shard, one customer who wants the unit after the move. Messages arrive at
//! any time, any number of times; replies to the first owner may be lost. Moving a warehouse that stands is a rule of
//! the contract only: the services check the epoch that an entry names, and nothing raises it yet.

use contracts::journal::{Accepted, Ballot, Entry, EntryValue};
use orders::journal::{
    W,
    rules::{self, Decision, Tally},
};
use stateright::{Model, Property};

const N: usize = 3;

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The new owner of the warehouse sells at once.
    NotAppliedAgain,
    /// It reads the journal before it shuts the former owner's reservations out.
    ReadsFirst,
    /// Copies do not look at the warehouse's epoch.
    Unchecked,
    /// Copies look at it also where an order is written again.
    CheckedAgain,
}

/// What is searched.
pub(crate) struct Stock {
    broken: Option<Broken>,
    /// The order's entry, by the ballot of its shard's owner.
    entries: [Entry; 2],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Copy {
    /// The new owner of the warehouse is known here.
    moved: bool,
    /// The new owner of the shard is.
    promised: bool,
    /// The owner of the shard under whose ballot the order's entry was written.
    entry: Option<u8>,
    /// The first owner counts this copy.
    stored: bool,
    /// The new owner of the shard has read it.
    granted: bool,
    /// The new owner of the warehouse has.
    read: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Unit {
    /// In the ledger that was lost, for the order.
    Lost,
    Free,
    Order,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    copies: [Copy; N],
    /// The customer was told that the order is made.
    told: bool,
    unit: Unit,
    /// What the new owner of the warehouse has found.
    found: bool,
    /// What the new owner of the shard goes on with, once a majority promised.
    leads: Option<bool>,
    recovered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Accept { copy: usize, replied: bool },
    Move(usize),
    Read(usize),
    Sell,
    TakeOver(usize),
    WriteAgain(usize),
}

impl Stock {
    pub(crate) fn new(broken: Option<Broken>) -> Self {
        let order = crate::sample::order(1);
        let value = EntryValue::Order {
            order: Box::new(order.clone()),
            payment_ref: String::new(),
            token_hash: String::new(),
            warehouse_epoch: 1,
            lines: Vec::new(),
        };
        let entry = |epoch| {
            let owner = crate::sample::owner(epoch);
            let ballot = Ballot { epoch, region: owner.region, incarnation: String::new() };
            Entry::open(order.shard.clone(), "key".to_owned(), ballot, value.clone())
        };
        Stock { broken, entries: [entry(1), entry(2)] }
    }

    fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    fn accept(&self, copy: &mut Copy, owner: u8) -> Accepted {
        let proposed = &self.entries[usize::from(owner)];
        let checks = match self.broken {
            Some(Broken::Unchecked) => false,
            Some(Broken::CheckedAgain) => true,
            _ => rules::checks_warehouse(proposed),
        };
        let promised = copy.promised.then(|| &self.entries[1].ballot);
        let held = copy.entry.map(|owner| &self.entries[usize::from(owner)]);
        match rules::judge(promised, held, proposed) {
            rules::Judgement::Outranked(promised) => Accepted::Outranked { promised },
            rules::Judgement::Held => Accepted::Held { entry: Box::new(proposed.clone()) },
            _ if checks && copy.moved => Accepted::WarehouseMoved,
            _ => {
                copy.entry = Some(owner);
                Accepted::Stored
            }
        }
    }

    /// Whether each majority makes an order of what a customer was told is one.
    fn recovers(&self, state: &State) -> bool {
        let mut majorities = [[0, 1], [0, 2], [1, 2]].into_iter();
        !state.told
            || majorities.all(|majority| {
                let mut copies = majority.map(|copy| state.copies[copy]);
                let found = copies.iter().any(|copy| copy.entry.is_some());
                let mut tally = Tally::default();
                copies.iter_mut().for_each(|copy| tally.count(Some(self.accept(copy, 1))));
                found && tally.decide(W, N) == Decision::Chosen
            })
    }

    fn count(state: &State, of: impl Fn(&Copy) -> bool) -> usize {
        state.copies.iter().filter(|copy| of(copy)).count()
    }

    fn apply(&self, state: &mut State, step: Step) {
        match step {
            Step::Accept { copy, replied } => {
                let answer = self.accept(&mut state.copies[copy], 0);
                state.copies[copy].stored |= replied && matches!(answer, Accepted::Stored);
                state.told |= Self::count(state, |copy| copy.stored) >= W;
            }
            Step::Move(copy) => state.copies[copy].moved = true,
            Step::Read(copy) => {
                state.copies[copy].read = true;
                state.found |= state.copies[copy].entry.is_some() && !self.is(Broken::NotAppliedAgain);
                let moved = Self::count(state, |copy| copy.moved) >= W;
                if moved && Self::count(state, |copy| copy.read) >= W {
                    state.unit = if state.found { Unit::Order } else { Unit::Free };
                }
            }
            Step::Sell => state.unit = Unit::Other,
            Step::TakeOver(copy) => {
                state.copies[copy].promised = true;
                state.copies[copy].granted = true;
                if Self::count(state, |copy| copy.granted) >= W {
                    let read = state.copies.iter().filter(|copy| copy.granted);
                    let entries =
                        read.filter_map(|copy| copy.entry).map(|owner| &self.entries[usize::from(owner)]);
                    let unclosed = entries.filter(|entry| rules::must_be_read(entry.state));
                    state.leads = Some(!rules::recover(unclosed.cloned()).is_empty());
                }
            }
            Step::WriteAgain(copy) => {
                self.accept(&mut state.copies[copy], 1);
                state.recovered |= Self::count(state, |copy| copy.entry == Some(1)) >= W;
            }
        }
    }
}

const SOLD_ONCE: &str = "the unit of an acknowledged order is not sold again";
const RECOVERED: &str = "every majority makes an order of what was acknowledged";

impl Model for Stock {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            copies: [Copy::default(); N],
            told: false,
            unit: Unit::Lost,
            found: false,
            leads: None,
            recovered: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for copy in 0..N {
            steps.extend([true, false].map(|replied| Step::Accept { copy, replied }));
            steps.push(Step::Move(copy));
            let readable = state.copies[copy].moved || self.is(Broken::ReadsFirst);
            if state.unit == Unit::Lost && readable && !state.copies[copy].read {
                steps.push(Step::Read(copy));
            }
            match state.leads {
                None => steps.push(Step::TakeOver(copy)),
                Some(true) => steps.push(Step::WriteAgain(copy)),
                Some(false) => {}
            }
        }
        if state.unit == Unit::Free {
            steps.push(Step::Sell);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        self.apply(&mut state, step);
        state.copies.sort_unstable();
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            // An order that only a takeover found was not acknowledged before: it is allocated anew.
            Property::always(SOLD_ONCE, |_, state: &State| !(state.told && state.unit == Unit::Other)),
            Property::always(RECOVERED, |model: &Stock, state: &State| model.recovers(state)),
            Property::sometimes("the unit is sold after the move", |_, state: &State| {
                state.unit == Unit::Other
            }),
            Property::sometimes("an order is applied again", |_, state: &State| state.unit == Unit::Order),
            Property::sometimes("an order is recovered after its warehouse moved", |_, state: &State| {
                state.recovered && state.copies.iter().all(|copy| copy.moved)
            }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{breaks, holds};

    #[test]
    fn no_unit_is_promised_twice() {
        holds("stock", "3 copies, 1 unit, 1 move, 1 takeover", Stock::new(None));
    }

    #[test]
    fn reservations_are_applied_again() {
        breaks("NotAppliedAgain", SOLD_ONCE, Stock::new(Some(Broken::NotAppliedAgain)));
    }

    #[test]
    fn the_epoch_comes_before_the_reading() {
        breaks("ReadsFirst", SOLD_ONCE, Stock::new(Some(Broken::ReadsFirst)));
    }

    #[test]
    fn copies_check_the_warehouse() {
        breaks("Unchecked", SOLD_ONCE, Stock::new(Some(Broken::Unchecked)));
    }

    #[test]
    fn what_is_written_again_is_not_checked() {
        breaks("CheckedAgain", RECOVERED, Stock::new(Some(Broken::CheckedAgain)));
    }
}
