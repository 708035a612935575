//! The events' schemas against what the services really say, and what becomes of an event that breaks its own.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use contracts::OrderId;
use contracts::events::{Event, Happening};
use contracts::schemas::{self, Validators};
use futures::FutureExt as _;
use loadtests::client::OrderAnswer;
use platform::bus::{self, Aggregate, Bus};
use platform::consumer::Consumer;
use platform::network::Network;
use serde_json::{Value, json};
use simulator::robots::Failures;
use uuid::Uuid;

use crate::orders::Shop;
use crate::support::{Needs, Running, eventually};

/// The schemas as they are published.
fn files() -> Validators {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/contracts/schemas");
    let read = |document: schemas::Document| {
        let text = std::fs::read_to_string(directory.join(document.file())).unwrap();
        (document.detail_type, serde_json::from_str(&text).unwrap())
    };
    Validators::new(schemas::documents().into_iter().map(read))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_order_makes_happen_is_told_as_the_schemas_say() {
    let shop = Shop::open().await;
    let (buyer, home) = (shop.american().clone(), shop.region(0));
    for (key, failures) in [
        ("sent", Failures::default()),
        ("not-packed", Failures { packaging_pct: 100.0, delivery_pct: 0.0 }),
        ("not-delivered", Failures { packaging_pct: 0.0, delivery_pct: 100.0 }),
    ] {
        let order = shop.basket(&buyer, key.len() as u64).await;
        let answer = shop.buy(&home, &buyer, &order, key).await;
        assert!(matches!(answer, OrderAnswer::Acknowledged(_)), "{answer:?}");
        shop.settle(failures).await;
    }
    // The last ones are relayed behind the answers.
    let told = eventually("all types of events", async || {
        let told = told(&shop).await;
        let types: BTreeSet<&str> = told.iter().map(detail_type).collect();
        WANTED.iter().all(|wanted| types.contains(wanted)).then_some(told)
    })
    .await;
    let files = files();
    for event in &told {
        let checked = files.check(detail_type(event), &event["detail"]);
        checked.unwrap_or_else(|fault| panic!("{fault}: {event:#}"));
    }
}

/// What three orders make happen of which one is delivered, one cannot be packed, and one comes back.
const WANTED: [&str; 12] = [
    "OrderCreated",
    "OrderModified",
    "PackagingStarted",
    "PackageCreated",
    "PackagingFailed",
    "PaymentAuthorised",
    "PaymentCaptured",
    "PaymentVoided",
    "PaymentRefunded",
    "DeliveryStarted",
    "DeliveryCompleted",
    "DeliveryFailed",
];

fn detail_type(event: &Value) -> &str {
    event["detail-type"].as_str().unwrap()
}

/// The events that the buses of all regions have had so far.
async fn told(shop: &Shop) -> Vec<Value> {
    let mut told = Vec::new();
    for place in 0..4 {
        told.extend(shop.neighbours.control(&shop.region(place)).unwrap().tap().await.unwrap());
    }
    told
}

async fn region() -> Running {
    let needs = Needs { tables: Vec::new(), subscriptions: Vec::new() };
    Running::start("eu-west-1", &Network::new(), needs, |_| Vec::new(), Router::new()).await
}

fn event(region: &Running, version: u64) -> Event {
    let aggregate = Aggregate { kind: "delivery", id: "1", version, epoch: 1 };
    let order_id = OrderId(Uuid::from_u128(1));
    let happening = Happening::DeliveryStarted { order_id, tracking_id: version.to_string() };
    bus::event(&region.platform, aggregate, "test", happening)
}

#[tokio::test]
async fn an_event_that_breaks_its_schema_stays_here_and_holds_up_no_other() {
    let region = region().await;
    let (mut wrong, right) = (event(&region, 1), event(&region, 2));
    wrong.metadata.schema = "bigsmokes.delivery.DeliveryStarted/2".into();
    let confirmed = Bus::new(&region.platform).publish(&[wrong.clone(), right]).await.unwrap();
    assert_eq!(confirmed, [false, true]);
    assert_eq!(Bus::new(&region.platform).publish(&[wrong]).await.unwrap(), [false]);
    let told = region.tapped("DeliveryStarted");
    assert_eq!(told.iter().map(|detail| &detail["trackingId"]).collect::<Vec<_>>(), ["2"]);
}

#[tokio::test]
async fn an_event_that_breaks_its_schema_is_not_applied() {
    let region = region().await;
    let applied = Arc::new(AtomicUsize::new(0));
    let counted = applied.clone();
    let handler = Arc::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok(()) }.boxed()
    });
    let consumer = Consumer::new(&region.platform, "test", handler);
    let envelope = |spoil: fn(&mut Value)| {
        let mut detail = event(&region, 1).detail();
        spoil(&mut detail);
        json!({ "source": "ecommerce.delivery", "detail-type": "DeliveryStarted", "detail": detail })
            .to_string()
    };
    consumer.apply(&envelope(|_| {})).await.unwrap();
    consumer.apply(&envelope(|detail| detail["addedLater"] = json!(1))).await.unwrap();
    assert_eq!(applied.load(Ordering::Relaxed), 2);
    // The type alone would read the last one: a moment without milliseconds.
    let spoilt: [fn(&mut Value); 3] = [
        |detail| detail["trackingId"] = Value::Null,
        |detail| detail["orderId"] = json!("order 1"),
        |detail| detail["metadata"]["producedAt"] = json!("2026-01-01T00:00:00Z"),
    ];
    for spoil in spoilt {
        consumer.apply(&envelope(spoil)).await.expect_err("refused");
    }
    assert_eq!(applied.load(Ordering::Relaxed), 2);
}
