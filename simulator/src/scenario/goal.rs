//! What a run must show, as data.

use super::{
    phases::{Phase, Window},
    reader::Section,
};
use contracts::ids::Continent;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that a run must show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// A name of its own, such as `no-lost-orders`.
    pub id: String,
    /// What is measured.
    pub metric: Metric,
    /// Over which part of the run.
    pub phase: GoalPhase,
    /// Only customers whose home is this continent; all when absent.
    pub home: Option<Continent>,
    /// How the figure is compared with the target.
    pub op: Op,
    /// The target, in the metric's unit.
    pub target: f64,
    /// The metric's unit.
    pub unit: String,
}

impl Goal {
    /// Whether a measured figure meets the goal. A figure that is not a number never does.
    pub fn met(&self, value: f64) -> bool {
        match self.op {
            Op::Less => value < self.target,
            Op::AtMost => value <= self.target,
            Op::Equal => value == self.target,
            Op::AtLeast => value >= self.target,
            Op::More => value > self.target,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.metric.word(), self.op, self.target, self.unit)?;
        match &self.home {
            Some(home) => write!(f, " ({}, customers of {home})", self.phase.word()),
            None => write!(f, " ({})", self.phase.word()),
        }
    }
}

/// How a figure is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// `<`
    #[serde(rename = "<")]
    Less,
    /// `<=`
    #[serde(rename = "<=")]
    AtMost,
    /// `==`
    #[serde(rename = "==")]
    Equal,
    /// `>=`
    #[serde(rename = ">=")]
    AtLeast,
    /// `>`
    #[serde(rename = ">")]
    More,
}

impl Op {
    const ALL: [(&'static str, Op); 5] =
        [("<", Op::Less), ("<=", Op::AtMost), ("==", Op::Equal), (">=", Op::AtLeast), (">", Op::More)];
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word_of(&Op::ALL, *self))
    }
}

/// The part of a run over which a goal is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // the phases are described at `Phase`
pub enum GoalPhase {
    /// All of it, the disaster included.
    Whole,
    /// From the first fault on.
    After,
    Steady,
    Fault,
    FailingOver,
    Survived,
    Healed,
}

impl GoalPhase {
    const ALL: [(&'static str, GoalPhase); 7] = [
        ("whole", GoalPhase::Whole),
        ("after", GoalPhase::After),
        ("steady", GoalPhase::Steady),
        ("fault", GoalPhase::Fault),
        ("failing-over", GoalPhase::FailingOver),
        ("survived", GoalPhase::Survived),
        ("healed", GoalPhase::Healed),
    ];

    /// Its word in a scenario file.
    pub fn word(self) -> &'static str {
        word_of(&GoalPhase::ALL, self)
    }

    /// Whether what happened in `phase` counts.
    pub fn covers(self, phase: Phase) -> bool {
        match self {
            GoalPhase::Whole => true,
            GoalPhase::After => phase != Phase::Steady,
            GoalPhase::Steady => phase == Phase::Steady,
            GoalPhase::Fault => phase == Phase::Fault,
            GoalPhase::FailingOver => phase == Phase::FailingOver,
            GoalPhase::Survived => phase == Phase::Survived,
            GoalPhase::Healed => phase == Phase::Healed,
        }
    }
}

/// What a missed goal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// A promise to a customer was broken.
    Invariant,
    /// The service was worse than it should be.
    Service,
    /// The run was too weak to prove anything.
    Strength,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Acknowledged orders that no surviving region holds.
    Lost,
    /// Orders beyond the first for one attempt.
    Duplicated,
    /// Orders whose money was captured more than once.
    DoubleCaptures,
    /// Units promised beyond what a warehouse had.
    Oversold,
    /// Invariants of the checker that were broken.
    Violations,
    /// Orders that neither settled in time nor may wait.
    Unsettled,
    /// Orders that ask for a person.
    Attention,
    /// Good answers in time, of all open-loop requests.
    Availability,
    /// The same in the worst minute.
    WorstMinute,
    /// Half of the answers came sooner.
    LatencyP50,
    /// 99 % of the answers came sooner.
    LatencyP99,
    /// 99.9 % of the answers came sooner.
    LatencyP999,
    /// The slowest answer of all.
    LatencyMax,
    /// From the first fault to the first order that a survivor acknowledged for those who were hit.
    Rto,
    /// Acknowledged orders that the fault took away.
    RpoOrders,
    /// Acknowledged orders.
    Acknowledged,
    /// Orders that waited for goods which had run out.
    Backordered,
    /// Of these, orders for which goods came in.
    BackordersServed,
    /// Open-loop requests sent.
    Requests,
    /// Shards of orders that changed their owner.
    Takeovers,
    /// Faults of the timeline whose effect was seen.
    FaultsFelt,
    /// The cloud's bill and its people at their dearest, against the cheapest machines of one's own.
    #[serde(rename = "cost.max_share_of_on_prem")]
    CostShare,
}

