//! Which regions are heard from. Each region keeps a stream open from every other one; a line comes in on
//! it with every heartbeat, and silence is what makes a region suspect. A region that operators set aside counts as
//! silent, whatever comes in.
//!
//! A function that is frozen between calls hears no stream: there, regions are [asked](asked) when somebody needs to know.

mod asked;
mod beats;

use crate::{
    Platform, Worker,
    config::{Config, Heard as How},
    lambda::WholeAnswers,
    network::Network,
    regions::Standings,
    world::World,
};
use axum::{Extension, Router, body::Body, routing::get};
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
    /// Where regions are asked and not listened to.
    asked: Option<asked::Asked>,
    /// How long this process itself did not get to run, all in all: silence meanwhile says nothing about others.
    stalled: Arc<Mutex<Duration>>,
    /// What operators decided about regions. Those that are set aside count as silent, this one too.
    pub standings: Standings,
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
    pub fn new(world: World, config: &Config, network: &Network) -> Self {
        let asked = (config.heard == How::Asked).then(|| asked::Asked::new(&world, config, network));
        Liveness {
            asked,
            here: config.region.clone(),
            suspect_after: Duration::from_millis(config.suspect_after_ms),
            heartbeat: Duration::from_millis(config.heartbeat_ms),
            started: world.instant(),
            stalled: Arc::default(),
            world,
            heard: Arc::default(),
            standings: Standings::default(),
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
        if let Some(asked) = &self.asked {
            return if asked.gave_no_answer(region) { self.suspect_after } else { Duration::ZERO };
        }
        // At the start, links are still being made: one second of grace.
        let grace = Heard { at: self.started + Duration::from_secs(1), stalled: Duration::ZERO };
        let heard = self.lock().get(region).copied().unwrap_or(grace);
        let silent = self.world.instant().saturating_duration_since(heard.at);
        silent.saturating_sub(self.stalled().saturating_sub(heard.stalled))
    }

    /// Whether signs of a region come in.
    pub fn hears(&self, region: &Region) -> bool {
        self.silent_for(region) < self.suspect_after
    }

    /// Whether a region has been silent for too long, or is set aside.
    pub fn suspected(&self, region: &Region) -> bool {
        self.standings.aside(region) || !self.hears(region)
    }

    /// Waits until a region is suspected.
    pub async fn until_suspected(&self, region: &Region) {
        loop {
            let silent = self.silent_for(region);
            if silent >= self.suspect_after || self.standings.aside(region) {
                return;
            }
            match &self.asked {
                Some(asked) => asked.again(region, &self.standings).await,
                None => tokio::time::sleep(self.suspect_after - silent).await,
            }
        }
    }

    /// Whether a region lives: false as soon as it is suspected, true as soon as it is heard later than `delay`
    /// from now. Until then signs of it may still be on their way that it sent before it fell silent.
    pub async fn lives(&self, region: &Region, delay: Duration) -> bool {
        if let Some(asked) = &self.asked {
            let here = *region == self.here;
            return !self.standings.aside(region) && (here || asked.ask(region, &self.standings).await);
        }
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

/// The route that others listen on. Where the host hands on whole answers only, one beat is the answer.
pub fn routes(platform: &Platform) -> Router {
    let liveness = platform.liveness.clone();
    let beats = move |whole: Option<Extension<WholeAnswers>>| async move {
        if whole.is_some() {
            return Body::from(beats::Beats::new(&liveness.standings).next());
        }
        let beats = stream::unfold(beats::Beats::new(&liveness.standings), move |mut beats| async move {
            tokio::time::sleep(liveness.heartbeat).await;
            Some((Ok::<_, std::convert::Infallible>(beats.next()), beats))
        });
        Body::from_stream(beats)
    };
    Router::new().route(PATH, get(beats))
}

/// A listener for every other region, or one who asks all of them when the host says so.
pub fn workers(platform: &Platform) -> Vec<Worker> {
    let liveness = platform.liveness.clone();
    if let Some(asked) = liveness.asked.clone() {
        let others: Vec<Region> = platform.config.other_regions().cloned().collect();
        let ask = move || {
            let (asked, others, standings) = (asked.clone(), others.clone(), liveness.standings.clone());
            async move { asked.ask_all(&others, &standings).await }
        };
        return vec![Worker::new("heartbeats", asked::EVERY, ask).alone()];
    }
    let awake = Worker::new("awake", Duration::ZERO, move || liveness.clone().watch_self());
    let listeners = platform.config.other_regions().map(|region| {
        let (platform, region) = (platform.clone(), region.clone());
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
    let (mut body, mut lines) = (response.into_body(), beats::Lines::default());
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(patience, body.frame()).await {
        platform.liveness.hear(&region);
        let told = frame.data_ref().map(|bytes| lines.read(bytes)).unwrap_or_default();
        for standing in told.into_iter().filter(|told| platform.config.continent_of(&told.region).is_some()) {
            platform.liveness.standings.learn(standing);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::bodies::ops::{RegionStanding, RegionState};
    use proptest::prelude::*;

    const REGIONS: [&str; 3] = ["ap-southeast-1", "eu-west-1", "us-east-1"];
    const SUSPECT_AFTER: Duration = Duration::from_secs(1);
    /// Beyond doubt, however slow the machine is.
    const LONG_AGO: Duration = Duration::from_secs(60);

    /// Seen from Europe; the others were heard just now, or long ago.
    fn liveness(heard: [bool; 3]) -> Liveness {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let world = World::new(0, 7, http);
        let now = world.instant();
        let heard = REGIONS.iter().zip(heard).map(|(region, lately)| {
            let at = if lately { now } else { now.checked_sub(LONG_AGO).unwrap() };
            (Region::from(*region), Heard { at, stalled: Duration::ZERO })
        });
        Liveness {
            here: "eu-west-1".into(),
            suspect_after: SUSPECT_AFTER,
            heartbeat: Duration::from_millis(50),
            started: now,
            stalled: Arc::default(),
            standings: Standings::default(),
            heard: Arc::new(Mutex::new(heard.collect())),
            asked: None,
            world,
        }
    }

    fn decide(liveness: &Liveness, region: &str, state: RegionState) {
        let region = Region::from(region);
        let epoch = liveness.standings.of(&region).map_or(1, |held| held.epoch + 1);
        let decided_in = region.clone();
        liveness.standings.learn(RegionStanding { region, state, epoch, decided_in, reason: None });
    }

    fn state() -> impl Strategy<Value = RegionState> {
        prop::sample::select(vec![RegionState::Active, RegionState::Drained, RegionState::Evacuated])
    }

    proptest! {
        /// The one input that operators add: where it says nothing, silence alone decides, as it always did.
        #[test]
        fn without_a_region_set_aside_silence_alone_decides(
            heard in any::<[bool; 3]>(),
            decisions in prop::collection::vec((prop::sample::select(REGIONS.to_vec()), state()), 0..8),
        ) {
            let liveness = liveness(heard);
            for (region, state) in &decisions {
                decide(&liveness, region, *state);
            }
            for (region, lately) in REGIONS.iter().zip(heard) {
                let here = *region == "eu-west-1";
                let last = decisions.iter().rfind(|(decided, _)| decided == region).map(|(_, state)| *state);
                let aside = last == Some(RegionState::Evacuated);
                let region = Region::from(*region);
                prop_assert_eq!(liveness.suspected(&region), aside || !(here || lately), "{}", region);
                prop_assert_eq!(liveness.hears(&region), here || lately);
            }
        }
    }

    #[tokio::test]
    async fn a_region_that_is_set_aside_lives_for_nobody_until_it_is_restored() {
        let liveness = liveness([true; 3]);
        let (us, here) = (Region::from("us-east-1"), Region::from("eu-west-1"));
        assert!(liveness.lives(&here, Duration::ZERO).await);
        for region in [&us, &here] {
            decide(&liveness, region.as_str(), RegionState::Evacuated);
            assert!(!liveness.lives(region, Duration::ZERO).await);
            liveness.until_suspected(region).await;
            decide(&liveness, region.as_str(), RegionState::Active);
            assert!(!liveness.suspected(region));
        }
    }
}
