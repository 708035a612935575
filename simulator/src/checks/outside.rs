//! What can be judged of a platform into which nobody looks: by what its customers were told, and by what they are shown
//! afterwards. Everything else needs the tables and is reported as not judged.

use super::case::{Attempt, Case, Outcome};
use super::orders::{OrderCounts, promised_id};
use super::records::Records;
use super::{Invariant, InvariantResult, Tally, invariants, regions, security, service_level};
use contracts::ids::{OrderId, ProductId, UserId};
use contracts::order::OrderStatus;
use contracts::states::{BEGINNINGS, may_follow};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const NEEDS_TABLES: &str = "it needs the tables, which nobody sees from outside";

/// What customers were shown once the load was over.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Afterwards {
    /// Every order that was promised, as it was shown to its customer.
    pub orders: BTreeMap<OrderId, Shown<SeenOrder>>,
    /// What was shown for the key of each attempt: the id of its order.
    pub keys: Vec<SeenKey>,
    /// What each customer's list of orders has that it had not before the load; absent where it was not shown as a whole.
    pub lists: BTreeMap<UserId, Option<BTreeSet<OrderId>>>,
    /// The highest version of an order that its customer was shown during the load.
    pub seen_before: BTreeMap<OrderId, u64>,
    /// Orders of which a customer was shown an older version than they were promised.
    pub went_back: BTreeSet<OrderId>,
    /// Whether pickers and couriers worked.
    pub robots_worked: bool,
}

/// What a customer was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown<T> {
    /// This.
    Found(T),
    /// That there is none.
    Nothing,
    /// No answer, however often they asked, for this reason.
    NoAnswer(String),
}

/// What was shown for a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SeenKey {
    /// Whose.
    pub user_id: UserId,
    /// Which.
    pub idempotency_key: String,
    /// The order that it made.
    pub order_id: Shown<OrderId>,
}

/// An order as its customer is shown it in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenOrder {
    /// Its id.
    pub order_id: OrderId,
    /// Whose it is.
    pub user_id: UserId,
    /// Where it stands.
    pub status: OrderStatus,
    /// Its version.
    pub version: u64,
    /// What was ordered.
    pub products: Vec<SeenLine>,
    /// Where it goes.
    pub address: SeenAddress,
    /// Minor units.
    pub delivery_price: i64,
    /// Minor units.
    pub total: i64,
    /// ISO 4217.
    pub currency: String,
    /// How it came there.
    pub history: Vec<SeenStep>,
}

/// A line of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenLine {
    /// The product.
    pub product_id: ProductId,
    /// Units.
    pub quantity: u32,
    /// Price of one, minor units.
    pub price: i64,
}

/// Its address, as far as it is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenAddress {
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// A step of its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenStep {
    /// The version that it made.
    pub version: u64,
    /// The status that it led to.
    pub status: OrderStatus,
}

impl SeenOrder {
    /// Whether nothing more happens to it by itself.
    pub fn at_rest(&self) -> bool {
        self.status.terminal() || self.status.may_wait()
    }
}

/// Judges every invariant, in the contract's order, as far as customers can.
pub fn check_outside(case: &Case, afterwards: &Afterwards) -> Vec<InvariantResult> {
    let sight = Sight { case, records: Records::read(case), afterwards };
    invariants::ALL.iter().map(|invariant| sight.judge(invariant)).collect()
}

/// Counts the attempts, and the orders that customers miss or never wanted.
pub fn count_outside(case: &Case, afterwards: &Afterwards) -> OrderCounts {
    OrderCounts {
        duplicated: strangers(&Records::read(case), afterwards).count() as u64,
        ..OrderCounts::of(case, |id| afterwards.orders.get(id) == Some(&Shown::Nothing))
    }
}

/// Orders that customers are shown in their lists and never asked for.
fn strangers<'a>(records: &'a Records<'_>, afterwards: &'a Afterwards) -> impl Iterator<Item = &'a OrderId> {
    let listed = afterwards.lists.values().flatten().flatten();
    listed.filter(|order_id| !records.attempts.contains_key(order_id))
}

/// Everything that is looked at.
struct Sight<'a> {
    case: &'a Case,
    records: Records<'a>,
    afterwards: &'a Afterwards,
}

