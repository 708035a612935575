//! Sends a region's writes to the others, as global tables do: after they were acknowledged, late, in order.
//!
//! It runs in the region that wrote. What it has not sent when the region dies, dies with it. Writes travel in
//! batches; of an item that was written several times within one batch only the last image travels.
//!
//! A region that lost its tables asks the others for them. Each sends all that it has, as DynamoDB fills a new replica
//! from an existing one, then follows with its log; the last writer wins, whoever sends. What the lost one had written
//! to some of them only, they send to each other too: then all have the same again.

use crate::cloud::{Applied, Cloud, CopyBatch, Due, OutgoingBatch, ReplicationSource};
use anyhow::Context as _;
use bytes::Bytes;
use contracts::ids::Region;
use hdrhistogram::Histogram;
use http::{Request, header};
use platform::{World, network::Network, watch};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::task::JoinSet;

/// Where a region takes the writes of others.
pub const PATH: &str = "/_sim/replicate";
/// Where a region that lost its tables asks for them.
pub const RETURN_PATH: &str = "/_sim/replication/return";
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
    /// Rows of whole tables that it has still to be sent; they count as behind.
    #[serde(default)]
    pub owed: u64,
}

/// A region that lost its tables asks for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// Which.
    pub region: Region,
    /// Tells this return from an earlier one: a later one has a higher number.
    pub number: u64,
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
#[derive(Debug)]
struct Lane {
    /// The number of the last write that it acknowledged.
    acknowledged: AtomicU64,
    /// The number of the last write that was sent.
    sent: AtomicU64,
    failures: AtomicU64,
    /// The destination is lost for good, as far as anybody knows.
    forgotten: AtomicBool,
    /// The latest return of the destination.
    returned: AtomicU64,
    /// Rows of copies that it has not acknowledged.
    owed: AtomicU64,
    copies: Mutex<VecDeque<Copy>>,
    /// Something was changed above.
    changed: watch::Sender<u64>,
}

/// What is copied to a destination beside the log.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Copy {
    /// Everything: it lost its tables. The number is that of its return.
    Whole(u64),
    /// What a region wrote last that lost its tables since.
    WrittenBy(Region),
}

/// Copies that wait in one lane; further ones would say nothing new.
const COPIES_MAX: usize = 8;

impl Lane {
    fn from(seq: u64) -> Lane {
        Lane {
            acknowledged: AtomicU64::new(seq),
            sent: AtomicU64::new(seq),
            failures: AtomicU64::new(0),
            forgotten: AtomicBool::new(false),
            returned: AtomicU64::new(0),
            owed: AtomicU64::new(0),
            copies: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }

    fn add(&self, copy: Copy) {
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        if copies.len() < COPIES_MAX && !copies.contains(&copy) {
            copies.push_back(copy);
            self.owed.fetch_add(1, Relaxed); // at least something, until it is known how much
        }
        drop(copies);
        self.wake();
    }

    fn next_copy(&self) -> Option<Copy> {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn wake(&self) {
        let before = *self.changed.borrow();
        self.changed.send_replace(before + 1);
    }
}

/// Where a region stands among the others.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Which it is.
    pub here: &'a Region,
    /// The base URL of the link to every other one.
    pub peers: &'a BTreeMap<Region, String>,
    /// What the others let it in by.
    pub token: &'a str,
    /// The way to them.
    pub network: &'a Network,
}

impl Replication {
    /// Starts a sender for every peer; `tasks` owns them. They begin with the oldest write that is kept: a region that
    /// comes back after a power cut sends what it still owes.
    pub fn start(
        place: &Place<'_>,
        cloud: &Cloud,
        world: &World,
        settings: Settings,
        tasks: &mut JoinSet<&'static str>,
    ) -> Self {
        let Place { here, peers, token, network } = *place;
        let first = cloud.replication();
        let start = first.oldest() - 1;
        let lanes: BTreeMap<Region, Lane> =
            peers.keys().map(|region| (region.clone(), Lane::from(start))).collect();
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
                here: here.clone(),
                url: format!("{url}{PATH}"),
                cloud: cloud.clone(),
                changed: replication.lanes[region].changed.subscribe(),
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
            lane.wake();
        }
    }

