//! Consuming a queue: an event is deleted only after its effect is stored, and comes back otherwise.

use crate::{
    Platform,
    aws::LONG_POLL,
    trace::{self, TraceContext},
};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use contracts::{events::Event, resources::queue_name, schemas};
use futures::{StreamExt, future::BoxFuture, stream};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Events handled at the same time.
const CONCURRENCY: usize = 8;
/// How long a received event is hidden from others. Longer than any handler may take.
const VISIBILITY: Duration = Duration::from_secs(10);
/// One handler at most.
const HANDLER_LIMIT: Duration = Duration::from_secs(8);
/// Events that one call receives or deletes at the most: SQS's limit.
const BATCH_MAX: usize = 10;
/// An applied event is deleted this long after it was received, or sooner: well before it comes back.
const DELETED_AFTER: Duration = Duration::from_secs(2);

/// Why an event was not applied. It comes back later, or is parked after too many tries.
#[derive(Debug)]
pub struct NotApplied(pub String);

impl std::fmt::Display for NotApplied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for NotApplied {
    fn from(error: E) -> Self {
        NotApplied(error.to_string())
    }
}

/// What a consumer does with an event.
pub type Handler = Arc<dyn Fn(Event) -> BoxFuture<'static, Result<(), NotApplied>> + Send + Sync>;

/// Events that are applied and not deleted yet: ten of them cost one call.
#[derive(Default)]
struct Applied {
    receipts: Vec<String>,
    /// When the first of them was received.
    since: Option<Instant>,
}

impl Applied {
    fn add(&mut self, receipts: impl Iterator<Item = String>, received: Instant) {
        self.receipts.extend(receipts);
        if !self.receipts.is_empty() {
            self.since.get_or_insert(received);
        }
    }

    /// How long the next poll may wait.
    fn patience(&self) -> Duration {
        if self.receipts.is_empty() { LONG_POLL } else { DELETED_AFTER / 2 }
    }

    fn due(&self, now: Instant) -> bool {
        let old = self.since.is_some_and(|since| now.saturating_duration_since(since) >= DELETED_AFTER);
        old || self.receipts.len() >= BATCH_MAX
    }
}

/// A consumer of one queue.
#[derive(Clone)]
pub struct Consumer {
    client: aws_sdk_sqs::Client,
    polls: aws_sdk_sqs::Client,
    queue: String,
    name: &'static str,
    world: crate::World,
    handler: Handler,
}

impl Consumer {
    /// The consumer `name` of the region's events.
    pub fn new(platform: &Platform, name: &'static str, handler: Handler) -> Self {
        let queue = queue_name(&platform.config.env, name);
        platform.grounds.consumer(&platform.config.env, name);
        let (client, polls) = (platform.aws.queues.clone(), platform.aws.polls.clone());
        Consumer { client, polls, queue, name, world: platform.world.clone(), handler }
    }

