//! Regions that are asked for a beat. Nobody asks without a need: where each function that is awake asked others all the
//! time, they would keep each other awake for ever.

use super::beats::Lines;
use crate::{Platform, Worker, config::Config, network::Network, regions::Standings, world::World};
use bytes::Bytes;
use contracts::Region;
use futures::future::join_all;
use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// A region that gave no answer counts as silent for so long, unless it answers again. Longer than from one schedule to the
/// next, so that what was left by its owners is looked for at the next one.
const STANDS: Duration = Duration::from_secs(90);
/// How often all are asked by a process that lives on.
const EVERY: Duration = Duration::from_secs(60);

/// Who was asked, and did not answer. Clones share that.
#[derive(Clone)]
pub(super) struct Asked {
    world: World,
    network: Network,
    urls: Arc<BTreeMap<Region, String>>,
    /// An answer has come by then, or none does.
    limit: Duration,
    /// Between two questions of somebody who waits.
    pause: Duration,
    silent: Arc<Mutex<BTreeMap<Region, Instant>>>,
}

impl Asked {
    pub(super) fn new(world: &World, config: &Config, network: &Network) -> Self {
        Asked {
            world: world.clone(),
            network: network.clone(),
            urls: Arc::new(config.urls()),
            limit: Duration::from_millis(config.suspect_after_ms),
            pause: Duration::from_millis(config.heartbeat_ms),
            silent: Arc::default(),
        }
    }

    /// Whether a region was asked lately and did not answer.
    pub(super) fn gave_no_answer(&self, region: &Region) -> bool {
        let at = self.lock().get(region).copied();
        at.is_some_and(|at| self.world.instant().saturating_duration_since(at) < STANDS)
    }

    /// Asks a region for a beat, which tells what operators decided too, and says whether it answered in time.
    pub(super) async fn ask(&self, region: &Region, standings: &Standings) -> bool {
        let answer = tokio::time::timeout(self.limit, self.beat(region)).await.ok().flatten();
        let Some(told) = answer else {
            self.lock().insert(region.clone(), self.world.instant());
            return false;
        };
        self.lock().remove(region);
        for told in Lines::default().read(&told) {
            if self.urls.contains_key(&told.region) {
                standings.learn(told);
            }
        }
        true
    }

    /// For somebody who waits until a region is silent.
    pub(super) async fn again(&self, region: &Region, standings: &Standings) {
        if self.ask(region, standings).await {
            tokio::time::sleep(self.pause).await;
        }
    }

    /// Asks all other regions when the host says so.
    pub(super) fn worker(&self, platform: &Platform) -> Worker {
        let others: Vec<Region> = platform.config.other_regions().cloned().collect();
        let (asked, standings) = (self.clone(), platform.liveness.standings.clone());
        let ask = move || {
            let (asked, others, standings) = (asked.clone(), others.clone(), standings.clone());
            async move {
                join_all(others.iter().map(|region| asked.ask(region, &standings))).await;
                Ok::<(), Infallible>(())
            }
        };
        Worker::new("heartbeats", EVERY, ask).alone()
    }

    async fn beat(&self, region: &Region) -> Option<Bytes> {
        let request = super::request(self.urls.get(region)?)?;
        let answer = self.network.send(request).await.ok()?;
        answer.status().is_success().then(|| answer.into_body())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Region, Instant>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::WholeAnswers;
    use axum::{Extension, Router, routing::get};
    use contracts::bodies::ops::{RegionStanding, RegionState};
    use serde_json::json;

    const THERE: &str = "us-east-1";

    fn platform() -> Platform {
        let region = |name: &str| json!({ "name": name, "continent": "eu", "url": format!("http://{name}.test/{{service}}") });
        let config = serde_json::from_value(json!({
            "env": "tests", "region": "eu-west-1", "regions": [region("eu-west-1"), region(THERE)],
            "continents": [], "shards": 1, "warehouses": [], "pools": [], "heard": "asked",
            "provider_url": "http://provider.test", "carrier_url": "http://carrier.test",
            "age_check_url": "http://age-check.test", "heartbeat_ms": 50, "suspect_after_ms": 250,
            "secrets": { "service_key": "k", "payment_key": "", "provider_key": "", "age_check_key": "" },
        }));
        let http = aws_smithy_http_client::Builder::new().build_http();
        let world = World::new(0, 7, http);
        Platform::new(world, config.expect("a configuration"), Network::new()).expect("a platform")
    }

    /// The other region's own door, on a host that hands on whole answers.
    fn answers(platform: &Platform) -> Platform {
        let there = self::platform();
        let doors = super::super::routes(&there).layer(Extension(WholeAnswers));
        platform.calls.network().mount("us-east-1.test", Router::new().nest("/platform", doors));
        there
    }

    fn falls_silent(platform: &Platform) {
        let never = get(async || std::future::pending::<()>().await);
        platform.calls.network().mount("us-east-1.test", Router::new().route("/platform/heartbeats", never));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_silent_who_was_not_asked() {
        let (platform, there) = (platform(), Region::from(THERE));
        falls_silent(&platform);
        assert!(!platform.liveness.suspected(&there));
        assert!(!platform.liveness.lives(&there, Duration::ZERO).await);
        assert!(platform.liveness.suspected(&there));
        tokio::time::sleep(STANDS).await;
        assert!(!platform.liveness.suspected(&there), "for ever");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_answers_again_lives_at_once_and_tells_what_was_decided() {
        let (platform, there) = (platform(), Region::from(THERE));
        falls_silent(&platform);
        platform.liveness.until_suspected(&there).await;
        let other = answers(&platform);
        let decided = RegionStanding {
            region: "eu-west-1".into(),
            state: RegionState::Evacuated,
            epoch: 1,
            decided_in: there.clone(),
            reason: None,
        };
        other.liveness.standings.learn(decided);
        assert!(platform.liveness.lives(&there, Duration::ZERO).await);
        assert!(!platform.liveness.suspected(&there));
        assert!(platform.liveness.standings.aside(&"eu-west-1".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_schedule_asks_everybody() {
        let (platform, there) = (platform(), Region::from(THERE));
        falls_silent(&platform);
        let workers = super::super::workers(&platform);
        assert!(workers.len() == 1 && workers[0].alone, "somebody asks all the time");
        workers[0].step().await.expect("never fails");
        assert!(platform.liveness.suspected(&there));
    }
}
