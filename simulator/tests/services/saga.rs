//! Every call of an order's saga fails in turn: it never arrives, its answer is lost, or it is done twice. Each order
//! ends as without the harm, and all books balance.
//!
//! The calls are what the services at home ask each other for the order, what they write of it and what they publish.
//! One order goes its way first and shows how many there are; then one goes for each of them and for each harm, all
//! side by side.

mod books;
mod harm;
mod ways;

pub(crate) use harm::Harms;
pub(crate) use ways::units;

use std::time::Duration;

use futures::future::join_all;
use harm::Harm;
use platform::planted::Planted;
use simulator::third_parties::payment_3p::ProviderFaults;
use ways::Way;

use crate::paused::{Bought, Paused, Setup};

/// No way has more calls.
const CALLS_MAX: usize = 90;
/// An order is begun so long after the one before: they share the workers.
const APART: Duration = Duration::from_millis(100);
/// What still moves after the last order's end comes to rest within this time.
const REST_LIMIT: Duration = Duration::from_secs(120);

/// The key under which everybody orders.
const KEY: &str = "key";

/// What one run showed.
struct Shown {
    /// The calls of the order that was left alone.
    calls: Vec<String>,
    /// Promises that were broken.
    broken: Vec<String>,
}

/// Sends orders by one way: the first is left alone, each of the others is harmed in one call.
async fn run(way: Way, planted: Option<Planted>) -> Shown {
    let harms = Harms::default();
    let customers = 1 + Harm::ALL.len() * CALLS_MAX;
    let shop = Paused::open(Setup { harms: Some(harms.clone()), ..way.setup(customers) }).await;
    planted.into_iter().for_each(|defect| shop.home().platform.world.plant(defect));
    harms.watch(shop.order_id(0, KEY), None);
    let mut bought = go(&shop, way, 0..1).await;
    let calls = harms.calls(bought[0].order_id);
    assert!((1..=CALLS_MAX).contains(&calls.len()), "{calls:#?}");
    let numbers = 1..=calls.len();
    let planned: Vec<_> = numbers.flat_map(|at| Harm::ALL.map(|harm| (at, harm))).collect();
    for (buyer, planned) in (1..).zip(&planned) {
        harms.watch(shop.order_id(buyer, KEY), Some(*planned));
    }
    // No more at once than have goods of their own: what comes in for one must not serve another.
    let at_once = shop.catalogue.len() / 2;
    for first in (1..=planned.len()).step_by(at_once) {
        bought.extend(go(&shop, way, first..(first + at_once).min(planned.len() + 1)).await);
    }
    // A harm that meets nobody shows nothing. What an order shares with others there may be less of.
    for (bought, planned) in bought[1..].iter().zip(&planned) {
        let made = harms.calls(bought.order_id);
        let met = made.len() >= planned.0 || own(&made) >= own(&calls);
        assert!(met, "{planned:?} met nobody: {made:#?}, without harm {calls:#?}");
    }
    Shown { calls, broken: books::broken(&shop, &bought) }
}

/// Calls that are made for one order whatever goes on beside it: the journal takes several orders' entries at once, and how
/// far a parcel is nobody asks who has heard it by then.
fn own(calls: &[String]) -> usize {
    let shared = |call: &&String| call.contains("orders-journal") || call.contains("/delivery/backend/");
    calls.iter().filter(|call| !shared(call)).count()
}

/// Lets some customers' orders go their way, side by side, and waits until the shop is at rest.
async fn go(shop: &Paused, way: Way, buyers: std::ops::Range<usize>) -> Vec<Bought> {
    shop.provider.set_faults(way.provider());
    let first = buyers.start;
    let begun = join_all(buyers.clone().map(async |buyer| {
        tokio::time::sleep(APART * u32::try_from(buyer - first).unwrap()).await;
        let bought = shop.buy(buyer, way.basket(shop, buyer).await, KEY).await;
        way.begin(shop, &bought).await;
        bought
    }));
    let bought = begun.await;
    shop.provider.set_faults(ProviderFaults::default());
    join_all(buyers.zip(&bought).map(async |(buyer, bought)| way.finish(shop, buyer, bought).await)).await;
    shop.until("the shop to come to rest", REST_LIMIT, async || shop.at_rest()).await;
    bought
}

async fn every_call_fails_in_turn(way: Way) {
    let shown = run(way, None).await;
    assert_eq!(shown.broken, Vec::<String>::new(), "{way:?}, whose calls are {:#?}", shown.calls);
}

macro_rules! ways {
    ($($test:ident: $way:ident),+ $(,)?) => {$(
        #[tokio::test(start_paused = true)]
        async fn $test() {
            every_call_fails_in_turn(Way::$way).await;
        }
    )+};
}

ways! {
    of_an_order_that_is_delivered: Delivered,
    of_an_order_that_is_packed_in_part: PackedInPart,
    of_an_order_that_is_cancelled_at_once: CancelledAtOnce,
    of_an_order_that_staff_cancel_while_it_is_packed: CancelledByStaff,
    of_an_order_that_cannot_be_packed: PackagingFailed,
    of_an_order_that_cannot_be_delivered: DeliveryFailed,
    of_an_order_that_comes_back_in_part: ReturnedInPart,
    of_an_order_that_is_refused_and_paid_anew: PaidAnew,
    of_an_order_whose_customer_is_too_young: TooYoung,
    of_an_order_that_waits_for_goods: WaitedForGoods,
}

/// It can fail: an event that is cleared before the bus confirmed it is lost with its call, and its order stands still.
#[tokio::test(start_paused = true)]
#[should_panic(expected = "/start: 404")]
async fn an_event_that_is_cleared_too_early_is_found() {
    run(Way::Delivered, Some(Planted::ClearedEarly)).await;
}
