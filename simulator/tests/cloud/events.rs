//! EventBridge to SQS at both doors.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use serde_json::{Value, json};
use simulator::cloud::FaultSettings;

use crate::support::{Door, World};

const BUS: &str = "ecommerce-test";

fn entry(source: &str, kind: &str, detail: &Value) -> PutEventsRequestEntry {
    let entry = PutEventsRequestEntry::builder().event_bus_name(BUS).source(source).detail_type(kind);
    entry.detail(detail.to_string()).resources("order-1").build()
}

async fn publish(door: &Door, kind: &str) {
    let event = entry("ecommerce.orders", kind, &json!({ "orderId": "order-1" }));
    let answer = door.events.put_events().entries(event).send().await.unwrap();
    assert_eq!(answer.failed_entry_count, 0);
}

async fn url(door: &Door, consumer: &str) -> String {
    let name = format!("ecommerce-test-{consumer}-events");
    door.queues.get_queue_url().queue_name(name).send().await.unwrap().queue_url.unwrap()
}

async fn receive(door: &Door, url: &str) -> Vec<Message> {
    let receive = door.queues.receive_message().queue_url(url).max_number_of_messages(10);
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
    receive.send().await.unwrap().messages.unwrap_or_default()
}

fn receives(message: &Message) -> &str {
    &message.attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount]
}

#[tokio::test]
async fn an_event_reaches_those_who_want_it_and_is_deleted_once_received() {
    let world = World::start("eu-west-1").await;
    for door in world.doors() {
        publish(&door, "OrderCreated").await;
        let (warehouse, delivery) = (url(&door, "warehouse").await, url(&door, "delivery").await);
        assert!(receive(&door, &delivery).await.is_empty());
        let messages = receive(&door, &warehouse).await;
        let [message] = messages.as_slice() else { panic!("{messages:?}") };
        let envelope: Value = serde_json::from_str(message.body().unwrap()).unwrap();
        assert_eq!(envelope["detail-type"], "OrderCreated");
        assert_eq!(envelope["time"], "2026-09-21T14:13:20Z");
        assert_eq!(envelope["region"], "eu-west-1");
        assert_eq!(envelope["resources"], json!(["order-1"]));
        assert_eq!(envelope["detail"], json!({ "orderId": "order-1" }));
        let handle = message.receipt_handle().unwrap();
        let gone = door.queues.delete_message().queue_url(&warehouse).receipt_handle(handle);
        gone.send().await.unwrap();
        world.advance(60_000);
        assert!(receive(&door, &warehouse).await.is_empty());
        world.advance(-60_000);
    }
    assert_eq!(world.cloud.tap().len(), 2);
    let usage = world.cloud.usage();
    assert_eq!((usage.events.accepted, usage.events.deliveries["ecommerce-test-warehouse-events"]), (2, 2));
}

#[tokio::test]
async fn each_entry_has_its_own_result() {
    let world = World::start("eu-west-1").await;
    let [door, _] = world.doors();
    let good = entry("ecommerce.orders", "OrderCancelled", &json!({}));
    let no_object =
        PutEventsRequestEntry::builder().detail("7").source("s").detail_type("d").event_bus_name(BUS);
    let no_source = PutEventsRequestEntry::builder().detail("{}").detail_type("d").event_bus_name(BUS);
    let no_bus = PutEventsRequestEntry::builder().detail("{}").source("s").detail_type("d");
    let entries = [good, no_object.build(), no_source.build(), no_bus.build()];
    let answer = door.events.put_events().set_entries(Some(entries.to_vec())).send().await.unwrap();
    assert_eq!(answer.failed_entry_count, 3);
    let codes: Vec<_> = answer.entries().iter().map(|entry| entry.error_code()).collect();
    let expected =
        [None, Some("MalformedDetail"), Some("InvalidArgument"), Some("ResourceNotFoundException")];
    assert_eq!(codes, expected);
    assert!(answer.entries()[0].event_id().is_some());
    let large = entry("ecommerce.orders", "OrderCreated", &json!({ "x": "x".repeat(256 * 1024) }));
    assert!(door.events.put_events().entries(large).send().await.is_err());
    let rules = door.events.list_rules().event_bus_name(BUS).send().await.unwrap();
    assert_eq!(rules.rules().len(), 2);
}

