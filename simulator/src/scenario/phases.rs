//! The phases of a run, by which latency and availability are judged.

use super::{FaultAt, Scenario, reader::Section};
use serde::{Deserialize, Serialize};

/// How long the load lasts, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phases {
    /// Load without a fault; the first fault comes no earlier.
    pub steady_s: f64,
    /// How long after the first fault the phase `fault` lasts.
    pub fault_s: f64,
    /// How long after that the phase `failing-over` lasts.
    pub failing_over_s: f64,
    /// How long the load goes on after `steady_s`, the two before included.
    pub after_s: f64,
}

/// A part of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before the first fault.
    Steady,
    /// The first moments of the first fault, when nobody knows of it yet.
    Fault,
    /// While others take over.
    FailingOver,
    /// The fault stands and the rest of the world has settled with it.
    Survived,
    /// All faults are over. Does not come when one of them never heals.
    Healed,
}

/// A phase with its bounds, seconds after the load began.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// The phase.
    pub phase: Phase,
    /// Its first moment.
    pub from_s: f64,
    /// The first moment of the next.
    pub to_s: f64,
}

impl Scenario {
    /// How long the load lasts, seconds.
    pub fn run_s(&self) -> f64 {
        self.phases.steady_s + self.phases.after_s
    }

    /// The phases that this run has, in order, without gaps.
    pub fn windows(&self) -> Vec<Window> {
        windows(&self.phases, &self.faults)
    }

    /// The phase at a moment, seconds after the load began; what comes after the load counts to the last phase.
    pub fn phase_at(&self, at_s: f64) -> Phase {
        let windows = self.windows();
        let current = windows.iter().find(|window| at_s < window.to_s).or(windows.last());
        current.map_or(Phase::Steady, |window| window.phase)
    }
}

pub(super) fn windows(phases: &Phases, faults: &[FaultAt]) -> Vec<Window> {
    let end = phases.steady_s + phases.after_s;
    let first = faults.iter().map(|fault| fault.at_s).fold(end, f64::min);
    let healed = heals_at_s(faults).map_or(end, |at| at.clamp(first, end));
    let fault_ends = (first + phases.fault_s).min(healed);
    let taken_over = (fault_ends + phases.failing_over_s).min(healed);
    let bounds = [
        (Phase::Steady, 0.0, first),
        (Phase::Fault, first, fault_ends),
        (Phase::FailingOver, fault_ends, taken_over),
        (Phase::Survived, taken_over, healed),
        (Phase::Healed, healed, end),
    ];
    let lasting = bounds.into_iter().filter(|(_, from_s, to_s)| to_s > from_s);
    lasting.map(|(phase, from_s, to_s)| Window { phase, from_s, to_s }).collect()
}

/// When the last fault is over; `None` when one never heals, or there is none.
fn heals_at_s(faults: &[FaultAt]) -> Option<f64> {
    let ends: Option<Vec<f64>> = faults.iter().map(FaultAt::heals_at_s).collect();
    ends?.into_iter().reduce(f64::max)
}

pub(super) fn read(section: &Section<'_>) -> Phases {
    let Some(section) = section.section("phases") else {
        return Phases { steady_s: 15.0, fault_s: 1.0, failing_over_s: 5.0, after_s: 45.0 };
    };
    let phases = Phases {
        steady_s: section.number_or("steady_s", 15.0, 1.0..=86_400.0),
        fault_s: section.number_or("fault_s", 1.0, 0.1..=3_600.0),
        failing_over_s: section.number_or("failing_over_s", 5.0, 0.1..=3_600.0),
        after_s: section.number_or("after_s", 45.0, 1.0..=86_400.0),
    };
    section.finish();
    phases
}
