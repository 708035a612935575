//! SQS: polls, receipts, dead letters.

use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName,
};
use serde_json::json;

use crate::events::publish;
use crate::place::Place;

/// How long a message that must come is waited for, seconds; it ends with its arrival.
const WAIT_S: i32 = 10;

/// A consumer's queue, seen through the door.
pub(crate) struct Queue {
    client: aws_sdk_sqs::Client,
    pub(crate) url: String,
}

impl Queue {
    pub(crate) async fn of(place: &Place, consumer: &str) -> Queue {
        Queue::named(place, &format!("ecommerce-contract-{consumer}-events")).await
    }

    pub(crate) async fn named(place: &Place, name: &str) -> Queue {
        let client = place.door.queues.clone();
        let url = client.get_queue_url().queue_name(name).send().await.unwrap().queue_url.unwrap();
        assert!(url.starts_with(&place.endpoint), "{url} does not lead back to {}", place.endpoint);
        Queue { client, url }
    }

    /// The next message, which must come.
    pub(crate) async fn next(&self) -> Message {
        let mut messages = receive(self, WAIT_S).await;
        assert_eq!(messages.len(), 1);
        messages.remove(0)
    }

    pub(crate) async fn delete(&self, message: &Message) {
        let handle = message.receipt_handle().unwrap();
        self.client.delete_message().queue_url(&self.url).receipt_handle(handle).send().await.unwrap();
    }

    async fn give_back(&self, message: &Message) {
        let handle = message.receipt_handle().unwrap();
        let change = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(handle);
        change.visibility_timeout(0).send().await.unwrap();
    }
}

pub(crate) async fn receive(queue: &Queue, wait_s: i32) -> Vec<Message> {
    let receive = queue.client.receive_message().queue_url(&queue.url).max_number_of_messages(1);
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
    receive.wait_time_seconds(wait_s).send().await.unwrap().messages.unwrap_or_default()
}

fn receives(message: &Message) -> &str {
    &message.attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount]
}

async fn order(place: &Place) -> Queue {
    let queue = Queue::of(place, "warehouse").await;
    publish(&place.door, "OrderCancelled", &json!({})).await;
    queue
}

pub(crate) async fn a_long_poll_ends_with_the_arrival_of_a_message(place: Place) {
    let queue = Queue::of(&place, "warehouse").await;
    let detail = json!({});
    let poll = async { tokio::time::timeout(std::time::Duration::from_secs(8), receive(&queue, 20)).await };
    let (received, ()) = tokio::join!(poll, publish(&place.door, "OrderCancelled", &detail));
    let received = received.expect("the poll ends before its time");
    assert_eq!(received.len(), 1);
    queue.delete(&received[0]).await;
}

pub(crate) async fn a_received_message_is_hidden_and_comes_back(place: Place) {
    let queue = order(&place).await;
    let receive_for_a_second = queue.client.receive_message().queue_url(&queue.url).wait_time_seconds(WAIT_S);
    let first = receive_for_a_second.visibility_timeout(1).send().await.unwrap().messages.unwrap().remove(0);
    assert!(receive(&queue, 0).await.is_empty(), "received twice at once");
    let second = queue.next().await;
    assert_eq!(first.message_id(), second.message_id());
    assert_eq!(receives(&second), "2");
    queue.delete(&second).await;
}

pub(crate) async fn an_old_receipt_is_worthless(place: Place) {
    let queue = order(&place).await;
    let first = queue.next().await;
    queue.give_back(&first).await;
    let second = queue.next().await;
    queue.delete(&first).await;
    queue.give_back(&second).await;
    let third = queue.next().await;
    assert_eq!((first.message_id(), receives(&third)), (third.message_id(), "3"));
    queue.delete(&third).await;
}

pub(crate) async fn a_message_received_too_often_becomes_a_dead_letter_and_is_driven_back(place: Place) {
    let queue = order(&place).await;
    let attributes = queue.client.get_queue_attributes().queue_url(&queue.url);
    let attributes =
        attributes.attribute_names(QueueAttributeName::All).send().await.unwrap().attributes.unwrap();
    let policy: serde_json::Value =
        serde_json::from_str(&attributes[&QueueAttributeName::RedrivePolicy]).unwrap();
    assert_eq!(policy["maxReceiveCount"].to_string().trim_matches('"'), "8");
    assert_eq!(attributes[&QueueAttributeName::VisibilityTimeout], "30");
    for time in 1..=8 {
        let message = queue.next().await;
        assert_eq!(receives(&message), time.to_string());
        queue.give_back(&message).await;
    }
    assert!(receive(&queue, 0).await.is_empty());
    let depth = async |name: &str| place.cloud.survey().await.unwrap().queues[name].visible;
    assert_eq!(depth("ecommerce-contract-warehouse-events-dlq").await, 1);
    assert_eq!(place.cloud.redrive_all().await.unwrap(), 1);
    assert_eq!(depth("ecommerce-contract-warehouse-events-dlq").await, 0);
    let back = queue.next().await;
    assert_eq!(receives(&back), "1");
    queue.delete(&back).await;
}

pub(crate) async fn a_batch_of_deletions_has_a_result_for_each(place: Place) {
    let queue = order(&place).await;
    let message = queue.next().await;
    let entry = |id: &str, handle: &str| {
        DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(handle).build().unwrap()
    };
    let batch = queue.client.delete_message_batch().queue_url(&queue.url);
    let batch = batch.entries(entry("a", message.receipt_handle().unwrap())).entries(entry("b", "nonsense"));
    let batch = batch.send().await.unwrap();
    assert_eq!((batch.successful().len(), batch.failed().len()), (1, 1));
}

pub(crate) async fn an_unknown_queue_is_named_as_such(place: Place) {
    let asked = place.door.queues.get_queue_url().queue_name("nobody").send().await;
    let error = asked.unwrap_err().into_service_error();
    assert!(error.is_queue_does_not_exist(), "{error:?}");
}
