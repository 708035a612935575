//! From what customers did, were told and were shown to the evidence. What nobody sees from outside is not judged.

use super::{Drill, felt::Course};
use crate::{
    checks::{Afterwards, Case, Places, ProbeResult, Shown, check_outside, count_outside},
    driver::DriverReport,
    engine::{
        collect,
        judge::{Measured, is_service_level},
        report::{self, Findings, Judged},
    },
    evidence::{Evidence, FaultReport, GoalResult, MachineReport},
    faults::FaultRecord,
    history::HistoryRecord,
    machine::{self, LATE_MS},
    robots::Counts,
    scenario::{Goal, Metric, Scenario},
};
use contracts::ids::Region;
use loadtests::clock::RunClock;
use std::collections::BTreeMap;

/// Everything that a run against a deployment left behind.
pub(super) struct Run<'a> {
    pub(super) drill: &'a Drill,
    /// By where customers live, the region that is asked first.
    pub(super) nearest: &'a BTreeMap<String, Region>,
    pub(super) clock: RunClock,
    /// What customers did and were told.
    pub(super) records: &'a [HistoryRecord],
    /// What the driver saw.
    pub(super) driver: &'a DriverReport,
    /// What customers were shown afterwards.
    pub(super) afterwards: &'a Afterwards,
    /// What came of trying what nobody may; `None` where no region answered.
    pub(super) probes: Option<Vec<ProbeResult>>,
    /// What pickers and couriers did; `None` where there were none.
    pub(super) robots: Option<Counts>,
    /// This machine.
    pub(super) machine: machine::MachineReport,
}

impl Run<'_> {
    /// What customers can tell, as the checks look at it.
    fn case(&self, faults: &[FaultRecord]) -> Case {
        let scenario = &self.drill.scenario;
        let origin_ms = self.clock.origin_wall_ms();
        let records = self.records;
        Case {
            places: Places::from(&scenario.topology),
            rules: collect::rules(scenario),
            attempts: records.iter().filter_map(|record| collect::attempt(record, origin_ms)).collect(),
            commands: records.iter().filter_map(|record| collect::command(record, origin_ms)).collect(),
            answers: Some(records.iter().filter_map(collect::answer).collect()),
            faults: faults.iter().map(|record| collect::felt(self.clock, record)).collect(),
            probes: self.probes.clone(),
            ..Case::default()
        }
    }

    /// Which faults customers felt.
    fn faults(&self) -> Vec<FaultRecord> {
        let course = Course {
            scenario: &self.drill.scenario,
            target: &self.drill.target,
            nearest: self.nearest,
            records: self.records,
            begun_us: self.driver.begun_at_us,
        };
        course.faults()
    }

    /// Judges everything that can be judged, and writes the whole down.
    pub(super) fn judge(&self) -> Judged {
        let faults = self.faults();
        let case = self.case(&faults);
        let results = check_outside(&case, self.afterwards);
        let orders = count_outside(&case, self.afterwards);
        let measured = Measured {
            driver: self.driver,
            invariants: &results,
            orders: &orders,
            faults: &faults,
            case: &case,
            cost: None,
        };
        let mut found = Findings {
            goals: goals(&self.drill.scenario, &measured, self.afterwards.robots_worked),
            rto_s: measured.recovery_s(),
            inconclusive: Vec::new(),
            results: &results,
            orders,
            records: &faults,
            faults: faults.iter().map(|record| self.fault(record)).collect(),
        };
        found.inconclusive = self.inconclusive(&found);
        found.judged(self.figures())
    }

    /// What does not depend on the checks.
    fn figures(&self) -> Evidence {
        let drill = self.drill;
        Evidence {
            engine: "target".to_owned(),
            cloud: format!("{} ({})", drill.target.name, drill.target.env),
            from_outside: true,
            machine: Some(self.machine()),
            boundaries: BOUNDARIES.iter().map(|boundary| (*boundary).to_owned()).collect(),
            replay: drill.replay.clone(),
            not_exact: NOT_EXACT.to_owned(),
            ..report::driven(&drill.scenario, self.driver, self.clock)
        }
    }

    fn fault(&self, record: &FaultRecord) -> FaultReport {
        let load_s = |us: u64| (us as f64 - self.driver.begun_at_us as f64) / 1e6;
        let label = record.fault.label();
        FaultReport {
            kind: record.fault.kind(),
            plain: match record.shown.felt {
                true => format!("Somebody else made this fault ({label}), and customers felt it."),
                false => format!("Somebody else was to make this fault ({label}). No customer felt it."),
            },
            label,
            at_s: load_s(record.at_us),
            until_s: record.ended_us.map(load_s),
            felt: record.shown.felt,
            shown_by: record.shown.by.clone(),
        }
    }

    fn machine(&self) -> MachineReport {
        let (machine, lateness) = (&self.machine, self.driver.lateness);
        let robots = match self.robots {
            None => "Nobody packed or delivered: the target names no staff.".to_owned(),
            Some(did) => {
                format!(
                    "{} packages were packed and {} parcels delivered by robots.",
                    did.packed, did.delivered
                )
            }
        };
        MachineReport {
            cores: u64::from(machine.processors),
            steal_pct: machine.mean.steal * 100.0,
            foreign_pct: machine.mean.foreign * 100.0,
            own_pct: machine.mean.own * 100.0,
            driver_late_p99_ms: lateness.p99_ms,
            driver_late_max_ms: lateness.max_ms,
            note: format!("This machine held customers and their edges alone. {robots}"),
        }
    }

    /// Why the run proves nothing, beyond goals and faults. A driver that was late makes answers look later than they
    /// were, so it takes nothing away from a goal that was met.
    fn inconclusive(&self, found: &Findings<'_>) -> Vec<String> {
        let mut reasons = Vec::new();
        let poor = found.results.iter().any(|one| is_service_level(one.id) && !one.violations.is_empty());
        let missed = found.goals.iter().any(|goal| goal.missed() && SPEED.contains(&goal.metric));
        let late_ms = self.driver.lateness.p99_ms;
        if late_ms > LATE_MS && (poor || missed) {
            reasons.push(format!(
                "this machine sent requests {late_ms:.0} ms late (99th percentile): how slow answers were says nothing"
            ));
        }
        let silent = self.afterwards.orders.values().filter(|shown| matches!(shown, Shown::NoAnswer(_)));
        match silent.count() {
            0 => {}
            count => {
                reasons.push(format!("{count} confirmed orders could not be looked up: nobody answered"))
            }
        }
        reasons
    }
}

