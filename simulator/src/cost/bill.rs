//! A month's bill: what is used, by the prices of where it is used.

use super::{
    consumption::{Quantities, ServiceUse},
    layout::Layout,
    parameters::Parameters,
    prices::{Mark, Prices},
    work::{DOOR, Work},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a GB, as AWS bills it.
const GB: f64 = 1_073_741_824.0;
const MILLION: f64 = 1e6;

/// Where an amount comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Measured in the run.
    Measured,
    /// From something measured, with parameters.
    Derived,
    /// From parameters alone.
    Parameters,
}

/// One line of a bill: one item in one region, or once in the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The priced item.
    pub item: String,
    /// The region; `None` for what exists once.
    pub region: Option<String>,
    /// Where the amount comes from.
    pub basis: Basis,
    /// Units a month.
    pub amount: f64,
    /// The unit.
    pub unit: String,
    /// A unit's price, USD.
    pub usd: f64,
    /// When that was the price.
    pub dated: String,
    /// Who says so.
    pub source: String,
    /// How sure that is.
    pub mark: Mark,
    /// A month, USD.
    pub monthly_usd: f64,
}

/// A month's bill.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bill {
    /// The regions.
    pub regions: Vec<String>,
    /// Every line.
    pub lines: Vec<Line>,
    /// Their sum, USD.
    pub monthly_usd: f64,
    /// The sum for one order, USD; with what stands idle.
    pub per_order_usd: f64,
}

/// All lines of an item together, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemLine {
    /// The priced item.
    pub item: String,
    /// Where the amount comes from.
    pub basis: Basis,
    /// Units a month.
    pub amount: f64,
    /// The unit.
    pub unit: String,
    /// The lowest and the highest price of a unit, USD.
    pub usd: (f64, f64),
    /// When and how sure: each date and mark that occurs.
    pub sources: BTreeSet<(String, Mark)>,
    /// A month, USD.
    pub monthly_usd: f64,
}

/// A price that went into a bill, and where it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceLine {
    /// The priced item.
    pub item: String,
    /// The unit.
    pub unit: String,
    /// A unit's price, USD.
    pub usd: f64,
    /// The regions; none for what exists once.
    pub regions: BTreeSet<String>,
    /// When that was the price.
    pub dated: String,
    /// How sure that is.
    pub mark: Mark,
    /// Who says so.
    pub source: String,
}

impl Bill {
    /// What a month of so many orders a day costs in a layout.
    pub fn of(
        work: &Work,
        layout: &Layout,
        orders_per_day: f64,
        parameters: &Parameters,
        prices: &Prices,
    ) -> Bill {
        let month = Month::new(orders_per_day, parameters);
        let mut writer = Writer { prices, region: None, lines: Vec::new() };
        for region in layout.regions() {
            writer.region = Some(region.to_owned());
            let used = work.in_region(layout, region, month.orders_per_s());
            month.measured(&used, layout, region, &mut writer);
            month.derived(&used, work, &mut writer);
            writer.fixed(&month, |fixed| fixed.region);
        }
        writer.region = None; // what follows exists once
        writer.fixed(&month, |fixed| fixed.world);
        let monthly_usd: f64 = writer.lines.iter().map(|line| line.monthly_usd).sum();
        Bill {
            regions: layout.regions().map(str::to_owned).collect(),
            lines: writer.lines,
            monthly_usd,
            per_order_usd: monthly_usd / month.orders().max(1.0),
        }
    }

    /// The lines by item, the dearest first.
    pub fn items(&self) -> Vec<ItemLine> {
        let mut items: BTreeMap<(&str, Basis), ItemLine> = BTreeMap::new();
        for line in &self.lines {
            let source = (line.dated.clone(), line.mark);
            let entry = items.entry((&line.item, line.basis)).or_insert_with(|| ItemLine {
                item: line.item.clone(),
                basis: line.basis,
                amount: 0.0,
                unit: line.unit.clone(),
                usd: (line.usd, line.usd),
                sources: BTreeSet::new(),
                monthly_usd: 0.0,
            });
            entry.amount += line.amount;
            entry.monthly_usd += line.monthly_usd;
            entry.usd = (entry.usd.0.min(line.usd), entry.usd.1.max(line.usd));
            entry.sources.insert(source);
        }
        let mut items: Vec<ItemLine> = items.into_values().collect();
        items.sort_by(|a, b| b.monthly_usd.total_cmp(&a.monthly_usd));
        items
    }

