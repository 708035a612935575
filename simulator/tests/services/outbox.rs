//! Pending events: published once, cleared by whoever may write their item, and by nobody else.

use axum::Router;
use contracts::OrderId;
use contracts::events::{Event, Happening};
use contracts::resources::{IndexSpec, Key, Replication, TableSpec};
use platform::bus::{self, Aggregate};
use platform::network::Network;
use platform::outbox::{INDEX, Outbox, Pending};
use platform::tables::Condition;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Needs, Running, eventually};

const ITEMS: TableSpec = TableSpec {
    service: "things",
    table: "",
    partition: Key::text("id"),
    sort: None,
    indexes: &[IndexSpec { name: INDEX, partition: Key::text("outbox"), sort: Key::number("since") }],
    replication: Replication::Global,
};

#[derive(Default, Serialize, Deserialize)]
struct Thing {
    id: String,
    #[serde(flatten)]
    pending: Pending,
}

async fn region() -> (Running, Outbox) {
    let needs = Needs { tables: vec![ITEMS], subscriptions: Vec::new() };
    let region = Running::start("eu-west-1", &Network::new(), needs, |_| Vec::new(), Router::new()).await;
    let outbox = Outbox::new(&region.platform, region.platform.table(&ITEMS));
    (region, outbox)
}

fn event(region: &Running, version: u64) -> Event {
    let order_id = OrderId(Uuid::from_u128(1));
    let aggregate = Aggregate { kind: "delivery", id: "1", version, epoch: 1 };
    let happening = Happening::DeliveryStarted { order_id, tracking_id: version.to_string() };
    bus::event(&region.platform, aggregate, "test", happening)
}

fn told(region: &Running) -> Vec<String> {
    let told = region.tapped("DeliveryStarted").into_iter();
    told.map(|event| event["trackingId"].as_str().unwrap().to_owned()).collect()
}

fn in_item(region: &Running) -> Value {
    region.cloud.dump_table("things").unwrap().remove(0)
}

#[tokio::test]
async fn the_next_version_leaves_out_what_the_bus_has() {
    let (region, outbox) = region().await;
    let things = region.platform.table(&ITEMS);
    let mut thing = Thing { id: "a".into(), ..Thing::default() };
    for version in 1..=2 {
        outbox.add(&mut thing.pending, &event(&region, version));
        things.put(&thing, Condition::default()).await.unwrap();
        outbox.notify(things.key("a", None), &mut thing.pending);
        outbox.relay_next().await.unwrap();
        assert_eq!(in_item(&region)["pending"].as_object().unwrap().len(), 1);
    }
    assert_eq!(told(&region), ["1", "2"]);
    // Nothing follows the second one: the sweep clears it, and says nothing again.
    eventually("an empty outbox", async || {
        outbox.sweep(&["eu-west-1".to_owned()]).await.unwrap();
        in_item(&region).get("outbox").is_none().then_some(())
    })
    .await;
    assert_eq!(told(&region), ["1", "2"]);
}

#[tokio::test]
async fn a_silent_regions_events_are_published_and_its_items_left_alone() {
    let (region, outbox) = region().await;
    let event = event(&region, 1);
    let pending = json!({ event.metadata.event_id.0.to_string(): serde_json::to_string(&event).unwrap() });
    let item = json!({ "id": "a", "pending": pending, "outbox": "us-east-1", "since": 0 });
    region.platform.table(&ITEMS).put(&item, Condition::default()).await.unwrap();
    let before = in_item(&region);
    for _ in 0..3 {
        assert_eq!(outbox.sweep(&["us-east-1".to_owned()]).await.unwrap(), 1);
    }
    assert_eq!(told(&region), ["1"]);
    assert_eq!(in_item(&region), before);
}
