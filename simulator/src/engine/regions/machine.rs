//! A region's process on this machine, and its cloud where that is not in the process.

use crate::{
    engine::clouds::Clouds,
    process::{Child, ProcessError, Processes, Program},
    region::{RegionSpec, Word},
};
use anyhow::{Context as _, anyhow, bail};
use contracts::ids::Region;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A region listens, and later serves, within this time.
const UP_LIMIT: Duration = Duration::from_secs(30);
/// The same where tables, queues and rules must first be made elsewhere, and what is there at the start be written there.
const FURNISHED_LIMIT: Duration = Duration::from_secs(180);

/// The process of a region, and what it takes to start another one in its place.
pub(super) struct Machine {
    child: Mutex<Arc<Child>>,
    processes: Processes,
    logs: PathBuf,
    /// What it was told to be.
    spec: Mutex<Option<RegionSpec>>,
    /// Where its cloud is, if not in the process.
    clouds: Clouds,
}

impl Machine {
    /// Starts the process, which then listens and waits to be told what it is. Says on which port.
    pub(super) async fn start(
        processes: &Processes,
        name: &Region,
        port: u16,
        logs: &Path,
        clouds: Clouds,
    ) -> anyhow::Result<(Machine, u16)> {
        let (child, port) = start_process(processes, name, port, logs).await?;
        let child = Mutex::new(Arc::new(child));
        let (processes, logs, spec) = (processes.clone(), logs.to_owned(), Mutex::default());
        Ok((Machine { child, processes, logs, spec, clouds }, port))
    }

    /// Tells it what it is.
    pub(super) async fn describe(&self, spec: RegionSpec) -> anyhow::Result<()> {
        self.child().say(&serde_json::to_string(&spec)?).await?;
        *self.spec.lock().unwrap_or_else(PoisonError::into_inner) = Some(spec);
        Ok(())
    }

    /// Waits until it serves.
    pub(super) async fn until_ready(&self, name: &Region) -> anyhow::Result<()> {
        let elsewhere = self.spec().is_some_and(|spec| spec.upstream.is_some());
        hear_ready(name, &self.child(), elsewhere).await
    }

    /// Kills it, with its cloud, wherever that is.
    pub(super) async fn kill(&self, name: &Region) {
        self.child().kill().await;
        self.lose_cloud(name).await;
    }

    fn spec(&self) -> Option<RegionSpec> {
        self.spec.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loses a cloud that is not in the process.
    async fn lose_cloud(&self, name: &Region) {
        let Some((home, spec)) = self.clouds.home(name).zip(self.spec().and_then(|spec| spec.upstream))
        else {
            return;
        };
        if let Err(cause) = home.lose(spec.pools).await {
            tracing::error!(region = %name, cause = format!("{cause:#}"), "the cloud of a lost region is not gone");
        }
    }

    /// An empty cloud in the place of one that was lost.
    async fn renew_cloud(&self, name: &Region, spec: &mut RegionSpec) -> anyhow::Result<()> {
        if let Some(home) = self.clouds.home(name) {
            spec.upstream = Some(home.start_again().await?);
        }
        Ok(())
    }

    pub(super) fn child(&self) -> Arc<Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts a process in the place of one that was killed, which listens on the same port and has nothing.
    pub(super) async fn start_again(&self, name: &Region, port: u16) -> anyhow::Result<()> {
        let mut spec = self.spec().with_context(|| format!("region {name} was never told what it is"))?;
        self.renew_cloud(name, &mut spec).await?;
        let (child, _) = start_process(&self.processes, name, port, &self.logs).await?;
        spec.lost = true;
        // It must not draw the same ids again.
        spec.seed = spec.seed.wrapping_add(u64::from(child.pid()));
        child.say(&serde_json::to_string(&spec)?).await?;
        hear_ready(name, &child, spec.upstream.is_some()).await?;
        *self.child.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(child);
        Ok(())
    }
}

/// Starts a region's process, and says where it listens.
async fn start_process(
    processes: &Processes,
    name: &Region,
    port: u16,
    logs: &Path,
) -> anyhow::Result<(Child, u16)> {
    let program = Program {
        name: format!("region {name}"),
        arguments: region_arguments(name, port),
        log: logs.join(format!("{name}.log")),
    };
    let child = processes.start(program).await?;
    match hear(&child, UP_LIMIT).await? {
        Word::Listening(port) => Ok((child, port)),
        Word::Failed(why) => bail!("region {name} does not come up: {why}"),
        Word::Ready => bail!("region {name} said that it serves before it listened"),
    }
}

/// `elsewhere`: whether its cloud is not in its process, but must first be furnished.
async fn hear_ready(name: &Region, child: &Child, elsewhere: bool) -> anyhow::Result<()> {
    let limit = if elsewhere { FURNISHED_LIMIT } else { UP_LIMIT };
    match hear(child, limit).await? {
        Word::Ready => Ok(()),
        Word::Failed(why) => Err(anyhow!("region {name} does not come up: {why}")),
        Word::Listening(_) => Err(anyhow!("region {name} listens twice")),
    }
}

fn region_arguments(name: &Region, port: u16) -> Vec<std::ffi::OsString> {
    let numbers = [port.to_string(), std::process::id().to_string()];
    let words = ["region", name.as_str(), "--port", &numbers[0], "--parent", &numbers[1]];
    words.into_iter().map(Into::into).collect()
}

async fn hear(child: &Child, limit: Duration) -> anyhow::Result<Word> {
    let line = match child.hear(limit).await {
        Err(gone @ ProcessError::Ended { .. }) => return Err(gone.into()),
        line => line?,
    };
    serde_json::from_str(&line).with_context(|| format!("a region said {line:?}"))
}
