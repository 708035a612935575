//! The figure for each goal of a scenario.

use crate::{
    checks::{Case, InvariantResult, OrderCounts},
    cost::CostReport,
    driver::{DriverReport, Figures},
    evidence::GoalResult,
    faults::FaultRecord,
    scenario::{Goal, GoalPhase, Metric, Scenario},
};
use contracts::{ids::ShardId, journal::Ballot};
use std::collections::BTreeSet;

/// Seconds of the window by which the worst minute is judged.
const MINUTE_S: usize = 60;

/// Everything that was measured.
pub struct Measured<'a> {
    /// By the open-loop driver.
    pub driver: &'a DriverReport,
    /// By the checks.
    pub invariants: &'a [InvariantResult],
    /// By the checks, too.
    pub orders: &'a OrderCounts,
    /// What broke, judged.
    pub faults: &'a [FaultRecord],
    /// What the checks looked at.
    pub case: &'a Case,
    /// What it costs; `None` where that was not measured.
    pub cost: Option<&'a CostReport>,
}

/// Judges every goal.
pub fn goals(scenario: &Scenario, measured: &Measured<'_>) -> Vec<GoalResult> {
    scenario.goals.iter().map(|goal| GoalResult::judge(goal, measured.figure(goal))).collect()
}

impl Measured<'_> {
    /// The figure of one goal; `None` where nothing was measured.
    pub(super) fn figure(&self, goal: &Goal) -> Option<f64> {
        let figures = || self.figures(goal);
        match goal.metric {
            Metric::Lost => Some(self.orders.lost as f64),
            Metric::Duplicated => Some(self.orders.duplicated as f64),
            Metric::DoubleCaptures => self.breaches("P1"),
            Metric::Oversold => self.breaches("S1"),
            Metric::Violations => Some(self.broken_promises()),
            Metric::Unsettled => self.breaches("G1"),
            Metric::Attention => self.breaches("G3"),
            Metric::Availability => figures().availability_pct,
            Metric::WorstMinute => self.driver.worst_window(MINUTE_S).map(|worst| worst.availability_pct),
            Metric::LatencyP50 => figures().p50_ms,
            Metric::LatencyP99 => figures().p99_ms,
            Metric::LatencyP999 => figures().p999_ms,
            Metric::LatencyMax => figures().max_ms,
            Metric::Rto => self.recovery_s(),
            Metric::RpoOrders => self.first_loss().map(|_| self.orders.lost_at_disaster as f64),
            Metric::Acknowledged => Some(figures().acknowledged as f64),
            Metric::Backordered => Some(self.orders.backordered as f64),
            Metric::BackordersServed => Some(self.orders.served_later as f64),
            Metric::Requests => Some(figures().requests as f64),
            Metric::Takeovers => takeovers(self.case),
            Metric::CostShare => self.cost.map(|cost| cost.share_of_on_premises_pct),
            Metric::FaultsFelt => Some(self.faults.iter().filter(|fault| fault.shown.felt).count() as f64),
        }
    }

    fn figures(&self, goal: &Goal) -> Figures {
        let phase: GoalPhase = goal.phase;
        self.driver.figures(|other| phase.covers(other), goal.home.as_ref())
    }

    /// How often an invariant was broken; `None` where it was not judged.
    fn breaches(&self, id: &str) -> Option<f64> {
        let invariant = self.invariants.iter().find(|invariant| invariant.id == id)?;
        let judged =
            invariant.not_judged.is_none() || invariant.checked > 0 || !invariant.violations.is_empty();
        // Nothing of the kind happened: then nothing of it went wrong.
        judged.then_some(invariant.violations.len() as f64).or(Some(0.0).filter(|_| invariant.unjudged == 0))
    }

    /// Invariants that were broken, those about how fast and how often aside: they have goals of their own.
    fn broken_promises(&self) -> f64 {
        let broken = self.invariants.iter().filter(|invariant| !invariant.violations.is_empty());
        broken.filter(|invariant| !is_service_level(invariant.id)).count() as f64
    }

    fn first_loss(&self) -> Option<&FaultRecord> {
        self.faults.iter().find(|fault| fault.loses_data())
    }

    /// From the first loss to the first order that a survivor acknowledged for a customer of the lost continent.
    pub fn recovery_s(&self) -> Option<f64> {
        let loss = self.first_loss()?;
        let places = &self.case.places.regions;
        let homes: BTreeSet<_> = loss.lost_regions.iter().filter_map(|region| places.get(region)).collect();
        let times = homes.iter().map(|home| self.driver.recovery(loss.at_us, home, &loss.lost_regions));
        let times: Option<Vec<_>> = times.collect();
        times?.into_iter().max().map(|time| time.as_secs_f64())
    }
}

/// Whether an invariant says how well customers were served, not whether a promise was kept.
pub fn is_service_level(invariant: &str) -> bool {
    invariant.starts_with('L') || invariant == "R2"
}

/// Shards that a copy of the journal has promised to a second owner.
fn takeovers(case: &Case) -> Option<f64> {
    let leases = case.before_heal.iter().filter_map(|dump| dump.tables.get("platform.leases"));
    let rows: Vec<_> = leases.flatten().collect();
    if rows.is_empty() {
        return None;
    }
    let taken = rows.iter().filter_map(|row| {
        let ballot: Ballot = row["promised"].as_str()?.parse().ok()?;
        let scope = row["scope"].as_str()?;
        (ballot.epoch > 1).then(|| ShardId(scope.to_owned()))
    });
    Some(taken.collect::<BTreeSet<_>>().len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::RegionDump;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn a_shard_that_changed_hands_is_counted_once() {
        let row = |scope: &str, epoch: u64| json!({ "scope": scope, "promised": format!("{epoch:012}#eu-west-1#x") });
        let dump = |rows: Vec<serde_json::Value>| RegionDump {
            tables: BTreeMap::from([("platform.leases".to_owned(), rows)]),
            ..RegionDump::default()
        };
        let dumps = vec![dump(vec![row("am-0", 2), row("eu-0", 1)]), dump(vec![row("am-0", 2)])];
        let case = Case { before_heal: dumps, ..Case::default() };
        assert_eq!(takeovers(&case), Some(1.0));
        assert_eq!(takeovers(&Case::default()), None);
    }

    #[test]
    fn speed_is_no_promise_of_an_order() {
        assert!(is_service_level("L1") && is_service_level("R2"));
        assert!(!is_service_level("R1") && !is_service_level("D1"));
    }
}
