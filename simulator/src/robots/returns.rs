//! Goods on their way back: customers hand them to the next courier, who reports that they came back.

use super::work::{Hand, Step, count, number, strikes};
use contracts::{
    bodies::delivery::ReturnReport,
    events::ProductUnits,
    ids::{OrderId, Region},
};
use serde_json::json;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Parcels that wait for a courier, at most. A customer who finds no room keeps the goods.
const WAITING_MAX: usize = 1_024;
/// How long a parcel is on the road, at least and at most.
const ROAD_MS: std::ops::Range<u64> = 300..1_500;
/// A parcel that no region takes for so long stays with the courier: a person would have to look at it.
const PATIENCE: Duration = Duration::from_secs(90);
/// Tells what is found in a returned parcel apart from what happens to others.
const SALT: u64 = 0x6261_636b;
/// Parcels whose goods cannot be sold again, percent.
const SPOILT_PCT: f64 = 30.0;

/// What a customer sends back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Of which order.
    pub order_id: OrderId,
    /// What is in it.
    pub lines: Vec<ProductUnits>,
}

/// Where customers leave what they send back, and couriers fetch it. Clones are the same place.
#[derive(Clone, Debug, Default)]
pub struct Returns(Arc<Mutex<Counter>>);

#[derive(Debug, Default)]
struct Counter {
    waiting: VecDeque<Parcel>,
    carried: usize,
}

impl Returns {
    /// Leaves a parcel for the next courier. Says whether there was room for it.
    pub fn hand_over(&self, parcel: Parcel) -> bool {
        let mut counter = self.counter();
        let room = counter.waiting.len() < WAITING_MAX;
        if room {
            counter.waiting.push_back(parcel);
        }
        room
    }

    /// Parcels that were handed over and have not been reported yet.
    pub fn under_way(&self) -> usize {
        let counter = self.counter();
        counter.waiting.len() + counter.carried
    }

    /// The parcel that waits longest, for a courier who will say when it is [done](Returns::done).
    pub(super) fn take(&self) -> Option<Parcel> {
        let mut counter = self.counter();
        let parcel = counter.waiting.pop_front()?;
        counter.carried += 1;
        Some(parcel)
    }

    /// A courier is done with a parcel.
    pub(super) fn done(&self) {
        let mut counter = self.counter();
        counter.carried = counter.carried.saturating_sub(1);
    }

    fn counter(&self) -> MutexGuard<'_, Counter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries goods back and reports it at the own region or, where that is not reachable, at any other one.
pub(super) async fn bring_back(hand: &Hand, region: &Region, parcel: Parcel) {
    let Parcel { order_id, lines } = parcel;
    tokio::time::sleep(on_the_road(&order_id)).await;
    let report = ReturnReport { lines, resaleable: !strikes(&order_id, SALT, SPOILT_PCT) };
    let since = tokio::time::Instant::now();
    let (path, body) = (format!("/delivery/{order_id}/returned"), json!(report));
    let reported =
        hand.insist_on_report(|| hand.ground.reports(region), &path, &body, || since.elapsed() > PATIENCE);
    match reported.await {
        Some(Step::Done) => count(&hand.tally.brought_back),
        Some(Step::CalledOff) => count(&hand.tally.called_off),
        None => {}
    }
    hand.returns.done();
}

fn on_the_road(order_id: &OrderId) -> Duration {
    Duration::from_millis(ROAD_MS.start + number(order_id) % (ROAD_MS.end - ROAD_MS.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(number: usize) -> Parcel {
        Parcel { order_id: OrderId(uuid::Uuid::from_u128(number as u128)), lines: Vec::new() }
    }

    #[test]
    fn a_parcel_is_under_way_until_a_courier_is_done_with_it() {
        let returns = Returns::default();
        assert!(returns.hand_over(parcel(1)) && returns.hand_over(parcel(2)));
        assert_eq!(returns.take(), Some(parcel(1)));
        assert_eq!(returns.under_way(), 2);
        returns.done();
        assert_eq!((returns.take(), returns.take()), (Some(parcel(2)), None));
        returns.done();
        assert_eq!(returns.under_way(), 0);
    }

    #[test]
    fn a_full_counter_takes_nothing_more() {
        let returns = Returns::default();
        assert!((0..WAITING_MAX).all(|number| returns.hand_over(parcel(number))));
        assert!(!returns.hand_over(parcel(WAITING_MAX)));
        assert_eq!(returns.under_way(), WAITING_MAX);
    }
}
