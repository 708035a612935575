//! Those who work for the shop: pickers in the warehouses, couriers on the road, and the operations desk.
//!
//! Pickers of a lost warehouse are lost with it. Couriers are not: they keep the parcels that they carry and
//! report wherever a region still answers. They also fetch what customers send back. One of the pickers of each warehouse
//! keeps its store: books what lorries bring. The desk tells the survivors which warehouses are gone.

mod couriers;
mod desk;
mod ground;
mod pickers;
mod receipts;
mod returns;
mod work;

pub use desk::declare_lost;
pub use ground::{Ground, Place};
pub use receipts::{Delivery, Receipts};
pub use returns::{Parcel, Returns};
pub use work::{Counts, Failures};

use contracts::ids::{Region, WarehouseId};
use platform::watch;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::task::JoinSet;
use work::{Hand, Tally};

/// A picker: where, and with which token.
#[derive(Clone)]
pub struct Picker {
    /// The warehouse.
    pub warehouse: WarehouseId,
    /// The region where it is kept.
    pub region: Region,
    /// What they prove themselves with.
    pub token: String,
}

/// A courier: which region's parcels they take, and with which token.
#[derive(Clone)]
pub struct Courier {
    /// The region.
    pub region: Region,
    /// What they prove themselves with.
    pub token: String,
}

/// Who works.
#[derive(Default)]
pub struct Crew {
    /// In the warehouses.
    pub pickers: Vec<Picker>,
    /// On the road.
    pub couriers: Vec<Courier>,
    /// What goes wrong at work, on purpose.
    pub failures: Failures,
    /// Where customers leave what they send back.
    pub returns: Returns,
    /// What comes to the warehouses.
    pub receipts: Receipts,
}

/// The crew at work. It goes home when this is dropped.
pub struct Robots {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    tally: Arc<Tally>,
}

impl Robots {
    /// Sends everybody to work.
    pub fn start(crew: Crew, ground: Ground) -> Robots {
        let (stop, stopped) = watch::channel(false);
        let tally = Arc::new(Tally::default());
        let mut tasks = JoinSet::new();
        let hand = |token: String, share: Share| Hand {
            token,
            share,
            ground: ground.clone(),
            stopped: stopped.clone(),
            tally: tally.clone(),
            failures: crew.failures,
            returns: crew.returns.clone(),
            receipts: crew.receipts.clone(),
        };
        let keepers = keepers(&crew.pickers);
        for (picker, share) in shared(crew.pickers, |picker| picker.region.clone()) {
            let hand = hand(picker.token, share);
            tasks.spawn(pickers::work(hand, picker.region));
        }
        for (courier, share) in shared(crew.couriers, |courier| courier.region.clone()) {
            let hand = hand(courier.token, share);
            tasks.spawn(couriers::work(hand, courier.region));
        }
        for Picker { warehouse, region, token } in keepers {
            if crew.receipts.expect(&warehouse, &region) {
                tasks.spawn(receipts::work(hand(token, Share::ALL), region, warehouse));
            }
        }
        Robots { tasks, stop, tally }
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.tally.counts()
    }

    /// Lets everybody end what they are at, and says what was done.
    pub async fn stop(mut self) -> Counts {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
        self.tally.counts()
    }
}

/// Which part of the work in a place is somebody's: that whose number leaves `place` when divided by `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    place: u64,
    of: u64,
}

impl Share {
    /// All of the work.
    const ALL: Share = Share { place: 0, of: 1 };

    fn holds(self, number: u64) -> bool {
        number % self.of == self.place
    }

    /// When to begin, so that all who share look evenly spread over `every`.
    fn turn(self, every: Duration) -> Duration {
        every.mul_f64(self.place as f64 / self.of as f64)
    }
}

/// The first picker of each warehouse.
fn keepers(pickers: &[Picker]) -> Vec<Picker> {
    let mut keepers: BTreeMap<&WarehouseId, &Picker> = BTreeMap::new();
    for picker in pickers {
        keepers.entry(&picker.warehouse).or_insert(picker);
    }
    keepers.into_values().cloned().collect()
}

/// Divides the work of each place among those who work there.
fn shared<T>(crew: Vec<T>, place_of: impl Fn(&T) -> Region) -> Vec<(T, Share)> {
    let mut of: BTreeMap<Region, u64> = BTreeMap::new();
    for one in &crew {
        *of.entry(place_of(one)).or_default() += 1;
    }
    let mut place: BTreeMap<Region, u64> = BTreeMap::new();
    let share = |one: T| {
        let next = place.entry(place_of(&one)).or_default();
        let share = Share { place: *next, of: of.get(&place_of(&one)).copied().unwrap_or(1) };
        *next += 1;
        (one, share)
    };
    crew.into_iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_of_a_place_is_divided_without_rest() {
        let crew = ["a", "b", "a", "a"];
        let shares = shared(crew.to_vec(), |name| Region::from(*name));
        for number in 0..10 {
            let at_a = shares.iter().filter(|(name, share)| *name == "a" && share.holds(number)).count();
            let at_b = shares.iter().filter(|(name, share)| *name == "b" && share.holds(number)).count();
            assert_eq!((at_a, at_b), (1, 1));
        }
    }
}
