//! Sends a region's writes to the others, as global tables do: after they were acknowledged, late, in order.
//!
//! It runs in the region that wrote. What it has not sent when the region dies, dies with it. Writes travel in
//! batches; of an item that was written several times within one batch only the last image travels.

use crate::cloud::{Applied, Cloud, Due, OutgoingBatch, ReplicationSource};
use anyhow::Context as _;
use bytes::Bytes;
use contracts::ids::Region;
use hdrhistogram::Histogram;
use http::{Request, header};
use platform::{World, network::Network, watch};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::task::JoinSet;

/// Where a region takes the writes of others.
pub const PATH: &str = "/_sim/replicate";
/// The header that opens control routes.
pub const TOKEN_HEADER: &str = "x-sim-token";

/// Writes in one batch.
const BATCH_WRITES_MAX: usize = 1_000;
/// A batch is answered within this time or sent again; receivers know what they have.
const SEND_LIMIT: Duration = Duration::from_secs(3);
/// How long a failed batch waits: this long first, doubled each time, no longer than the other.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(1);
/// After a batch the next one gathers for this long.
const GATHER: Duration = Duration::from_millis(100);
/// How often a paused sender looks again, should it miss the end of the pause.
const PAUSE_CHECK: Duration = Duration::from_secs(1);
/// The wall clock counts milliseconds.
const CLOCK_STEP: Duration = Duration::from_millis(1);
/// How often acknowledged writes are let go.
const TRIM_EVERY: Duration = Duration::from_secs(2);

/// How late, and whether at all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// A write leaves this much later, ms.
    pub lag_ms: u64,
    /// Random spread of that, percent, either way.
    pub jitter_pct: f32,
    /// Whether nothing leaves at all.
    pub paused: bool,
}

/// How far one destination is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Writes that the destination does not have, as far as this region knows.
    pub behind: u64,
    /// Of these, how many were sent and not acknowledged.
    pub sent: u64,
    /// Writes that it acknowledged.
    pub acknowledged: u64,
    /// Batches that failed.
    pub failures: u64,
}

/// How far replication out of a region is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The number of the region's last write.
    pub head: u64,
    /// By destination.
    pub to: BTreeMap<Region, Progress>,
    /// How long writes took from their region to another, acknowledgement included: ms (two digits are exact),
    /// and how many took so long.
    pub took_ms: Vec<(u64, u64)>,
}

impl Status {
    /// Whether every destination has everything.
    pub fn copied(&self) -> bool {
        self.to.values().all(|progress| progress.behind == 0)
    }

    /// Writes that no other region is known to have: what would be lost with this one.
    pub fn stranded(&self) -> u64 {
        self.to.values().map(|progress| progress.behind).min().unwrap_or(0)
    }
}

/// The senders of a region.
#[derive(Clone)]
pub struct Replication {
    settings: Arc<watch::Sender<Settings>>,
    cloud: Cloud,
    lanes: Arc<BTreeMap<Region, Lane>>,
    took: Arc<Took>,
}

/// How long writes took.
struct Took(Mutex<Histogram<u64>>);

/// A write that took longer counts as this, ms.
const TOOK_MAX_MS: u64 = 600_000;

impl Took {
    fn new() -> Took {
        Took(Mutex::new(took_histogram()))
    }

    fn add(&self, ms: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(ms.max(1));
    }

    fn list(&self) -> Vec<(u64, u64)> {
        let took = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        took.iter_recorded()
            .map(|step| (step.value_iterated_to(), step.count_since_last_iteration()))
            .collect()
    }
}

/// An empty histogram of times from write to acknowledgement, ms.
pub fn took_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, TOOK_MAX_MS, 2).expect("these bounds are valid")
}

/// One destination, as counted.
#[derive(Debug, Default)]
struct Lane {
    /// The number of the last write that it acknowledged.
    acknowledged: AtomicU64,
    /// The number of the last write that was sent.
    sent: AtomicU64,
    failures: AtomicU64,
    /// The destination is lost for good.
    forgotten: AtomicBool,
}

impl Replication {
    /// Starts a sender for every peer (region and base URL of the link to it); `tasks` owns them. They begin
    /// with the oldest write that is kept: a region that comes back after a power cut sends what it still owes.
    pub fn start(
        cloud: &Cloud,
        world: &World,
        peers: &BTreeMap<Region, String>,
        token: &str,
        settings: Settings,
        network: &Network,
        tasks: &mut JoinSet<&'static str>,
    ) -> Self {
        let first = cloud.replication();
        let start = first.oldest() - 1;
        let lane =
            || Lane { acknowledged: AtomicU64::new(start), sent: AtomicU64::new(start), ..Lane::default() };
        let lanes: BTreeMap<Region, Lane> = peers.keys().map(|region| (region.clone(), lane())).collect();
        let (settings, _) = watch::channel(settings);
        let replication = Replication {
            settings: Arc::new(settings),
            cloud: cloud.clone(),
            lanes: Arc::new(lanes),
            took: Arc::new(Took::new()),
        };
        for (region, url) in peers {
            let sender = Sender {
                region: region.clone(),
                url: format!("{url}{PATH}"),
                token: token.to_owned(),
                source: cloud.replication(),
                settings: replication.settings.subscribe(),
                lanes: replication.lanes.clone(),
                took: replication.took.clone(),
                world: world.clone(),
                network: network.clone(),
            };
            tasks.spawn(sender.run(start + 1));
        }
        tasks.spawn(replication.clone().trim());
        replication
    }

    /// Changes how late writes leave, for those not sent yet too.
    pub fn set(&self, settings: Settings) {
        self.settings.send_replace(settings);
    }

