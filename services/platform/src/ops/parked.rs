//! Parked events: looked at without being taken, and sent back to their queues. That is safe however often it is done,
//! because consumers remember what they have applied.

use super::letter::{self, Named};
use crate::{Deadline, Platform, regions::OpsError};
use aws_sdk_sqs::{
    Client,
    types::{Message, MessageSystemAttributeName, QueueAttributeName},
};
use contracts::{
    bodies::ops::{ParkedEvent, ParkedEvents, Redriven},
    resources::{dead_letter_queue_name, queue_name},
};
use std::{fmt::Debug, sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// Events that one look shows at most.
const SHOWN_MAX: usize = 100;
/// Events that one redrive looks at at most.
const REDRIVEN_MAX: usize = 1_000;
/// What SQS gives at a time.
const BATCH: i32 = 10;
/// How long an event is hidden from others while it is looked at. Should we not give it back, it comes back by itself.
const HIDDEN_S: i32 = 30;
/// With less time than this left nothing more is begun.
const MARGIN: Duration = Duration::from_millis(150);

/// The parked events of a region.
#[derive(Clone)]
pub(super) struct Parked {
    client: Client,
    env: String,
    consumers: Arc<[&'static str]>,
    /// Two who look at the same time would hide events from each other.
    one_at_a_time: Arc<Mutex<()>>,
}

/// The two queues of a consumer.
struct Queues {
    queue: String,
    parked: String,
}

impl Parked {
    pub(super) fn new(platform: &Platform, consumers: Vec<&'static str>) -> Self {
        let (client, env) = (platform.aws.queues.clone(), platform.config.env.clone());
        Parked { client, env, consumers: consumers.into(), one_at_a_time: Arc::default() }
    }

    /// What is parked, of every consumer.
    pub(super) async fn list(&self, deadline: Deadline) -> Result<ParkedEvents, OpsError> {
        let _alone = self.one_at_a_time.lock().await;
        let (mut events, mut more) = (Vec::new(), false);
        for consumer in self.consumers.iter() {
            let room = SHOWN_MAX.saturating_sub(events.len());
            let (shown, rest) = self.look_at(consumer, room, deadline).await?;
            events.extend(shown);
            more |= rest;
        }
        Ok(ParkedEvents { events, more })
    }

    /// Shows at most `room` events of a consumer, and says whether there are more.
    async fn look_at(
        &self,
        consumer: &str,
        room: usize,
        deadline: Deadline,
    ) -> Result<(Vec<ParkedEvent>, bool), OpsError> {
        let queues = self.queues_of(consumer).await?;
        let all = self.depth(&queues.parked).await?;
        let mut taken = Vec::new();
        while taken.len() < all.min(room) && deadline.remaining() > MARGIN {
            let batch = self.receive(&queues.parked).await?;
            if batch.is_empty() {
                break;
            }
            taken.extend(batch);
        }
        self.give_back(&queues.parked, &taken).await;
        let shown: Vec<_> = taken.iter().take(room).map(|message| letter::shown(consumer, message)).collect();
        let more = shown.len() < all;
        Ok((shown, more))
    }

    /// Sends events back to the queue that they came from. Each is taken from the parked ones only after that.
    pub(super) async fn redrive(&self, named: Named<'_>, deadline: Deadline) -> Result<Redriven, OpsError> {
        let consumer = letter::consumer(&self.consumers, named)?;
        let _alone = self.one_at_a_time.lock().await;
        let queues = self.queues_of(consumer).await?;
        let one = matches!(named, Named::One { .. });
        let all = self.depth(&queues.parked).await?;
        let (mut looked_at, mut count, mut others) = (0, 0, Vec::new());
        while looked_at < all.min(REDRIVEN_MAX) && deadline.remaining() > MARGIN && !(one && count > 0) {
            let batch = self.receive(&queues.parked).await?;
            if batch.is_empty() {
                break;
            }
            looked_at += batch.len();
            let (meant, rest): (Vec<_>, Vec<_>) = batch.into_iter().partition(|message| named.means(message));
            others.extend(rest);
            for message in &meant {
                self.send_back(&queues, message).await?;
                count += 1;
            }
        }
        self.give_back(&queues.parked, &others).await;
        if one && count == 0 {
            return Err(OpsError::NotParked);
        }
        tracing::warn!(consumer, count, "parked events are tried again");
        Ok(Redriven { count, more: !one && looked_at < all })
    }

    async fn send_back(&self, queues: &Queues, message: &Message) -> Result<(), OpsError> {
        let body = message.body().unwrap_or_default();
        let sent = self.client.send_message().queue_url(&queues.queue).message_body(body).send().await;
        sent.map_err(silent)?;
        let handle = message.receipt_handle().unwrap_or_default();
        // Where this fails it is in both: whoever sends it again does no harm.
        let deleted =
            self.client.delete_message().queue_url(&queues.parked).receipt_handle(handle).send().await;
        deleted.map(drop).map_err(silent)
    }

    async fn receive(&self, queue: &str) -> Result<Vec<Message>, OpsError> {
        let received = self
            .client
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(BATCH)
            .visibility_timeout(HIDDEN_S)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await;
        Ok(received.map_err(silent)?.messages.unwrap_or_default())
    }

    /// Lets others see events again. What is not given back comes back by itself.
    async fn give_back(&self, queue: &str, messages: &[Message]) {
        for handle in messages.iter().filter_map(Message::receipt_handle) {
            let shown = self.client.change_message_visibility().queue_url(queue).receipt_handle(handle);
            if let Err(cause) = shown.visibility_timeout(0).send().await {
                tracing::debug!(queue, ?cause, "a parked event is hidden for a while");
            }
        }
    }

    /// How many events are there to be seen, about.
    async fn depth(&self, queue: &str) -> Result<usize, OpsError> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let asked = self.client.get_queue_attributes().queue_url(queue).attribute_names(name.clone());
        let answer = asked.send().await.map_err(silent)?;
        let depth = answer.attributes.and_then(|mut all| all.remove(&name)?.parse().ok());
        depth.ok_or_else(|| OpsError::Queue("it does not say how much is in it".into()))
    }

    async fn queues_of(&self, consumer: &str) -> Result<Queues, OpsError> {
        let queue = self.url(queue_name(&self.env, consumer)).await?;
        let parked = self.url(dead_letter_queue_name(&self.env, consumer)).await?;
        Ok(Queues { queue, parked })
    }

    async fn url(&self, name: String) -> Result<String, OpsError> {
        let answer = self.client.get_queue_url().queue_name(name).send().await.map_err(silent)?;
        answer.queue_url.ok_or_else(|| OpsError::Queue("it has no address".into()))
    }
}

fn silent(cause: impl Debug) -> OpsError {
    OpsError::Queue(format!("{cause:?}"))
}
