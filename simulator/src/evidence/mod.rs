//! The evidence of a run, in the forms that people and machines read.
//!
//! [`Evidence`] is the source of truth; [`write_all`] puts it into the run's folder as `evidence.json`,
//! `evidence.html` for people who decide, `junit.xml` and `summary.md` for CI, and [`terminal`] prints it.

mod collect;
mod junit;
mod model;
mod page;
#[cfg(test)]
mod sample;
mod summary;
mod terminal;
#[cfg(test)]
mod tests;
mod verdict;
pub(crate) mod words;
mod write;

pub use model::{
    BudgetPartReport, BudgetReport, Evidence, FaultReport, GoalResult, InvariantReport, JourneyStep, Latency,
    LoadReport, MachineReport, PhaseReport, ReplicationReport, Second, UsageReport,
};
pub use terminal::{Paint, terminal};
pub use verdict::{Grounds, HarnessFailure, Verdict, verdict};
pub use write::{WriteError, write_all};
