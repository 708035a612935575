//! Pending events live inside the item that caused them; a relay publishes each, and only after the bus confirmed
//! that entry it is cleared: the item's next version leaves it out, and what no version follows the sweep clears.
//! What a relay missed, the sweep publishes. For a silent region others publish, but do not write: two regions never
//! write one item.

mod lag;

pub use lag::Outboxes;

use crate::{
    Platform, Worker,
    bus::Bus,
    metrics,
    planted::Planted,
    tables::{Condition, Item, Query, Table, TableError, number, text},
};
use contracts::{Timestamp, events::Event};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc},
    time::Instant,
};

/// The sparse index by which sweeps find items with pending events: partition `outbox`, sort `since`.
pub const INDEX: &str = "unconfirmed";
/// Items that wait for the relay at most; beyond that the sweep finds them.
const QUEUE_MAX: usize = 4096;
/// A sweep takes up what is pending for longer than this.
pub const SWEEP_AFTER: Duration = Duration::from_secs(5);
/// A confirmed event waits so long for its item's next version before it is cleared by a write of its own: an order
/// takes most of its steps sooner.
const CLEAR_AFTER: Duration = Duration::from_secs(2);
/// Confirmed events that are kept in mind at most; beyond that they are cleared at once.
const CONFIRMED_MAX: usize = 10_000;
/// Time between two sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// Confirmed events that one sweep clears at most.
const CLEAR_MAX: usize = 500;
/// Items that are read at a time, and that one sweep takes up at most for each region.
const PAGE: usize = 100;
const SWEEP_MAX: usize = 10_000;

/// The part of an item that holds its pending events. Flatten it into the item's type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Events by id, as JSON text.
    #[serde(default)]
    pub pending: BTreeMap<String, String>,
    /// Whose sweep takes care of them; absent where nothing is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox: Option<String>,
    /// Since when, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// What was added since the item was read or written: what its writer's relay publishes.
    #[serde(skip)]
    added: Vec<Event>,
    /// What was left out since, because the bus has it.
    #[serde(skip)]
    left_out: Vec<String>,
}

impl Pending {
    /// The events, in the order in which they came about.
    pub fn events(&self) -> Vec<Event> {
        let read = self.pending.values().filter_map(|text| serde_json::from_str(text).ok());
        let mut events: Vec<Event> = read.collect();
        events.sort_by_key(|event| event.metadata.aggregate_version);
        events
    }
}

/// Publishes what is pending in the items of one table.
#[derive(Clone)]
pub struct Outbox {
    table: Table,
    bus: Bus,
    platform: Platform,
    sender: mpsc::Sender<Job>,
    receiver: Arc<AsyncMutex<mpsc::Receiver<Job>>>,
    confirmed: Arc<Mutex<Confirmed>>,
}

/// Events to publish, and the key of the item that holds them. `ours` where this region may write it.
struct Job {
    key: Item,
    events: Vec<Event>,
    ours: bool,
}

/// Events that the bus has confirmed and that are still in their items.
#[derive(Default)]
struct Confirmed {
    ids: BTreeSet<String>,
    /// In the order in which they were confirmed, with the items' keys.
    waiting: VecDeque<(Instant, Item, String)>,
    /// Those in items of other regions, the latest last. These regions clear them when they are back.
    of_others: VecDeque<String>,
}

impl Confirmed {
    /// Keeps an event in mind; says whether there was room for it.
    fn add(&mut self, at: Instant, key: &Item, event_id: &str) -> bool {
        let room = self.waiting.len() < CONFIRMED_MAX;
        if room {
            self.ids.insert(event_id.to_owned());
            self.waiting.push_back((at, key.clone(), event_id.to_owned()));
        }
        room
    }

    /// Keeps an event of another region's item in mind.
    fn add_of_other(&mut self, event_id: &str) {
        self.of_others.push_back(event_id.to_owned());
        if self.of_others.len() > CONFIRMED_MAX
            && let Some(oldest) = self.of_others.pop_front()
        {
            self.ids.remove(&oldest); // published once more, should the region still be silent
        }
        self.ids.insert(event_id.to_owned());
    }