#[tokio::test]
async fn a_message_received_too_often_becomes_a_dead_letter_and_can_be_driven_back() {
    let world = World::start("eu-west-1").await;
    let [door, wire] = world.doors();
    publish(&door, "OrderCreated").await;
    let queue = url(&wire, "warehouse").await;
    assert!(queue.starts_with(&world.endpoint), "{queue}");
    for time in 1..=8 {
        let messages = receive(&wire, &queue).await;
        assert_eq!(receives(&messages[0]), time.to_string());
        assert!(receive(&wire, &queue).await.is_empty(), "received twice at once");
        world.advance(30_001);
    }
    assert!(receive(&wire, &queue).await.is_empty());
    let dead = |world: &World| world.cloud.dump().queues["ecommerce-test-warehouse-events-dlq"].visible;
    assert_eq!(dead(&world), 1);
    let attributes =
        door.queues.get_queue_attributes().queue_url(&queue).attribute_names(QueueAttributeName::All);
    let attributes = attributes.send().await.unwrap().attributes.unwrap();
    assert!(attributes[&QueueAttributeName::RedrivePolicy].contains("\"maxReceiveCount\":8"));
    assert_eq!(world.cloud.redrive("warehouse").unwrap(), 1);
    assert_eq!(dead(&world), 0);
    assert_eq!(receives(&receive(&door, &queue).await[0]), "1");
    assert!(world.cloud.redrive("nobody").is_err());
}

#[tokio::test]
async fn a_message_given_back_is_received_at_once_and_its_old_receipt_is_worthless() {
    let world = World::start("eu-west-1").await;
    let [door, _] = world.doors();
    publish(&door, "OrderCreated").await;
    let queue = url(&door, "warehouse").await;
    let first = receive(&door, &queue).await.remove(0);
    let handle = first.receipt_handle().unwrap();
    let give_back = door.queues.change_message_visibility().queue_url(&queue).receipt_handle(handle);
    give_back.visibility_timeout(0).send().await.unwrap();
    let second = receive(&door, &queue).await.remove(0);
    assert_eq!(first.message_id(), second.message_id());
    door.queues.delete_message().queue_url(&queue).receipt_handle(handle).send().await.unwrap();
    world.advance(30_001);
    let third = receive(&door, &queue).await.remove(0);
    assert_eq!(receives(&third), "3");
    let batch = door.queues.delete_message_batch().queue_url(&queue);
    let entry = |id: &str, handle: &str| {
        aws_sdk_sqs::types::DeleteMessageBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle)
            .build()
            .unwrap()
    };
    let batch = batch.entries(entry("a", third.receipt_handle().unwrap())).entries(entry("b", "nonsense"));
    let batch = batch.send().await.unwrap();
    assert_eq!((batch.successful().len(), batch.failed().len()), (1, 1));
    world.advance(30_001);
    assert!(receive(&door, &queue).await.is_empty());
}

#[tokio::test]
async fn a_long_poll_ends_with_the_arrival_of_a_message() {
    let world = World::start("eu-west-1").await;
    let [door, wire] = world.doors();
    let queue = url(&door, "warehouse").await;
    let poll = door.queues.receive_message().queue_url(&queue).wait_time_seconds(20).send();
    let waiting = async { tokio::time::timeout(std::time::Duration::from_secs(5), poll).await };
    let (received, ()) = tokio::join!(waiting, publish(&wire, "OrderCreated"));
    assert_eq!(received.expect("the poll was not woken").unwrap().messages().len(), 1);
}

#[tokio::test]
async fn an_unknown_queue_is_named_as_such() {
    let world = World::start("eu-west-1").await;
    for door in world.doors() {
        let error =
            door.queues.get_queue_url().queue_name("nobody").send().await.unwrap_err().into_service_error();
        assert!(error.is_queue_does_not_exist(), "{error:?}");
    }
}

#[tokio::test]
async fn deliveries_are_doubled_held_and_lost_as_told() {
    let world = World::start("eu-west-1").await;
    let [door, _] = world.doors();
    let queue = url(&door, "warehouse").await;
    let faults = |settings| world.cloud.faults().set(settings).unwrap();
    faults(FaultSettings { event_loss: 1.0, ..Default::default() });
    publish(&door, "OrderCreated").await;
    faults(FaultSettings {
        event_duplicate: 1.0,
        event_delay: 1.0,
        event_delay_ms_max: 5_000,
        ..Default::default()
    });
    publish(&door, "OrderCreated").await;
    assert_eq!(world.cloud.dump().queues["ecommerce-test-warehouse-events"].delayed, 2);
    assert!(receive(&door, &queue).await.is_empty());
    world.advance(5_201);
    assert_eq!(receive(&door, &queue).await.len(), 2);
    let events = world.cloud.usage().events;
    assert_eq!((events.accepted, events.lost, events.duplicated, events.delayed), (2, 1, 1, 1));
}
