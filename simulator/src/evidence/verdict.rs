//! What a run says, and what the program answers to its caller.

use super::model::{FaultReport, GoalResult, InvariantReport};
use super::words;
use crate::checks::Standing;
use crate::scenario::Meaning;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a run says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every goal was met and every promise kept.
    GoalsMet,
    /// Every promise was kept; the service was worse than it should be.
    GoalMissed,
    /// A promise was broken.
    InvariantBroken,
    /// The fault was not felt, or the run was too weak to prove anything.
    Inconclusive,
    /// The scenario or the arguments are wrong; nothing was run.
    BadScenario,
    /// The harness itself failed.
    #[default]
    HarnessFailed,
}

impl Verdict {
    /// The program's exit code.
    pub fn exit_code(self) -> i32 {
        match self {
            Verdict::GoalsMet => 0,
            Verdict::HarnessFailed => 1,
            Verdict::BadScenario => 2,
            Verdict::GoalMissed => 10,
            Verdict::InvariantBroken => 11,
            Verdict::Inconclusive => 12,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::GoalsMet => "all goals met",
            Verdict::GoalMissed => "a goal was missed",
            Verdict::InvariantBroken => "a promise was broken",
            Verdict::Inconclusive => "the run proves nothing",
            Verdict::BadScenario => "the scenario is wrong",
            Verdict::HarnessFailed => "the harness failed",
        })
    }
}

/// Why a run could not be done, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HarnessFailure {
    /// The scenario or the arguments are wrong.
    BadScenario(String),
    /// The harness broke.
    Broken(String),
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grounds<'a> {
    /// A failure of the harness.
    pub failure: Option<&'a HarnessFailure>,
    /// The goals.
    pub goals: &'a [GoalResult],
    /// The invariants.
    pub invariants: &'a [InvariantReport],
    /// The faults of the timeline.
    pub faults: &'a [FaultReport],
    /// Why the run proves nothing, such as a machine that was busy with other things.
    pub inconclusive: &'a [String],
}

/// The verdict, its exit code, and every reason for it. A failure of the harness outranks a broken promise,
/// that a run which proves nothing, and that a missed goal.
pub fn verdict(grounds: &Grounds<'_>) -> (Verdict, i32, Vec<String>) {
    let (verdict, reasons) = match grounds.failure {
        Some(HarnessFailure::BadScenario(why)) => (Verdict::BadScenario, vec![why.clone()]),
        Some(HarnessFailure::Broken(why)) => (Verdict::HarnessFailed, vec![why.clone()]),
        None => ranked(grounds),
    };
    (verdict, verdict.exit_code(), reasons)
}

fn ranked(grounds: &Grounds<'_>) -> (Verdict, Vec<String>) {
    let ranks = [
        (Verdict::InvariantBroken, broken(grounds)),
        (Verdict::Inconclusive, weak(grounds)),
        (Verdict::GoalMissed, poor(grounds)),
    ];
    let first = ranks.iter().find(|(_, reasons)| !reasons.is_empty());
    let verdict = first.map_or(Verdict::GoalsMet, |(verdict, _)| *verdict);
    (verdict, ranks.into_iter().flat_map(|(_, reasons)| reasons).collect())
}

fn broken(grounds: &Grounds<'_>) -> Vec<String> {
    let mut reasons = breaches(grounds, false);
    reasons.extend(missed(grounds, Meaning::Invariant));
    reasons
}

/// How fast and how often customers were served is the service, not a promise about their orders.
fn poor(grounds: &Grounds<'_>) -> Vec<String> {
    let mut reasons = missed(grounds, Meaning::Service);
    reasons.extend(breaches(grounds, true));
    reasons
}

fn breaches(grounds: &Grounds<'_>, of_service: bool) -> Vec<String> {
    let broken = grounds.invariants.iter().filter(|invariant| invariant.standing == Standing::Broken);
    let broken = broken.filter(|invariant| invariant.is_service_level() == of_service);
    let said = broken.map(|invariant| {
        let times = if invariant.violations == 1 {
            "once".to_owned()
        } else {
            format!("{} times", words::count(invariant.violations))
        };
        format!("{} is broken {times}: {}", invariant.id, invariant.title)
    });
    said.collect()
}

