//! From a scenario to a file that gives the same scenario when it is read.

use super::{FaultAt, Goal, GoalPhase, Load, Metric, Op, Phases, ReplicationSpec, Scenario, Settle};
use crate::topology::{Continent, CustomerContinent, Region, Topology, Warehouse};
use contracts::ids::{Continent as ContinentId, Region as RegionId, WarehouseId};
use serde::Serialize;

/// A scenario in the words and the order of a file. The topology stands in it whole, at its end.
#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    title: &'a str,
    description: &'a str,
    seed: u64,
    load: &'a Load,
    phases: Phases,
    settle: Settle,
    replication: ReplicationSpec,
    fault: &'a [FaultAt],
    goal: Vec<GoalEntry<'a>>,
    topology: TopologyTable<'a>,
}

/// A goal without its unit, which the metric has.
#[derive(Serialize)]
struct GoalEntry<'a> {
    id: &'a str,
    metric: Metric,
    phase: GoalPhase,
    home: Option<&'a ContinentId>,
    op: Op,
    target: f64,
}

#[derive(Serialize)]
struct TopologyTable<'a> {
    provider_rtt_ms: u32,
    carrier_rtt_ms: u32,
    services_ms: u32,
    jitter_pct: f32,
    heartbeat_ms: u32,
    suspect_after_ms: u32,
    shards_per_continent: u16,
    region: &'a [Region],
    continent: &'a [Continent],
    customers: &'a [CustomerContinent],
    warehouse: Vec<WarehouseEntry<'a>>,
}

/// A warehouse without its continent, which the region has.
#[derive(Serialize)]
struct WarehouseEntry<'a> {
    id: &'a WarehouseId,
    region: &'a RegionId,
    ships_to: &'a [String],
}

impl Scenario {
    /// The text of a scenario file, which gives this scenario when it is [loaded](super::load).
    ///
    /// # Errors
    /// When a value is not one that TOML has, such as a seed above `i64::MAX`.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(&File {
            name: &self.name,
            title: &self.title,
            description: &self.description,
            seed: self.seed,
            load: &self.load,
            phases: self.phases,
            settle: self.settle,
            replication: self.replication,
            fault: &self.faults,
            goal: self.goals.iter().map(GoalEntry::from).collect(),
            topology: TopologyTable::from(&self.topology),
        })
    }
}

impl<'a> From<&'a Goal> for GoalEntry<'a> {
    fn from(goal: &'a Goal) -> Self {
        let Goal { id, metric, phase, home, op, target, unit: _ } = goal;
        GoalEntry { id, metric: *metric, phase: *phase, home: home.as_ref(), op: *op, target: *target }
    }
}

impl<'a> From<&'a Topology> for TopologyTable<'a> {
    fn from(topology: &'a Topology) -> Self {
        TopologyTable {
            provider_rtt_ms: topology.provider_rtt_ms,
            carrier_rtt_ms: topology.carrier_rtt_ms,
            services_ms: topology.services_ms,
            jitter_pct: topology.jitter_pct,
            heartbeat_ms: topology.heartbeat_ms,
            suspect_after_ms: topology.suspect_after_ms,
            shards_per_continent: topology.shards_per_continent,
            region: &topology.regions,
            continent: &topology.continents,
            customers: &topology.customers,
            warehouse: topology.warehouses.iter().map(WarehouseEntry::from).collect(),
        }
    }
}

impl<'a> From<&'a Warehouse> for WarehouseEntry<'a> {
    fn from(warehouse: &'a Warehouse) -> Self {
        WarehouseEntry { id: &warehouse.id, region: &warehouse.region, ships_to: &warehouse.ships_to }
    }
}
