//! What a run showed. The order of the fields is that of `evidence.json`.

use super::verdict::Verdict;
use crate::checks::{OrderCounts, Standing};
use crate::cost::{Consumption, CostReport};
use crate::scenario::{GoalPhase, Meaning, Metric, Op, Scenario};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that one run showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The scenario's name.
    pub scenario: String,
    /// The scenario in one line.
    pub title: String,
    /// The scenario in a few lines.
    pub description: String,
    /// Where everything random came from.
    pub seed: u64,
    /// The commit that ran, or a word where it is not known.
    pub commit: String,
    /// `live`, `virtual` or `target`.
    pub engine: String,
    /// What the regions ran on, such as `embedded`.
    pub cloud: String,
    /// `journal` or `async`; empty where a deployment keeps that to itself.
    pub durability: String,
    /// Whether only that was judged which customers can see: the platform was somebody else's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_outside: bool,
    /// When the run began, RFC 3339.
    pub started_at: String,
    /// How long the load lasted, seconds.
    pub duration_s: f64,
    /// What the run says.
    pub verdict: Verdict,
    /// What the program answers to its caller.
    pub exit_code: i32,
    /// Why the verdict is not better, a sentence each.
    pub reasons: Vec<String>,
    /// The run phase by phase.
    pub phases: Vec<PhaseReport>,
    /// Every goal of the scenario.
    pub goals: Vec<GoalResult>,
    /// Every invariant of the contract.
    pub invariants: Vec<InvariantReport>,
    /// What became of the attempts to order.
    pub orders: OrderCounts,
    /// Over all open-loop requests, from the planned moment to the end of the answer.
    pub latency_ms: Latency,
    /// Good answers in time, percent of all open-loop requests.
    pub availability: f64,
    /// The same in the worst minute.
    pub worst_minute: Option<f64>,
    /// From the loss to the first order confirmed again for those who were hit, seconds.
    pub rto_s: Option<f64>,
    /// Acknowledged orders that the loss took away.
    pub rpo_orders: Option<u64>,
    /// What broke.
    pub faults: Vec<FaultReport>,
    /// The latency budget of the worst answer beside what was measured.
    pub budget: Vec<BudgetReport>,
    /// The run second by second.
    pub timeline: Vec<Second>,
    /// The journeys that ran beside the open-loop driver.
    pub load: Option<LoadReport>,
    /// How the tables were copied.
    pub replication: Option<ReplicationReport>,
    /// What an order costs in cloud units.
    pub usage: Option<UsageReport>,
    /// The same in full, region by region.
    pub consumption: Option<Consumption>,
    /// What a month of that would cost.
    pub cost: Option<CostReport>,
    /// The machine that the run had.
    pub machine: Option<MachineReport>,
    /// What this run does not reproduce, a sentence each.
    pub boundaries: Vec<String>,
    /// The command that runs it again.
    pub replay: String,
    /// What will not be the same bit for bit then.
    pub not_exact: String,
    /// The scenario as it was run, whole, so that this file alone is enough to run it again.
    pub setup: Option<Scenario>,
}

impl Evidence {
    /// The target of the goal on a figure of the whole run, where the scenario has one.
    pub fn target(&self, metric: Metric) -> Option<f64> {
        let mut goals = self.goals.iter().filter(|goal| goal.metric == metric && goal.home.is_none());
        goals.find(|goal| goal.phase == GoalPhase::Whole).map(|goal| goal.target)
    }
}

/// Times of answers, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// Half were faster.
    pub p50: f64,
    /// 99 % were faster.
    pub p99: f64,
    /// 99.9 % were faster.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

/// One phase of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PhaseReport {
    /// Its name.
    pub name: String,
    /// When it began, seconds after the load.
    pub from_s: f64,
    /// When it ended.
    pub to_s: f64,
    /// Open-loop requests planned in it.
    pub requests: u64,
    /// Those that were answered as wanted and in time.
    pub good: u64,
    /// Good ones, percent.
    pub availability: f64,
    /// Times of answers.
    pub latency_ms: Latency,
    /// Orders acknowledged.
    pub orders: u64,
}

/// A goal and what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoalResult {
    /// Its name.
    pub id: String,
    /// What is measured.
    pub metric: Metric,
    /// What missing it means.
    pub meaning: Meaning,
    /// How the figure is compared.
    pub op: Op,
    /// The target.
    pub target: f64,
    /// The figure; `None` where nothing was measured, which misses the goal.
    pub measured: Option<f64>,
    /// The unit of both.
    pub unit: String,
    /// Over which part of the run.
    pub phase: GoalPhase,
    /// Only customers of this continent.
    pub home: Option<String>,
    /// Whether it was met.
    pub pass: bool,
    /// Why it was not judged at all: then it was neither met nor missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_judged: Option<String>,
}

impl GoalResult {
    /// Whether it was judged and not met.
    pub fn missed(&self) -> bool {
        !self.pass && self.not_judged.is_none()
    }
}

