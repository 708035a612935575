//! The faults of a scenario as experiments of AWS Fault Injection Service, one for each region that feels one.
//!
//! FIS breaks less than the simulator does and loses nothing. [`Export::notes`] says of each fault what becomes of it, and
//! of each experiment how it differs. Nothing here has been run on AWS.

mod experiment;
mod mapping;
mod notes;
mod pace;
mod template;
#[cfg(test)]
mod tests;
mod timeline;

pub use experiment::{ACTION_MINUTE_CENTS, Experiment};
pub use pace::paced;
pub use template::{
    Action, Dashboard, DataSources, Options, Outputs, Report, S3, StopCondition, Target, Template, VARIABLES,
};

use crate::scenario::{FaultAt, Scenario};
use contracts::ids::Region;
use experiment::Span;
use mapping::{Deed, Mapping};
use timeline::{EXPERIMENT_MAX_MIN, Lasting, Timeline};

/// Actions in one template, and side by side, at most (FIS quotas).
const ACTIONS_MAX: usize = 20;
const AT_ONCE_MAX: usize = 10;

/// A scenario that cannot be exported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unexportable {
    /// Nothing goes wrong in it.
    #[error("{0} has no fault, so there is nothing to export")]
    NoFault(String),
    /// FIS has nothing for any of its faults.
    #[error("FIS can do no fault of {scenario}: {}", faults.join("; "))]
    Nothing {
        /// The scenario.
        scenario: String,
        /// Each fault, and why.
        faults: Vec<String>,
    },
    /// It takes longer than FIS goes on.
    #[error(
        "the faults of {scenario} take {minutes} min, and an experiment of FIS {EXPERIMENT_MAX_MIN} at most"
    )]
    TooLong {
        /// The scenario.
        scenario: String,
        /// How long.
        minutes: u32,
    },
    /// More happens in a region than one template takes.
    #[error(
        "the experiment in {region} has {actions} actions, and a template of FIS takes {ACTIONS_MAX} at most"
    )]
    TooMany {
        /// The region.
        region: Region,
        /// How many, waits included.
        actions: usize,
    },
    /// More happens at once in a region than FIS does.
    #[error(
        "{actions} actions of the experiment in {region} run side by side, and FIS runs {AT_ONCE_MAX} at most"
    )]
    TooManyAtOnce {
        /// The region.
        region: Region,
        /// How many.
        actions: usize,
    },
}

/// A scenario for FIS.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// The scenario's name.
    pub scenario: String,
    /// In the order of the topology's regions.
    pub experiments: Vec<Experiment>,
    /// What FIS cannot do.
    pub left: Vec<Left>,
    /// What it does, and when.
    done: Vec<Done>,
}

/// A fault that FIS cannot do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The fault in a few words.
    pub fault: String,
    /// Why.
    pub why: &'static str,
    /// What FIS has that comes nearest.
    pub nearest: &'static str,
}

/// A fault that FIS does something like.
#[derive(Clone, Debug, PartialEq)]
struct Done {
    fault: FaultAt,
    from_min: u32,
    to_min: u32,
    regions: Vec<Region>,
    deeds: Vec<Deed>,
    unlike: Vec<&'static str>,
}

/// What FIS can do of a scenario.
///
/// # Errors
/// When that is nothing, or more than FIS takes.
pub fn export(scenario: &Scenario) -> Result<Export, Unexportable> {
    if scenario.faults.is_empty() {
        return Err(Unexportable::NoFault(scenario.name.clone()));
    }
    let (done, left) = sort(scenario);
    if done.is_empty() {
        let faults = left.iter().map(|left| format!("{} ({})", left.fault, left.why)).collect();
        return Err(Unexportable::Nothing { scenario: scenario.name.clone(), faults });
    }
    let end = done.iter().map(|done| done.to_min).max().unwrap_or_default();
    if end > EXPERIMENT_MAX_MIN {
        return Err(Unexportable::TooLong { scenario: scenario.name.clone(), minutes: end });
    }
    let experiments =
        scenario.topology.regions.iter().filter_map(|region| in_region(scenario, &region.name, &done));
    let experiments = experiments.collect::<Vec<_>>();
    experiments.iter().try_for_each(fits)?;
    Ok(Export { scenario: scenario.name.clone(), experiments, left, done })
}

impl Export {
    /// The files that hold it, by name: an experiment each, and the notes.
    ///
    /// # Errors
    /// Never in practice: everything in a template has a form in JSON.
    pub fn files(&self) -> serde_json::Result<Vec<(String, String)>> {
        let file = |experiment: &Experiment| {
            let text = serde_json::to_string_pretty(&experiment.template)?;
            Ok((experiment.file_name(), text + "\n"))
        };
        let mut files = self.experiments.iter().map(file).collect::<serde_json::Result<Vec<_>>>()?;
        files.push(("notes.md".to_owned(), self.notes()));
        Ok(files)
    }
}

/// Which faults FIS does something like, with their minutes, and which it cannot do.
fn sort(scenario: &Scenario) -> (Vec<Done>, Vec<Left>) {
    let mapped = scenario.faults.iter().map(|fault| (fault, mapping::of(&fault.fault, &scenario.topology)));
    let mapped: Vec<_> = mapped.collect();
    let all = mapped.iter().filter_map(|(fault, mapping)| match mapping {
        Mapping::Done { deeds, .. } => Some(lasting(fault, deeds)),
        Mapping::Left { .. } => None,
    });
    let timeline = Timeline::of(&all.collect::<Vec<_>>());
    let (mut done, mut left) = (Vec::new(), Vec::new());
    for (fault, mapping) in mapped {
        match mapping {
            Mapping::Done { regions, deeds, unlike } => {
                let Lasting { from_s, to_s, .. } = lasting(fault, &deeds);
                let (from_min, to_min) = (timeline.minute(from_s), timeline.minute(to_s));
                done.push(Done { fault: fault.clone(), from_min, to_min, regions, deeds, unlike });
            }
            Mapping::Left { why, nearest } => left.push(Left { fault: fault.fault.label(), why, nearest }),
        }
    }
    (done, left)
}

fn lasting(fault: &FaultAt, deeds: &[Deed]) -> Lasting {
    let to_s = fault.heals_at_s().unwrap_or(f64::INFINITY);
    Lasting { from_s: fault.at_s, to_s, pauses: deeds.contains(&Deed::ReplicationPaused) }
}

/// The experiment of a region, where it feels anything.
fn in_region(scenario: &Scenario, region: &Region, done: &[Done]) -> Option<Experiment> {
    let felt = done.iter().filter(|done| done.regions.contains(region));
    let spans = felt.flat_map(|done| {
        done.deeds.iter().map(|deed| Span {
            deed: *deed,
            from_min: done.from_min,
            to_min: done.to_min,
            faults: vec![done.fault.fault.label()],
        })
    });
    let spans: Vec<Span> = spans.collect();
    (!spans.is_empty()).then(|| Experiment::new(&scenario.name, region, spans))
}

/// Whether FIS takes so much.
fn fits(experiment: &Experiment) -> Result<(), Unexportable> {
    let (region, actions) = (experiment.region.clone(), experiment.template.actions.len());
    if actions > ACTIONS_MAX {
        return Err(Unexportable::TooMany { region, actions });
    }
    match experiment.at_once() {
        actions if actions > AT_ONCE_MAX => Err(Unexportable::TooManyAtOnce { region, actions }),
        _ => Ok(()),
    }
}