impl Metric {
    const ALL: [(&'static str, Metric); 22] = [
        ("lost", Metric::Lost),
        ("duplicated", Metric::Duplicated),
        ("double-captures", Metric::DoubleCaptures),
        ("oversold", Metric::Oversold),
        ("violations", Metric::Violations),
        ("unsettled", Metric::Unsettled),
        ("attention", Metric::Attention),
        ("availability", Metric::Availability),
        ("worst-minute", Metric::WorstMinute),
        ("latency-p50", Metric::LatencyP50),
        ("latency-p99", Metric::LatencyP99),
        ("latency-p999", Metric::LatencyP999),
        ("latency-max", Metric::LatencyMax),
        ("rto", Metric::Rto),
        ("rpo-orders", Metric::RpoOrders),
        ("acknowledged", Metric::Acknowledged),
        ("backordered", Metric::Backordered),
        ("backorders-served", Metric::BackordersServed),
        ("requests", Metric::Requests),
        ("takeovers", Metric::Takeovers),
        ("faults-felt", Metric::FaultsFelt),
        ("cost.max_share_of_on_prem", Metric::CostShare),
    ];

    /// Its word in a scenario file.
    pub fn word(self) -> &'static str {
        word_of(&Metric::ALL, self)
    }

    /// The unit of its figures.
    pub fn unit(self) -> &'static str {
        match self {
            Metric::Lost | Metric::Duplicated | Metric::Unsettled | Metric::Attention => "orders",
            Metric::RpoOrders | Metric::Acknowledged | Metric::DoubleCaptures => "orders",
            Metric::Backordered | Metric::BackordersServed => "orders",
            Metric::Oversold => "units",
            Metric::Violations => "invariants",
            Metric::Availability | Metric::WorstMinute | Metric::CostShare => "%",
            Metric::LatencyP50 | Metric::LatencyP99 | Metric::LatencyP999 | Metric::LatencyMax => "ms",
            Metric::Rto => "s",
            Metric::Requests => "requests",
            Metric::Takeovers => "shards",
            Metric::FaultsFelt => "faults",
        }
    }

    /// What a missed goal on it means.
    pub fn meaning(self) -> Meaning {
        match self {
            Metric::Lost
            | Metric::Duplicated
            | Metric::DoubleCaptures
            | Metric::Oversold
            | Metric::Violations => Meaning::Invariant,
            Metric::Acknowledged
            | Metric::Backordered
            | Metric::BackordersServed
            | Metric::Requests
            | Metric::FaultsFelt => Meaning::Strength,
            _ => Meaning::Service,
        }
    }

    /// Whether it can be told apart by phase and by the customers' home.
    pub fn divisible(self) -> bool {
        matches!(
            self,
            Metric::Availability
                | Metric::LatencyP50
                | Metric::LatencyP99
                | Metric::LatencyP999
                | Metric::LatencyMax
                | Metric::Acknowledged
                | Metric::Requests
        )
    }
}

fn word_of<T: PartialEq>(all: &[(&'static str, T)], wanted: T) -> &'static str {
    all.iter().find(|(_, value)| *value == wanted).map_or("?", |(word, _)| word)
}

/// Reads one goal; `None` when a mistake was noted.
pub(super) fn read(entry: Section<'_>, continents: &[&str], windows: &[Window]) -> Option<Goal> {
    let id = entry.text("id");
    let metric = chosen(&entry, "metric", &Metric::ALL);
    let op = chosen(&entry, "op", &Op::ALL);
    let phase =
        if entry.has("phase") { chosen(&entry, "phase", &GoalPhase::ALL) } else { Some(GoalPhase::Whole) };
    let home = entry.maybe_word("home", continents).map(Continent);
    let target = entry.number("target", -1e12..=1e12);
    if let (Some(metric), Some(phase)) = (metric, phase) {
        check(&entry, metric, phase, windows);
    }
    entry.finish();
    let metric = metric?;
    Some(Goal { id, metric, phase: phase?, home, op: op?, target, unit: metric.unit().to_owned() })
}

fn chosen<T: Copy>(entry: &Section<'_>, key: &'static str, all: &[(&'static str, T)]) -> Option<T> {
    let words: Vec<&str> = all.iter().map(|(word, _)| *word).collect();
    let word = entry.word(key, &words)?;
    all.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
}

fn check(entry: &Section<'_>, metric: Metric, phase: GoalPhase, windows: &[Window]) {
    let divided = phase != GoalPhase::Whole || entry.has("home");
    if divided && !metric.divisible() {
        entry
            .note("metric", format!("`{}` is a figure of the whole run and of all customers", metric.word()));
    }
    if !windows.iter().any(|window| phase.covers(window.phase)) {
        entry.note("phase", format!("this run has no phase `{}`", phase.word()));
    }
}
