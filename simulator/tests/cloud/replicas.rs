//! Replication between two clouds: what arrives, what wins, what must not come back.

use serde_json::{Value, json};
use simulator::cloud::{Applied, ReplicatedBatch};

use crate::support::{World, order_key};

const TABLE: &str = "ecommerce-test-orders";

async fn call(world: &World, operation: &str, mut body: Value) -> (u16, Value) {
    body["TableName"] = TABLE.into();
    world.call(&format!("DynamoDB_20120810.{operation}"), body).await
}

async fn put(world: &World, id: &str, state: &str) {
    let mut item = order_key(id);
    item["state"] = json!({ "S": state });
    assert_eq!(call(world, "PutItem", json!({ "Item": item })).await.0, 200);
}

async fn state(world: &World, id: &str) -> Option<String> {
    let (_, answer) = call(world, "GetItem", json!({ "Key": order_key(id) })).await;
    answer["Item"]["state"]["S"].as_str().map(str::to_owned)
}

/// Everything one region wrote, from its first write.
fn all(world: &World) -> ReplicatedBatch {
    world.cloud.replication().read_from(1, 1000).unwrap()
}

#[tokio::test]
async fn every_kind_of_write_arrives_with_its_whole_image() {
    let (home, away) = (World::start("us-east-1").await, World::start("eu-west-1").await);
    put(&home, "a", "NEW").await;
    let set = json!({ "Key": order_key("a"), "UpdateExpression": "SET version = :v",
        "ExpressionAttributeValues": { ":v": { "N": "2" } } });
    assert_eq!(call(&home, "UpdateItem", set).await.0, 200);
    put(&home, "gone", "NEW").await;
    assert_eq!(call(&home, "DeleteItem", json!({ "Key": order_key("gone") })).await.0, 200);
    let mut item = order_key("b");
    item["tags"] = json!({ "SS": ["x", "y"] });
    let writes = json!({ "TransactItems": [{ "Put": { "TableName": TABLE, "Item": item } }] });
    assert_eq!(home.call("DynamoDB_20120810.TransactWriteItems", writes).await.0, 200);
    let inbox = json!({ "TableName": "ecommerce-test-platform-inbox", "Item": { "id": { "S": "local" } } });
    assert_eq!(home.call("DynamoDB_20120810.PutItem", inbox).await.0, 200);

    let batch = all(&home);
    assert_eq!(batch.writes.iter().map(|write| write.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(batch.writes.is_sorted_by(|a, b| a.written_at_us < b.written_at_us));
    let batch: ReplicatedBatch = serde_json::from_str(&serde_json::to_string(&batch).unwrap()).unwrap();
    let applied = away.cloud.apply(batch.clone()).unwrap();
    assert_eq!(applied, Applied { applied: 5, stale: 0, through_seq: 5 });
    let orders = |world: &World| {
        let mut orders = world.cloud.dump_table("orders").unwrap();
        orders.sort_by_key(ToString::to_string);
        orders
    };
    assert_eq!(orders(&home), orders(&away));
    assert_eq!(orders(&away).len(), 2);
    assert!(away.cloud.dump().tables["platform.inbox"].is_empty());
    // A batch that arrives twice changes nothing, and what was applied is not sent on.
    assert_eq!(away.cloud.apply(batch).unwrap(), Applied { applied: 0, stale: 5, through_seq: 5 });
    assert_eq!(away.cloud.replication().head(), 0);
}

#[tokio::test]
async fn the_last_writer_wins_everywhere() {
    let (home, away) = (World::start("us-east-1").await, World::start("eu-west-1").await);
    put(&home, "early", "home").await;
    away.advance(1);
    put(&away, "early", "away").await;
    put(&away, "late", "away").await;
    home.advance(2);
    put(&home, "late", "home").await;
    let (from_home, from_away) = (all(&home), all(&away));
    assert_eq!(away.cloud.apply(from_home).unwrap(), Applied { applied: 1, stale: 1, through_seq: 2 });
    assert_eq!(home.cloud.apply(from_away).unwrap(), Applied { applied: 1, stale: 1, through_seq: 2 });
    for world in [&home, &away] {
        assert_eq!(state(world, "early").await.as_deref(), Some("away"));
        assert_eq!(state(world, "late").await.as_deref(), Some("home"));
    }
}

#[tokio::test]
async fn writes_of_the_same_instant_are_decided_alike_in_both_regions() {
    let (home, away) = (World::start("us-east-1").await, World::start("eu-west-1").await);
    put(&home, "tie", "home").await;
    put(&away, "tie", "away").await;
    let (from_home, from_away) = (all(&home), all(&away));
    assert_eq!(from_home.writes[0].written_at_us, from_away.writes[0].written_at_us);
    away.cloud.apply(from_home).unwrap();
    home.cloud.apply(from_away).unwrap();
    assert_eq!(state(&home, "tie").await, state(&away, "tie").await);
}

#[tokio::test]
async fn a_local_write_after_a_merged_one_wins_even_where_the_clock_is_behind() {
    let (ahead, behind) = (World::start("us-east-1").await, World::start("eu-west-1").await);
    ahead.advance(60_000);
    put(&ahead, "a", "ahead").await;
    behind.cloud.apply(all(&ahead)).unwrap();
    // The condition is judged on the merged state.
    let condition = json!({ "Key": order_key("a"), "UpdateExpression": "SET #s = :new",
        "ConditionExpression": "#s = :old", "ExpressionAttributeNames": { "#s": "state" },
        "ExpressionAttributeValues": { ":new": { "S": "behind" }, ":old": { "S": "ahead" } } });
    assert_eq!(call(&behind, "UpdateItem", condition).await.0, 200);
    assert_eq!(ahead.cloud.apply(all(&behind)).unwrap().applied, 1);
    assert_eq!(state(&ahead, "a").await.as_deref(), Some("behind"));
}

#[tokio::test]
async fn an_older_write_does_not_bring_a_deleted_item_back() {
    let (home, away) = (World::start("us-east-1").await, World::start("eu-west-1").await);
    put(&home, "a", "NEW").await;
    let older = all(&home);
    away.advance(10);
    put(&away, "a", "NEW").await;
    call(&away, "DeleteItem", json!({ "Key": order_key("a") })).await;
    assert_eq!(away.cloud.apply(older).unwrap().stale, 1);
    assert_eq!(state(&away, "a").await, None);
}

#[tokio::test]
async fn a_source_reads_at_its_own_pace_and_is_told_what_it_missed() {
    let world = World::start("us-east-1").await;
    let mut source = world.cloud.replication();
    for n in 0..5 {
        put(&world, &format!("o{n}"), "NEW").await;
    }
    assert_eq!(source.next_batch(3).unwrap().len(), 3);
    assert_eq!(source.next_batch(3).unwrap().len(), 2);
    assert!(source.next_batch(3).unwrap().is_empty());
    source.changed().await;
    let woken = async { tokio::time::timeout(std::time::Duration::from_secs(5), source.changed()).await };
    let (woken, ()) = tokio::join!(woken, put(&world, "o5", "NEW"));
    woken.expect("the source was not woken");
    assert_eq!(source.next_batch(3).unwrap()[0].seq, 6);
    source.trim(4);
    assert_eq!(source.head(), 6);
    assert!(source.read_from(4, 1).unwrap_err().to_string().contains("starts at 5"));
    assert_eq!(source.read_from(5, 10).unwrap().writes.len(), 2);
    assert!(source.read_from(7, 10).unwrap().writes.is_empty());
}

#[tokio::test]
async fn nonsense_from_another_region_is_refused() {
    let world = World::start("eu-west-1").await;
    let batch = |from: &str, table: &str, key: Value| -> ReplicatedBatch {
        let write = json!({ "table": table, "key": key, "item": null, "written_at_us": 1, "seq": 1 });
        serde_json::from_value(json!({ "from": from, "first_seq": 1, "writes": [write] })).unwrap()
    };
    for wrong in [
        batch("eu-west-1", TABLE, order_key("a")),
        batch("us-east-1", "ecommerce-test-platform-inbox", json!({ "id": { "S": "a" } })),
        batch("us-east-1", TABLE, json!({ "orderId": { "S": "a" } })),
    ] {
        assert!(world.cloud.apply(wrong).is_err());
    }
}
