//! DynamoDB at both doors.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use serde_json::json;

use crate::support::{Door, World};

const TABLE: &str = "ecommerce-test-orders";

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

async fn put_order(tables: &Client, id: &str, created_at: i64) {
    tables
        .put_item()
        .table_name(TABLE)
        .item("orderId", text(id))
        .item("branch", text("1#eu-west-1"))
        .item("userId", text("ann"))
        .item("createdAt", number(created_at))
        .send()
        .await
        .unwrap();
}

fn create(id: &str) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(TABLE)
        .item("orderId", text(id))
        .item("branch", text("1#eu-west-1"))
        .condition_expression("attribute_not_exists(orderId)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .unwrap();
    TransactWriteItem::builder().put(put).build()
}

#[tokio::test]
async fn items_are_written_read_changed_and_deleted() {
    let world = World::start("eu-west-1").await;
    for Door { tables, .. } in world.doors() {
        put_order(&tables, "a", 1).await;
        let key = |name: &str| if name == "orderId" { text("a") } else { text("1#eu-west-1") };
        let updated = tables
            .update_item()
            .table_name(TABLE)
            .key("orderId", key("orderId"))
            .key("branch", key("branch"))
            .update_expression("SET createdAt = createdAt + :one")
            .expression_attribute_values(":one", number(1))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
            .send()
            .await
            .unwrap();
        assert_eq!(updated.attributes().unwrap()["createdAt"], number(2));
        let get = || {
            tables.get_item().table_name(TABLE).key("orderId", key("orderId")).key("branch", key("branch"))
        };
        let item = get().consistent_read(true).send().await.unwrap().item.unwrap();
        assert_eq!(item["createdAt"], number(2));
        tables
            .delete_item()
            .table_name(TABLE)
            .key("orderId", key("orderId"))
            .key("branch", key("branch"))
            .send()
            .await
            .unwrap();
        assert!(get().send().await.unwrap().item.is_none());
    }
}

#[tokio::test]
async fn a_failed_condition_says_what_it_met() {
    let world = World::start("eu-west-1").await;
    for (n, Door { tables, .. }) in world.doors().into_iter().enumerate() {
        let id = format!("a{n}");
        put_order(&tables, &id, 5).await;
        let again = tables
            .put_item()
            .table_name(TABLE)
            .item("orderId", text(&id))
            .item("branch", text("1#eu-west-1"))
            .condition_expression("attribute_not_exists(orderId)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = again.unwrap_err().into_service_error();
        assert!(error.is_conditional_check_failed_exception(), "{error:?}");
        let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(error) =
            error
        else {
            unreachable!()
        };
        assert_eq!(error.item.unwrap()["createdAt"], number(5));
    }
}

#[tokio::test]
async fn a_cancelled_transaction_gives_its_reasons_and_changes_nothing() {
    let world = World::start("eu-west-1").await;
    for (n, Door { tables, .. }) in world.doors().into_iter().enumerate() {
        let (old, new) = (format!("old{n}"), format!("new{n}"));
        put_order(&tables, &old, 5).await;
        let result = tables
            .transact_write_items()
            .transact_items(create(&new))
            .transact_items(create(&old))
            .send()
            .await;
        let error = result.unwrap_err().into_service_error();
        let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
            cancelled,
        ) = error
        else {
            panic!("{error:?}")
        };
        let reasons = cancelled.cancellation_reasons();
        let codes: Vec<_> = reasons.iter().map(|reason| reason.code().unwrap()).collect();
        assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
        assert_eq!(reasons[1].item().unwrap()["createdAt"], number(5));
        // The SDK's own token differs each time, and the same call with no token at all is a new call.
        tables.transact_write_items().transact_items(create(&new)).send().await.unwrap();
    }
    assert_eq!(world.cloud.dump().tables["orders"].len(), 4);
}