    /// Sends everything to a region that lost its tables, and what it had written last to everybody else. A repeated
    /// question changes nothing.
    pub fn fill(&self, back: &Return) {
        let Some(lane) = self.lanes.get(&back.region) else { return };
        if lane.returned.fetch_max(back.number, Relaxed) >= back.number {
            return;
        }
        lane.forgotten.store(false, Relaxed);
        lane.add(Copy::Whole(back.number));
        for (_, lane) in self.kept().filter(|(region, _)| **region != back.region) {
            lane.add(Copy::WrittenBy(back.region.clone()));
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
            let (acknowledged, owed) = (lane.acknowledged.load(Relaxed), lane.owed.load(Relaxed));
            Progress {
                behind: head.saturating_sub(acknowledged) + owed,
                owed,
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
    here: Region,
    url: String,
    cloud: Cloud,
    changed: watch::Receiver<u64>,
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
        let lanes = self.lanes.clone();
        // Whoever watches the tasks takes an end for a defect.
        let Some(lane) = lanes.get(&self.region) else { return std::future::pending().await };
        let mut pause = RETRY_FIRST;
        loop {
            self.changed.borrow_and_update();
            if lane.forgotten.load(Relaxed) {
                let _ = self.changed.changed().await; // the lane holds the other end
                continue;
            }
            if let Some(copy) = lane.next_copy() {
                match self.copy(lane, &copy).await {
                    Ok(through_seq) if matches!(copy, Copy::Whole(_)) => next_seq = through_seq + 1,
                    Ok(_) => {}
                    Err(cause) => tracing::error!(to = %self.region, %cause, "tables cannot be copied"),
                }
                continue;
            }
            let mut changed = self.changed.clone();
            // Whoever did not answer last time is asked with little.
            let max = if pause == RETRY_FIRST { BATCH_WRITES_MAX } else { 1 };
            let due = tokio::select! {
                biased;
                due = self.due(next_seq, max) => due,
                _ = changed.changed() => continue,
            };
            let batch = match due {
                Ok(batch) => batch,
                Err(cause) => {
                    // The log was cut while this destination was away for long. It can no longer follow by itself;
                    // what it lacks keeps being counted. If it lost its tables it asks for them.
                    tracing::error!(to = %self.region, %cause, "replication stopped");
                    let _ = self.changed.changed().await;
                    continue;
                }
            };
            lane.sent.store(batch.through_seq, Relaxed);
            match self.send(batch.json).await {
                Ok(_) => {
                    lane.acknowledged.store(batch.through_seq, Relaxed);
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
                    lane.failures.fetch_add(1, Relaxed);
                    tokio::time::sleep(self.world.jitter(pause)).await;
                    pause = (pause * 2).min(RETRY_LAST);
                }
            }
        }
    }

    /// Sends a copy of tables to its end, or until the destination is lost (again). Says up to which write of this
    /// region's own log it reaches.
    async fn copy(&self, lane: &Lane, copy: &Copy) -> anyhow::Result<u64> {
        let (only, number) = match copy {
            Copy::Whole(number) => (None, Some(*number)),
            Copy::WrittenBy(region) => (Some(region.as_str()), None),
        };
        let tables = self.cloud.copy(only)?;
        let rows = tables.count();
        if number.is_some() {
            // What it acknowledged before it has lost; from here on its log follows.
            lane.acknowledged.store(tables.through_seq, Relaxed);
            lane.sent.store(tables.through_seq, Relaxed);
        }
        lane.owed.fetch_add(rows, Relaxed);
        tracing::info!(to = %self.region, rows, "copies tables");
        let mut left = rows + 1;
        let last = tables.batches.len().saturating_sub(1);
        let whole = |place: usize| number.filter(|_| place == last);
        let none = [CopyBatch::default()];
        let batches = if tables.batches.is_empty() { &none[..] } else { &tables.batches };
        for (place, batch) in batches.iter().enumerate() {
            let json = batch.json(self.here.as_str(), whole(place))?;
            while let Err(cause) = self.send(json.clone()).await {
                tracing::debug!(to = %self.region, %cause, "a part of a copy is sent again");
                tokio::time::sleep(self.world.jitter(RETRY_LAST)).await;
                let newer = number.is_some_and(|number| lane.returned.load(Relaxed) > number);
                if newer || lane.forgotten.load(Relaxed) {
                    lane.owed.fetch_sub(left, Relaxed);
                    return Ok(tables.through_seq);
                }
            }
            lane.owed.fetch_sub(batch.count, Relaxed);
            left -= batch.count;
        }
        lane.owed.fetch_sub(left, Relaxed);
        Ok(tables.through_seq)
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
}
