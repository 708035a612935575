//! Which regions are heard from. Each region keeps a stream open from every other one; a line comes in on
//! it with every heartbeat, and silence is what makes a region suspect.

use crate::{Platform, Worker, config::Config, world::World};
use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use contracts::Region;
use futures::stream;
use http::{Request, header};
use http_body_util::BodyExt;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The route of the stream.
pub const PATH: &str = "/heartbeats";
/// The service under which the route stands.
pub const SERVICE: &str = "platform";

/// When each region was last heard from.
#[derive(Clone)]
pub struct Liveness {
    world: World,
    here: Region,
    suspect_after: Duration,
    heartbeat: Duration,
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

impl Liveness {
    /// Nobody has been heard from yet; everybody has the usual time to be heard.
    pub fn new(world: World, config: &Config) -> Self {
        Liveness {
            here: config.region.clone(),
            suspect_after: Duration::from_millis(config.suspect_after_ms),
            heartbeat: Duration::from_millis(config.heartbeat_ms),
            started: world.instant(),
            stalled: Arc::default(),
            world,
            heard: Arc::default(),
        }
    }

    /// Notes that a region was heard from.
    pub fn hear(&self, region: &Region) {
        let heard = Heard { at: self.world.instant(), stalled: self.stalled() };
        self.lock().insert(region.clone(), heard);
    }

    /// Notes that this process did not get to run until now: whatever it missed says nothing about others.
    pub fn woke(&self) {
        let now = Heard { at: self.world.instant(), stalled: self.stalled() };
        self.lock().values_mut().for_each(|heard| *heard = now);
    }

    /// Watches whether this process gets to run. A process that was held up (a busy machine, a frozen
    /// virtual machine) finds heartbeats late that were in time, and must not blame their senders.
    async fn watch_self(self) -> Result<(), std::convert::Infallible> {
        let before = self.world.instant();
        tokio::time::sleep(self.heartbeat).await;
        let stall = self.world.instant().saturating_duration_since(before).saturating_sub(self.heartbeat);
        if stall > self.heartbeat {
            *self.stalled.lock().unwrap_or_else(PoisonError::into_inner) += stall;
        }
        Ok(())
    }

    fn stalled(&self) -> Duration {
        *self.stalled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a region has been silent while this process listened. This region itself never is.
    pub fn silent_for(&self, region: &Region) -> Duration {
        if *region == self.here {
            return Duration::ZERO;
        }
        // At the start, links are still being made: one second of grace.
        let grace = Heard { at: self.started + Duration::from_secs(1), stalled: Duration::ZERO };
        let heard = self.lock().get(region).copied().unwrap_or(grace);
        let silent = self.world.instant().saturating_duration_since(heard.at);
        silent.saturating_sub(self.stalled().saturating_sub(heard.stalled))
    }

    /// Whether a region has been silent for too long.
    pub fn suspected(&self, region: &Region) -> bool {
        self.silent_for(region) >= self.suspect_after
    }

    /// Waits until a region is suspected.
    pub async fn until_suspected(&self, region: &Region) {
        loop {
            let silent = self.silent_for(region);
            if silent >= self.suspect_after {
                return;
            }
            tokio::time::sleep(self.suspect_after - silent).await;
        }
    }

    /// Whether a region lives: false as soon as it is suspected, true as soon as it is heard later than `delay`
    /// from now. Until then signs of it may still be on their way that it sent before it fell silent.
    pub async fn lives(&self, region: &Region, delay: Duration) -> bool {
        let from = self.world.instant() + delay;
        loop {
            if self.suspected(region) {
                return false;
            }
            if *region == self.here || self.lock().get(region).is_some_and(|heard| heard.at >= from) {
                return true;
            }
            tokio::time::sleep(self.heartbeat / 2).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Region, Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The route that others listen on.
pub fn routes(platform: &Platform) -> Router {
    let heartbeat = platform.liveness.heartbeat;
    let beats = move || async move {
        let beats = stream::unfold((), move |()| async move {
            tokio::time::sleep(heartbeat).await;
            Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(b".\n")), ()))
        });
        Body::from_stream(beats)
    };
    Router::new().route(PATH, get(beats))
}

/// A listener for every other region.
pub fn workers(platform: &Platform) -> Vec<Worker> {
    let others = platform.config.regions.iter().filter(|region| region.name != platform.config.region);
    let liveness = platform.liveness.clone();
    let awake = Worker::new("awake", Duration::ZERO, move || liveness.clone().watch_self());
    let listeners = others.map(|region| {
        let (platform, region) = (platform.clone(), region.name.clone());
        let listen = move || listen(platform.clone(), region.clone());
        Worker::new("heartbeats", Duration::from_millis(100), listen)
    });
    listeners.chain([awake]).collect()
}

/// Listens to one region until its stream ends or is silent for a long time.
async fn listen(platform: Platform, region: Region) -> Result<(), String> {
    let url = platform.config.urls().get(&region).map(|url| url.replace("{service}", SERVICE));
    let url = format!("{}{PATH}", url.unwrap_or_default());
    let host = url.parse::<http::Uri>().ok().and_then(|uri| uri.authority().map(ToString::to_string));
    let request = Request::get(&url).header(header::HOST, host.unwrap_or_default()).body(Bytes::new());
    let request = request.map_err(|cause| cause.to_string())?;
    let patience = platform.liveness.suspect_after * 4;
    let opened = tokio::time::timeout(Duration::from_secs(2), platform.calls.network().open(request)).await;
    let Ok(Ok(response)) = opened else { return Ok(()) }; // still silent: tried again after the pause
    let mut body = response.into_body();
    while let Ok(Some(Ok(_))) = tokio::time::timeout(patience, body.frame()).await {
        platform.liveness.hear(&region);
    }
    Ok(())
}
