//! Which regions an edge holds for healthy, by probes and by what happens to requests.

use super::Inner;
use contracts::ids::Region;
use futures::{StreamExt, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval, timeout};

/// Requests that go unanswered tell sooner; where there are none, nobody waits.
pub(super) const PROBE_EVERY: Duration = Duration::from_millis(200);
/// The same for regions that are really far away, where each probe is a call that somebody pays for.
pub(super) const PROBE_AFAR_EVERY: Duration = Duration::from_secs(1);
/// A probe may take this long beyond the round trip.
const PROBE_PATIENCE: Duration = Duration::from_millis(300);
/// A region from which nothing at all was heard for this long, while a request waits for it, is not healthy.
pub(super) const SILENCE: Duration = Duration::from_millis(250);
const MISSES: u32 = 2;
const GOOD: u32 = 3;
const LOG_LENGTH: usize = 1_000;

/// Why a region was found healthy or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Probes went unanswered.
    ProbesMissed,
    /// The region answered that nothing may be sent to it: it is drained or evacuated, or not open yet.
    SaidNo,
    /// A request went unanswered and nothing else was heard.
    RequestUnanswered,
    /// Probes are answered again.
    ProbesAnswered,
}

/// A change of a region's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// When, ms after the edge started.
    pub at_ms: u64,
    /// The region.
    pub region: Region,
    /// What it is now.
    pub healthy: bool,
    /// Why.
    pub why: Why,
}

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// The region may be sent requests.
    Ready,
    /// It says that it may not.
    Refused,
    /// It said nothing in time.
    Missed,
}

/// The health of one region. Pure: time is an argument.
#[derive(Debug)]
struct Health {
    healthy: bool,
    misses: u32,
    good: u32,
    last_heard: Instant,
}

impl Health {
    /// Regions are healthy until the contrary is seen.
    fn new(now: Instant) -> Self {
        Health { healthy: true, misses: 0, good: 0, last_heard: now }
    }

    fn heard(&mut self, now: Instant) {
        self.last_heard = now;
    }

    fn probed(&mut self, probe: Probe, now: Instant) -> Option<Why> {
        match probe {
            Probe::Ready => self.ready(now),
            // One is enough: the region knows, where silence is only a sign.
            Probe::Refused => {
                self.heard(now);
                self.misses = 0;
                self.ill(Why::SaidNo)
            }
            Probe::Missed => {
                self.misses += 1;
                self.good = 0;
                if self.misses >= MISSES { self.ill(Why::ProbesMissed) } else { None }
            }
        }
    }

    fn ready(&mut self, now: Instant) -> Option<Why> {
        self.heard(now);
        self.misses = 0;
        self.good += 1;
        let recovered = !self.healthy && self.good >= GOOD;
        self.healthy |= recovered;
        recovered.then_some(Why::ProbesAnswered)
    }

    /// Not healthy from now on; gives the reason where it was until now.
    fn ill(&mut self, why: Why) -> Option<Why> {
        let was_healthy = std::mem::replace(&mut self.healthy, false);
        self.good = 0;
        was_healthy.then_some(why)
    }

    /// A request has been waiting for as long as [`SILENCE`].
    fn unanswered(&mut self, now: Instant) -> Option<Why> {
        let silent = now.duration_since(self.last_heard) >= SILENCE;
        if silent { self.ill(Why::RequestUnanswered) } else { None }
    }
}

/// The health of all regions of an edge, by their index.
#[derive(Debug)]
pub(super) struct HealthBook {
    started: Instant,
    names: Vec<Region>,
    pages: Mutex<Pages>,
}

#[derive(Debug)]
struct Pages {
    regions: Vec<Health>,
    log: Vec<Transition>,
}

impl HealthBook {
    pub(super) fn new(names: Vec<Region>, now: Instant) -> Self {
        let regions = names.iter().map(|_| Health::new(now)).collect();
        HealthBook { started: now, names, pages: Mutex::new(Pages { regions, log: Vec::new() }) }
    }