impl Sight<'_> {
    fn judge(&self, invariant: &Invariant) -> InvariantResult {
        let mut tally = Tally::default();
        match invariant.id {
            "D1" => self.kept(&mut tally),
            "D3" => self.refused_means_none(&mut tally),
            "D4" => self.one_per_key(&mut tally),
            "D6" => self.no_stranger(&mut tally),
            "G1" => self.settled(&mut tally),
            "G2" => self.legal_history(&mut tally),
            "R2" => regions::recovered(&self.records, &mut tally),
            "L1" => service_level::no_late_answer(&self.records, &mut tally),
            "L2" => service_level::available(&self.records, &mut tally),
            "L3" => service_level::quick_refusal(&self.records, &mut tally),
            "X2" => security::no_trespass(&self.records, &mut tally),
            "X3" => security::no_tampering(&self.records, &mut tally),
            _ => tally.absent(NEEDS_TABLES),
        }
        tally.into_result(invariant)
    }

    fn acknowledged(&self) -> impl Iterator<Item = &Attempt> {
        self.case.attempts.iter().filter(|attempt| attempt.outcome == Outcome::Acknowledged)
    }

    /// The orders that were shown.
    fn found(&self) -> impl Iterator<Item = &SeenOrder> {
        self.afterwards.orders.values().filter_map(|shown| match shown {
            Shown::Found(order) => Some(order),
            Shown::Nothing | Shown::NoAnswer(_) => None,
        })
    }

    /// D1: each acknowledged order is shown to its customer as it was acknowledged, and no older than it was shown before;
    /// an acknowledged cancellation stands.
    fn kept(&self, tally: &mut Tally) {
        for attempt in self.acknowledged() {
            let order_id = promised_id(attempt);
            match self.afterwards.orders.get(&order_id) {
                Some(Shown::Found(order)) => {
                    let difference = difference(attempt, order);
                    tally.demand(difference.is_none(), order_id, || {
                        format!("shown with another {} than acknowledged", difference.unwrap_or_default())
                    });
                }
                Some(Shown::Nothing) => {
                    tally.looked();
                    tally.broken("acknowledged, and its customer is shown none", [order_id]);
                }
                Some(Shown::NoAnswer(_)) | None => tally.cannot_tell(),
            }
        }
        for order in self.found() {
            let seen = self.afterwards.seen_before.get(&order.order_id).copied().unwrap_or(0);
            if order.version < seen {
                tally.broken(
                    format!("shown at version {}, after version {seen}", order.version),
                    [order.order_id],
                );
            }
        }
        if !self.afterwards.went_back.is_empty() {
            tally.broken("shown older than it was acknowledged", &self.afterwards.went_back);
        }
        self.cancelled(tally);
    }

    fn cancelled(&self, tally: &mut Tally) {
        for command in self.case.commands.iter().filter(|command| command.told_cancelled()) {
            let Some(Shown::Found(order)) = self.afterwards.orders.get(&command.order_id) else { continue };
            let stands = matches!(order.status, OrderStatus::Cancelling | OrderStatus::Cancelled);
            tally.demand(stands, order.order_id, || {
                format!("a cancellation was acknowledged, and the order went on to {}", order.status)
            });
        }
    }

    /// D3: no order is shown for the key of a refused attempt, unless another attempt may have made it.
    fn refused_means_none(&self, tally: &mut Tally) {
        for seen in &self.afterwards.keys {
            let of_key = self.of_key(seen);
            let refused = of_key.iter().any(|attempt| attempt.outcome == Outcome::Refused);
            let made = of_key.iter().any(|attempt| attempt.outcome != Outcome::Refused);
            match &seen.order_id {
                _ if !refused || made => {}
                Shown::Found(order_id) => {
                    tally.looked();
                    tally.broken("refused, and yet the order is shown", [order_id]);
                }
                Shown::Nothing => tally.looked(),
                Shown::NoAnswer(_) => tally.cannot_tell(),
            }
        }
    }

    /// D4: what is shown for a key, and what every answer under it named, is one order.
    fn one_per_key(&self, tally: &mut Tally) {
        for seen in &self.afterwards.keys {
            let of_key = self.of_key(seen);
            let promised = of_key.iter().filter(|attempt| attempt.outcome == Outcome::Acknowledged);
            let bodies: BTreeSet<&str> = promised.clone().map(|attempt| attempt.body_hash.as_str()).collect();
            let mut named: BTreeSet<OrderId> = promised.map(|attempt| promised_id(attempt)).collect();
            named.extend(match &seen.order_id {
                Shown::Found(order_id) => Some(*order_id),
                Shown::Nothing | Shown::NoAnswer(_) => None,
            });
            tally.looked();
            if named.len() > 1 {
                tally.broken("one customer and key made several orders", &named);
            }
            if bodies.len() > 1 {
                tally.broken("two different bodies under one key were both acknowledged", &named);
            }
        }
    }

    fn of_key(&self, seen: &SeenKey) -> Vec<&Attempt> {
        let order_id = contracts::keys::order_id(&seen.user_id, &seen.idempotency_key);
        self.records.attempts.get(&order_id).cloned().unwrap_or_default()
    }

    /// D6: customers' lists have no order that they did not ask for.
    fn no_stranger(&self, tally: &mut Tally) {
        for list in self.afterwards.lists.values() {
            match list {
                Some(orders) => tally.looked_at(orders.len()),
                None => tally.cannot_tell(),
            }
        }
        for order_id in strangers(&self.records, self.afterwards) {
            tally.broken("the order is shown, and nobody asked for it", [order_id]);
        }
    }

    /// G1: in the time allowed every order came to rest.
    fn settled(&self, tally: &mut Tally) {
        if !self.afterwards.robots_worked {
            return tally.absent("nobody packs and delivers: the target names no staff");
        }
        for order in self.found() {
            tally.demand(order.at_rest(), order.order_id, || format!("not settled: {}", order.status));
        }
    }

    /// G2: what is shown of an order's history is a path of the contract.
    fn legal_history(&self, tally: &mut Tally) {
        for order in self.found() {
            let fault = history_fault(order);
            tally.demand(fault.is_none(), order.order_id, || fault.unwrap_or_default());
        }
    }
}

