//! Which quota a region meets first as traffic grows, and at how many orders a day.

use super::{
    consumption::{Quantities, ServiceUse},
    layout::Layout,
    parameters::Parameters,
    prices::{DataError, check_row},
    work::{DOOR, JOURNAL_TABLES, Work},
};
use crate::topology::Topology;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const DATA: &str = include_str!("../../data/quotas.toml");
const FILE: &str = "simulator/data/quotas.toml";
/// Stands for every region that is not named.
const EVERYWHERE: &str = "*";
/// Beyond so many orders a day nobody asks.
const ORDERS_PER_DAY_MAX: f64 = 1e10;

/// A quota.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Its name.
    pub name: String,
    /// What is held against it.
    pub load: Load,
    /// The unit of both.
    pub unit: String,
    /// Whether it can be raised, and by whom.
    pub raised: Raised,
    /// When that was the quota.
    #[serde(default)]
    pub dated: String,
    /// Who says so.
    #[serde(default)]
    pub source: String,
    /// By region.
    pub limit: BTreeMap<String, f64>,
}

/// Whether a quota can be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Raised {
    /// AWS raises it when asked.
    #[serde(rename = "on request")]
    OnRequest,
    /// This repository's Terraform sets it.
    #[serde(rename = "by us")]
    ByUs,
    /// It is how the service is built: only another key, or another table, helps.
    #[serde(rename = "never")]
    Never,
}

impl Raised {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Raised::OnRequest => "on request",
            Raised::ByUs => "by us",
            Raised::Never => "never",
        }
    }
}

/// What a region does in a second that a quota limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Load {
    /// Time that functions are busy, seconds a second (Little's law).
    FunctionConcurrency,
    /// The same of the busiest one.
    BusiestFunctionConcurrency,
    /// Calls between services.
    ApiCalls,
    /// The same to the service that is asked most.
    BusiestApiCalls,
    /// Requests at the public door.
    DoorRequests,
    /// PutEvents calls.
    EventCalls,
    /// Events handed to queues.
    EventDeliveries,
    /// `sign_ins_per_order` for each order of the customers at home there.
    SignIns,
    /// Write units of the busiest table, replicated ones included.
    BusiestTableWrites,
    /// Read units of the busiest table.
    BusiestTableReads,
    /// Write units of the busiest shard of the journal: those of the continent with the most customers.
    JournalShardWrites,
    /// Two writes of `index_write_units` for each event that the region publishes.
    OutboxWrites,
}

/// One quota in one region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headroom {
    /// The quota.
    pub quota: String,
    /// The region.
    pub region: String,
    /// How much there may be.
    pub limit: f64,
    /// How much there is in the busiest second at the traffic that was asked for.
    pub load: f64,
    /// The unit of both.
    pub unit: String,
    /// Whether it can be raised, and by whom.
    pub raised: Raised,
    /// At how many orders a day it is met; `None` where nothing an order does counts.
    pub orders_per_day: Option<f64>,
    /// When that was the quota.
    pub dated: String,
    /// Who says so.
    pub source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuotaFile {
    quota: Vec<Quota>,
}

/// The quotas that are part of the program.
///
/// # Errors
/// As [`read`].
pub(super) fn shipped() -> Result<Vec<Quota>, DataError> {
    read(DATA)
}

/// Reads quotas.
///
/// # Errors
/// The first one that cannot be read, has no date or source, or no limit everywhere.
pub(super) fn read(text: &str) -> Result<Vec<Quota>, DataError> {
    let unreadable = |cause: toml::de::Error| DataError::Unreadable { file: FILE, cause: cause.to_string() };
    let file: QuotaFile = toml::from_str(text).map_err(unreadable)?;
    for quota in &file.quota {
        check_row(FILE, &quota.name, &quota.dated, &quota.source)?;
        let limits = !quota.limit.is_empty() && quota.limit.values().all(|limit| *limit > 0.0);
        if !limits || !quota.limit.contains_key(EVERYWHERE) {
            let what = "needs a limit above 0 for `*`, and for each region that it names".to_owned();
            return Err(DataError::Row { file: FILE, row: quota.name.clone(), what });
        }
    }
    Ok(file.quota)
}

