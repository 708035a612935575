//! The virtual engine: the same world in one thread, in virtual time, from one seed.
//!
//! Every region is a host of a [`turmoil`] simulation, with a runtime of its own that ends at once when the host
//! is crashed. Everything else stands on one more host, by the same code as in a live run: third parties, links,
//! edges, robots, the open-loop driver, the faults and the checker. Links are the proxies of [`crate::links`], so
//! a fault of the network is the same fault in both engines; turmoil only carries bytes between hosts.
//!
//! A run shares nothing with another one: many can go on in one process, each in a thread of its own.

mod conductor;
mod host;
mod log;
mod twice;

pub use host::Host;
pub use twice::{Difference, Twice, difference, twice};

use super::{
    Engine, Plan, PoolKeys, Ports, RunFolder, Stage, live::Act, regions::RegionProcess, report::Judged,
};
use crate::{
    evidence::{self, Evidence},
    scenario::Scenario,
    sockets::OUTSIDE,
    watch::Watch,
};
use anyhow::{Context as _, anyhow};
use conductor::Conductor;
use loadtests::clock::RunClock;
use platform::{config::Durability, planted::Planted};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

/// How far hosts run before the next one has its turn. Bytes from host to host are under way for half of it in
/// the mean; a smaller one costs more turns.
const TICK: Duration = Duration::from_millis(2);
/// The wall clock at the start of every run: 2026-01-01 00:00:00 UTC.
const START_WALL_MS: i64 = 1_767_225_600_000;
/// Pieces that wait in a connection, and connections that wait for a listener.
const CAPACITY: usize = 4_096;
/// Virtual time beyond the load, the settling and this, means that something hangs.
const SPARE: Duration = Duration::from_secs(600);

/// How a run is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// How an order becomes durable.
    pub durability: Durability,
    /// The user pools' keys; they may be the same for all runs of a process.
    pub keys: PoolKeys,
    /// Where history, evidence and logs go.
    pub folder: RunFolder,
    /// The command that does the same again.
    pub replay: String,
    /// Whether to tell on standard error what happens.
    pub show: bool,
    /// A defect to plant into the services.
    pub planted: Option<Planted>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Everything that it showed: the verdict, every invariant, which faults were felt.
    pub evidence: Evidence,
    /// Acknowledged orders that no survivor has, or has otherwise.
    pub lost_orders: Vec<String>,
    /// What customers did and were told, one record a line.
    pub history: PathBuf,
    /// How much virtual time went by.
    pub elapsed: Duration,
}

/// Runs a scenario to its end on this thread, which must not be one of an asynchronous runtime. Writes the
/// evidence into the folder.
///
/// # Errors
/// When the run could not be done: then it proves nothing either way.
pub fn run(scenario: &Scenario, options: &Options) -> anyhow::Result<Outcome> {
    let _log = log::to(&options.folder)?;
    // The AWS SDK draws the jitter of its retries from this generator, which belongs to the thread.
    fastrand::seed(scenario.seed);
    let plan = Plan::with_keys(scenario.clone(), options.durability, Engine::Virtual, &options.keys)?;
    let (judged, elapsed) = simulate(Arc::new(plan), options)?;
    evidence::write_all(options.folder.path(), &judged.evidence)?;
    let history = options.folder.file("history.jsonl");
    let Judged { evidence, lost_orders } = judged;
    Ok(Outcome { evidence, lost_orders, history, elapsed })
}

fn simulate(plan: Arc<Plan>, options: &Options) -> anyhow::Result<(Judged, Duration)> {
    let mut sim = simulation(&plan.scenario);
    let conductor = Conductor::default();
    let mut regions = BTreeMap::new();
    for region in &plan.scenario.topology.regions {
        let host = Host::raise(&mut sim, &region.name, &conductor, options.planted);
        regions
            .insert(region.name.clone(), RegionProcess::simulated(&region.name, host, &plan.control_token));
    }
    let result: Arc<Mutex<Option<anyhow::Result<Judged>>>> = Arc::default();
    sim.client(OUTSIDE, {
        let (result, options) = (result.clone(), options.clone());
        async move {
            let played = play(plan, regions, &options).await;
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(played);
            Ok(())
        }
    });
    while !sim.step().map_err(|fault| anyhow!("the simulation failed: {fault}"))? {
        conductor.carry_out(&mut sim);
    }
    let elapsed = sim.elapsed();
    drop(sim);
    let played = result.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok((played.context("the run gave no result")??, elapsed))
}

fn simulation(scenario: &Scenario) -> turmoil::Sim<'static> {
    let longest = Duration::from_secs_f64(scenario.run_s() + 2.0 * scenario.settle.within_s) + SPARE;
    let start = SystemTime::UNIX_EPOCH + Duration::from_millis(START_WALL_MS.unsigned_abs());
    turmoil::Builder::new()
        .epoch(start)
        .tick_duration(TICK)
        .simulation_duration(longest)
        .min_message_latency(Duration::ZERO)
        .max_message_latency(Duration::ZERO)
        .tcp_capacity(CAPACITY)
        .rng_seed(scenario.seed)
        .build()
}

/// Everything that happens outside of the regions, from the start to the verdict.
async fn play(
    plan: Arc<Plan>,
    regions: BTreeMap<contracts::ids::Region, RegionProcess>,
    options: &Options,
) -> anyhow::Result<Judged> {
    let clock = RunClock::starting_at(now_ms());
    let stage = Stage::around(plan, clock, regions, Ports::default()).await?;
    let watch = if options.show { Watch::plain(stage.clock) } else { Watch::silent(stage.clock) };
    let act = Act { stage: &stage, watch: &watch, folder: &options.folder, processes: None };
    act.play(options.replay.clone()).await
}

/// The wall clock of the simulated world, ms since the Unix epoch.
fn now_ms() -> i64 {
    let elapsed = turmoil::sim_elapsed().unwrap_or_default();
    START_WALL_MS + i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX / 2)
}
