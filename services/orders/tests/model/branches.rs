//! Replication that lets the last writer win, by clocks that nobody can trust.
//!
//! Bounds: an order, three owners one after another (the third in the first one's region again: fail-back) that may
//! all be alive, two versions of each; every write reaches every region at any time, in any order of items, or is
//! stranded for as long as the search likes.

use orders::store::{branch, rank_of};
use stateright::{Model, Property};

const OWNERS: usize = 3;
const VERSIONS: u8 = 2;
const REGIONS: usize = 2;

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// All owners write the same item.
    ItemShared,
    /// Branches are named after the region alone.
    EpochUnnamed,
}

/// What is searched.
pub(crate) struct Branches {
    broken: Option<Broken>,
}

/// One write: who made it, and its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Write {
    owner: u8,
    version: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The last version that each owner wrote.
    written: [u8; OWNERS],
    /// What each region holds, by item.
    held: [[Option<Write>; OWNERS]; REGIONS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// An owner writes its next version.
    Write(usize),
    /// A region gets an owner's last write, and its clock wins or loses against what is held.
    Replicate { owner: usize, region: usize, wins: bool },
}

impl Branches {
    fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    fn name(&self, owner: u8) -> String {
        let writer = crate::sample::owner(u64::from(owner) + 1);
        match self.broken {
            None => branch(&writer),
            Some(Broken::ItemShared) => String::new(),
            Some(Broken::EpochUnnamed) => writer.region.to_string(),
        }
    }

    /// The item that an owner writes: owners with one branch name share it.
    fn item(&self, owner: u8) -> usize {
        (0..=owner).position(|first| self.name(first) == self.name(owner)).unwrap_or(0)
    }

    /// What a region takes for the order.
    fn read(&self, held: &[Option<Write>; OWNERS]) -> Option<Write> {
        let rank = |write: &Write| match self.is(Broken::ItemShared) {
            true => (0, u64::from(write.version)),
            false => rank_of(&self.name(write.owner), u64::from(write.version)),
        };
        held.iter().flatten().copied().max_by_key(rank)
    }

    /// Whether a region has everything, in each item by whichever clock won.
    fn settled(&self, state: &State, region: usize) -> bool {
        (0..OWNERS as u8).filter(|owner| state.written[usize::from(*owner)] > 0).all(|owner| {
            let last = Write { owner, version: state.written[usize::from(owner)] };
            let held = state.held[region][self.item(owner)];
            held == Some(last) || held.is_some_and(|held| held.owner != owner && self.last(state, held))
        })
    }

    fn last(&self, state: &State, write: Write) -> bool {
        state.written[usize::from(write.owner)] == write.version
    }
}

const NEWEST: &str = "where everything has arrived, the last owner's last write is the order";

impl Model for Branches {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State { written: [0; OWNERS], held: [[None; OWNERS]; REGIONS] }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for owner in 0..OWNERS {
            if state.written[owner] < VERSIONS {
                steps.push(Step::Write(owner));
            }
            if state.written[owner] > 0 {
                let each = (0..REGIONS).flat_map(|region| [(region, true), (region, false)]);
                steps.extend(each.map(|(region, wins)| Step::Replicate { owner, region, wins }));
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Write(owner) => state.written[owner] += 1,
            Step::Replicate { owner, region, wins } => {
                let write = Write { owner: owner as u8, version: state.written[owner] };
                let held = &mut state.held[region][self.item(write.owner)];
                // One writer's own writes keep their order; between two writers the clocks decide.
                if wins || held.is_none_or(|held| held.owner == write.owner) {
                    *held = Some(write);
                }
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NEWEST, |model: &Branches, state: &State| {
                let newest = (0..OWNERS as u8).rev().find(|owner| state.written[usize::from(*owner)] > 0);
                let newest = newest.map(|owner| Write { owner, version: state.written[usize::from(owner)] });
                (0..REGIONS)
                    .all(|region| !model.settled(state, region) || model.read(&state.held[region]) == newest)
            }),
            Property::sometimes("all owners have written everything", |model: &Branches, state: &State| {
                state.written == [VERSIONS; OWNERS] && (0..REGIONS).all(|region| model.settled(state, region))
            }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{breaks, holds};

    #[test]
    fn a_former_owner_never_hides_its_successor() {
        holds("branches", "3 owners, 2 versions each, 2 regions", Branches { broken: None });
    }

    #[test]
    fn nobody_shares_an_item() {
        breaks("ItemShared", NEWEST, Branches { broken: Some(Broken::ItemShared) });
    }

    #[test]
    fn branches_are_named_after_epochs() {
        breaks("EpochUnnamed", NEWEST, Branches { broken: Some(Broken::EpochUnnamed) });
    }
}
