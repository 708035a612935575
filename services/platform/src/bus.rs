//! Publishing to the region's event bus, entry by entry.

use crate::{
    Platform,
    config::PRODUCTION,
    trace::{self, TraceContext},
};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use contracts::{
    events::{Event, Happening, Metadata},
    keys,
    resources::bus_name,
    schemas,
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
    /// Whether an event that breaks its schema is kept back, to be found before production: there it goes out, and its
    /// consumers park it.
    strict: bool,
}

impl Bus {
    /// The bus of the platform's region and environment.
    pub fn new(platform: &Platform) -> Self {
        let env = &platform.config.env;
        Bus { client: platform.aws.events.clone(), name: bus_name(env), strict: env != PRODUCTION }
    }

    /// Publishes events and says for each whether the bus confirmed it. One that breaks its schema is not sent, outside
    /// production.
    ///
    /// # Errors
    /// When the call as a whole failed: then nothing is known to be published.
    pub async fn publish(&self, events: &[Event]) -> Result<Vec<bool>, BusError> {
        let mut confirmed = vec![false; events.len()];
        let entry = |(at, event)| Some((at, self.entry(event)?));
        let (places, entries): (Vec<_>, Vec<_>) = events.iter().enumerate().filter_map(entry).unzip();
        let mut entries = entries.into_iter();
        for places in places.chunks(ENTRIES_MAX) {
            let entries = entries.by_ref().take(places.len()).collect();
            let answer = self.client.put_events().set_entries(Some(entries)).send().await;
            let answer = answer.map_err(|cause| BusError(format!("{cause:?}")))?;
            // The call answers 200 even where entries failed: each one has its own result.
            for (at, result) in places.iter().zip(answer.entries()) {
                confirmed[*at] = result.event_id().is_some() && result.error_code().is_none();
            }
        }
        Ok(confirmed)
    }

    /// The event as the bus takes it; none where it must not go there.
    fn entry(&self, event: &Event) -> Option<PutEventsRequestEntry> {
        let (detail, detail_type) = (event.detail(), event.happening.detail_type());
        if self.strict
            && let Err(fault) = schemas::validators().check(detail_type, &detail)
        {
            tracing::error!(event = %event.metadata.event_id, detail_type, %fault, "an event breaks its schema");
            return None;
        }
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(event.happening.source())
            .detail_type(detail_type)
            .resources(&event.metadata.aggregate_id)
            .detail(detail.to_string())
            .build();
        Some(entry)
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
    let event_id = keys::event_id(kind, id, epoch, version, happening.detail_type());
    let context = trace::current().unwrap_or_else(|| TraceContext::of_correlation(id, event_id.0));
    let metadata = Metadata {
        event_id,
        schema: happening.schema(),
        aggregate: kind.to_owned(),
        aggregate_id: id.to_owned(),
        aggregate_version: version,
        epoch,
        home_region: platform.config.region.clone(),
        produced_at: platform.world.now(),
        correlation_id: id.to_owned(),
        causation_id: caused_by.to_owned(),
        traceparent: Some(context.to_string()),
    };
    Event { metadata, happening }
}
