//! A region on a simulated host.

use super::{conductor::Conductor, now_ms};
use crate::{
    cloud::{Cloud, Step},
    gate::Gate,
    region::{self, Base, Data, RegionSpec, Running},
    sockets::Listener,
};
use anyhow::{Context as _, bail};
use contracts::ids::Region;
use platform::{Platform, World, network::Network, planted::Planted, watch};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Where every region listens on its host.
const PORT: u16 = 80;

/// A region's host, as seen by whoever controls it. Clones are the same host.
#[derive(Clone)]
pub struct Host {
    name: String,
    address: SocketAddr,
    conductor: Conductor,
    inside: Arc<Inside>,
}

/// What a host's software shares with those who control it.
struct Inside {
    spec: watch::Sender<Option<RegionSpec>>,
    ready: watch::Sender<bool>,
    /// Holds all traffic while the region is frozen.
    gate: Gate,
    state: Mutex<State>,
    planted: Option<Planted>,
}

/// What there is of the region.
#[derive(Default)]
struct State {
    /// What it has stored. It outlives a power cut.
    cloud: Option<Cloud>,
    /// What its services stand on now.
    platform: Option<Platform>,
    /// How often it was started.
    starts: u64,
    /// How often it crashed at a step that somebody lay in wait for.
    crashes: u64,
    /// How far its wall clock is off, ms.
    skew_ms: i64,
}

impl Host {
    /// Puts a host into a simulation. Its software waits to be told what it is.
    pub(super) fn raise(
        sim: &mut turmoil::Sim<'_>,
        name: &Region,
        conductor: &Conductor,
        planted: Option<Planted>,
    ) -> Host {
        let inside = Arc::new(Inside {
            spec: watch::Sender::new(None),
            ready: watch::Sender::new(false),
            gate: Gate::default(),
            state: Mutex::default(),
            planted,
        });
        let software = inside.clone();
        sim.host(name.as_str(), move || {
            let inside = software.clone();
            async move { serve(&inside).await.map_err(|fault| format!("{fault:#}").into()) }
        });
        let address = SocketAddr::new(sim.lookup(name.as_str()), PORT);
        Host { name: name.to_string(), address, conductor: conductor.clone(), inside }
    }

    /// Where the region is reached.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells it what it is.
    pub fn describe(&self, spec: RegionSpec) {
        self.inside.spec.send_replace(Some(spec));
    }

    /// Waits until it serves. Where it fails to, the simulation fails.
    ///
    /// # Errors
    /// When the host is gone.
    pub async fn until_ready(&self) -> anyhow::Result<()> {
        self.inside.ready.subscribe().wait_for(|ready| *ready).await.context("the host is gone")?;
        Ok(())
    }

    /// Ends it, and all that it has stored.
    pub async fn lose(&self) {
        self.crash().await;
        self.inside.state().cloud = None;
    }

    /// Ends it; what it has stored stays.
    pub async fn crash(&self) {
        self.conductor.crash(&self.name).await;
        self.inside.ready.send_replace(false);
        self.inside.state().platform = None;
    }

    /// Starts it over what it has stored, and waits until it serves.
    ///
    /// # Errors
    /// As [`Host::until_ready`].
    pub async fn restart(&self) -> anyhow::Result<()> {
        self.conductor.restart(&self.name).await;
        self.until_ready().await
    }

    /// Ends it right after a step of its own, and starts it again some time later.
    pub async fn crash_after(self, step: Step, back_after: Duration) {
        let Some(cloud) = self.inside.state().cloud.clone() else { return };
        cloud.faults().tripwire().set(Some(step));
        cloud.faults().tripwire().tripped().await;
        self.crash().await;
        self.inside.state().crashes += 1;
        cloud.faults().gate().open();
        tokio::time::sleep(back_after).await;
        // Where it fails to come up the simulation fails.
        let _ = self.restart().await;
    }

