//! Consuming a queue: an event is deleted only after its effect is stored, and comes back otherwise.

use crate::{
    Platform,
    trace::{self, TraceContext},
};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use contracts::{events::Event, resources::queue_name, schemas};
use futures::{StreamExt, future::BoxFuture, stream};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// Events handled at the same time.
const CONCURRENCY: usize = 8;
/// How long a received event is hidden from others. Longer than any handler may take.
const VISIBILITY: Duration = Duration::from_secs(10);
/// One handler at most.
const HANDLER_LIMIT: Duration = Duration::from_secs(8);
/// How long a poll waits for events.
const POLL_S: i32 = 1;

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

/// A consumer of one queue.
#[derive(Clone)]
pub struct Consumer {
    client: aws_sdk_sqs::Client,
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
        let client = platform.aws.queues.clone();
        Consumer { client, queue, name, world: platform.world.clone(), handler }
    }

    /// Its name: that of its queue.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Receives once and handles what came. Waits up to a second for events.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn poll(&self) -> Result<(), NotApplied> {
        let url = self.client.get_queue_url().queue_name(&self.queue).send().await;
        let url = url.map_err(|cause| NotApplied(format!("{cause:?}")))?;
        let url = url.queue_url.ok_or_else(|| NotApplied("the queue has no address".into()))?;
        loop {
            let received = self
                .client
                .receive_message()
                .queue_url(&url)
                .max_number_of_messages(10)
                .wait_time_seconds(POLL_S)
                .visibility_timeout(VISIBILITY.as_secs() as i32)
                .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
                .send()
                .await;
            let received = received.map_err(|cause| NotApplied(format!("{cause:?}")))?;
            let messages = received.messages.unwrap_or_default();
            stream::iter(messages)
                .for_each_concurrent(CONCURRENCY, |message| self.handle(&url, message))
                .await;
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

    async fn handle(&self, url: &str, message: Message) {
        let Some(handle) = message.receipt_handle.clone() else { return };
        match self.apply(message.body().unwrap_or_default()).await {
            Ok(()) => {
                // If this is lost the event comes back and its inbox row stops it.
                let deleted = self.client.delete_message().queue_url(url).receipt_handle(handle).send().await;
                if let Err(cause) = deleted {
                    tracing::debug!(consumer = self.name, ?cause, "an applied event was not deleted");
                }
            }
            Err(cause) => {
                tracing::debug!(consumer = self.name, %cause, "an event comes back later");
                self.back_off(url, handle, tries(&message)).await;
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
