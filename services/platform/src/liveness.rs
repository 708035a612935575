//! Which regions are heard from. Each region keeps a stream open from every other one; a line comes in on
//! it with every heartbeat, and silence is what makes a region suspect. A region that operators set aside counts as
//! silent, whatever comes in.
//!
//! A function that is frozen between calls hears no stream: there, regions are [asked](asked) when somebody needs to know.

mod asked;
mod beats;
mod streams;

use crate::{
    Platform, Worker,
    config::{Config, Heard},
    lambda::WholeAnswers,
    network::Network,
    regions::Standings,
    world::World,
};
use asked::Asked;
use axum::{Extension, Router, body::Body, routing::get};
use bytes::Bytes;
use contracts::Region;
use futures::stream;
use http::{Request, header};
use std::{convert::Infallible, time::Duration};
use streams::Streams;

/// The route of the stream.
pub const PATH: &str = "/heartbeats";
/// The service under which the route stands.
pub const SERVICE: &str = "platform";

/// Which regions live, as far as this one can tell.
#[derive(Clone)]
pub struct Liveness {
    here: Region,
    suspect_after: Duration,
    signs: Signs,
    /// What operators decided about regions. Those that are set aside count as silent, this one too.
    pub standings: Standings,
}

/// How signs of other regions come in.
#[derive(Clone)]
enum Signs {
    Heard(Streams),
    Asked(Asked),
}

impl Liveness {
    /// Nobody has been heard from yet; everybody has the usual time to be heard.
    pub fn new(world: World, config: &Config, network: &Network) -> Self {
        let signs = match config.heard {
            Heard::Streams => Signs::Heard(Streams::new(world, config)),
            Heard::Asked => Signs::Asked(Asked::new(&world, config, network)),
        };
        Liveness {
            here: config.region.clone(),
            suspect_after: Duration::from_millis(config.suspect_after_ms),
            signs,
            standings: Standings::default(),
        }
    }

    /// Notes that this process did not get to run until now: whatever it missed says nothing about others.
    pub fn woke(&self) {
        if let Signs::Heard(streams) = &self.signs {
            streams.woke();
        }
    }

    /// How long a region has been silent while this process listened. This region itself never is.
    pub fn silent_for(&self, region: &Region) -> Duration {
        match &self.signs {
            _ if *region == self.here => Duration::ZERO,
            Signs::Heard(streams) => streams.silent_for(region),
            Signs::Asked(asked) if asked.gave_no_answer(region) => self.suspect_after,
            Signs::Asked(_) => Duration::ZERO,
        }
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
        while !self.suspected(region) {
            match &self.signs {
                Signs::Heard(_) => {
                    let left = self.suspect_after.saturating_sub(self.silent_for(region));
                    tokio::time::sleep(left).await;
                }
                Signs::Asked(asked) => asked.again(region, &self.standings).await,
            }
        }
    }

    /// Whether a region lives: false as soon as it is suspected, true as soon as it is heard later than `delay`
    /// from now. Until then signs of it may still be on their way that it sent before it fell silent.
    pub async fn lives(&self, region: &Region, delay: Duration) -> bool {
        if self.standings.aside(region) {
            return false;
        }
        if *region == self.here {
            return true;
        }
        match &self.signs {
            Signs::Heard(streams) => {
                let since = streams.in_a_while(delay);
                while !self.suspected(region) {
                    if streams.heard_since(region, since) {
                        return true;
                    }
                    streams.next_sign().await;
                }
                false
            }
            Signs::Asked(asked) => asked.ask(region, &self.standings).await,
        }
    }
}

/// The route that others listen on. Where the host hands on whole answers only, one beat is the answer.
pub fn routes(platform: &Platform) -> Router {
    let standings = platform.liveness.standings.clone();
    let heartbeat = Duration::from_millis(platform.config.heartbeat_ms);
    let beats = move |whole: Option<Extension<WholeAnswers>>| async move {
        let mut beats = beats::Beats::new(&standings);
        if whole.is_some() {
            return Body::from(beats.next());
        }
        Body::from_stream(stream::unfold(beats, move |mut beats| async move {
            tokio::time::sleep(heartbeat).await;
            Some((Ok::<_, Infallible>(beats.next()), beats))
        }))
    };
    Router::new().route(PATH, get(beats))
}

/// The request for a region's beats, by its services' address; `None` where that is no address.
fn request(address: &str) -> Option<Request<Bytes>> {
    let url = format!("{}{PATH}", address.replace("{service}", SERVICE));
    let host = url.parse::<http::Uri>().ok()?.authority()?.to_string();
    Request::get(&url).header(header::HOST, host).body(Bytes::new()).ok()
}

/// A listener for every other region, or one who asks all of them when the host says so.
pub fn workers(platform: &Platform) -> Vec<Worker> {
    match &platform.liveness.signs {
        Signs::Heard(streams) => streams.workers(platform),
        Signs::Asked(asked) => vec![asked.worker(platform)],
    }
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
            (Region::from(*region), at)
        });
        Liveness {
            here: "eu-west-1".into(),
            suspect_after: SUSPECT_AFTER,
            signs: Signs::Heard(Streams::that_heard(world, heard)),
            standings: Standings::default(),
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