    /// Lies in wait for no step any more. Says whether it did until now: whoever has caught it is about to end it, and
    /// starts it again.
    pub fn disarm(&self) -> bool {
        let state = self.inside.state();
        let Some(cloud) = &state.cloud else { return true };
        let waited = cloud.faults().tripwire().lies_in_wait();
        cloud.faults().tripwire().set(None);
        waited
    }

    /// How often it crashed at a step that somebody lay in wait for.
    pub fn crashes(&self) -> u64 {
        self.inside.state().crashes
    }

    /// Lets nothing in or out, and nothing into or out of its cloud. Its timers go on, and find nothing to do.
    pub fn freeze(&self) {
        self.inside.gate.close();
        if let Some(cloud) = &self.inside.state().cloud {
            cloud.faults().gate().close();
        }
    }

    /// Lets everything through again. As a process that wakes up, it must not take its own silence for that of
    /// others.
    pub fn thaw(&self) {
        let state = self.inside.state();
        if let Some(platform) = &state.platform {
            platform.liveness.woke();
        }
        if let Some(cloud) = &state.cloud {
            cloud.faults().gate().open();
        }
        self.inside.gate.open();
    }

    /// Puts its wall clock off by `ms`. AWS has clocks of its own.
    pub fn set_skew(&self, ms: i64) {
        let mut state = self.inside.state();
        state.skew_ms = ms;
        if let Some(platform) = &state.platform {
            platform.world.set_skew(ms);
        }
    }
}

impl Inside {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The region's cloud as it was left; where there is none, a new one.
    async fn cloud(&self, spec: &RegionSpec) -> anyhow::Result<(Cloud, Data)> {
        if let Some(cloud) = &self.state().cloud {
            return Ok((cloud.clone(), Data::Kept));
        }
        let cloud = region::start_cloud(spec, Arc::new(now_ms)).await?;
        let mut state = self.state();
        state.cloud = Some(cloud.clone());
        // It was started before, and what it had then is gone.
        Ok((cloud, if state.starts > 0 { Data::Lost } else { Data::None }))
    }

    /// A world for this start: another one must not draw the same ids again.
    fn world(&self, spec: &RegionSpec, cloud: &Cloud) -> World {
        let mut state = self.state();
        let seed = spec.seed.wrapping_add(state.starts);
        state.starts += 1;
        let world = World::new(now_ms(), seed, cloud.http_client());
        world.set_skew(state.skew_ms);
        self.planted.into_iter().for_each(|defect| world.plant(defect));
        world
    }
}

/// The doors that a region's own calls go through. They are let go of with it: many regions begin and end in one process.
struct Mounted(Network);

impl Drop for Mounted {
    fn drop(&mut self) {
        self.0.unmount_all();
    }
}

/// The software of a host: a region from its start to its end.
async fn serve(inside: &Inside) -> anyhow::Result<()> {
    let mut told = inside.spec.subscribe();
    let spec = told.wait_for(Option::is_some).await.context("nobody says what this region is to be")?.clone();
    let spec = spec.context("the region's description is missing")?;
    let (cloud, data) = inside.cloud(&spec).await?;
    let world = inside.world(&spec, &cloud);
    let base = Base { cloud, world, data, gate: Some(inside.gate.clone()) };
    let mut running = Running::over(spec, base).await?;
    let listener = Listener::bind(PORT).await?.behind(inside.gate.clone());
    let serving = axum::serve(listener, running.router.clone());
    let _mounted = Mounted(running.platform.calls.network().clone());
    inside.state().platform = Some(running.platform.clone());
    let mut open = running.open.clone();
    let ready = async {
        let _ = open.wait_for(|open| *open).await; // the region holds the other end
        inside.ready.send_replace(true);
        std::future::pending::<()>().await
    };
    tokio::select! {
        biased;
        () = ready => Ok(()),
        served = serving.into_future() => bail!("the listener ended: {served:?}"),
        ended = running.tasks.join_next() => bail!("a worker ended: {ended:?}"),
    }
}
