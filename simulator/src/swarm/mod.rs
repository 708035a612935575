//! A search that tries to break the platform: many seeds in virtual time, each with a world, a load and a
//! timeline of faults drawn from it. Whatever breaks a promise is shrunk and written down as a scenario.
//!
//! The draws stay inside what is promised ([`promise::inside`]): at most one continent is away at a time, and what
//! can heal heals. Safety is judged under the faults, liveness after them. How fast and how often customers are
//! served is not judged: under such faults it is not promised.

pub mod crew;
pub mod draw;
mod progress;
pub mod promise;
pub mod shrink;
pub mod tally;
mod timeline;
pub mod trial;

pub use draw::draw;
pub use promise::inside;
pub use shrink::{Shrunk, shrink};
pub use tally::Tally;
pub use trial::{Broken, Finding, Runner, Trial, broken};

use crate::{
    engine::{PoolKeys, RunFolder},
    scenario::Scenario,
};
use anyhow::Context as _;
use platform::planted::Planted;
use progress::Progress;
use std::{
    collections::BTreeMap,
    fmt,
    num::NonZeroUsize,
    ops::RangeInclusive,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};
use tokio::time::Instant;

/// Runs that may be spent on making one finding smaller.
const SHRINK_RUNS_MAX: u32 = 40;

/// What to search.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The seeds.
    pub seeds: RangeInclusive<u64>,
    /// After this time no further seed begins.
    pub within: Option<Duration>,
    /// Where findings go.
    pub folder: RunFolder,
    /// Runs at once.
    pub jobs: NonZeroUsize,
    /// A defect to plant: then the search ends with the first seed that finds it.
    pub planted: Option<Planted>,
}

/// A finding, shrunk and written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The seed that it was found with.
    pub seed: u64,
    /// The scenario file.
    pub file: PathBuf,
    /// What it was shrunk to.
    pub shrunk: Shrunk,
}

/// What a search showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// All runs, added up.
    pub tally: Tally,
    /// One scenario for every way in which seeds failed.
    pub found: Vec<Found>,
}

/// Runs every seed, then shrinks the first of each kind of finding.
///
/// # Errors
/// When the folder cannot be written to, or a key not be made.
pub fn run(settings: &Settings) -> anyhow::Result<Report> {
    let keys = PoolKeys::generate(&draw::three_continents())?;
    let runner = Runner { out: settings.folder.path().to_owned(), keys, planted: settings.planted };
    let tally = try_all(settings, &runner);
    let found = shrink_all(settings, &runner, &tally)?;
    Ok(Report { tally, found })
}

/// Writes the scenarios that seeds are drawn as, without running them.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write_draws(seeds: RangeInclusive<u64>, folder: &RunFolder) -> anyhow::Result<Vec<PathBuf>> {
    let draws = seeds.map(|seed| {
        let scenario = draw(seed);
        let name = format!("{}.toml", scenario.name);
        let text = scenario.to_toml().context("the scenario cannot be written as TOML")?;
        folder.write(&name, text.as_bytes())?;
        Ok(folder.file(&name))
    });
    draws.collect()
}

fn try_all(settings: &Settings, runner: &Runner) -> Tally {
    let begun = Instant::now();
    let found = AtomicBool::new(false);
    let goes_on = |_: &u64| {
        let in_time = settings.within.is_none_or(|within| begun.elapsed() < within);
        in_time && !(settings.planted.is_some() && found.load(Relaxed))
    };
    let (first, last) = (*settings.seeds.start(), *settings.seeds.end());
    let mut progress = Progress::of(last - first + 1);
    let trial = |seed: u64| {
        let trial = runner.run(&draw(seed), &format!("seed-{seed}"));
        found.fetch_or(trial.finding.is_some(), Relaxed);
        (seed, trial)
    };
    let trials =
        crew::each(settings.jobs, settings.seeds.clone().take_while(goes_on), trial, |(seed, trial)| {
            if let Some(finding) = &trial.finding {
                progress.say(&format!("seed {seed}: {finding}"));
            }
            progress.step(trial.finding.is_some());
        });
    progress.end();
    let mut tally = Tally::new();
    trials.iter().for_each(|(seed, trial)| tally.add(*seed, trial));
    tally.wall = begun.elapsed();
    tally
}

/// Shrinks the first seed for every promise that was broken first by one.
fn shrink_all(settings: &Settings, runner: &Runner, tally: &Tally) -> anyhow::Result<Vec<Found>> {
    let mut firsts: BTreeMap<String, (u64, &Finding)> = BTreeMap::new();
    for (seed, finding) in &tally.failing {
        firsts.entry(finding.name()).or_insert((*seed, finding));
    }
    let shrink_one = |(seed, finding): (u64, &Finding)| {
        progress::say(&format!("seed {seed} is being shrunk"));
        write(settings, seed, shrink_seed(runner, seed, finding))
    };
    crew::each(settings.jobs, firsts.into_values(), shrink_one, |_| {}).into_iter().collect()
}

fn shrink_seed(runner: &Runner, seed: u64, finding: &Finding) -> Shrunk {
    let folder = format!("shrinking-{seed}");
    let mut shrunk = shrink(draw(seed), finding.clone(), SHRINK_RUNS_MAX, |scenario| {
        runner.run(scenario, &folder).finding
    });
    let _ = std::fs::remove_dir_all(runner.out.join(&folder)); // at worst the last try stays
    let scenario = &mut shrunk.scenario;
    scenario.name = format!("swarm-{seed}-{}", finding.name().to_lowercase());
    scenario.title = format!("Found with seed {seed}: {}", shrunk.finding.names().join(", "));
    scenario.description = shrunk.finding.to_string();
    shrunk
}

fn write(settings: &Settings, seed: u64, shrunk: Shrunk) -> anyhow::Result<Found> {
    let name = format!("{}.toml", shrunk.scenario.name);
    let text = shrunk.scenario.to_toml().context("the scenario cannot be written as TOML")?;
    settings.folder.write(&name, text.as_bytes())?;
    Ok(Found { seed, file: settings.folder.file(&name), shrunk })
}

impl Found {
    /// The command that shows it again.
    pub fn replay(&self) -> String {
        format!("cargo run -p simulator -- {} --engine virtual", self.file.display())
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario { faults, load, .. } = &self.shrunk.scenario;
        let run_s = self.shrunk.scenario.run_s();
        writeln!(f, "Seed {}, shrunk in {} runs to {} faults:", self.seed, self.shrunk.runs, faults.len())?;
        for at in faults {
            match at.fault.for_s() {
                Some(for_s) => writeln!(f, "   {:>5.1} s  {}, for {for_s:.1} s", at.at_s, at.fault.label())?,
                None => writeln!(f, "   {:>5.1} s  {}, for good", at.at_s, at.fault.label())?,
            }
        }
        writeln!(f, "   {run_s:.1} s of load, {} requests a second", load.open_loop_rps)?;
        writeln!(f, "{}", self.shrunk.finding)?;
        write!(f, "Again: {}", self.replay())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for found in &self.found {
            writeln!(f, "{found}\n")?;
        }
        for (seed, finding) in &self.tally.failing {
            writeln!(f, "Seed {seed} fails: {}", finding.names().join(", "))?;
        }
        write!(f, "{}", self.tally)
    }
}