fn weak(grounds: &Grounds<'_>) -> Vec<String> {
    let unfelt = grounds.faults.iter().filter(|fault| !fault.felt);
    let mut reasons: Vec<String> =
        unfelt.map(|fault| format!("nothing shows that the fault was felt: {}", fault.label)).collect();
    reasons.extend(missed(grounds, Meaning::Strength));
    reasons.extend(grounds.inconclusive.iter().cloned());
    reasons
}

fn missed(grounds: &Grounds<'_>, meaning: Meaning) -> Vec<String> {
    let missed = grounds.goals.iter().filter(|goal| goal.missed() && goal.meaning == meaning);
    missed
        .map(|goal| {
            let (measured, wanted) = (words::measured(goal), words::target(goal));
            format!("{} ({}): {measured}, wanted {wanted}", goal.id, words::scope(goal))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::sample::{fault, goal, invariant};

    fn grounds() -> (Vec<GoalResult>, Vec<InvariantReport>, Vec<FaultReport>) {
        (vec![goal("p99", 500.0)], vec![invariant("D1", 0)], vec![fault(true)])
    }

    fn rank(
        goals: &[GoalResult],
        invariants: &[InvariantReport],
        faults: &[FaultReport],
        inconclusive: &[String],
    ) -> (Verdict, i32) {
        let grounds = Grounds { failure: None, goals, invariants, faults, inconclusive };
        let (verdict, code, reasons) = verdict(&grounds);
        assert_eq!(reasons.is_empty(), verdict == Verdict::GoalsMet);
        (verdict, code)
    }

    #[test]
    fn everything_kept_and_met_is_zero() {
        let (goals, invariants, faults) = grounds();
        assert_eq!(rank(&goals, &invariants, &faults, &[]), (Verdict::GoalsMet, 0));
    }

    #[test]
    fn a_missed_goal_is_ten() {
        let (_, invariants, faults) = grounds();
        assert_eq!(rank(&[goal("p99", 2_000.0)], &invariants, &faults, &[]), (Verdict::GoalMissed, 10));
    }

    #[test]
    fn late_answers_are_poor_service_and_not_a_broken_promise() {
        let (goals, _, faults) = grounds();
        for id in ["L1", "R2"] {
            assert_eq!(rank(&goals, &[invariant(id, 1)], &faults, &[]), (Verdict::GoalMissed, 10));
        }
    }

    #[test]
    fn a_fault_that_was_not_felt_outranks_a_missed_goal() {
        let (_, invariants, _) = grounds();
        let late = [goal("p99", 2_000.0)];
        assert_eq!(rank(&late, &invariants, &[fault(false)], &[]), (Verdict::Inconclusive, 12));
    }

    #[test]
    fn a_weak_or_disturbed_run_is_twelve() {
        let (goals, invariants, faults) = grounds();
        let weak = GoalResult { meaning: Meaning::Strength, pass: false, ..goal("acknowledged", 3.0) };
        assert_eq!(rank(&[weak], &invariants, &faults, &[]), (Verdict::Inconclusive, 12));
        let disturbed = ["the machine was busy".to_owned()];
        assert_eq!(rank(&goals, &invariants, &faults, &disturbed), (Verdict::Inconclusive, 12));
    }

    #[test]
    fn a_broken_promise_outranks_a_run_that_proves_nothing() {
        let late = [goal("p99", 2_000.0)];
        let broken = [invariant("D1", 1)];
        assert_eq!(rank(&late, &broken, &[fault(false)], &[]), (Verdict::InvariantBroken, 11));
        let lost = GoalResult { meaning: Meaning::Invariant, pass: false, ..goal("lost", 1.0) };
        assert_eq!(rank(&[lost], &[invariant("D1", 0)], &[], &[]), (Verdict::InvariantBroken, 11));
    }

    #[test]
    fn a_failure_of_the_harness_outranks_everything() {
        let broken = [invariant("D1", 1)];
        let of = |failure: &HarnessFailure| {
            let grounds = Grounds { failure: Some(failure), invariants: &broken, ..Grounds::default() };
            verdict(&grounds).1
        };
        assert_eq!(of(&HarnessFailure::Broken("a region did not start".into())), 1);
        assert_eq!(of(&HarnessFailure::BadScenario("no such region".into())), 2);
    }
}
