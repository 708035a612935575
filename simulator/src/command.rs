//! What each command does, and which exit code it ends with.

mod clouds;
mod owned;
mod target;

use crate::{
    cli::{Cli, CloudWord, Command, DurabilityWord, EngineWord, ExportTool, RunOptions},
    cost,
    engine::{
        self, Plan, PoolKeys, Ports, RunFolder,
        virtual_time::{self, Difference},
    },
    evidence::Evidence,
    export::{self, FilesError},
    process::Processes,
    region::{self, RegionArguments},
    scenario::{self, Engine, Scenario},
    swarm,
};
use anyhow::Context as _;
use clouds::{backing, plan};
use owned::{Owned, until_stopped};
use platform::{config::Durability, planted::Planted};
use std::{
    io::Write as _,
    num::NonZeroUsize,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

/// The scenario or the arguments are wrong.
pub const BAD_ARGUMENTS: u8 = 2;
/// The simulator itself failed.
pub const HARNESS_FAILED: u8 = 1;
/// Where runs leave their folders.
const RUNS: &str = "target/runs";
/// What each of them has in it.
const EVIDENCE: &str = "evidence.json";
/// Two virtual runs of one seed gave two histories.
const HISTORIES_DIFFER: u8 = 13;
/// Ended by Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// A mistake of whoever gave the command.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Mistaken(String);

/// Carries a command out.
pub async fn run(cli: Cli) -> ExitCode {
    match (cli.command, cli.scenario) {
        (Some(Command::Region { port, parent, .. }), _) => {
            region::main(RegionArguments { port, parent }).await
        }
        (Some(Command::Journeys { parent }), _) => engine::journeys::main(parent).await,
        (Some(Command::List), _) => list(),
        (Some(Command::Export { tool: ExportTool::Fis { scenario, out } }), _) => {
            export_fis(&scenario, out).unwrap_or_else(|fault| report(&fault))
        }
        (Some(Command::Up { scenario, seed, out, port, durability, cloud }), _) => {
            let owned = Owned::default();
            let up = async {
                let options = RunOptions { seed, cloud, ..RunOptions::default() };
                let scenario = load(&scenario, Engine::Live, &options)?;
                let plan = plan(scenario, durability.into(), &options, &owned).await?;
                engine::up::run(plan, &out, Ports { first: port }, &owned.processes).await?;
                Ok(ExitCode::SUCCESS)
            };
            until_stopped(up, &owned, ExitCode::SUCCESS).await
        }
        (Some(Command::ThirdParties { scenario, out }), _) => {
            let outside = async {
                let scenario = load(&scenario, Engine::Live, &RunOptions::default())?;
                match engine::outside::run(scenario, &out).await? {}
            };
            until_stopped(outside, &Owned::default(), ExitCode::SUCCESS).await
        }
        (Some(Command::Twice { scenario, run }), _) => {
            until_stopped(run_twice(scenario, run), &Owned::default(), INTERRUPTED.into()).await
        }
        (Some(Command::Swarm { seeds, out, draw: true, .. }), _) => {
            write_draws(seeds, out).unwrap_or_else(|fault| report(&fault))
        }
        (Some(Command::Swarm { seeds, minutes, out, jobs, draw: false, plant }), _) => {
            let work = run_swarm(seeds, minutes, out, jobs, plant);
            until_stopped(work, &Owned::default(), INTERRUPTED.into()).await
        }
        (Some(Command::Replay { evidence, out }), _) => {
            let owned = Owned::default();
            until_stopped(run_again(&evidence, out, &owned.processes), &owned, INTERRUPTED.into()).await
        }
        (Some(Command::Cost { evidence, orders_per_day, set, json }), _) => {
            let orders = orders_per_day.map(|orders| ("orders_per_day".to_owned(), orders));
            let set: Vec<_> = orders.into_iter().chain(set).collect();
            print_cost(evidence.as_deref(), &set, json).unwrap_or_else(|fault| report(&fault))
        }
        (None, Some(name)) if cli.run.target.is_some() => {
            let work = target::run(&name, &cli.run);
            until_stopped(work, &Owned::default(), INTERRUPTED.into()).await
        }
        (None, Some(name)) if cli.run.engine == EngineWord::Virtual => {
            let work = run_virtual(name, cli.run);
            until_stopped(work, &Owned::default(), INTERRUPTED.into()).await
        }
        (None, Some(_)) if cli.run.plant.is_some() => {
            report(&Mistaken("only a virtual run plants a defect: add --engine virtual".to_owned()).into())
        }
        (None, Some(name)) => {
            let owned = Owned::default();
            until_stopped(run_scenario(&name, &cli.run, &owned), &owned, INTERRUPTED.into()).await
        }
        (None, None) => BAD_ARGUMENTS.into(), // the command line's parser does not let this through
    }
}

/// Says what went wrong, in one line, and which exit code that is.
pub fn report(fault: &anyhow::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {fault:#}"); // nobody to tell if this fails
    match fault.is::<Mistaken>() || fault.is::<crate::target::TargetError>() {
        true => BAD_ARGUMENTS.into(),
        false => HARNESS_FAILED.into(),
    }
}

#[allow(clippy::print_stdout)] // this text is the command's output
fn list() -> ExitCode {
    for (name, title) in scenario::list() {
        println!("{name:<20} {title}");
    }
    ExitCode::SUCCESS
}

/// Finds and reads a scenario and changes what the command line changes.
fn load(name: &str, engine: Engine, options: &RunOptions) -> anyhow::Result<Scenario> {
    let path = scenario::find(name).map_err(|fault| Mistaken(fault.to_string()))?;
    let mut scenario = scenario::load_for(&path, engine).map_err(|faults| Mistaken(faults.to_string()))?;
    if let Some(seed) = options.seed {
        scenario.seed = seed;
    }
    if let Some(rps) = options.load {
        scenario.load.open_loop_rps = rps;
    }
    if options.no_fault {
        scenario.faults.clear();
    }
    Ok(scenario)
}

/// The folder that a run leaves its evidence in.
fn folder(scenario: &Scenario, out: Option<&Path>) -> PathBuf {
    let default = || Path::new("target/runs").join(format!("{}-{}", scenario.name, scenario.seed));
    out.map_or_else(default, Path::to_owned)
}

async fn run_scenario(name: &str, options: &RunOptions, owned: &Owned) -> anyhow::Result<ExitCode> {
    let scenario = load(name, Engine::Live, options)?;
    let (folder, replay) = (folder(&scenario, options.out.as_deref()), replay(name, &scenario, options));
    let plan = plan(scenario, options.durability.into(), options, owned).await?;
    let folder = RunFolder::make(&folder)?;
    Ok(engine::live::run(plan, folder, replay, &owned.processes).await?.into())
}

async fn run_virtual(name: String, options: RunOptions) -> anyhow::Result<ExitCode> {
    let (scenario, options) = virtual_options(&name, &options)?;
    let folder = options.folder.clone();
    let outcome = on_a_thread(move || virtual_time::run(&scenario, &options)).await?;
    engine::live::print(&outcome.evidence, &outcome.lost_orders, &folder);
    Ok(u8::try_from(outcome.evidence.exit_code).context("the exit code")?.into())
}

#[allow(clippy::print_stdout)] // this text is the command's output
async fn run_twice(name: String, options: RunOptions) -> anyhow::Result<ExitCode> {
    let (scenario, options) = virtual_options(&name, &options)?;
    let twice = on_a_thread(move || virtual_time::twice(&scenario, &options)).await?;
    println!("The run itself would end with {}.", twice.first.evidence.exit_code);
    let Some(difference) = twice.difference else {
        println!("Two runs of one seed, one history: {}", twice.first.history.display());
        return Ok(ExitCode::SUCCESS);
    };
    Ok(histories_differ(difference))
}

#[allow(clippy::print_stdout)] // this text is the command's output
fn histories_differ(difference: Difference) -> ExitCode {
    let shown = |line: Option<String>| line.unwrap_or_else(|| "(over)".to_owned());
    println!("The histories differ from line {} on:", difference.line);
    println!("first:  {}\nsecond: {}", shown(difference.first), shown(difference.second));
    HISTORIES_DIFFER.into()
}

#[allow(clippy::print_stdout)] // this text is the command's output
async fn run_swarm(
    seeds: RangeInclusive<u64>,
    minutes: Option<f64>,
    out: Option<PathBuf>,
    jobs: Option<NonZeroUsize>,
    planted: Option<Planted>,
) -> anyhow::Result<ExitCode> {
    let folder = swarm_folder(&seeds, out)?;
    let jobs =
        jobs.map_or_else(std::thread::available_parallelism, Ok).context("how many cores there are")?;
    let within = minutes.map(|minutes| Duration::from_secs_f64(minutes * 60.0));
    let settings = swarm::Settings { seeds, within, folder, jobs, planted };
    let report = on_a_thread(move || swarm::run(&settings)).await?;
    println!("{report}");
    Ok(report.tally.exit_code().into())
}

fn swarm_folder(seeds: &RangeInclusive<u64>, out: Option<PathBuf>) -> anyhow::Result<RunFolder> {
    let default = || Path::new("target/runs").join(format!("swarm-{}-{}", seeds.start(), seeds.end()));
    Ok(RunFolder::make(&out.unwrap_or_else(default))?)
}

#[allow(clippy::print_stdout)] // this text is the command's output
fn write_draws(seeds: RangeInclusive<u64>, out: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let folder = swarm_folder(&seeds, out)?;
    for file in swarm::write_draws(seeds, &folder)? {
        println!("{}", file.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a scenario's faults as experiments of FIS, which knows nothing of engines: whatever one of them can do may be in it.
#[allow(clippy::print_stdout)] // this text is the command's output
fn export_fis(name: &str, out: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let scenario = load(name, Engine::Virtual, &RunOptions::default())?;
    let export = export::fis::export(&scenario).map_err(|fault| Mistaken(fault.to_string()))?;
    let folder = out.unwrap_or_else(|| Path::new("target/export").join(&scenario.name));
    let written = export::write(&folder, &export.files()?).map_err(|fault| match fault {
        FilesError::NotOfThis(_) => anyhow::Error::new(Mistaken(fault.to_string())),
        FilesError::Refused { .. } => anyhow::Error::new(fault),
    })?;
    for file in written {
        println!("{}", file.display());
    }
    for experiment in &export.experiments {
        let minutes = experiment.action_minutes();
        println!("{}: {minutes} action-minutes, {} at list price", experiment.region, experiment.price());
    }
    for left in &export.left {
        println!("left out: {}, because {}", left.fault, left.why);
    }
    Ok(ExitCode::SUCCESS)
}

/// Does what an evidence file tells of once more.
async fn run_again(evidence: &Path, out: Option<PathBuf>, processes: &Processes) -> anyhow::Result<ExitCode> {
    let old = read_evidence(evidence)?;
    let scenario = old.setup.clone().ok_or_else(|| {
        Mistaken(format!("{} does not tell the scenario; an older version wrote it", evidence.display()))
    })?;
    let default = || Path::new("target/runs").join(format!("replay-{}-{}", scenario.name, scenario.seed));
    let out = out.unwrap_or_else(default);
    let beside = evidence.parent().unwrap_or(Path::new(""));
    if out.canonicalize().ok().is_some_and(|out| beside.canonicalize().ok() == Some(out)) {
        return Err(Mistaken("the old evidence lies there; give another folder with --out".to_owned()).into());
    }
    let folder = RunFolder::make(&out)?;
    let durability = match old.durability.as_str() {
        "async" => Durability::Async,
        _ => Durability::Journal,
    };
    if [" --endpoint ", " --cloud "].iter().any(|option| old.replay.contains(option)) {
        return Err(Mistaken(format!(
            "that run stood on another cloud; repeat it by its own command: {}",
            old.replay
        ))
        .into());
    }
    if old.engine == "target" {
        let again = format!("it ran against a deployment; to do that again: {}", old.replay);
        return Err(Mistaken(again).into());
    }
    if old.engine != "virtual" {
        let plan = Plan::new(scenario, durability)?;
        return Ok(engine::live::run(plan, folder, old.replay, processes).await?.into());
    }
    let keys = PoolKeys::generate(&scenario.topology)?;
    let options =
        virtual_time::Options { durability, keys, folder, replay: old.replay, show: true, planted: None };
    replay_virtually(scenario, options, beside.join("history.jsonl")).await
}

async fn replay_virtually(
    scenario: Scenario,
    options: virtual_time::Options,
    old_history: PathBuf,
) -> anyhow::Result<ExitCode> {
    let folder = options.folder.clone();
    let outcome = on_a_thread(move || virtual_time::run(&scenario, &options)).await?;
    engine::live::print(&outcome.evidence, &outcome.lost_orders, &folder);
    if old_history.exists()
        && let Some(difference) = virtual_time::difference(&old_history, &outcome.history)?
    {
        return Ok(histories_differ(difference));
    }
    Ok(u8::try_from(outcome.evidence.exit_code).context("the exit code")?.into())
}

/// Prices a month of what a run used.
#[allow(clippy::print_stdout)] // this text is the command's output
fn print_cost(evidence: Option<&Path>, set: &[(String, f64)], json: bool) -> anyhow::Result<ExitCode> {
    let path = match evidence {
        Some(path) if path.is_dir() => path.join(EVIDENCE),
        Some(path) => path.to_owned(),
        None => newest_evidence(Path::new(RUNS))?,
    };
    let old = read_evidence(&path)?;
    let mistaken = |what: &str| Mistaken(format!("{} {what}", path.display()));
    let scenario =
        old.setup.ok_or_else(|| mistaken("does not tell the scenario; an older version wrote it"))?;
    let used = old.consumption.ok_or_else(|| {
        mistaken("does not tell what was used: a deployment's own business, or an older version wrote it")
    })?;
    let mut data = cost::Data::shipped()?;
    for (name, value) in set {
        data.parameters.set(name, *value).map_err(|fault| Mistaken(fault.to_string()))?;
    }
    let report = cost::CostReport::of(&used, &scenario.topology, &data)
        .ok_or_else(|| mistaken("tells of a run in which nobody ordered"))?;
    match json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => print!("{}\n{}\n\n{}", path.display(), old.title, cost::text::render(&report)),
    }
    Ok(ExitCode::SUCCESS)
}

/// The evidence of the run that ended last.
fn newest_evidence(runs: &Path) -> anyhow::Result<PathBuf> {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path().join(EVIDENCE));
    let dated = files.filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file)));
    let none = || {
        let runs = runs.display();
        Mistaken(format!(
            "there is no run under {runs}; make one with `simulator flood-americas`, or name an {EVIDENCE}"
        ))
    };
    Ok(dated.max().map(|(_, file)| file).ok_or_else(none)?)
}