/// What of the promise is shown otherwise. A smaller package may have shrunk the lines.
fn difference(attempt: &Attempt, order: &SeenOrder) -> Option<&'static str> {
    let packed = order.history.iter().any(|step| step.status == OrderStatus::Packaged);
    let promised: BTreeMap<_, _> =
        attempt.lines.iter().map(|line| (line.product_id, (line.quantity, line.price))).collect();
    let within = order.products.iter().all(|line| {
        let known = promised.get(&line.product_id);
        known.is_some_and(|(units, price)| line.quantity <= *units && line.price == *price)
    });
    let units: u32 = order.products.iter().map(|line| line.quantity).sum();
    let whole =
        units == attempt.lines.iter().map(|line| line.quantity).sum::<u32>() && attempt.total == order.total;
    match () {
        () if !within => Some("set of lines"),
        () if !packed && !whole => Some("number of units, or total,"),
        () if attempt.user_id != order.user_id => Some("owner"),
        () if !attempt.country.eq_ignore_ascii_case(&order.address.country) => Some("address"),
        () if attempt.delivery_price != order.delivery_price => Some("delivery price"),
        () if attempt.currency != order.currency => Some("currency"),
        () => None,
    }
}

fn history_fault(order: &SeenOrder) -> Option<String> {
    let Some(first) = order.history.first() else { return Some("the history is empty".to_owned()) };
    if !BEGINNINGS.contains(&first.status) {
        return Some(format!("the history begins with {}", first.status));
    }
    let gap = order.history.iter().zip(1..).find(|(step, version)| step.version != *version);
    if let Some((step, version)) = gap {
        return Some(format!("version {} stands where {version} should", step.version));
    }
    let wrong = order.history.windows(2).find(|pair| !may_follow(pair[0].status, pair[1].status));
    if let Some(pair) = wrong {
        return Some(format!("{} was followed by {}", pair[0].status, pair[1].status));
    }
    let last = order.history.last()?;
    let ends = last.version == order.version && last.status == order.status;
    (!ends).then(|| {
        format!(
            "the order is {} at version {}, its history {} at {}",
            order.status, order.version, last.status, last.version
        )
    })
}
