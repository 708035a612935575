//! A run against a deployment: `--target`.

use super::{Mistaken, RUNS, load, replay};
use crate::{
    cli::{EngineWord, RunOptions},
    engine::{
        RunFolder,
        target::{Drill, run as drill},
    },
    scenario::Engine,
};
use anyhow::Context as _;
use std::{path::Path, process::ExitCode};

pub(super) async fn run(name: &str, options: &RunOptions) -> anyhow::Result<ExitCode> {
    let file = options.target.as_deref().context("no target")?;
    if let Some(option) = senseless(options) {
        let why = format!("--target runs against a deployment as it is: leave {option} out");
        return Err(Mistaken(why).into());
    }
    // Nothing is broken here, so whatever some engine can do may be in it.
    let scenario = load(name, Engine::Virtual, options)?;
    let default = || Path::new(RUNS).join(format!("{}-target-{}", scenario.name, scenario.seed));
    let out = options.out.clone().unwrap_or_else(default);
    let replay = replay(name, &scenario, options);
    let plan = Drill::new(scenario, file, options.prod, replay)?;
    Ok(drill(plan, RunFolder::make(&out)?).await?.into())
}

/// An option that makes no sense where the platform is somebody else's.
fn senseless(options: &RunOptions) -> Option<&'static str> {
    match () {
        () if options.engine == EngineWord::Virtual => Some("--engine virtual"),
        () if options.plant.is_some() => Some("--plant"),
        () if !options.cloud.backing().is_ok_and(|backing| backing.is_embedded()) => {
            Some("--cloud and --endpoint")
        }
        () => None,
    }
}