    /// How late writes leave.
    pub fn settings(&self) -> Settings {
        *self.settings.borrow()
    }

    /// Sends nothing to these regions any more, and keeps nothing for them: they are lost for good.
    pub fn forget(&self, regions: &[Region]) {
        for lane in regions.iter().filter_map(|region| self.lanes.get(region)) {
            lane.forgotten.store(true, Relaxed);
        }
    }

    /// The destinations that are not forgotten.
    fn kept(&self) -> impl Iterator<Item = (&Region, &Lane)> {
        self.lanes.iter().filter(|(_, lane)| !lane.forgotten.load(Relaxed))
    }

    /// How far the destinations are.
    pub fn status(&self) -> Status {
        let head = self.cloud.replication().head();
        let progress = |lane: &Lane| {
            let acknowledged = lane.acknowledged.load(Relaxed);
            Progress {
                behind: head.saturating_sub(acknowledged),
                sent: lane.sent.load(Relaxed).saturating_sub(acknowledged),
                acknowledged,
                failures: lane.failures.load(Relaxed),
            }
        };
        let to = self.kept().map(|(region, lane)| (region.clone(), progress(lane)));
        Status { head, to: to.collect(), took_ms: self.took.list() }
    }

    /// Lets go of what every destination has. One that never answers again keeps the log at its own bound.
    async fn trim(self) -> &'static str {
        loop {
            tokio::time::sleep(TRIM_EVERY).await;
            let everywhere = self.kept().map(|(_, lane)| lane.acknowledged.load(Relaxed)).min();
            if let Some(seq) = everywhere {
                self.cloud.replication().trim(seq);
            }
        }
    }
}

/// Sends to one destination.
struct Sender {
    region: Region,
    url: String,
    token: String,
    source: ReplicationSource,
    settings: watch::Receiver<Settings>,
    lanes: Arc<BTreeMap<Region, Lane>>,
    took: Arc<Took>,
    world: World,
    network: Network,
}

impl Sender {
    async fn run(mut self, mut next_seq: u64) -> &'static str {
        let mut pause = RETRY_FIRST;
        while !self.lanes.get(&self.region).is_some_and(|lane| lane.forgotten.load(Relaxed)) {
            // Whoever did not answer last time is asked with little.
            let max = if pause == RETRY_FIRST { BATCH_WRITES_MAX } else { 1 };
            let batch = match self.due(next_seq, max).await {
                Ok(batch) => batch,
                Err(cause) => {
                    // The log was cut while this destination was away for long. It can no longer follow by itself;
                    // what it lacks keeps being counted.
                    tracing::error!(to = %self.region, %cause, "replication stopped");
                    return std::future::pending().await;
                }
            };
            self.count(|lane| lane.sent.store(batch.through_seq, Relaxed));
            match self.send(batch.json).await {
                Ok(_) => {
                    self.count(|lane| lane.acknowledged.store(batch.through_seq, Relaxed));
                    let now_ms = self.world.now().0;
                    for written_at_us in &batch.written_at_us {
                        self.took.add((now_ms - written_at_us / 1_000).unsigned_abs());
                    }
                    next_seq = batch.through_seq + 1;
                    pause = RETRY_FIRST;
                    tokio::time::sleep(GATHER).await;
                }
                Err(cause) => {
                    tracing::debug!(to = %self.region, %cause, "a batch is sent again");
                    self.count(|lane| {
                        lane.failures.fetch_add(1, Relaxed);
                    });
                    tokio::time::sleep(self.world.jitter(pause)).await;
                    pause = (pause * 2).min(RETRY_LAST);
                }
            }
        }
        // Whoever watches the tasks takes an end for a defect.
        std::future::pending().await
    }

    /// Waits until the write with this number is due; gives it and all that are due with it.
    async fn due(&mut self, seq: u64, max: usize) -> anyhow::Result<OutgoingBatch> {
        let spread = self.spread();
        loop {
            let settings = *self.settings.borrow_and_update();
            let lag_us =
                settings.lag_ms as f64 * (1.0 + f64::from(settings.jitter_pct) / 100.0 * spread) * 1e3;
            let until_us = self.world.now().0 * 1_000 - lag_us as i64;
            let wait = match self.source.read_due(seq, max, until_us)? {
                Due::Nothing => {
                    self.source.changed().await;
                    continue;
                }
                Due::Batch(batch) if !settings.paused => return Ok(batch),
                Due::Batch(_) => PAUSE_CHECK,
                Due::Later(written_at_us) => {
                    Duration::from_micros((written_at_us - until_us).unsigned_abs()) + CLOCK_STEP
                }
            };
            // Whichever comes first: the time, or a change of the settings.
            let _ = tokio::time::timeout(wait, self.settings.changed()).await;
        }
    }

    /// A number between -1 and 1.
    fn spread(&self) -> f64 {
        (self.world.random_u64() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    async fn send(&self, batch: String) -> anyhow::Result<Applied> {
        let host = self.url.parse::<http::Uri>()?.authority().map(ToString::to_string).unwrap_or_default();
        let request = Request::post(&self.url)
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, "application/json")
            .header(TOKEN_HEADER, &self.token)
            .body(Bytes::from(batch))?;
        let answer = tokio::time::timeout(SEND_LIMIT, self.network.send(request)).await;
        let answer = answer.context("no answer in time")??;
        anyhow::ensure!(answer.status().is_success(), "status {}", answer.status());
        Ok(serde_json::from_slice(answer.body())?)
    }

    fn count(&self, change: impl FnOnce(&Lane)) {
        if let Some(lane) = self.lanes.get(&self.region) {
            change(lane);
        }
    }
}
