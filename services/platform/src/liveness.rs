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
    heard: Arc<Mutex<BTreeMap<Region, Instant>>>,
    /// Until when this process itself did not get to run: silence before that says nothing about others.
    awake_since: Arc<Mutex<Instant>>,
}

impl Liveness {
    /// Nobody has been heard from yet; everybody has the usual time to be heard.
    pub fn new(world: World, config: &Config) -> Self {
        Liveness {
            here: config.region.clone(),
            suspect_after: Duration::from_millis(config.suspect_after_ms),
            heartbeat: Duration::from_millis(config.heartbeat_ms),
            started: world.instant(),
            awake_since: Arc::new(Mutex::new(world.instant())),
            world,
            heard: Arc::default(),
        }
    }

    /// Notes that a region was heard from.
    pub fn hear(&self, region: &Region) {
        let now = self.world.instant();
        self.lock().insert(region.clone(), now);
    }

    /// Notes that this process did not get to run until now: whatever it missed says nothing about others.
    pub fn woke(&self) {
        *self.awake_since.lock().unwrap_or_else(PoisonError::into_inner) = self.world.instant();
    }

    /// Watches whether this process gets to run. A process that was held up (a busy machine, a frozen
    /// virtual machine) finds heartbeats late that were in time, and must not blame their senders.
    async fn watch_self(self) -> Result<(), std::convert::Infallible> {
        let before = self.world.instant();
        tokio::time::sleep(self.heartbeat).await;
        if self.world.instant().saturating_duration_since(before) > self.suspect_after / 2 {
            self.woke();
        }
        Ok(())
    }

    /// How long a region has been silent. This region itself never is.
    pub fn silent_for(&self, region: &Region) -> Duration {
        if *region == self.here {
            return Duration::ZERO;
        }
        let heard = self.lock().get(region).copied();
        // At the start, links are still being made: one second of grace.
        let since = heard.unwrap_or(self.started + Duration::from_secs(1));
        let awake = *self.awake_since.lock().unwrap_or_else(PoisonError::into_inner);
        let since = since.max(awake);
        self.world.instant().saturating_duration_since(since)
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

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Region, Instant>> {
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