/// An invariant and how it fared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvariantReport {
    /// Its id in the contract.
    pub id: String,
    /// What it says.
    pub title: String,
    /// How it fared.
    pub standing: Standing,
    /// Things judged.
    pub checked: u64,
    /// Breaches.
    pub violations: u64,
    /// Things that nothing is left to judge by.
    pub unjudged: u64,
    /// Why it was not judged at all.
    pub not_judged: Option<String>,
    /// The first breaches, with ids.
    pub examples: Vec<String>,
}

impl InvariantReport {
    /// Whether it says how well customers were served, not whether a promise about their orders was kept.
    pub fn is_service_level(&self) -> bool {
        self.id.starts_with('L') || self.id == "R2"
    }
}

/// A fault and whether it was felt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FaultReport {
    /// Its kind, such as `flood-continent`.
    pub kind: String,
    /// A few words for a chart.
    pub label: String,
    /// A sentence for people who do not know the system.
    pub plain: String,
    /// When it began, seconds after the load.
    pub at_s: f64,
    /// When it ended; `None` where it never did.
    pub until_s: Option<f64>,
    /// Whether anything showed its effect.
    pub felt: bool,
    /// What showed it.
    pub shown_by: String,
}

/// The latency budget of some customers' worst answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetReport {
    /// The customers.
    pub customers: String,
    /// The continent that is lost.
    pub lost: String,
    /// The parts, in the order in which they are spent.
    pub parts: Vec<BudgetPartReport>,
    /// Their sum, ms.
    pub total_ms: u32,
    /// The worst answer measured, where the run lost that continent, ms.
    pub measured_ms: Option<f64>,
}

/// One part of a budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetPartReport {
    /// What the time is spent on.
    pub name: String,
    /// How much, ms.
    pub ms: u32,
}

/// One second of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Second {
    /// Its beginning, seconds after the load.
    pub at_s: f64,
    /// Requests planned in it.
    pub requests: u64,
    /// Those answered as wanted and in time.
    pub good: u64,
    /// The others.
    pub bad: u64,
    /// Half of its answers were faster, ms.
    pub p50_ms: f64,
    /// 99 % were faster, ms.
    pub p99_ms: f64,
    /// The slowest, ms.
    pub max_ms: f64,
    /// Orders acknowledged, by the region that served them.
    pub orders_by_region: BTreeMap<String, u64>,
    /// Orders acknowledged, by the customers' continent.
    pub orders_by_customers: BTreeMap<String, u64>,
}

/// The journeys beside the open-loop driver. They press; they do not judge.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadReport {
    /// Customers at work at once.
    pub users: u64,
    /// Requests made.
    pub requests: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Orders by outcome.
    pub orders: BTreeMap<String, u64>,
    /// The steps of the journeys.
    pub steps: Vec<JourneyStep>,
}

/// One step of a journey.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct JourneyStep {
    /// Its name.
    pub name: String,
    /// Times taken.
    pub requests: u64,
    /// Times failed.
    pub failures: u64,
    /// Half were faster, ms.
    pub p50_ms: f64,
    /// 99 % were faster, ms.
    pub p99_ms: f64,
    /// The slowest, ms.
    pub max_ms: f64,
}

/// How tables were copied between regions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReplicationReport {
    /// Writes copied.
    pub copied: u64,
    /// Writes that were acknowledged in a region and died there before they were copied.
    pub stranded: u64,
    /// Half arrived sooner, ms.
    pub lag_p50_ms: f64,
    /// 99 % arrived sooner, ms.
    pub lag_p99_ms: f64,
    /// The latest, ms.
    pub lag_max_ms: f64,
}

/// What an order uses, over all regions, preparation excluded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsageReport {
    /// Orders that the figures are divided by.
    pub orders: u64,
    /// Write request units per order.
    pub write_units_per_order: f64,
    /// Read request units per order.
    pub read_units_per_order: f64,
    /// Events put on the bus per order.
    pub events_per_order: f64,
    /// Queue calls per order.
    pub queue_calls_per_order: f64,
    /// Processor time per order, ms; `None` where the machine does not tell.
    pub cpu_ms_per_order: Option<f64>,
    /// Calls of operations that the emulated cloud does not have.
    pub unknown_operations: BTreeMap<String, u64>,
}

/// The machine that a run had, as far as it tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineReport {
    /// Processors.
    pub cores: u64,
    /// Processor time that the hypervisor gave to others, percent, mean.
    pub steal_pct: f64,
    /// Processor time that other programs used, percent, mean.
    pub foreign_pct: f64,
    /// Processor time that the run used, percent, mean.
    pub own_pct: f64,
    /// How late the driver sent requests, 99th percentile, ms.
    pub driver_late_p99_ms: f64,
    /// The latest, ms.
    pub driver_late_max_ms: f64,
    /// Anything else that bears on the figures.
    pub note: String,
}