    /// The prices that went into it, by item.
    pub fn prices(&self) -> Vec<PriceLine> {
        let mut prices: Vec<PriceLine> = Vec::new();
        for line in &self.lines {
            let same = |price: &&mut PriceLine| {
                (&price.item, price.usd, &price.source) == (&line.item, line.usd, &line.source)
            };
            match prices.iter_mut().find(same) {
                Some(price) => price.regions.extend(line.region.clone()),
                None => prices.push(PriceLine {
                    item: line.item.clone(),
                    unit: line.unit.clone(),
                    usd: line.usd,
                    regions: line.region.iter().cloned().collect(),
                    dated: line.dated.clone(),
                    mark: line.mark,
                    source: line.source.clone(),
                }),
            }
        }
        prices.sort_by(|a, b| a.item.cmp(&b.item).then(a.usd.total_cmp(&b.usd)));
        prices
    }
}

struct Writer<'p> {
    prices: &'p Prices,
    region: Option<String>,
    lines: Vec<Line>,
}

impl Writer<'_> {
    /// Adds an amount of an item; nothing costs nothing and is left out.
    fn put(&mut self, item: &str, basis: Basis, amount: f64) {
        let region = self.region.as_deref().unwrap_or("*");
        let Some(price) = self.prices.of(item, region).filter(|_| amount > 0.0) else { return };
        self.lines.push(Line {
            item: item.to_owned(),
            region: self.region.clone(),
            basis,
            amount,
            unit: self.prices.unit(item).to_owned(),
            usd: price.usd,
            dated: price.dated,
            source: price.source,
            mark: price.mark,
            monthly_usd: amount * price.usd,
        });
    }

    fn fixed(&mut self, month: &Month<'_>, of: impl Fn(&super::parameters::Fixed) -> f64) {
        for fixed in &month.parameters.fixed {
            self.put(&fixed.item, Basis::Parameters, of(fixed));
        }
    }
}

/// A month of so many orders a day.
struct Month<'p> {
    orders_per_day: f64,
    parameters: &'p Parameters,
}

impl<'p> Month<'p> {
    fn new(orders_per_day: f64, parameters: &'p Parameters) -> Self {
        Month { orders_per_day, parameters }
    }

    fn seconds(&self) -> f64 {
        self.parameters.value("hours_per_month") * 3_600.0
    }

    fn orders_per_s(&self) -> f64 {
        self.orders_per_day / 86_400.0
    }

    fn orders(&self) -> f64 {
        self.orders_per_s() * self.seconds()
    }

    /// What the run's meters count. A delivery is a call of the queue by the bus; AppSync and the firewall see what
    /// comes to the public door, API Gateway what services ask of each other.
    fn measured(&self, used: &Quantities, layout: &Layout, region: &str, writer: &mut Writer<'_>) {
        let month = |rate: f64| rate * self.seconds();
        let tables = |of: fn(&super::consumption::TableUse) -> f64| -> f64 {
            month(used.tables.values().map(of).sum()) / MILLION
        };
        let door = used.services.get(DOOR).copied().unwrap_or_default();
        let between: f64 = behind_the_door(used).map(|(_, service)| service.requests).sum();
        let mut put = |item, amount| writer.put(item, Basis::Measured, amount);
        put("dynamodb.write", tables(|table| table.write_units));
        put("dynamodb.replicated-write", tables(|table| table.replicated_units));
        put("dynamodb.read", tables(|table| table.read_units));
        put("events.published", month(used.events) / MILLION);
        put("queues.calls", month(used.queue_calls + used.deliveries) / MILLION);
        put("graphql.operations", month(door.requests) / MILLION);
        put("firewall.requests", month(door.requests) / MILLION);
        put("api.calls", month(between) / MILLION);
        put("transfer.internet", month(door.bytes_out) / GB);
        put("transfer.regions", month(used.sent_bytes) / GB);
        put("logs.ingested", month(used.log_bytes) / GB);
        let active = self.orders() * layout.door_share(region);
        let users = active / self.parameters.value("orders_per_customer_month").max(f64::MIN_POSITIVE);
        let free = self.parameters.value("free_active_users") * layout.door_share(region);
        writer.put("users.active", Basis::Parameters, (users - free).max(0.0));
    }