fn read_evidence(path: &Path) -> anyhow::Result<Evidence> {
    let unusable = |why: String| Mistaken(format!("{} is no evidence of a run: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|cause| unusable(cause.to_string()))?;
    let evidence = serde_json::from_str(&text).map_err(|cause| unusable(cause.to_string()))?;
    Ok(evidence)
}

fn virtual_options(name: &str, options: &RunOptions) -> anyhow::Result<(Scenario, virtual_time::Options)> {
    if !backing(options)?.is_embedded() {
        let why = "only embedded clouds live in virtual time: leave --cloud and --endpoint out";
        return Err(Mistaken(why.to_owned()).into());
    }
    if options.target.is_some() {
        return Err(Mistaken("a virtual run has no deployment: leave --target out".to_owned()).into());
    }
    let scenario = load(name, Engine::Virtual, options)?;
    let run = virtual_time::Options {
        durability: options.durability.into(),
        keys: PoolKeys::generate(&scenario.topology)?,
        folder: RunFolder::make(&folder(&scenario, options.out.as_deref()))?,
        replay: replay(name, &scenario, options),
        show: true,
        planted: options.plant,
    };
    Ok((scenario, run))
}

/// Does work on a thread of its own, where no runtime is: a simulation brings its own ones.
async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("simulation".to_owned()).spawn(move || {
        let _ = tell.send(work()); // nobody waits for it any more where the user has stopped it
    })?;
    told.await.context("the simulation panicked")?
}

/// The command that does the same again.
fn replay(name: &str, scenario: &Scenario, options: &RunOptions) -> String {
    let mut command = format!("cargo run -p simulator -- {name} --seed {}", scenario.seed);
    if let Some(load) = options.load {
        command += &format!(" --load {load}");
    }
    if options.cloud.cloud == CloudWord::Localstack {
        command += &format!(" --cloud localstack --image {}", options.cloud.image);
    }
    if !options.cloud.endpoint.is_empty() {
        command += &format!(" --endpoint {}", options.cloud.endpoint.join(","));
    }
    if options.engine == EngineWord::Virtual {
        command += " --engine virtual";
    }
    if options.durability == DurabilityWord::Async {
        command += " --durability async";
    }
    if options.no_fault {
        command += " --no-fault";
    }
    if let Some(planted) = options.plant {
        command += &format!(" --plant {planted}");
    }
    if let Some(target) = &options.target {
        command += &format!(" --target {}", target.display());
    }
    if options.prod {
        command += " --prod";
    }
    command
}
