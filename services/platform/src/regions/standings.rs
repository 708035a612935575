//! The decisions about regions as a process knows them.

use contracts::{
    Region,
    bodies::ops::{RegionStanding, RegionState},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Whether one decision about a region stands against another one.
pub(super) fn outranks(one: &RegionStanding, other: &RegionStanding) -> bool {
    (one.epoch, &one.decided_in) > (other.epoch, &other.decided_in)
}

/// Whether it is one decision: the reason does not travel everywhere.
pub(super) fn same(one: &RegionStanding, other: &RegionStanding) -> bool {
    (&one.region, one.epoch, &one.decided_in) == (&other.region, other.epoch, &other.decided_in)
}

/// What is known. Nothing is forgotten, and nothing older comes back.
#[derive(Debug, Default)]
struct Book {
    by_region: BTreeMap<Region, Known>,
    /// Counts the changes.
    revision: u64,
}

#[derive(Debug)]
struct Known {
    standing: RegionStanding,
    /// Whether this region's table has it.
    stored: bool,
}

impl Book {
    fn learn(&mut self, standing: RegionStanding, stored: bool) -> bool {
        match self.by_region.get_mut(&standing.region) {
            Some(known) if same(&known.standing, &standing) => {
                known.stored |= stored;
                known.standing.reason = known.standing.reason.take().or(standing.reason);
                return false;
            }
            Some(known) if !outranks(&standing, &known.standing) => return false,
            _ => {}
        }
        self.by_region.insert(standing.region.clone(), Known { standing, stored });
        self.revision += 1;
        true
    }
}

/// The decisions that this process knows of. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Standings(Arc<RwLock<Book>>);

impl Standings {
    /// Notes a decision that another region told of; says whether it is news.
    pub fn learn(&self, standing: RegionStanding) -> bool {
        self.write().learn(standing, false)
    }

    /// Notes a decision that this region's table has; says whether it is news.
    pub fn stored(&self, standing: RegionStanding) -> bool {
        self.write().learn(standing, true)
    }

    /// What stands for a region.
    pub fn of(&self, region: &Region) -> Option<RegionStanding> {
        self.read().by_region.get(region).map(|known| known.standing.clone())
    }

    /// The state of a region.
    pub fn state_of(&self, region: &Region) -> RegionState {
        self.read().by_region.get(region).map_or(RegionState::Active, |known| known.standing.state)
    }

    /// Whether a region is set aside: it counts as silent, whatever is heard of it.
    pub fn aside(&self, region: &Region) -> bool {
        self.state_of(region) == RegionState::Evacuated
    }

    /// Everything.
    pub fn all(&self) -> Vec<RegionStanding> {
        self.read().by_region.values().map(|known| known.standing.clone()).collect()
    }

    /// What this region's table does not have yet.
    pub fn unstored(&self) -> Vec<RegionStanding> {
        let book = self.read();
        let unstored = book.by_region.values().filter(|known| !known.stored);
        unstored.map(|known| known.standing.clone()).collect()
    }

    /// Counts the changes so far; 0 as long as nothing was decided.
    pub fn revision(&self) -> u64 {
        self.read().revision
    }

    fn read(&self) -> RwLockReadGuard<'_, Book> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Book> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn standing(epoch: u64, decided_in: &str, state: RegionState) -> RegionStanding {
        RegionStanding {
            region: "eu-west-1".into(),
            state,
            epoch,
            decided_in: decided_in.into(),
            reason: None,
        }
    }

    /// One region does not decide two things under one epoch.
    fn decision() -> impl Strategy<Value = RegionStanding> {
        (1u64..6, prop::sample::select(vec!["am", "eu"])).prop_map(|(epoch, place)| {
            let states = [RegionState::Active, RegionState::Drained, RegionState::Evacuated];
            standing(epoch, place, states[(epoch as usize + place.len()) % 3])
        })
    }

    proptest! {
        #[test]
        fn every_order_of_news_ends_with_the_same(mut news in prop::collection::vec(decision(), 1..12)) {
            let one = Standings::default();
            news.iter().for_each(|told| {
                one.learn(told.clone());
            });
            let other = Standings::default();
            news.reverse();
            news.iter().chain(&news).for_each(|told| {
                other.learn(told.clone());
            });
            prop_assert_eq!(one.all(), other.all());
            let highest = news.iter().max_by_key(|told| (told.epoch, told.decided_in.clone())).cloned();
            prop_assert_eq!(one.of(&"eu-west-1".into()), highest);
        }
    }

    #[test]
    fn only_what_is_news_counts_and_only_what_is_stored_is_left_alone() {
        let standings = Standings::default();
        assert_eq!((standings.revision(), standings.aside(&"eu-west-1".into())), (0, false));
        let evacuated = standing(2, "am", RegionState::Evacuated);
        assert!(standings.learn(evacuated.clone()));
        assert!(!standings.learn(standing(1, "us", RegionState::Active)), "it is older");
        assert!(!standings.learn(evacuated.clone()), "it is known");
        assert_eq!((standings.revision(), standings.aside(&"eu-west-1".into())), (1, true));
        assert_eq!(standings.unstored(), std::slice::from_ref(&evacuated));
        assert!(!standings.stored(evacuated));
        assert_eq!(standings.unstored(), []);
        assert!(standings.stored(standing(3, "am", RegionState::Active)));
        assert!(!standings.aside(&"eu-west-1".into()));
    }
}