    pub(super) fn healthy(&self, index: usize) -> bool {
        self.pages().regions.get(index).is_some_and(|health| health.healthy)
    }

    /// An answer to a request came.
    pub(super) fn heard(&self, index: usize) {
        self.observe(index, |health, now| {
            health.heard(now);
            None
        });
    }

    /// A request has waited for [`SILENCE`].
    pub(super) fn unanswered(&self, index: usize) {
        self.observe(index, Health::unanswered);
    }

    pub(super) fn log(&self) -> Vec<Transition> {
        self.pages().log.clone()
    }

    fn probed(&self, index: usize, probe: Probe) {
        self.observe(index, |health, now| health.probed(probe, now));
    }

    fn observe(&self, index: usize, change: impl FnOnce(&mut Health, Instant) -> Option<Why>) {
        let now = Instant::now();
        let mut pages = self.pages();
        let Some(health) = pages.regions.get_mut(index) else { return };
        let why = change(health, now);
        let healthy = health.healthy;
        if let Some(why) = why.filter(|_| pages.log.len() < LOG_LENGTH) {
            let at_ms = now.duration_since(self.started).as_millis() as u64;
            let region = self.names[index].clone();
            tracing::info!(%region, healthy, ?why, "health changed");
            pages.log.push(Transition { at_ms, region, healthy, why });
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Probes one region for ever. Probes overlap, as a far region's round trip is longer than their interval.
pub(super) async fn watch(edge: Arc<Inner>, index: usize) {
    let path = Arc::clone(&edge.paths[index]);
    let patience = path.rtt + PROBE_PATIENCE;
    let mut ticks = interval(edge.probe_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut probes = FuturesUnordered::new();
    loop {
        tokio::select! {
            // An answer that is there counts before another probe is sent.
            biased;
            Some(probe) = probes.next(), if !probes.is_empty() => edge.health.probed(index, probe),
            _ = ticks.tick() => {
                let path = Arc::clone(&path);
                probes.push(async move { timeout(patience, path.probe()).await.unwrap_or(Probe::Missed) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_misses_make_a_region_ill_and_three_answers_well() {
        let now = Instant::now();
        let mut health = Health::new(now);
        assert_eq!(health.probed(Probe::Missed, now), None);
        assert_eq!(health.probed(Probe::Ready, now), None);
        assert_eq!(health.probed(Probe::Missed, now), None);
        assert_eq!(health.probed(Probe::Missed, now), Some(Why::ProbesMissed));
        assert_eq!(health.probed(Probe::Missed, now), None);
        assert_eq!([Probe::Ready; 2].map(|probe| health.probed(probe, now)), [None, None]);
        assert!(!health.healthy);
        assert_eq!(health.probed(Probe::Ready, now), Some(Why::ProbesAnswered));
        assert!(health.healthy);
    }

    #[test]
    fn a_region_that_says_no_is_believed_at_once_and_until_it_says_yes_three_times() {
        let now = Instant::now();
        let mut health = Health::new(now);
        assert_eq!(health.probed(Probe::Refused, now), Some(Why::SaidNo));
        let then = [Probe::Ready, Probe::Refused, Probe::Ready, Probe::Ready];
        assert_eq!(then.map(|probe| health.probed(probe, now)), [None; 4]);
        assert!(!health.healthy);
        assert_eq!(health.probed(Probe::Ready, now), Some(Why::ProbesAnswered));
    }

    #[test]
    fn an_unanswered_request_makes_a_silent_region_ill_but_not_one_that_answers_others() {
        let now = Instant::now();
        let mut health = Health::new(now);
        health.heard(now + Duration::from_millis(100));
        assert_eq!(health.unanswered(now + Duration::from_millis(260)), None);
        assert_eq!(health.unanswered(now + Duration::from_millis(350)), Some(Why::RequestUnanswered));
        assert!(!health.healthy);
    }
}
