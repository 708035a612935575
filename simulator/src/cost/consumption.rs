//! What a run used, region by region. It is measured, and stands in `evidence.json`, so that this file alone is enough
//! to work out what the shop costs.

use crate::{
    cloud::{REPLICATED_WRITE, Usage},
    region::TrafficReport,
};
use contracts::ids::Region;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a run used from the load's first moment until all orders had come to rest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Consumption {
    /// Orders that customers were promised.
    pub orders: u64,
    /// Every region that took part.
    pub regions: BTreeMap<String, RegionUse>,
    /// What an order's rows take up in one region that has all of them, bytes.
    pub stored_bytes_per_order: f64,
}

/// What one region was used for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegionUse {
    /// How long it stood, seconds.
    pub stood_s: f64,
    /// Whether it was lost and did not come back.
    pub lost: bool,
    /// All that was used while it stood.
    pub used: Quantities,
    /// What it uses while nobody orders; `None` where that was not measured.
    pub idle: Option<Idle>,
}

/// What was used while all orders rested and nobody asked for anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Idle {
    /// For how long that was measured, seconds.
    pub for_s: f64,
    /// What was used.
    pub used: Quantities,
}

/// Amounts of everything that is paid for. Where they are rates, they are per order or per second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quantities {
    /// By table.
    pub tables: BTreeMap<String, TableUse>,
    /// By service, what came over HTTP.
    pub services: BTreeMap<String, ServiceUse>,
    /// PutEvents calls.
    pub event_calls: f64,
    /// Events put on the bus.
    pub events: f64,
    /// Events put into queues by the bus.
    pub deliveries: f64,
    /// SQS calls of the services.
    pub queue_calls: f64,
    /// Cognito calls.
    pub identity_calls: f64,
    /// Sent to other regions, bytes.
    pub sent_bytes: f64,
    /// Logged, bytes.
    pub log_bytes: f64,
}

/// What was used of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableUse {
    /// Read units.
    pub read_units: f64,
    /// Write units of the region's own services.
    pub write_units: f64,
    /// Write units of what other regions wrote.
    pub replicated_units: f64,
}

/// What came to one service over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceUse {
    /// Requests, those of other services too.
    pub requests: f64,
    /// Time between a request and its answer, added up, seconds.
    pub busy_s: f64,
    /// Bodies of the answers, bytes.
    pub bytes_out: f64,
}

/// What the meters of all regions said at one moment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reading {
    /// When, seconds since the run's start.
    pub at_s: f64,
    /// The regions that answered.
    pub regions: BTreeMap<Region, Meter>,
    /// Sent to other regions since the run's start, bytes, by sender.
    pub sent_bytes: BTreeMap<Region, u64>,
    /// Written into log files since the run's start, bytes.
    pub log_bytes: u64,
}

/// What a region's meters say.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Meter {
    /// Of its cloud.
    pub usage: Usage,
    /// Of its doors.
    pub traffic: TrafficReport,
    /// Processor time, seconds; `None` where the machine does not tell.
    pub cpu_s: Option<f64>,
}

/// The last words of a region that was lost.
#[derive(Clone, Debug, Serialize)]
pub struct Lost {
    /// Which.
    pub region: Region,
    /// When, seconds since the run's start.
    pub at_s: f64,
    /// What its meters said.
    pub meter: Meter,
}

/// All readings of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Readings {
    /// Before the load.
    pub begin: Reading,
    /// When the orders had come to rest.
    pub rest: Reading,
    /// Some time later, where the idle shop was measured.
    pub idle: Option<Reading>,
    /// What was lost in between, in that order.
    pub lost: Vec<Lost>,
}

impl Readings {
    /// Processor time of the regions from the load's first moment until the orders had come to rest, seconds; `None` where
    /// the machine does not tell.
    pub fn cpu_s(&self) -> Option<f64> {
        let told = |name: &Region| {
            self.rest.regions.contains_key(name) || self.lost.iter().any(|lost| lost.region == *name)
        };
        let began = self.begin.regions.iter().filter(|(name, _)| told(name)).map(|(_, meter)| meter);
        let ended = self.rest.regions.values().chain(self.lost.iter().map(|lost| &lost.meter));
        let before: Option<f64> = began.map(|meter| meter.cpu_s).sum();
        let after: Option<f64> = ended.map(|meter| meter.cpu_s).sum();
        after.zip(before).map(|(after, before)| after - before)
    }
}