/// The world in which quotas are met.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// What orders use.
    pub(super) work: &'a Work,
    /// Where the shop runs.
    pub(super) layout: &'a Layout,
    /// Whose customers and shards.
    pub(super) topology: &'a Topology,
    /// The parameters.
    pub(super) parameters: &'a Parameters,
}

impl Place<'_> {
    /// Every quota in every region, the first to be met first.
    pub(super) fn headroom(&self, quotas: &[Quota], orders_per_day: f64) -> Vec<Headroom> {
        let rows = self.layout.regions().flat_map(|region| {
            quotas.iter().filter_map(move |quota| self.row(quota, region, orders_per_day))
        });
        let mut rows: Vec<Headroom> = rows.collect();
        rows.sort_by(|a, b| {
            let key = |row: &Headroom| row.orders_per_day.unwrap_or(f64::INFINITY);
            key(a).total_cmp(&key(b))
        });
        rows
    }

    fn row(&self, quota: &Quota, region: &str, orders_per_day: f64) -> Option<Headroom> {
        let limit = *quota.limit.get(region).or_else(|| quota.limit.get(EVERYWHERE))?;
        let load = |orders_per_day: f64| self.load(quota.load, region, orders_per_day);
        Some(Headroom {
            quota: quota.name.clone(),
            region: region.to_owned(),
            limit,
            load: load(orders_per_day),
            unit: quota.unit.clone(),
            raised: quota.raised,
            orders_per_day: first_beyond(|orders| load(orders) >= limit, ORDERS_PER_DAY_MAX),
            dated: quota.dated.clone(),
            source: quota.source.clone(),
        })
    }

    /// What there is of a load in the busiest second of a day with so many orders.
    fn load(&self, load: Load, region: &str, orders_per_day: f64) -> f64 {
        let value = |name: &str| self.parameters.value(name);
        let orders_per_s = orders_per_day / 86_400.0 * value("peak_factor");
        let used = self.work.in_region(self.layout, region, orders_per_s);
        let busy = |used: &ServiceUse| used.busy_s + used.requests * value("call_overhead_ms") / 1e3;
        let handled = used.deliveries * value("event_handler_ms") / 1e3;
        let functions = || used.services.values().map(busy);
        let between = || {
            let asked = used.services.iter().filter(|(name, _)| *name != DOOR);
            asked.map(|(_, service)| service.requests)
        };
        let tables = |of: fn(&super::consumption::TableUse) -> f64| most(used.tables.values().map(of));
        match load {
            Load::FunctionConcurrency => functions().sum::<f64>() + handled,
            Load::BusiestFunctionConcurrency => most(functions()),
            Load::ApiCalls => between().sum(),
            Load::BusiestApiCalls => most(between()),
            Load::DoorRequests => used.services.get(DOOR).map_or(0.0, |door| door.requests),
            Load::EventCalls => used.event_calls,
            Load::EventDeliveries => used.deliveries,
            Load::SignIns => orders_per_s * self.layout.work_share(region) * value("sign_ins_per_order"),
            Load::BusiestTableWrites => tables(|table| table.write_units + table.replicated_units),
            Load::BusiestTableReads => tables(|table| table.read_units),
            Load::JournalShardWrites => self.busiest_shard(&used),
            Load::OutboxWrites => 2.0 * used.events * value("index_write_units"),
        }
    }

    fn busiest_shard(&self, used: &Quantities) -> f64 {
        let mut homes: BTreeMap<&str, f64> = BTreeMap::new();
        for customers in &self.topology.customers {
            *homes.entry(customers.home.as_str()).or_default() += f64::from(customers.share);
        }
        let writes = used.tables.get(JOURNAL_TABLES[0]).map_or(0.0, |table| table.write_units);
        writes * most(homes.into_values()) / f64::from(self.topology.shards_per_continent.max(1))
    }
}