#[tokio::test]
async fn an_index_is_queried_in_order_and_in_pages() {
    let world = World::start("eu-west-1").await;
    let [door, wire] = world.doors();
    for n in (0..30).rev() {
        put_order(&door.tables, &format!("o{n}"), n).await;
    }
    for tables in [door.tables, wire.tables] {
        let query = |start| {
            tables
                .query()
                .table_name(TABLE)
                .index_name("user")
                .key_condition_expression("userId = :u AND createdAt >= :t")
                .expression_attribute_values(":u", text("ann"))
                .expression_attribute_values(":t", number(10))
                .limit(15)
                .set_exclusive_start_key(start)
                .send()
        };
        let first = query(None).await.unwrap();
        let second = query(first.last_evaluated_key.clone()).await.unwrap();
        let seen: Vec<_> = first
            .items()
            .iter()
            .chain(second.items())
            .map(|item| item["createdAt"].as_n().unwrap().clone())
            .collect();
        let expected: Vec<_> = (10..30).map(|n| n.to_string()).collect();
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn usage_is_metered_and_told_only_to_those_who_ask() {
    let world = World::start("eu-west-1").await;
    let [door, _] = world.doors();
    put_order(&door.tables, "a", 1).await;
    let get = || {
        let get = door.tables.get_item().table_name(TABLE).key("orderId", text("a"));
        get.key("branch", text("1#eu-west-1")).consistent_read(true)
    };
    assert!(get().send().await.unwrap().consumed_capacity.is_none());
    let told = get().return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.unwrap();
    assert_eq!(told.consumed_capacity.unwrap().capacity_units, Some(1.0));
    let orders = &world.cloud.usage().tables["orders"];
    // One for the table, one for the index.
    assert_eq!((orders["PutItem"].calls, orders["PutItem"].write_units), (1, 2.0));
    assert_eq!((orders["GetItem"].calls, orders["GetItem"].read_units), (2, 2.0));
    assert!(orders["GetItem"].bytes_in > 0 && orders["GetItem"].bytes_out > 0);
}

#[tokio::test]
async fn what_is_not_emulated_is_refused_and_counted() {
    let world = World::start("eu-west-1").await;
    let [door, _] = world.doors();
    let error = door.tables.describe_limits().send().await.unwrap_err();
    let error = aws_sdk_dynamodb::Error::from(error);
    assert!(format!("{error:?}").contains("UnknownOperationException"), "{error:?}");
    for target in ["GraniteServiceVersion20100801.PutMetricData", "", "AmazonSQS.PurgeQueue"] {
        let (status, body) = world.call(target, json!({})).await;
        assert_eq!((status, &body["__type"]), (400, &json!("UnknownOperationException")));
    }
    let unknown = world.cloud.usage().unknown_operations;
    assert_eq!(unknown["DynamoDB_20120810.DescribeLimits"], 1);
    assert_eq!(unknown["GraniteServiceVersion20100801.PutMetricData"], 1);
    assert_eq!(unknown.len(), 4);
}

#[tokio::test]
async fn bad_input_is_one_clear_error() {
    let world = World::start("eu-west-1").await;
    let cases = [
        (
            "DynamoDB_20120810.GetItem",
            json!({ "TableName": TABLE, "Key": { "orderId": {} } }),
            "ValidationException",
        ),
        ("DynamoDB_20120810.GetItem", json!({ "TableName": 7 }), "SerializationException"),
        (
            "DynamoDB_20120810.PutItem",
            json!({ "TableName": "no-such-table", "Item": { "id": { "S": "a" } } }),
            "ResourceNotFoundException",
        ),
        ("AmazonSQS.ReceiveMessage", json!({ "QueueUrl": 1 }), "SerializationException"),
        ("AWSEvents.PutEvents", json!({ "Entries": [] }), "ValidationException"),
    ];
    for (target, body, expected) in cases {
        let (status, answer) = world.call(target, body).await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer["__type"].as_str().unwrap().ends_with(expected), "{target}: {answer}");
        assert!(!answer.to_string().contains("VALIDATION"), "{answer}");
    }
}

#[tokio::test]
async fn a_throttled_call_has_no_effect() {
    let world = World::start("eu-west-1").await;
    let [door, _] = world.doors();
    let settings = simulator::cloud::FaultSettings { throttle: 1.0, ..Default::default() };
    world.cloud.faults().set(settings).unwrap();
    let put = door.tables.put_item().table_name(TABLE).item("orderId", text("a")).item("branch", text("b"));
    let error = put.send().await.unwrap_err().into_service_error();
    assert!(error.is_provisioned_throughput_exceeded_exception(), "{error:?}");
    world.cloud.faults().set(Default::default()).unwrap();
    assert!(world.cloud.dump().tables["orders"].is_empty());
    assert_eq!(world.cloud.usage().throttled, 1);
    let wrong = simulator::cloud::FaultSettings { event_loss: 1.5, ..Default::default() };
    assert!(world.cloud.faults().set(wrong).is_err());
}