    /// What follows from that:
    ///
    /// - function calls: requests and deliveries, one call each;
    /// - function compute, GB-s: (time until the answer + `call_overhead_ms`) x memory for each request,
    ///   `event_handler_ms` x memory for each delivery, most of which go to orders, which has the most memory;
    /// - storage: bytes of an order's rows x orders of `retention_months`, and as much again of recovery;
    /// - log storage: `log_days` of what is ingested.
    fn derived(&self, used: &Quantities, work: &Work, writer: &mut Writer<'_>) {
        let value = |name: &str| self.parameters.value(name);
        let month = |rate: f64| rate * self.seconds();
        let calls = used.services.values().map(|service| service.requests).sum::<f64>() + used.deliveries;
        let compute: f64 =
            used.services.iter().map(|(name, service)| self.compute_gb_s(name, service)).sum::<f64>();
        let handled = used.deliveries * value("event_handler_ms") / 1e3 * self.memory_gb("orders");
        let stored = work.stored_bytes * self.orders() * value("retention_months") / GB;
        let mut put = |item, amount| writer.put(item, Basis::Derived, amount);
        put("functions.calls", month(calls) / MILLION);
        put("functions.compute", month(compute + handled) / MILLION);
        put("dynamodb.storage", stored);
        put("dynamodb.recovery", stored);
        put("logs.stored", month(used.log_bytes) / GB * value("log_days") / 30.0);
    }

    fn memory_gb(&self, service: &str) -> f64 {
        let name = format!("memory_mb.{service}");
        let name = if self.parameters.has(&name) { name } else { "memory_mb.default".to_owned() };
        self.parameters.value(&name) / 1_024.0
    }

    fn compute_gb_s(&self, service: &str, used: &ServiceUse) -> f64 {
        let overhead_s = self.parameters.value("call_overhead_ms") / 1e3 * used.requests;
        (used.busy_s + overhead_s) * self.memory_gb(service)
    }
}

/// What services ask of each other.
fn behind_the_door(used: &Quantities) -> impl Iterator<Item = (&String, &ServiceUse)> {
    used.services.iter().filter(|(name, _)| *name != DOOR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::sample::{consumption, layouts};

    fn bill(orders_per_day: f64, change: impl Fn(&mut crate::cost::Consumption)) -> Bill {
        let mut used = consumption();
        change(&mut used);
        let work = Work::of(&used).expect("orders");
        let (parameters, prices) = (Parameters::shipped().expect("data"), Prices::shipped().expect("data"));
        Bill::of(&work, &layouts()[0], orders_per_day, &parameters, &prices)
    }

    fn of(bill: &Bill, item: &str) -> f64 {
        bill.lines.iter().filter(|line| line.item == item).map(|line| line.monthly_usd).sum()
    }

    #[test]
    fn lines_add_up_and_each_is_amount_by_price() {
        let bill = bill(10_000.0, |_| {});
        let sum: f64 = bill.lines.iter().map(|line| line.monthly_usd).sum();
        assert!((sum - bill.monthly_usd).abs() < 1e-6);
        for line in &bill.lines {
            assert!((line.amount * line.usd - line.monthly_usd).abs() < 1e-9, "{line:?}");
            assert!(!line.source.is_empty() && line.dated.len() == 10 && !line.unit.is_empty(), "{line:?}");
        }
        let items: f64 = bill.items().iter().map(|item| item.monthly_usd).sum();
        assert!((items - bill.monthly_usd).abs() < 1e-6);
        let prices = bill.prices();
        for line in &bill.lines {
            let of = prices.iter().filter(|price| price.item == line.item && price.usd == line.usd);
            let mut of = of.filter(|price| price.source == line.source && price.dated == line.dated);
            let price = of.next().expect("its price");
            assert!(of.next().is_none() && line.region.iter().all(|region| price.regions.contains(region)));
        }
    }

    #[test]
    fn what_is_used_twice_costs_twice() {
        let once = bill(10_000.0, |_| {});
        let doubled = |used: &mut crate::cost::Consumption| {
            for region in used.regions.values_mut() {
                let idle = region.idle.as_mut().expect("measured");
                for tables in [&mut region.used.tables, &mut idle.used.tables] {
                    tables.values_mut().for_each(|table| table.read_units *= 2.0);
                }
            }
        };
        let twice = bill(10_000.0, doubled);
        assert!((of(&twice, "dynamodb.read") / of(&once, "dynamodb.read") - 2.0).abs() < 1e-9);
        assert_eq!(of(&twice, "dynamodb.write"), of(&once, "dynamodb.write"));
        assert!(twice.monthly_usd > once.monthly_usd);
    }

    #[test]
    fn an_empty_shop_pays_for_standing_there() {
        let empty = bill(0.0, |_| {});
        assert!(of(&empty, "users.active").abs() + of(&empty, "dynamodb.storage").abs() < 1e-9);
        assert!(of(&empty, "dashboards") > 0.0 && of(&empty, "dynamodb.write") > 0.0);
        let (some, more) = (bill(1_000.0, |_| {}), bill(1_000_000.0, |_| {}));
        assert!(more.monthly_usd > some.monthly_usd && more.per_order_usd < some.per_order_usd);
    }
}
