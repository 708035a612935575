//! A run against a deployment that somebody else made. Nothing is started but customers, their edges and, where the
//! target names staff, pickers and couriers; the faults are made by somebody else, who is told when.
//!
//! What customers are answered and shown is all that is known, so only that is judged.

mod afterwards;
mod announce;
mod ask;
mod felt;
mod people;
mod ready;
mod report;
#[cfg(test)]
mod tests;

use super::{
    RunFolder, collect,
    live::print,
    probes::{self, Trespassers},
};
use crate::{
    checks::{Afterwards, ProbeResult},
    driver::{self, DriverConfig, DriverReport, Probes, ScarceGoods},
    evidence,
    export::fis::paced,
    history::{self, History, HistoryRecord},
    machine::MachineWatch,
    robots::{Crew, Returns, Robots},
    scenario::{Mix, Scenario},
    target::{Accounts, Target, TargetError},
    watch::Watch,
};
use afterwards::Look;
use anyhow::{Context as _, bail};
use loadtests::{attack::Provider, clock::RunClock};
use ready::Ready;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// From the last preparation to the load's first moment: buyers ask for prices two seconds ahead.
const BEFORE_LOAD_S: f64 = 3.0;
/// The same where experiments are to be started with the load: somebody has to get ready.
const BEFORE_EXPERIMENTS_S: f64 = 32.0;
/// Tokens are good for an hour. What is done with them takes no longer than this, seconds.
const TOKENS_LAST_S: f64 = 3_300.0;

/// What is to be done.
pub struct Drill {
    /// The load, the timeline and the goals.
    pub scenario: Scenario,
    /// Where.
    pub target: Target,
    /// Who signs in.
    pub accounts: Accounts,
    /// The target's file, for errors.
    pub file: PathBuf,
    /// The command that does the same again.
    pub replay: String,
}

impl Drill {
    /// Reads a target for a scenario. `prod` allows one where real customers buy. Where the target has experiments for the
    /// scenario, it goes by their minutes.
    ///
    /// # Errors
    /// When the target's files are wrong, or it does not fit the scenario.
    pub fn new(scenario: Scenario, file: &Path, prod: bool, replay: String) -> Result<Drill, TargetError> {
        let (target, accounts) = crate::target::read(file, &scenario, prod)?;
        let scenario = match target.experiments_of(&scenario) {
            Some(_) => paced(&scenario).map_err(|why| TargetError::whole(file, why))?,
            None => scenario,
        };
        let takes_s = scenario.run_s() + scenario.settle.within_s;
        if takes_s > TOKENS_LAST_S {
            let why = format!("{} takes {takes_s:.0} s, and tokens are good for an hour", scenario.name);
            return Err(TargetError::whole(file, why));
        }
        Ok(Drill { scenario, target, accounts, file: file.to_owned(), replay })
    }
}

/// Does it. Gives the exit code that its evidence says.
///
/// # Errors
/// [`TargetError`] when the deployment cannot be used as it is: then no load was sent. Any other when the run could not
/// be done: then it proves nothing either way.
pub async fn run(drill: Drill, folder: RunFolder) -> anyhow::Result<u8> {
    let clock = RunClock::start();
    let watch = Watch::new(clock);
    watch.say(&format!("asking whether {} is ready", drill.target.name));
    let ready = Ready::make(&drill.target, &drill.accounts, &drill.scenario).await;
    let mut ready = ready.map_err(|why| TargetError::whole(&drill.file, format!("{why:#}")))?;
    watch.say(&format!("{} ({}) answers", drill.target.name, drill.target.env));
    let signed_in = ready.people.customers.len();
    watch.say(&format!("{signed_in} customers are signed in, {} edges are open", ready.edges.len()));
    let crew = ready.people.crew.take();
    let act = Act { drill: &drill, ready: &ready, watch: &watch, clock, folder: &folder };
    let outcome = act.play(crew).await;
    watch.done();
    let judged = outcome?;
    evidence::write_all(folder.path(), &judged.evidence)?;
    print(&judged.evidence, &judged.lost_orders, &folder);
    u8::try_from(judged.evidence.exit_code).context("the exit code")
}

/// One run on a deployment that is ready.
struct Act<'a> {
    drill: &'a Drill,
    ready: &'a Ready,
    watch: &'a Watch,
    clock: RunClock,
    folder: &'a RunFolder,
}