fn most(figures: impl Iterator<Item = f64>) -> f64 {
    figures.fold(0.0, f64::max)
}

/// The least figure from 0 on from which `beyond` holds, to a millionth part; `None` where it does not hold at `max`.
/// Once it holds it must hold for all that is more.
pub(super) fn first_beyond(beyond: impl Fn(f64) -> bool, max: f64) -> Option<f64> {
    if !beyond(max) {
        return None;
    }
    let (mut low, mut high) = (0.0, max);
    while high - low > high * 1e-7 {
        let middle = (low + high) / 2.0;
        *if beyond(middle) { &mut high } else { &mut low } = middle;
        if high < 1e-6 {
            return Some(0.0);
        }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::sample::{consumption, layouts, topology};

    fn rows(change: impl Fn(&mut Vec<Quota>)) -> Vec<Headroom> {
        let (work, layouts) = (Work::of(&consumption()).expect("orders"), layouts());
        let parameters = Parameters::shipped().expect("data");
        let topology = topology();
        let place = Place { work: &work, layout: &layouts[0], topology: &topology, parameters: &parameters };
        let mut quotas = shipped().expect("data");
        change(&mut quotas);
        place.headroom(&quotas, 10_000.0)
    }

    #[test]
    fn the_first_quota_is_the_one_that_fewest_orders_meet() {
        let all = rows(|_| {});
        assert!(all.windows(2).all(|pair| {
            pair[0].orders_per_day.unwrap_or(f64::MAX) <= pair[1].orders_per_day.unwrap_or(f64::MAX)
        }));
        // An event for 10 units written, 2.5 an order, by the region that does three quarters of the work.
        let outbox =
            all.iter().find(|row| row.region == "a" && row.quota.contains("pending")).expect("there");
        let events_per_s = (1_000.0 / 4.0 - 10.0 / 10.0 / 4.0) / (2.5 * 0.75);
        let expected = events_per_s * 86_400.0 / 4.0;
        let met = outbox.orders_per_day.expect("met");
        assert!((met / expected - 1.0).abs() < 1e-3, "{met} against {expected}");
    }

    #[test]
    fn a_lower_quota_is_met_sooner() {
        let of = |rows: &[Headroom]| {
            rows.iter()
                .find(|row| row.region == "a" && row.quota.starts_with("AppSync"))
                .expect("there")
                .orders_per_day
        };
        let lower = |quotas: &mut Vec<Quota>| {
            quotas.iter_mut().for_each(|quota| quota.limit.values_mut().for_each(|limit| *limit /= 10.0));
        };
        let (usual, lower) = (of(&rows(|_| {})).expect("met"), of(&rows(lower)).expect("met"));
        assert!(lower < usual / 9.9, "{lower} against {usual}");
    }

    #[test]
    fn a_quota_without_date_source_or_limit_is_refused() {
        let row = "[[quota]]\nname = \"q\"\nload = \"sign-ins\"\nunit = \"x\"\nraised = \"never\"\n\
                   dated = \"2026-11-27\"\nsource = \"s\"\n[quota.limit]\n\"*\" = 5\n";
        read(row).expect("complete");
        for (without, why) in [
            ("dated = \"2026-11-27\"\n", "is no date"),
            ("source = \"s\"\n", "has no source"),
            ("\"*\" = 5\n", "needs a limit"),
            ("sign-ins", "unknown variant"),
        ] {
            let refused = read(&row.replace(without, "")).expect_err("refused").to_string();
            assert!(
                refused.starts_with("simulator/data/quotas.toml: ") && refused.contains(why),
                "{refused}"
            );
        }
    }

    #[test]
    fn the_first_load_beyond_a_limit_is_found_by_halving() {
        assert_eq!(first_beyond(|x| x >= 42.0, 1e6).map(f64::round), Some(42.0));
        assert_eq!((first_beyond(|_| false, 1e6), first_beyond(|_| true, 1e6)), (None, Some(0.0)));
    }
}