    /// The next event that was confirmed before a moment and that no version of its item has left out since.
    fn next_before(&mut self, moment: Instant) -> Option<(Item, String)> {
        while self.waiting.front().is_some_and(|(at, ..)| *at <= moment) {
            let (_, key, event_id) = self.waiting.pop_front()?;
            if self.ids.remove(&event_id) {
                return Some((key, event_id));
            }
        }
        None
    }
}

impl Outbox {
    /// The outbox of a table.
    pub fn new(platform: &Platform, table: Table) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let (bus, platform) = (Bus::new(platform), platform.clone());
        let (receiver, confirmed) = (Arc::new(AsyncMutex::new(receiver)), Arc::default());
        platform.outboxes.watch(&table, &confirmed);
        Outbox { table, bus, platform, sender, receiver, confirmed }
    }

    /// Leaves what the bus has out of an item's next version.
    pub fn leave_out(&self, pending: &mut Pending) {
        let confirmed = self.confirmed();
        let in_item = pending.pending.keys();
        pending.left_out.extend(in_item.filter(|event_id| confirmed.ids.contains(*event_id)).cloned());
        drop(confirmed);
        for event_id in &pending.left_out {
            pending.pending.remove(event_id);
        }
        if pending.pending.is_empty() {
            (pending.outbox, pending.since) = (None, None);
        }
    }

    /// Adds an event to what is pending in an item, and leaves out what the bus has. This region's sweep takes care of
    /// it.
    pub fn add(&self, pending: &mut Pending, event: &Event) {
        self.leave_out(pending);
        if pending.pending.is_empty() {
            pending.since = Some(self.platform.world.now().0);
        }
        let text = serde_json::to_string(event).unwrap_or_default();
        pending.pending.insert(event.metadata.event_id.0.to_string(), text);
        pending.outbox = Some(self.platform.config.region.0.clone());
        pending.added.push(event.clone());
    }

    /// Tells the relay that the item with this key was stored with new events. Where the queue is full the sweep
    /// finds the item later.
    pub fn notify(&self, key: Item, pending: &mut Pending) {
        let mut confirmed = self.confirmed();
        for event_id in pending.left_out.drain(..) {
            confirmed.ids.remove(&event_id);
        }
        drop(confirmed);
        if pending.added.is_empty() {
            return;
        }
        let job = Job { key, events: std::mem::take(&mut pending.added), ours: true };
        if self.sender.try_send(job).is_err() {
            tracing::debug!(table = self.table.name(), "relay queue is full; the sweep will find the item");
        }
    }

    /// The two workers of an outbox: the relay, and the sweep that finds what a relay missed, also in the
    /// items of regions that are silent.
    pub fn workers(&self) -> [Worker; 2] {
        let (relay, sweep) = (self.clone(), self.clone());
        [
            Worker::new("relay", Duration::ZERO, move || {
                let relay = relay.clone();
                async move { relay.relay_next().await }
            }),
            Worker::new("sweep", SWEEP_EVERY, move || {
                let sweep = sweep.clone();
                async move { sweep.sweep(&sweep.sweepers()).await.map(drop) }
            }),
        ]
    }

    /// Whose pending events this region takes care of: its own, and those of regions that are silent.
    fn sweepers(&self) -> Vec<String> {
        let (config, liveness) = (&self.platform.config, &self.platform.liveness);
        let names = config.regions.iter().map(|region| &region.name);
        let cared_for = names.filter(|name| **name == config.region || liveness.suspected(name));
        cared_for.map(|name| name.to_string()).collect()
    }

    /// Publishes the next notified item; waits for one.
    ///
    /// # Errors
    /// When the table or the bus does not answer; the sweep tries again.
    pub async fn relay_next(&self) -> Result<(), TableError> {
        let job = self.receiver.lock().await.recv().await;
        match job {
            Some(job) => self.relay(job).await,
            None => Ok(()),
        }
    }

    async fn relay(&self, job: Job) -> Result<(), TableError> {
        let Job { key, events, ours } = job;
        if self.platform.world.has(Planted::ClearedEarly) {
            for event in &events {
                self.clear(key.clone(), &event.metadata.event_id.0.to_string()).await?;
            }
        }
        let confirmed = match self.bus.publish(&events).await {
            Ok(confirmed) => confirmed,
            Err(cause) => {
                tracing::warn!(table = self.table.name(), %cause, "events stay pending");
                return Ok(());
            }
        };
        for (event, confirmed) in events.iter().zip(confirmed) {
            let event_id = event.metadata.event_id.0.to_string();
            if !confirmed {
                tracing::warn!(event = event_id, "the bus refused an entry; it stays pending");
                continue;
            }
            if !ours {
                self.confirmed().add_of_other(&event_id);
                continue;
            }
            metrics::count(&self.platform.config, event, self.platform.world.now());
            let room = self.confirmed().add(self.platform.world.instant(), &key, &event_id);
            if !room {
                self.clear(key.clone(), &event_id).await?;
            }
        }
        Ok(())
    }

    /// Clears what was confirmed a while ago and is still in its item.
    async fn clear_confirmed(&self) {
        let Some(moment) = self.platform.world.instant().checked_sub(CLEAR_AFTER) else { return };
        for _ in 0..CLEAR_MAX {
            let next = self.confirmed().next_before(moment);
            let Some((key, event_id)) = next else { return };
            if let Err(cause) = self.clear(key, &event_id).await {
                tracing::warn!(event = event_id, %cause, "a published event stays pending and is published again");
            }
        }
    }

    fn confirmed(&self) -> MutexGuard<'_, Confirmed> {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Clears what is confirmed, then takes up what `sweepers` left pending for longer than [`SWEEP_AFTER`]. Says how
    /// many items it found.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn sweep(&self, sweepers: &[String]) -> Result<usize, TableError> {
        self.clear_confirmed().await;
        let before = self.platform.world.now().plus_ms(-(SWEEP_AFTER.as_millis() as i64));
        let mut found = 0;
        for sweeper in sweepers {
            found += self.sweep_for(sweeper, before).await?;
        }
        Ok(found)
    }

    async fn sweep_for(&self, sweeper: &str, before: Timestamp) -> Result<usize, TableError> {
        let ours = *sweeper == *self.platform.config.region.as_str();
        let (mut found, mut token) = (0, None);
        while found < SWEEP_MAX {
            let query = Query::partition("outbox", text(sweeper)).index(INDEX);
            let query = query.at_most("since", number(before.0)).limit(PAGE).after(token.as_deref())?;
            let page = self.table.query_items(query).await?;
            for item in page.items {
                found += 1;
                let key = self.key_of(item);
                if let Some(pending) = self.table.get::<Pending>(key.clone()).await? {
                    let events = self.unpublished(&pending);
                    self.relay(Job { key, events, ours }).await?;
                }
            }
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// What of it the bus has not, as far as this process knows.
    fn unpublished(&self, pending: &Pending) -> Vec<Event> {
        let mut events = pending.events();
        let confirmed = self.confirmed();
        events.retain(|event| !confirmed.ids.contains(&event.metadata.event_id.0.to_string()));
        events
    }

    fn key_of(&self, mut item: Item) -> Item {
        item.retain(|name, _| self.table.is_key(name));
        item
    }

    /// Clears one event; the last one takes the item out of the sweep's index.
    async fn clear(&self, key: Item, event_id: &str) -> Result<(), TableError> {
        let with_event = |condition: Condition| condition.name("#event", event_id);
        let last =
            with_event(Condition::default().and("size(pending) = :one AND attribute_exists(pending.#event)"))
                .value(":one", number(1));
        let update = "REMOVE pending.#event, outbox, since";
        match self.table.update(key.clone(), update, last).await {
            Err(TableError::Conflict) => {}
            done => return done.map(drop),
        }
        let some = with_event(Condition::default().and("attribute_exists(pending.#event)"));
        match self.table.update(key, "REMOVE pending.#event", some).await {
            Ok(_) | Err(TableError::Conflict) => Ok(()), // a conflict: somebody else cleared it
            Err(other) => Err(other),
        }
    }
}
