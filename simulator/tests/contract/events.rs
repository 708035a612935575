//! EventBridge: patterns, envelopes, a result for each entry.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::{Value, json};

use crate::door::Door;
use crate::place::{Place, REGION};
use crate::queues::{Queue, receive};

const BUS: &str = "ecommerce-contract";

pub(crate) fn entry(kind: &str, detail: &Value) -> PutEventsRequestEntry {
    let entry =
        PutEventsRequestEntry::builder().event_bus_name(BUS).source("ecommerce.orders").detail_type(kind);
    entry.detail(detail.to_string()).resources("order-1").build()
}

pub(crate) async fn publish(door: &Door, kind: &str, detail: &Value) {
    let answer = door.events.put_events().entries(entry(kind, detail)).send().await.unwrap();
    assert_eq!(answer.failed_entry_count, 0, "{answer:?}");
}

pub(crate) async fn an_event_reaches_those_who_want_it(place: Place) {
    let (warehouse, products) = (Queue::of(&place, "warehouse").await, Queue::of(&place, "products").await);
    publish(&place.door, "OrderCancelled", &json!({ "orderId": "order-1" })).await;
    let message = warehouse.next().await;
    let envelope: Value = serde_json::from_str(message.body().unwrap()).unwrap();
    assert_eq!(envelope["detail-type"], "OrderCancelled");
    assert_eq!((&envelope["source"], &envelope["region"]), (&json!("ecommerce.orders"), &json!(REGION)));
    assert_eq!(envelope["resources"], json!(["order-1"]));
    assert_eq!(envelope["detail"], json!({ "orderId": "order-1" }));
    let time = envelope["time"].as_str().unwrap();
    assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
    warehouse.delete(&message).await;
    assert!(receive(&products, 0).await.is_empty(), "products does not listen to it");
    let tap = place.cloud.tap();
    assert!(tap.iter().any(|event| event["id"] == envelope["id"]), "the checks see what was published");
}

pub(crate) async fn a_pattern_looks_into_the_detail(place: Place) {
    let warehouse = Queue::of(&place, "warehouse").await;
    let modified =
        |status: &str, changed: &[&str]| json!({ "new": { "status": status }, "changed": changed });
    publish(&place.door, "OrderModified", &modified("PAID", &["version"])).await;
    publish(&place.door, "OrderModified", &modified("PAID", &["version", "warehouseId"])).await;
    publish(&place.door, "OrderModified", &modified("NEW", &["version"])).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let message = warehouse.next().await;
        let envelope: Value = serde_json::from_str(message.body().unwrap()).unwrap();
        seen.push(envelope["detail"].clone());
        warehouse.delete(&message).await;
    }
    seen.sort_by_key(ToString::to_string);
    assert_eq!(seen, [modified("PAID", &["version", "warehouseId"]), modified("NEW", &["version"])]);
    assert!(receive(&warehouse, 0).await.is_empty());
}

pub(crate) async fn each_entry_has_its_own_id(place: Place) {
    let entries = vec![entry("OrderPlaced", &json!({})), entry("OrderPlaced", &json!({}))];
    let answer = place.door.events.put_events().set_entries(Some(entries)).send().await.unwrap();
    let ids: Vec<_> = answer.entries().iter().map(|entry| entry.event_id().unwrap()).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
}

pub(crate) async fn a_bad_entry_is_refused_beside_a_good_one(place: Place) {
    let good = entry("OrderPlaced", &json!({}));
    let named = || PutEventsRequestEntry::builder().source("s").detail_type("d");
    let no_object = named().detail("7").event_bus_name(BUS).build();
    let no_source =
        PutEventsRequestEntry::builder().detail("{}").detail_type("d").event_bus_name(BUS).build();
    let entries = vec![good, no_object, no_source];
    let answer = place.door.events.put_events().set_entries(Some(entries)).send().await.unwrap();
    let codes: Vec<_> = answer.entries().iter().map(|entry| entry.error_code()).collect();
    assert_eq!(codes, [None, Some("MalformedDetail"), Some("InvalidArgument")]);
    assert_eq!(answer.failed_entry_count, 2);
    assert!(answer.entries()[0].event_id().is_some());
}

pub(crate) async fn a_request_that_is_too_large_is_refused(place: Place) {
    let large = entry("OrderPlaced", &json!({ "x": "x".repeat(256 * 1024) }));
    assert!(place.door.events.put_events().entries(large).send().await.is_err());
}

pub(crate) async fn a_request_without_entries_is_refused(place: Place) {
    let none = place.door.events.put_events().set_entries(Some(Vec::new())).send().await;
    assert!(none.is_err(), "{none:?}");
}
