//! One run of one scenario, and what it says about the promises.

use crate::{
    checks::Standing,
    engine::{PoolKeys, RunFolder, virtual_time},
    evidence::Evidence,
    scenario::Scenario,
};
use platform::{config::Durability, planted::Planted};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// A promise that a run broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The invariant, such as `D1`.
    pub id: String,
    /// What it says.
    pub title: String,
    /// Breaches.
    pub times: u64,
    /// One of them, with ids.
    pub example: String,
}

/// What a run that should have passed ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Promises were broken.
    Broken(Vec<Broken>),
    /// The run could not be done, and why.
    Failed(String),
}

impl Finding {
    /// The promises that were broken, in the contract's order.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Finding::Broken(broken) => broken.iter().map(|broken| broken.id.as_str()).collect(),
            Finding::Failed(_) => vec!["failed"],
        }
    }

    /// The first of them, by which findings are told apart.
    pub fn name(&self) -> String {
        self.names().first().copied().unwrap_or_default().to_owned()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Failed(why) => write!(f, "the run failed: {why}"),
            Finding::Broken(broken) => {
                for (i, Broken { id, title, times, example }) in broken.iter().enumerate() {
                    let start = if i == 0 { "" } else { "\n" };
                    write!(f, "{start}{id} broken {times} times: {title}\n   {example}")?;
                }
                Ok(())
            }
        }
    }
}

/// What one run showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trial {
    /// Every fault by its kind, and whether it was felt.
    pub faults: Vec<(String, bool)>,
    /// Acknowledged orders.
    pub orders: u64,
    /// Orders that waited for goods.
    pub backordered: u64,
    /// What went wrong, if anything.
    pub finding: Option<Finding>,
}

/// Does runs; what they leave of interest goes into folders inside of one.
#[derive(Clone, Debug)]
pub struct Runner {
    /// The folder.
    pub out: PathBuf,
    /// The keys of the user pools, which are the same for all runs.
    pub keys: PoolKeys,
    /// A defect that is planted into every run.
    pub planted: Option<Planted>,
}

impl Runner {
    /// Runs a scenario on a thread of its own. Evidence of a run without a finding is thrown away.
    pub fn run(&self, scenario: &Scenario, folder: &str) -> Trial {
        let path = self.out.join(folder);
        let trial = match self.on_a_thread(scenario, &path) {
            Ok(evidence) => Trial::of(&evidence),
            Err(why) => Trial { finding: Some(Finding::Failed(why)), ..Trial::default() },
        };
        if trial.finding.is_none() {
            let _ = fs::remove_dir_all(&path); // at worst it stays, and says that all was well
        }
        trial
    }

    /// A simulation that panics ends its thread only.
    fn on_a_thread(&self, scenario: &Scenario, path: &Path) -> Result<Evidence, String> {
        let run = || -> anyhow::Result<Evidence> {
            let options = virtual_time::Options {
                durability: Durability::Journal,
                keys: self.keys.clone(),
                folder: RunFolder::make(path)?,
                replay: replay(scenario),
                show: false,
                planted: self.planted,
            };
            Ok(virtual_time::run(scenario, &options)?.evidence)
        };
        let ended = std::thread::scope(|scope| scope.spawn(run).join());
        match ended {
            Ok(outcome) => outcome.map_err(|fault| format!("{fault:#}")),
            Err(panic) => Err(format!("panic: {}", said(panic.as_ref()))),
        }
    }
}

/// The command that does a drawn scenario again.
fn replay(scenario: &Scenario) -> String {
    format!("cargo run -p simulator -- {}.toml --engine virtual", scenario.name)
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it does not say why")
}

impl Trial {
    fn of(evidence: &Evidence) -> Trial {
        let broken = broken(evidence);
        Trial {
            faults: evidence.faults.iter().map(|fault| (fault.kind.clone(), fault.felt)).collect(),
            orders: evidence.orders.acknowledged,
            backordered: evidence.orders.backordered,
            finding: (!broken.is_empty()).then_some(Finding::Broken(broken)),
        }
    }
}

/// The promises that a run broke. How fast and how often customers were served is none.
pub fn broken(evidence: &Evidence) -> Vec<Broken> {
    let invariants = evidence.invariants.iter();
    let broken =
        invariants.filter(|report| report.standing == Standing::Broken && !report.is_service_level());
    broken
        .map(|report| Broken {
            id: report.id.clone(),
            title: report.title.clone(),
            times: report.violations,
            example: report.examples.first().cloned().unwrap_or_default(),
        })
        .collect()
}