impl Consumption {
    /// From the readings of a run that promised so many orders.
    pub fn of(readings: &Readings, orders: u64, stored_bytes_per_order: f64) -> Consumption {
        let Readings { begin, rest, .. } = readings;
        let lost = readings.lost.iter().map(|lost| &lost.region);
        let names: BTreeSet<&Region> = begin.regions.keys().chain(rest.regions.keys()).chain(lost).collect();
        let mut regions: BTreeMap<String, RegionUse> =
            names.into_iter().map(|name| (name.to_string(), region_use(readings, name))).collect();
        share_logs(&mut regions, rest.log_bytes.saturating_sub(begin.log_bytes) as f64);
        Consumption { orders, regions, stored_bytes_per_order }
    }

    /// Everything that was used, over all regions.
    pub fn total(&self) -> Quantities {
        self.regions.values().fold(Quantities::default(), |sum, region| sum.plus(&region.used))
    }

    /// Write units over all regions, replicated ones included.
    pub fn write_units(&self) -> f64 {
        self.total().tables.values().map(|table| table.write_units + table.replicated_units).sum()
    }
}

/// A region may stand, be lost and come back with meters that begin at nothing.
fn region_use(readings: &Readings, name: &Region) -> RegionUse {
    let Readings { begin, rest, idle, lost } = readings;
    let mut from = begin.regions.get(name).map(Quantities::from).unwrap_or_default();
    let mut since_s = begin.at_s;
    let mut region = RegionUse::default();
    let mut add = |end: &Quantities, at_s: f64, from: &mut Quantities| {
        region.used = region.used.plus(&end.minus(from));
        region.stood_s += (at_s - since_s).max(0.0);
        (*from, since_s) = (Quantities::default(), at_s);
    };
    for loss in lost.iter().filter(|loss| loss.region == *name) {
        add(&Quantities::from(&loss.meter), loss.at_s, &mut from);
    }
    if let Some(end) = rest.regions.get(name) {
        add(&Quantities::from(end), rest.at_s, &mut from);
    }
    let sent = |reading: &Reading| reading.sent_bytes.get(name).copied().unwrap_or(0) as f64;
    region.used.sent_bytes = (sent(rest) - sent(begin)).max(0.0);
    region.lost = !rest.regions.contains_key(name);
    region.idle = idle.as_ref().and_then(|later| {
        let (rested, idled) = (rest.regions.get(name)?, later.regions.get(name)?);
        let mut used = Quantities::from(idled).minus(&Quantities::from(rested));
        used.sent_bytes = (sent(later) - sent(rest)).max(0.0);
        Some(Idle { for_s: later.at_s - rest.at_s, used })
    });
    region
}

/// Logs are counted together: each region has the part that its requests have of all.
fn share_logs(regions: &mut BTreeMap<String, RegionUse>, log_bytes: f64) {
    let requests =
        |region: &RegionUse| region.used.services.values().map(|service| service.requests).sum::<f64>();
    let all: f64 = regions.values().map(requests).sum();
    for region in regions.values_mut() {
        region.used.log_bytes = if all > 0.0 { log_bytes * requests(region) / all } else { 0.0 };
    }
}

impl From<&Meter> for Quantities {
    fn from(meter: &Meter) -> Self {
        let Usage { tables, events, queue_calls, identity_calls, .. } = &meter.usage;
        let table = |operations: &BTreeMap<String, crate::cloud::OperationUsage>| {
            let mut sum = TableUse::default();
            for (operation, used) in operations {
                sum.read_units += used.read_units;
                match operation == REPLICATED_WRITE {
                    true => sum.replicated_units += used.write_units,
                    false => sum.write_units += used.write_units,
                }
            }
            sum
        };
        let services = meter.traffic.services.iter().map(|(name, service)| {
            let used = ServiceUse {
                requests: service.requests as f64,
                busy_s: service.busy_us as f64 / 1e6,
                bytes_out: service.bytes_out as f64,
            };
            (name.clone(), used)
        });
        Quantities {
            tables: tables.iter().map(|(name, operations)| (name.clone(), table(operations))).collect(),
            services: services.collect(),
            event_calls: events.calls as f64,
            events: events.accepted as f64,
            deliveries: events.deliveries.values().sum::<u64>() as f64,
            queue_calls: queue_calls.values().sum::<u64>() as f64,
            identity_calls: identity_calls.values().sum::<u64>() as f64,
            sent_bytes: 0.0,
            log_bytes: 0.0,
        }
    }
}

impl Quantities {
    /// Both together.
    pub fn plus(&self, other: &Quantities) -> Quantities {
        self.with(other, |a, b| a + b)
    }

