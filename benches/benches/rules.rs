//! The pure parts: order transitions, the event envelope, a domain value to an item and back.
#![allow(missing_docs)] // criterion's macros

use contracts::events::{Event, Happening, Metadata};
use criterion::{Criterion, criterion_group, criterion_main};
use orders::{
    domain::life::{self, Trigger},
    store::OrderRecord,
};
use platform::{outbox::Pending, tables::Item};
use std::hint::black_box;

fn transitions(criterion: &mut Criterion) {
    let (order, owner) = (benches::order(3), benches::owner());
    let trigger = Trigger::PackagingStarted { allocation: 1 };
    criterion.bench_function("order transition", |bencher| {
        bencher.iter(|| life::apply(black_box(&order), black_box(&trigger), &owner));
    });
}

fn envelope(criterion: &mut Criterion) {
    let order = benches::order(3);
    let happening = Happening::OrderCreated(Box::new(order.clone()));
    let id = order.order_id.to_string();
    let metadata = Metadata {
        event_id: contracts::keys::event_id("order", &id, 1, 1, happening.detail_type()),
        schema: happening.schema(),
        aggregate: "order".into(),
        aggregate_id: id.clone(),
        aggregate_version: 1,
        epoch: 1,
        home_region: order.home_region.clone(),
        produced_at: order.created_date,
        correlation_id: id.clone(),
        causation_id: id,
        traceparent: None,
    };
    let event = Event { metadata, happening };
    criterion.bench_function("event to envelope and back", |bencher| {
        bencher.iter(|| {
            let envelope = contracts_envelope(black_box(&event));
            Event::from_envelope(&envelope)
        });
    });
}

fn contracts_envelope(event: &Event) -> serde_json::Value {
    serde_json::json!({
        "source": event.happening.source(),
        "detail-type": event.happening.detail_type(),
        "detail": event.detail(),
    })
}

fn items(criterion: &mut Criterion) {
    let record = OrderRecord {
        order: benches::order(3),
        branch: "000000000001#us-east-1".into(),
        payment_ref: "sealed".into(),
        open_shard: Some("am-07".into()),
        pending: Pending::default(),
    };
    criterion.bench_function("order to item and back", |bencher| {
        bencher.iter(|| {
            let item: Item = serde_dynamo::to_item(black_box(&record)).expect("an item");
            serde_dynamo::from_item::<_, OrderRecord>(item).expect("an order")
        });
    });
}

criterion_group!(benches, transitions, envelope, items);
criterion_main!(benches);