impl Act<'_> {
    async fn play(&self, crew: Option<Crew>) -> anyhow::Result<super::report::Judged> {
        let machine = MachineWatch::start(self.clock, Vec::new);
        let ground = people::ground(self.ready.network.clone(), &self.drill.target);
        let robots = crew.map(|crew| Robots::start(crew, ground));
        if robots.is_none() {
            self.watch.say("no staff: orders stay where they are");
        }
        let (driver, records) = self.load().await?;
        let machine = machine.stop().await?;
        self.watch.say("the load is over; customers look up their orders");
        let look = Look {
            ready: self.ready,
            watch: self.watch,
            scenario: &self.drill.scenario,
            records: &records,
            robots_worked: robots.is_some(),
        };
        let afterwards = look.all().await;
        let probes = self.probes(&records).await;
        let robots = match robots {
            Some(robots) => Some(robots.stop().await),
            None => None,
        };
        self.keep(&driver, &afterwards)?;
        self.watch.say("judging");
        let run = report::Run {
            drill: self.drill,
            nearest: &self.ready.nearest,
            clock: self.clock,
            records: &records,
            driver: &driver,
            afterwards: &afterwards,
            probes,
            robots,
            machine,
        };
        Ok(run.judge())
    }

    /// Sends the load, and tells whoever makes the faults when to.
    async fn load(&self) -> anyhow::Result<(DriverReport, Vec<HistoryRecord>)> {
        let path = self.folder.file("history.jsonl");
        let (history, writing) = History::start(&path)?;
        let before_s = match self.drill.target.experiments_of(&self.drill.scenario) {
            Some(_) => BEFORE_EXPERIMENTS_S,
            None => BEFORE_LOAD_S,
        };
        let begins_us = self.clock.now_us() + (before_s * 1e6) as u64;
        self.watch.load_begins(begins_us);
        // Nobody stops a load half way: whoever wants it to end ends the run.
        let (_held, stop) = platform::watch::channel(false);
        let scenario = &self.drill.scenario;
        let said = announce::announce(scenario, &self.drill.target, self.watch, self.clock, begins_us);
        let load = async { tokio::join!(driver::run(self.config(begins_us), history, stop), said).0 };
        let shown = path.clone();
        let driven = tokio::select! {
            biased;
            driven = load => driven,
            () = self.watch.follow(shown, |at_s| collect::serde_word(&scenario.phase_at(at_s))) => {
                bail!("the display ended")
            }
        };
        // Whoever could not write the history knows why; the driver only knows that it could not go on.
        writing.finish().await?;
        Ok((driven?, history::read_all(&[&path])?))
    }

    fn config(&self, begins_at_us: u64) -> DriverConfig {
        let (drill, ready) = (self.drill, self.ready);
        let load = &drill.scenario.load;
        DriverConfig {
            seed: drill.scenario.seed,
            key_mark: format!("r{:x}", self.clock.origin_wall_ms()),
            clock: self.clock,
            begins_at_us,
            duration: Duration::from_secs_f64(drill.scenario.run_s()),
            rps: load.open_loop_rps,
            // What is sent back nobody here can bring to a warehouse.
            mix: Mix { returns: 0.0, ..load.mix },
            probes: Probes::default(),
            windows: drill.scenario.windows(),
            edges: ready.edges.iter().map(|(name, edge)| (name.clone(), edge.url.clone())).collect(),
            customers: ready.people.customers.clone(),
            catalogue: ready.catalogue.clone(),
            scarce: ScarceGoods::default(),
            provider: Provider {
                url: drill.target.provider.clone(),
                key: drill.accounts.provider_key.clone(),
            },
            unverified: BTreeMap::new(),
            returns: Returns::default(),
            world: Some(ready.network.clone()),
        }
    }

    /// Tries what nobody may, at the first region that answers.
    async fn probes(&self, records: &[HistoryRecord]) -> Option<Vec<ProbeResult>> {
        let people = &self.ready.people;
        let staff_token = people.staff_token.as_deref();
        let who = Trespassers { customers: &people.customers, staff_token, records };
        for region in &self.drill.target.regions {
            match probes::run_outside(&self.ready.network, &region.graphql, &who).await {
                Ok(results) => return Some(results),
                Err(why) => tracing::info!(region = %region.name, %why, "it cannot be probed"),
            }
        }
        None
    }

    /// Keeps what the verdict rests on beside the history.
    fn keep(&self, driver: &DriverReport, afterwards: &Afterwards) -> anyhow::Result<()> {
        let log = self.folder.file("latency.hlog");
        driver.write_hdr_log(&log).context("cannot write latency.hlog")?;
        self.folder.write("afterwards.json", &serde_json::to_vec_pretty(afterwards)?)?;
        Ok(())
    }
}