    /// What is here and not in `other`; never less than nothing.
    pub fn minus(&self, other: &Quantities) -> Quantities {
        self.with(other, |a, b| (a - b).max(0.0))
    }

    /// So many times as much.
    pub fn times(&self, factor: f64) -> Quantities {
        self.with(&Quantities::default(), |a, _| a * factor)
    }

    /// Both, amount by amount.
    fn with(&self, other: &Quantities, of: impl Fn(f64, f64) -> f64) -> Quantities {
        let table = |a: TableUse, b: TableUse| TableUse {
            read_units: of(a.read_units, b.read_units),
            write_units: of(a.write_units, b.write_units),
            replicated_units: of(a.replicated_units, b.replicated_units),
        };
        let service = |a: ServiceUse, b: ServiceUse| ServiceUse {
            requests: of(a.requests, b.requests),
            busy_s: of(a.busy_s, b.busy_s),
            bytes_out: of(a.bytes_out, b.bytes_out),
        };
        Quantities {
            tables: by_name(&self.tables, &other.tables, table),
            services: by_name(&self.services, &other.services, service),
            event_calls: of(self.event_calls, other.event_calls),
            events: of(self.events, other.events),
            deliveries: of(self.deliveries, other.deliveries),
            queue_calls: of(self.queue_calls, other.queue_calls),
            identity_calls: of(self.identity_calls, other.identity_calls),
            sent_bytes: of(self.sent_bytes, other.sent_bytes),
            log_bytes: of(self.log_bytes, other.log_bytes),
        }
    }
}

fn by_name<T: Copy + Default>(
    a: &BTreeMap<String, T>,
    b: &BTreeMap<String, T>,
    of: impl Fn(T, T) -> T,
) -> BTreeMap<String, T> {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let at = |map: &BTreeMap<String, T>, name: &String| map.get(name).copied().unwrap_or_default();
    names.into_iter().map(|name| (name.clone(), of(at(a, name), at(b, name)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::OperationUsage;

    fn meter(write_units: f64, replicated: f64) -> Meter {
        let of = |write_units| OperationUsage { write_units, ..OperationUsage::default() };
        let operations = BTreeMap::from([
            ("PutItem".to_owned(), of(write_units)),
            (REPLICATED_WRITE.to_owned(), of(replicated)),
        ]);
        let tables = BTreeMap::from([("orders".to_owned(), operations)]);
        Meter { usage: Usage { tables, ..Usage::default() }, ..Meter::default() }
    }

    fn reading(at_s: f64, regions: &[(&str, Meter)]) -> Reading {
        let regions = regions.iter().map(|(name, meter)| (Region::from(*name), meter.clone())).collect();
        Reading { at_s, regions, ..Reading::default() }
    }

    #[test]
    fn a_lost_region_counts_until_its_last_words_and_again_after_its_return() {
        let lost = |at_s, meter| Lost { region: "a".into(), at_s, meter };
        let readings = Readings {
            begin: reading(10.0, &[("a", meter(5.0, 1.0)), ("b", meter(1.0, 0.0))]),
            rest: reading(60.0, &[("a", meter(3.0, 0.0)), ("b", meter(11.0, 4.0))]),
            lost: vec![lost(20.0, meter(25.0, 2.0))],
            idle: Some(reading(70.0, &[("b", meter(12.0, 4.0))])),
        };
        let used = Consumption::of(&readings, 2, 0.0);
        let a = &used.regions["a"];
        assert_eq!((a.used.tables["orders"].write_units, a.stood_s), (20.0 + 3.0, 50.0));
        assert_eq!(a.used.tables["orders"].replicated_units, 1.0);
        assert!(!a.lost && a.idle.is_none());
        let idle = used.regions["b"].idle.as_ref().expect("measured");
        assert_eq!((idle.for_s, idle.used.tables["orders"].write_units), (10.0, 1.0));
        assert_eq!(used.write_units(), 23.0 + 1.0 + 10.0 + 4.0);
    }

    #[test]
    fn logs_go_where_the_requests_went() {
        let service = |requests| ServiceUse { requests, ..ServiceUse::default() };
        let region = |requests| RegionUse {
            used: Quantities {
                services: BTreeMap::from([("orders".to_owned(), service(requests))]),
                ..Quantities::default()
            },
            ..RegionUse::default()
        };
        let mut regions = BTreeMap::from([("a".to_owned(), region(3.0)), ("b".to_owned(), region(1.0))]);
        share_logs(&mut regions, 100.0);
        assert_eq!((regions["a"].used.log_bytes, regions["b"].used.log_bytes), (75.0, 25.0));
    }
}
