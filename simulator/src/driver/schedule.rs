//! Every request of a run, planned before it begins. The same seed plans the same requests.

use super::DriverConfig;
use loadtests::{
    dice::{Dice, dice},
    history::Probe,
};
use rand::{Rng, RngExt};
use std::time::Duration;

/// From a buyer's question for the delivery price to the order.
pub(super) const LEAD: Duration = Duration::from_secs(2);

/// Probes that build on an acknowledged order are planned only when there are some.
const FIRST_ORDERS_BY: Duration = Duration::from_secs(8);

/// One thing that a customer will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When, after the load began. Of a buyer who asks for a price first: when they ask.
    pub at: Duration,
    /// What.
    pub what: What,
    /// Whose turn it is: a place in the list of customers.
    pub customer: usize,
    /// What their choices are drawn from.
    pub draw: u64,
}

/// What a customer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the words of `loadtests::history::Op`, which describes them
pub enum What {
    Browse,
    Product,
    Search,
    Cart,
    GetOrder,
    GetOrders,
    GetByKey,
    Buy(Deal),
    Cancel,
    Return,
}

/// What kind of order it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deal {
    /// One that should be acknowledged.
    Honest,
    /// An acknowledged one once more.
    Repeat,
    /// One that must be refused.
    Bad(Probe),
}

impl Deal {
    /// Whether the customer asks for a price and has a payment authorised for it.
    pub(super) fn prepared(self) -> bool {
        match self {
            Deal::Honest => true,
            Deal::Repeat => false,
            Deal::Bad(probe) => NEW_ORDERS.contains(&probe),
        }
    }
}

/// Bad orders that stand alone.
const NEW_ORDERS: [Probe; 7] = [
    Probe::TamperedPrice,
    Probe::StaleDeliveryPrice,
    Probe::ZeroQuantity,
    Probe::NegativeQuantity,
    Probe::HugeQuantity,
    Probe::DuplicateLine,
    Probe::UnknownToken,
];

/// Bad orders that misuse an acknowledged one.
const OLD_ORDERS: [Probe; 3] = [Probe::ReusedToken, Probe::ForeignToken, Probe::ReusedKey];

/// Plans the requests: random gaps with the wanted mean, as customers who do not know of each other come.
pub fn plan(config: &DriverConfig) -> Vec<Planned> {
    let mut dice = dice(config.seed, "schedule");
    let rates = Rates::of(config);
    let mut planned = Vec::new();
    let mut at = 0.0;
    loop {
        // 1 - u is never 0, whose logarithm is not a number to wait for.
        at += -(1.0 - dice.random::<f64>()).ln() / rates.visits_per_s;
        let at = Duration::try_from_secs_f64(at).unwrap_or(Duration::MAX);
        if at >= config.duration {
            return planned;
        }
        let what = rates.draw(at, config, &mut dice);
        let next = Planned {
            at,
            what,
            customer: dice.random_range(0..config.customers.len()),
            draw: dice.next_u64(),
        };
        let fits = !matches!(what, What::Buy(deal) if deal.prepared() && at + LEAD >= config.duration);
        if fits {
            planned.push(next);
        }
    }
}

/// How often each kind of visit happens. A buyer makes two requests, and the one for the delivery price is
/// taken from those who only browse; so all requests together come to the wanted rate.
struct Rates {
    browse: f64,
    search: f64,
    cart: f64,
    buy: f64,
    track: f64,
    cancel: f64,
    returns: f64,
    visits_per_s: f64,
}

impl Rates {
    fn of(config: &DriverConfig) -> Self {
        let mix = config.mix;
        let buy = f64::from(mix.buy);
        let browse = (f64::from(mix.browse) - buy).max(0.0);
        let (search, cart, track) = (f64::from(mix.search), f64::from(mix.cart), f64::from(mix.track));
        let (cancel, returns) = (f64::from(mix.cancel), f64::from(mix.returns));
        let visits = browse + search + cart + buy + track + cancel + returns;
        let visits_per_s = config.rps * visits / (visits + buy);
        Rates { browse, search, cart, buy, track, cancel, returns, visits_per_s }
    }

    fn draw(&self, at: Duration, config: &DriverConfig, dice: &mut Dice) -> What {
        let sum = self.browse + self.search + self.cart + self.buy + self.track + self.cancel + self.returns;
        let mut left = dice.random::<f64>() * sum;
        let half = dice.random_bool(0.5);
        let mut falls = |weight: f64| {
            left -= weight;
            left < 0.0
        };
        if falls(self.browse) {
            return if half { What::Browse } else { What::Product };
        }
        if falls(self.search) {
            return What::Search;
        }
        if falls(self.cart) {
            return What::Cart;
        }
        if falls(self.track) {
            return if half { What::GetOrder } else { track_otherwise(dice) };
        }
        if falls(self.cancel) {
            return What::Cancel;
        }
        if falls(self.returns) {
            return What::Return;
        }
        What::Buy(deal(at, config, dice))
    }
}

fn track_otherwise(dice: &mut Dice) -> What {
    if dice.random_bool(0.5) { What::GetOrders } else { What::GetByKey }
}

fn deal(at: Duration, config: &DriverConfig, dice: &mut Dice) -> Deal {
    let kind = dice.random::<f64>();
    let (early, old, place) = (at < FIRST_ORDERS_BY, dice.random_bool(0.3), dice.next_u64() as usize);
    if kind < config.probes.bad {
        let probes: &[Probe] = if old && !early { &OLD_ORDERS } else { &NEW_ORDERS };
        return Deal::Bad(probes[place % probes.len()]);
    }
    if kind < config.probes.bad + config.probes.repeat && !early { Deal::Repeat } else { Deal::Honest }
}