    /// Its name: that of its queue.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Receives and handles what comes, until the queue does not answer.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn poll(&self) -> Result<(), NotApplied> {
        let url = self.client.get_queue_url().queue_name(&self.queue).send().await;
        let url = url.map_err(|cause| NotApplied(format!("{cause:?}")))?;
        let url = url.queue_url.ok_or_else(|| NotApplied("the queue has no address".into()))?;
        let mut applied = Applied::default();
        loop {
            let messages = self.receive(&url, applied.patience()).await?;
            let (quiet, at) = (messages.is_empty(), self.world.instant());
            let handled = stream::iter(messages).map(|message| self.handle(&url, message));
            let receipts: Vec<_> = handled.buffer_unordered(CONCURRENCY).collect().await;
            applied.add(receipts.into_iter().flatten(), at);
            if quiet || applied.due(self.world.instant()) {
                self.delete(&url, std::mem::take(&mut applied)).await;
            }
        }
    }

    async fn receive(&self, url: &str, patience: Duration) -> Result<Vec<Message>, NotApplied> {
        let received = self
            .polls
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(BATCH_MAX as i32)
            .wait_time_seconds(patience.as_secs() as i32)
            .visibility_timeout(VISIBILITY.as_secs() as i32)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .send()
            .await;
        let received = received.map_err(|cause| NotApplied(format!("{cause:?}")))?;
        Ok(received.messages.unwrap_or_default())
    }

    /// Deletes what is applied. Where this is lost the events come back and their inbox rows stop them.
    async fn delete(&self, url: &str, applied: Applied) {
        for receipts in applied.receipts.chunks(BATCH_MAX) {
            let entry = |(number, receipt): (usize, &String)| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(number.to_string());
                entry.receipt_handle(receipt).build().ok()
            };
            let entries: Vec<_> = receipts.iter().enumerate().filter_map(entry).collect();
            let call = self.client.delete_message_batch().queue_url(url).set_entries(Some(entries));
            if let Err(cause) = call.send().await {
                tracing::debug!(consumer = self.name, ?cause, "applied events were not deleted");
            }
        }
    }

    /// Applies one event given by its envelope. Lambda calls this for each record.
    ///
    /// # Errors
    /// When the event was not applied and must come back.
    pub async fn apply(&self, body: &str) -> Result<(), NotApplied> {
        let event = read(body)?;
        let span = tracing::info_span!(
            "event",
            otel.kind = "consumer",
            service = self.name,
            detail_type = event.happening.detail_type(),
            event_id = %event.metadata.event_id,
            trace_id = tracing::field::Empty,
        );
        let parent = TraceContext::of_event(&event.metadata);
        let handling = tokio::time::timeout(HANDLER_LIMIT, (self.handler)(event));
        match trace::run(&self.world, span, parent, handling).await {
            Ok(applied) => applied,
            Err(_) => Err(NotApplied("the handler took too long".into())),
        }
    }

    /// The receipt of an event that is applied.
    async fn handle(&self, url: &str, message: Message) -> Option<String> {
        let receipt = message.receipt_handle.clone()?;
        match self.apply(message.body().unwrap_or_default()).await {
            Ok(()) => Some(receipt),
            Err(cause) => {
                tracing::debug!(consumer = self.name, %cause, "an event comes back later");
                self.back_off(url, receipt, tries(&message)).await;
                None
            }
        }
    }

    /// Hides the event for a random time that doubles with every try: a lost race is run again soon, and
    /// eight tries span about ten minutes.
    async fn back_off(&self, url: &str, handle: String, tries: u32) {
        let mean = Duration::from_secs(1 << tries.saturating_sub(1).min(8));
        let seconds = self.world.jitter(mean).as_secs() as i32;
        let hidden = self
            .client
            .change_message_visibility()
            .queue_url(url)
            .receipt_handle(handle)
            .visibility_timeout(seconds)
            .send()
            .await;
        if let Err(cause) = hidden {
            tracing::debug!(consumer = self.name, ?cause, "an event comes back when its time is up");
        }
    }
}

/// Reads an event that is what its schema says.
fn read(body: &str) -> Result<Event, NotApplied> {
    let envelope: Value = serde_json::from_str(body)?;
    let detail_type = envelope["detail-type"].as_str().unwrap_or_default();
    schemas::validators().check(detail_type, &envelope["detail"])?;
    Ok(Event::from_envelope(&envelope)?)
}

/// How often a message was received, this time included.
fn tries(message: &Message) -> u32 {
    let counted =
        message.attributes().and_then(|all| all.get(&MessageSystemAttributeName::ApproximateReceiveCount));
    counted.and_then(|text| text.parse().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipts(count: usize) -> impl Iterator<Item = String> {
        (0..count).map(|number| number.to_string())
    }

    #[test]
    fn applied_events_are_deleted_by_tens_or_before_they_come_back() {
        let began = Instant::now();
        let mut applied = Applied::default();
        applied.add(receipts(0), began);
        assert_eq!((applied.patience(), applied.due(began + VISIBILITY)), (LONG_POLL, false));
        applied.add(receipts(1), began);
        applied.add(receipts(1), began + DELETED_AFTER);
        assert!(!applied.due(began) && applied.due(began + DELETED_AFTER), "the first one counts");
        assert!(applied.patience() + DELETED_AFTER < VISIBILITY);
        applied.add(receipts(8), began);
        assert!(applied.due(began));
    }
}