/// What a late driver spoils.
const SPEED: [Metric; 6] = [
    Metric::Availability,
    Metric::WorstMinute,
    Metric::LatencyP50,
    Metric::LatencyP99,
    Metric::LatencyP999,
    Metric::LatencyMax,
];

fn goals(scenario: &Scenario, measured: &Measured<'_>, robots_worked: bool) -> Vec<GoalResult> {
    let judge = |goal: &Goal| match unseen(goal.metric, robots_worked) {
        Some(why) => GoalResult::not_judged(goal, why),
        None => GoalResult::judge(goal, measured.figure(goal)),
    };
    scenario.goals.iter().map(judge).collect()
}

/// Why nobody sees a figure from outside.
fn unseen(metric: Metric, robots_worked: bool) -> Option<&'static str> {
    match metric {
        Metric::DoubleCaptures | Metric::Oversold | Metric::Attention | Metric::Takeovers => {
            Some("it needs the tables, which nobody sees from outside")
        }
        Metric::CostShare => Some("it needs the meters of the cloud"),
        Metric::Backordered | Metric::BackordersServed => Some("nobody makes a deployment's goods run out"),
        Metric::Unsettled if !robots_worked => Some("nobody packs and delivers: the target names no staff"),
        _ => None,
    }
}

const NOT_EXACT: &str = "The same seed gives the same baskets and planned times for the same accounts. What the deployment \
                         holds from before, who else uses it, and when the fault is made differ from run to run.";

const BOUNDARIES: [&str; 6] = [
    "It was judged from outside: what the tables, the events, the provider and the carrier hold was not looked at. What \
     needs them is not judged.",
    "All customers send from the machine that ran this, whatever continent they are at home on: answer times have its \
     distance from each region, not theirs.",
    "The customers' edge ran on that machine too: it asks the regions by their own addresses, in the order of the customers' \
     distance from them, and not by a world-wide name.",
    "Nobody here made the fault. When it began and whether there was one is told from what customers were answered.",
    "There were no Goose journeys, no goods that run out, no goods sent back and no customers without a proof of age but \
     those whom the deployment knows none of.",
    "Times are those of the machine that ran this.",
];
