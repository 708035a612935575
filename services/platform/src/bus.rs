//! Publishing to the region's event bus, entry by entry.

use crate::Platform;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use contracts::{
    events::{Event, Happening, Metadata},
    keys,
    resources::bus_name,
};

/// The most entries that EventBridge takes in one call.
pub const ENTRIES_MAX: usize = 10;

/// The bus did not take the call at all.
#[derive(Debug, thiserror::Error)]
#[error("the bus did not answer: {0}")]
pub struct BusError(String);

/// The region's bus.
#[derive(Clone, Debug)]
pub struct Bus {
    client: aws_sdk_eventbridge::Client,
    name: String,
}

impl Bus {
    /// The bus of the platform's region and environment.
    pub fn new(platform: &Platform) -> Self {
        Bus { client: platform.aws.events.clone(), name: bus_name(&platform.config.env) }
    }

    /// Publishes events and says for each whether the bus confirmed it.
    ///
    /// # Errors
    /// When the call as a whole failed: then nothing is known to be published.
    pub async fn publish(&self, events: &[Event]) -> Result<Vec<bool>, BusError> {
        let mut confirmed = Vec::with_capacity(events.len());
        for chunk in events.chunks(ENTRIES_MAX) {
            let entries = chunk.iter().map(|event| self.entry(event)).collect();
            let answer = self.client.put_events().set_entries(Some(entries)).send().await;
            let answer = answer.map_err(|cause| BusError(format!("{cause:?}")))?;
            // The call answers 200 even where entries failed: each one has its own result.
            let results = answer.entries();
            confirmed.extend((0..chunk.len()).map(|index| {
                results
                    .get(index)
                    .is_some_and(|entry| entry.event_id().is_some() && entry.error_code().is_none())
            }));
        }
        Ok(confirmed)
    }

    fn entry(&self, event: &Event) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(event.happening.source())
            .detail_type(event.happening.detail_type())
            .resources(&event.metadata.aggregate_id)
            .detail(event.detail().to_string())
            .build()
    }
}

/// Whose change an event tells of.
#[derive(Clone, Copy, Debug)]
pub struct Aggregate<'a> {
    /// The kind of thing, such as `order`.
    pub kind: &'a str,
    /// Which one.
    pub id: &'a str,
    /// Its version after the change.
    pub version: u64,
    /// The owner's epoch.
    pub epoch: u64,
}

/// An event of a change made here and now.
pub fn event(platform: &Platform, aggregate: Aggregate<'_>, caused_by: &str, happening: Happening) -> Event {
    let Aggregate { kind, id, version, epoch } = aggregate;
    let metadata = Metadata {
        event_id: keys::event_id(kind, id, epoch, version, happening.detail_type()),
        schema: happening.schema(),
        aggregate: kind.to_owned(),
        aggregate_id: id.to_owned(),
        aggregate_version: version,
        epoch,
        home_region: platform.config.region.clone(),
        produced_at: platform.world.now(),
        correlation_id: id.to_owned(),
        causation_id: caused_by.to_owned(),
        traceparent: None,
    };
    Event { metadata, happening }
}
