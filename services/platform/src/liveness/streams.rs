//! Regions that are listened to: a stream from each, with a line for every heartbeat.

use super::beats::Lines;
use crate::{Platform, Worker, config::Config, world::World};
use contracts::Region;
use http_body_util::BodyExt;
use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// At the start, links are still being made.
const GRACE: Duration = Duration::from_secs(1);

/// When each region was last heard from. Clones share that.
#[derive(Clone)]
pub(super) struct Streams {
    world: World,
    heartbeat: Duration,
    /// How long a stream may be silent before it is opened anew.
    patience: Duration,
    started: Instant,
    heard: Arc<Mutex<BTreeMap<Region, Heard>>>,
    /// How long this process itself did not get to run, all in all: silence meanwhile says nothing about others.
    stalled: Arc<Mutex<Duration>>,
}

/// The last sign of a region.
#[derive(Clone, Copy)]
struct Heard {
    at: Instant,
    /// How long this process had been stalled by then.
    stalled: Duration,
}

impl Streams {
    pub(super) fn new(world: World, config: &Config) -> Self {
        Streams {
            heartbeat: Duration::from_millis(config.heartbeat_ms),
            patience: Duration::from_millis(config.suspect_after_ms) * 4,
            started: world.instant(),
            heard: Arc::default(),
            stalled: Arc::default(),
            world,
        }
    }

    /// Regions were heard at these moments.
    #[cfg(test)]
    pub(super) fn that_heard(world: World, heard: impl Iterator<Item = (Region, Instant)>) -> Self {
        let heard = heard.map(|(region, at)| (region, Heard { at, stalled: Duration::ZERO }));
        Streams {
            heartbeat: Duration::from_millis(50),
            patience: GRACE,
            started: world.instant(),
            heard: Arc::new(Mutex::new(heard.collect())),
            stalled: Arc::default(),
            world,
        }
    }

    /// Notes that a region was heard from.
    fn hear(&self, region: &Region) {
        self.lock().insert(region.clone(), self.now());
    }

    pub(super) fn woke(&self) {
        let now = self.now();
        self.lock().values_mut().for_each(|heard| *heard = now);
    }

    /// How long a region has been silent while this process listened.
    pub(super) fn silent_for(&self, region: &Region) -> Duration {
        let grace = Heard { at: self.started + GRACE, stalled: Duration::ZERO };
        let heard = self.lock().get(region).copied().unwrap_or(grace);
        let silent = self.world.instant().saturating_duration_since(heard.at);
        silent.saturating_sub(self.stalled().saturating_sub(heard.stalled))
    }

    /// The moment `delay` from now.
    pub(super) fn in_a_while(&self, delay: Duration) -> Instant {
        self.world.instant() + delay
    }

    /// Whether a sign of a region came then or later.
    pub(super) fn heard_since(&self, region: &Region, since: Instant) -> bool {
        self.lock().get(region).is_some_and(|heard| heard.at >= since)
    }

    /// Waits about as long as it takes for another sign to come.
    pub(super) async fn next_sign(&self) {
        tokio::time::sleep(self.heartbeat / 2).await;
    }

    /// A listener for every other region, and one who watches whether they get to listen.
    pub(super) fn workers(&self, platform: &Platform) -> Vec<Worker> {
        let streams = self.clone();
        let awake = Worker::new("awake", Duration::ZERO, move || streams.clone().watch_self());
        let listeners = platform.config.other_regions().map(|region| {
            let (streams, platform, region) = (self.clone(), platform.clone(), region.clone());
            let listen = move || streams.clone().listen(platform.clone(), region.clone());
            Worker::new("heartbeats", Duration::from_millis(100), listen)
        });
        listeners.chain([awake]).collect()
    }

    /// Watches whether this process gets to run. A process that was held up (a busy machine, a frozen
    /// virtual machine) finds heartbeats late that were in time, and must not blame their senders.
    async fn watch_self(self) -> Result<(), Infallible> {
        let before = self.world.instant();
        tokio::time::sleep(self.heartbeat).await;
        let stall = self.world.instant().saturating_duration_since(before).saturating_sub(self.heartbeat);
        if stall > self.heartbeat {
            *self.stalled.lock().unwrap_or_else(PoisonError::into_inner) += stall;
        }
        Ok(())
    }

    /// Listens to one region until its stream ends or is silent for a long time.
    async fn listen(self, platform: Platform, region: Region) -> Result<(), String> {
        let request = platform.config.urls().get(&region).and_then(|address| super::request(address));
        let request = request.ok_or_else(|| format!("{region} has no address"))?;
        let opened =
            tokio::time::timeout(Duration::from_secs(2), platform.calls.network().open(request)).await;
        let Ok(Ok(response)) = opened else { return Ok(()) }; // still silent: tried again after the pause
        let (mut body, mut lines) = (response.into_body(), Lines::default());
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(self.patience, body.frame()).await {
            self.hear(&region);
            let told = frame.data_ref().map(|bytes| lines.read(bytes)).unwrap_or_default();
            for standing in
                told.into_iter().filter(|told| platform.config.continent_of(&told.region).is_some())
            {
                platform.liveness.standings.learn(standing);
            }
        }
        Ok(())
    }

    fn now(&self) -> Heard {
        Heard { at: self.world.instant(), stalled: self.stalled() }
    }

    fn stalled(&self) -> Duration {
        *self.stalled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Region, Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
