//! Pending events live inside the item that caused them; a relay publishes each and clears it only after
//! the bus confirmed that entry. What a relay missed, a sweep finds.

use crate::{
    Platform, Worker,
    bus::Bus,
    planted::Planted,
    tables::{Condition, Item, Query, Table, TableError, number, text},
};
use contracts::{Timestamp, events::Event};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::{Mutex, mpsc};

/// The sparse index by which sweeps find items with pending events: partition `outbox`, sort `since`.
pub const INDEX: &str = "unconfirmed";
/// Items that wait for the relay at most; beyond that the sweep finds them.
const QUEUE_MAX: usize = 4096;
/// A sweep takes up what is pending for longer than this.
pub const SWEEP_AFTER: Duration = Duration::from_secs(5);
/// Time between two sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// Items that one sweep takes up at most.
const SWEEP_MAX: usize = 100;

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
    /// What was added since the item was read: what its writer's relay publishes.
    #[serde(skip)]
    added: Vec<Event>,
}

impl Pending {
    /// Adds an event to what is pending. `sweeper` names whose sweep takes care of it.
    pub fn add(&mut self, event: &Event, sweeper: &str, now: Timestamp) {
        let text = serde_json::to_string(event).unwrap_or_default();
        self.pending.insert(event.metadata.event_id.0.to_string(), text);
        self.outbox = Some(sweeper.to_owned());
        self.since.get_or_insert(now.0);
        self.added.push(event.clone());
    }

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
    receiver: Arc<Mutex<mpsc::Receiver<Job>>>,
}

/// Events to publish, and the key of the item that holds them.
struct Job {
    key: Item,
    events: Vec<Event>,
}

impl Outbox {
    /// The outbox of a table.
    pub fn new(platform: &Platform, table: Table) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let (bus, platform) = (Bus::new(platform), platform.clone());
        Outbox { table, bus, platform, sender, receiver: Arc::new(Mutex::new(receiver)) }
    }

    /// Tells the relay that the item with this key was stored with new events. Where the queue is full the sweep
    /// finds the item later.
    pub fn notify(&self, key: Item, pending: &Pending) {
        if pending.added.is_empty() {
            return;
        }
        let job = Job { key, events: pending.added.clone() };
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
        let Platform { config, liveness, .. } = &self.platform;
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
        let Job { key, events } = job;
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
            if confirmed {
                self.clear(key.clone(), &event.metadata.event_id.0.to_string()).await?;
            } else {
                tracing::warn!(event = %event.metadata.event_id.0, "the bus refused an entry; it stays pending");
            }
        }
        Ok(())
    }

    /// Takes up what `sweepers` left pending for longer than [`SWEEP_AFTER`]. Says how many items it found.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn sweep(&self, sweepers: &[String]) -> Result<usize, TableError> {
        let before = self.platform.world.now().plus_ms(-(SWEEP_AFTER.as_millis() as i64));
        let mut found = 0;
        for sweeper in sweepers {
            let query = Query::partition("outbox", text(sweeper))
                .index(INDEX)
                .at_most("since", number(before.0))
                .limit(SWEEP_MAX);
            let page = self.table.query_items(query).await?;
            for item in page.items {
                found += 1;
                let key = self.key_of(item);
                if let Some(pending) = self.table.get::<Pending>(key.clone()).await? {
                    self.relay(Job { key, events: pending.events() }).await?;
                }
            }
        }
        Ok(found)
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
