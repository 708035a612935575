//! How fast virtual time goes: orders driven to their end per second of processor time under a load of orders
//! alone, and simulated seconds per second with next to nothing to do.

use simulator::{
    engine::{
        PoolKeys, RunFolder,
        virtual_time::{self, Options, Outcome},
    },
    process::cpu_seconds,
    scenario::{self, Engine},
};
use std::path::Path;

/// As in the simulator itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The scenario's load and how long it lasts, in the words of a scenario file.
struct Load {
    name: &'static str,
    rps: u32,
    mix: &'static str,
    seconds: u32,
}

const BUSY: Load = Load { name: "busy", rps: 40, mix: "buy = 1", seconds: 20 };
const IDLE: Load = Load { name: "idle", rps: 1, mix: "browse = 1", seconds: 300 };

#[allow(clippy::print_stdout)] // the figures are what this is for
fn main() -> anyhow::Result<()> {
    let (outcome, cpu_s) = run(&BUSY)?;
    let orders = outcome.evidence.orders.acknowledged as f64;
    println!(
        "busy: {orders} orders settled in {cpu_s:.1} s of processor time: {:.1} a second",
        orders / cpu_s
    );
    let (outcome, cpu_s) = run(&IDLE)?;
    let simulated_s = outcome.elapsed.as_secs_f64();
    println!("idle: {simulated_s:.0} simulated seconds in {cpu_s:.1} s: {:.0} a second", simulated_s / cpu_s);
    Ok(())
}

/// Runs a load; gives what came of it and the processor time that it took.
fn run(load: &Load) -> anyhow::Result<(Outcome, f64)> {
    let base = std::env::temp_dir().join(format!("bigsmokes-bench-{}", std::process::id()));
    let scenario = scenario::load_for(&write(&base, load)?, Engine::Virtual)?;
    let options = Options {
        durability: platform::config::Durability::Journal,
        keys: PoolKeys::generate(&scenario.topology)?,
        folder: RunFolder::make(&base.join("run"))?,
        replay: String::new(),
        show: false,
        planted: None,
    };
    let spent = || cpu_seconds(std::process::id()).unwrap_or(f64::NAN);
    let before = spent();
    let outcome = virtual_time::run(&scenario, &options)?;
    let cpu_s = spent() - before;
    anyhow::ensure!(outcome.evidence.exit_code == 0, "the run failed: {:?}", outcome.evidence.reasons);
    std::fs::remove_dir_all(&base)?;
    Ok((outcome, cpu_s))
}

fn write(base: &Path, load: &Load) -> anyhow::Result<std::path::PathBuf> {
    let Load { name, rps, mix, seconds } = load;
    std::fs::create_dir_all(base)?;
    let path = base.join(format!("{name}.toml"));
    let text = format!(
        "name = \"{name}\"\ntitle = \"t\"\nseed = 1\ntopology = \"three-continents\"\n\
         [load]\nopen_loop_rps = {rps}\ncustomers = 100\n[load.mix]\n{mix}\n\
         [phases]\nsteady_s = {seconds}\nafter_s = 1\n[settle]\nwithin_s = 120\n\
         [[goal]]\nid = \"settled\"\nmetric = \"unsettled\"\nop = \"==\"\ntarget = 0\n"
    );
    std::fs::write(&path, text)?;
    Ok(path)
}
