//! What a region owes to the others, whatever stands behind its door.

use serde_json::{Value, json};
use simulator::cloud::{Applied, ReplicatedBatch, ReplicatedWrite};

use crate::place::Place;

const TABLE: &str = "ecommerce-contract-orders";

async fn write(place: &Place, operation: &str, body: Value) {
    let (status, answer) = place.call(&format!("DynamoDB_20120810.{operation}"), body).await;
    assert_eq!(status, 200, "{answer}");
}

fn key(id: &str) -> Value {
    json!({ "orderId": { "S": id }, "branch": { "S": "1#eu-west-1" } })
}

fn item(id: &str, state: &str) -> Value {
    let mut item = key(id);
    item["state"] = json!({ "S": state });
    item
}

/// What was written since, as text that tells the states.
async fn since(place: &Place, seq: u64) -> Vec<(String, Option<String>)> {
    let writes = place.cloud.replication().read_from(seq, 1_000).unwrap().writes;
    let shown = |write: ReplicatedWrite| {
        let write = serde_json::to_value(write).unwrap();
        let id = write["key"]["orderId"]["S"].as_str().unwrap().to_owned();
        (id, write["item"]["state"]["S"].as_str().map(str::to_owned))
    };
    writes.into_iter().map(shown).collect()
}

fn told(id: &str, state: Option<&str>) -> (String, Option<String>) {
    (id.to_owned(), state.map(str::to_owned))
}

async fn state(place: &Place, id: &str) -> Option<String> {
    let body = json!({ "TableName": TABLE, "Key": key(id), "ConsistentRead": true });
    let (_, answer) = place.call("DynamoDB_20120810.GetItem", body).await;
    answer["Item"]["state"]["S"].as_str().map(str::to_owned)
}

pub(crate) async fn every_kind_of_write_is_owed_to_the_others(place: Place) {
    let first = place.cloud.replication().head() + 1;
    write(&place, "PutItem", json!({ "TableName": TABLE, "Item": item("owed", "NEW") })).await;
    let set = json!({ "TableName": TABLE, "Key": key("owed"), "UpdateExpression": "SET #s = :s",
        "ExpressionAttributeNames": { "#s": "state" }, "ExpressionAttributeValues": { ":s": { "S": "PAID" } } });
    write(&place, "UpdateItem", set).await;
    let again = json!({ "TableName": TABLE, "Item": item("owed", "NEVER"),
        "ConditionExpression": "attribute_not_exists(orderId)" });
    assert_eq!(place.call("DynamoDB_20120810.PutItem", again).await.0, 400);
    write(&place, "DeleteItem", json!({ "TableName": TABLE, "Key": key("owed") })).await;
    let inbox =
        json!({ "TableName": "ecommerce-contract-platform-inbox", "Item": { "id": { "S": "local" } } });
    write(&place, "PutItem", inbox).await;
    let expected = [told("owed", Some("NEW")), told("owed", Some("PAID")), told("owed", None)];
    assert_eq!(since(&place, first).await, expected);
}

pub(crate) async fn a_transaction_is_owed_as_it_was_stored(place: Place) {
    write(&place, "PutItem", json!({ "TableName": TABLE, "Item": item("owed-b", "OLD") })).await;
    let first = place.cloud.replication().head() + 1;
    let update = json!({ "TableName": TABLE, "Key": key("owed-b"), "UpdateExpression": "SET #s = :s",
        "ExpressionAttributeNames": { "#s": "state" }, "ExpressionAttributeValues": { ":s": { "S": "NEW" } } });
    let put = json!({ "TableName": TABLE, "Item": item("owed-a", "NEW") });
    let check = json!({ "TableName": TABLE, "Key": key("owed-c"),
        "ConditionExpression": "attribute_not_exists(orderId)" });
    let actions = json!([{ "Put": put }, { "Update": update }, { "ConditionCheck": check }]);
    write(&place, "TransactWriteItems", json!({ "TransactItems": actions })).await;
    let mut owed = since(&place, first).await;
    owed.sort();
    assert_eq!(owed, [told("owed-a", Some("NEW")), told("owed-b", Some("NEW"))]);
}

pub(crate) async fn another_regions_writes_win_or_lose_by_their_stamps(place: Place) {
    let put = |id: &'static str, state| json!({ "TableName": TABLE, "Item": item(id, state) });
    write(&place, "PutItem", put("early", "ours")).await;
    let source = place.cloud.replication();
    let ours_at_us = source.read_from(source.head(), 1).unwrap().writes[0].written_at_us;
    let theirs = |id: &str, state: Option<&str>, written_at_us, seq| -> ReplicatedWrite {
        let item = state.map(|state| item(id, state));
        let write = json!({ "table": TABLE, "key": key(id), "item": item, "written_at_us": written_at_us, "seq": seq });
        serde_json::from_value(write).unwrap()
    };
    let (before, after) = (ours_at_us - 1, ours_at_us + 1_000_000);
    let batch = ReplicatedBatch {
        from: "us-east-1".to_owned(),
        first_seq: 1,
        writes: vec![theirs("early", Some("theirs"), before, 1), theirs("late", Some("theirs"), after, 2)],
        whole: None,
    };
    let head = source.head();
    let applied = place.cloud.merge(batch.clone()).await.unwrap();
    assert_eq!(applied, Applied { applied: 1, stale: 1, through_seq: 2 });
    assert_eq!(state(&place, "early").await.as_deref(), Some("ours"));
    assert_eq!(state(&place, "late").await.as_deref(), Some("theirs"));
    assert_eq!(
        place.cloud.merge(batch).await.unwrap().applied,
        0,
        "a batch that comes twice changes nothing"
    );
    assert_eq!(source.head(), head, "what came from elsewhere is not sent on");
    // A local write wins over what it saw, even where its clock is behind.
    write(&place, "PutItem", put("late", "ours")).await;
    assert!(source.read_from(head + 1, 1).unwrap().writes[0].written_at_us > after);
    let gone = ReplicatedBatch {
        from: "us-east-1".to_owned(),
        first_seq: 3,
        writes: vec![theirs("late", None, after + 9_000_000, 3)],
        whole: None,
    };
    assert_eq!(place.cloud.merge(gone).await.unwrap().applied, 1);
    assert_eq!(state(&place, "late").await, None);
    let rows = place.cloud.rows("orders").await.unwrap();
    assert!(!rows.iter().any(|row| row.text("orderId") == Some("late")));
}
