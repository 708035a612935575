//! DynamoDB: conditions, transactions, indexes, streams.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, builders::PutItemFluentBuilder};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnConsumedCapacity, ReturnValue,
    ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};
use contracts::resources::Replication;
use serde_json::{Value, json};
use simulator::region;

use crate::place::{ENV, Place};

const TABLE: &str = "ecommerce-contract-orders";
const JOURNAL: &str = "ecommerce-contract-orders-journal";
const BRANCH: &str = "1#eu-west-1";

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn put(tables: &Client, id: &str) -> PutItemFluentBuilder {
    tables.put_item().table_name(TABLE).item("orderId", text(id)).item("branch", text(BRANCH))
}

async fn put_order(tables: &Client, id: &str, user: &str, version: i64) {
    let created = format!("2026-01-{version:02}");
    let put = put(tables, id).item("userId", text(user)).item("createdDate", text(&created));
    put.item("version", number(version)).send().await.unwrap();
}

async fn get(tables: &Client, id: &str) -> Option<HashMap<String, AttributeValue>> {
    let get = tables.get_item().table_name(TABLE).key("orderId", text(id)).key("branch", text(BRANCH));
    get.consistent_read(true).send().await.unwrap().item
}

/// Creates an order that must not be there.
fn create(id: &str) -> TransactWriteItem {
    let put = Put::builder().table_name(TABLE).item("orderId", text(id)).item("branch", text(BRANCH));
    let put = put.condition_expression("attribute_not_exists(orderId)");
    let put = put.return_values_on_condition_check_failure(OnFailure::AllOld).build().unwrap();
    TransactWriteItem::builder().put(put).build()
}

pub(crate) async fn every_table_is_as_declared(place: Place) {
    for spec in region::tables() {
        let name = spec.physical_name(ENV);
        let told = place.door.tables.describe_table().table_name(&name).send().await.unwrap().table.unwrap();
        let names = |schema: &[aws_sdk_dynamodb::types::KeySchemaElement]| -> Vec<String> {
            schema.iter().map(|part| part.attribute_name.clone()).collect()
        };
        let declared = std::iter::once(spec.partition).chain(spec.sort).map(|key| key.name.to_owned());
        assert_eq!(names(told.key_schema()), declared.collect::<Vec<_>>(), "{name}");
        let global = told.global_secondary_indexes().iter();
        let global =
            global.map(|index| (false, index.index_name.clone().unwrap(), names(index.key_schema())));
        let local = told.local_secondary_indexes().iter();
        let local = local.map(|index| (true, index.index_name.clone().unwrap(), names(index.key_schema())));
        let declared = spec.indexes.iter().map(|index| {
            let keys = vec![index.partition.name.to_owned(), index.sort.name.to_owned()];
            (spec.is_local(index), index.name.to_owned(), keys)
        });
        assert_eq!(global.chain(local).collect::<BTreeSet<_>>(), declared.collect::<BTreeSet<_>>(), "{name}");
        let global = spec.replication == Replication::Global;
        assert_eq!(told.latest_stream_arn().is_some(), global, "{name}");
    }
}

pub(crate) async fn items_are_written_read_changed_and_deleted(place: Place) {
    let tables = &place.door.tables;
    put_order(tables, "whole", "ann", 1).await;
    let update =
        tables.update_item().table_name(TABLE).key("orderId", text("whole")).key("branch", text(BRANCH));
    let update = update
        .update_expression("SET version = version + :one, tags = list_append(if_not_exists(tags, :none), :tag) REMOVE userId")
        .expression_attribute_values(":one", number(1))
        .expression_attribute_values(":none", AttributeValue::L(Vec::new()))
        .expression_attribute_values(":tag", AttributeValue::L(vec![text("new")]));
    let updated = update.return_values(ReturnValue::AllNew).send().await.unwrap();
    let updated = updated.attributes.unwrap();
    assert_eq!((&updated["version"], updated.get("userId")), (&number(2), None));
    let item = get(tables, "whole").await.unwrap();
    assert_eq!((&item["version"], &item["tags"]), (&number(2), &AttributeValue::L(vec![text("new")])));
    let delete =
        tables.delete_item().table_name(TABLE).key("orderId", text("whole")).key("branch", text(BRANCH));
    delete.send().await.unwrap();
    assert!(get(tables, "whole").await.is_none());
}

pub(crate) async fn a_failed_condition_says_what_it_met(place: Place) {
    let tables = &place.door.tables;
    put_order(tables, "met", "ann", 5).await;
    let again = put(tables, "met").condition_expression("attribute_not_exists(orderId)");
    let again = again.return_values_on_condition_check_failure(OnFailure::AllOld).send().await;
    let PutItemError::ConditionalCheckFailedException(error) = again.unwrap_err().into_service_error() else {
        panic!("another error")
    };
    assert_eq!(error.item.unwrap()["version"], number(5));
}

pub(crate) async fn an_update_that_fails_its_condition_says_what_it_met(place: Place) {
    let tables = &place.door.tables;
    put_order(tables, "met-update", "ann", 5).await;
    let update = tables.update_item().table_name(TABLE).key("orderId", text("met-update"));
    let update = update.key("branch", text(BRANCH)).update_expression("SET version = :new");
    let update = update.condition_expression("version = :old").expression_attribute_values(":new", number(9));
    let update = update.expression_attribute_values(":old", number(4));
    let update = update.return_values_on_condition_check_failure(OnFailure::AllOld).send().await;
    let UpdateItemError::ConditionalCheckFailedException(error) = update.unwrap_err().into_service_error()
    else {
        panic!("another error")
    };
    assert_eq!(error.item.unwrap()["version"], number(5));
}

pub(crate) async fn a_condition_may_compare_and_search(place: Place) {
    let tables = &place.door.tables;
    put_order(tables, "compared", "ann", 5).await;
    let attempt = |condition: &str| {
        let put = put(tables, "compared").item("userId", text("ann")).item("version", number(5));
        let put = put.condition_expression(condition).expression_attribute_values(":v", number(5));
        put.expression_attribute_values(":u", text("an")).send()
    };
    for holds in ["version <= :v AND begins_with(userId, :u)", "NOT (version < :v) OR contains(userId, :u)"] {
        let holds = format!("({holds}) AND attribute_exists(orderId)");
        attempt(&holds).await.unwrap_or_else(|error| panic!("{holds}: {error:?}"));
    }
    let fails =
        attempt("version > :v OR NOT begins_with(userId, :u)").await.unwrap_err().into_service_error();
    assert!(fails.is_conditional_check_failed_exception(), "{fails:?}");
}

pub(crate) async fn a_cancelled_transaction_gives_its_reasons_and_changes_nothing(place: Place) {
    let tables = &place.door.tables;
    put_order(tables, "old", "ann", 5).await;
    let both = tables.transact_write_items().transact_items(create("new")).transact_items(create("old"));
    let error = both.send().await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { panic!("{error:?}") };
    let reasons = cancelled.cancellation_reasons();
    let codes: Vec<_> = reasons.iter().map(|reason| reason.code().unwrap()).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    assert_eq!(reasons[1].item().unwrap()["version"], number(5));
    assert!(get(tables, "new").await.is_none());
    tables.transact_write_items().transact_items(create("new")).send().await.unwrap();
}

pub(crate) async fn a_transaction_with_a_known_token_is_not_done_twice(place: Place) {
    let tables = &place.door.tables;
    put_order(tables, "token", "ann", 1).await;
    let add = || {
        let update =
            aws_sdk_dynamodb::types::Update::builder().table_name(TABLE).key("orderId", text("token"));
        let update = update.key("branch", text(BRANCH)).update_expression("SET version = version + :one");
        let update = update.expression_attribute_values(":one", number(1)).build().unwrap();
        TransactWriteItem::builder().update(update).build()
    };
    for _ in 0..2 {
        let write = tables.transact_write_items().transact_items(add());
        write.client_request_token(format!("{}-twice", place.run)).send().await.unwrap();
    }
    assert_eq!(get(tables, "token").await.unwrap()["version"], number(2));
}

pub(crate) async fn a_token_with_another_transaction_is_refused(place: Place) {
    let write = |id: &str| {
        let write = place.door.tables.transact_write_items().transact_items(create(id));
        write.client_request_token(format!("{}-other", place.run)).send()
    };
    write("token-a").await.unwrap();
    let error = write("token-b").await.unwrap_err().into_service_error();
    assert!(error.is_idempotent_parameter_mismatch_exception(), "{error:?}");
    assert!(get(&place.door.tables, "token-b").await.is_none());
}

pub(crate) async fn numbers_keep_their_digits(place: Place) {
    let tables = &place.door.tables;
    for (put_as, read_as) in [("9007199254740993", "9007199254740993"), ("1.50", "1.5"), ("-0", "0")] {
        let value = AttributeValue::N(put_as.to_owned());
        put(tables, "digits").item("value", value).send().await.unwrap();
        let read = get(tables, "digits").await.unwrap()["value"].as_n().unwrap().clone();
        assert_eq!(read, read_as, "{put_as}");
    }
}

pub(crate) async fn an_index_is_queried_in_order_and_in_pages(place: Place) {
    let tables = &place.door.tables;
    for n in (1..=9).rev() {
        put_order(tables, &format!("paged-{n}"), "peter", n).await;
    }
    let query = |start| {
        let query = tables.query().table_name(TABLE).index_name("user").limit(4);
        let query = query.key_condition_expression("userId = :u AND createdDate >= :t");
        let query = query.expression_attribute_values(":u", text("peter"));
        query.expression_attribute_values(":t", text("2026-01-03")).set_exclusive_start_key(start).send()
    };
    let first = query(None).await.unwrap();
    let second = query(first.last_evaluated_key.clone()).await.unwrap();
    let both = first.items().iter().chain(second.items());
    let seen: Vec<_> = both.map(|item| item["version"].as_n().unwrap().clone()).collect();
    assert_eq!(seen, (3..=9).map(|n| n.to_string()).collect::<Vec<_>>());
    assert!(second.last_evaluated_key.is_none());
}

pub(crate) async fn an_index_leaves_out_items_without_its_keys(place: Place) {
    let tables = &place.door.tables;
    put_order(tables, "closed", "sparse", 1).await;
    let open =
        put(tables, "open").item("openShard", text("sparse#1")).item("createdDate", text("2026-01-01"));
    open.send().await.unwrap();
    let query = || {
        let query =
            tables.query().table_name(TABLE).index_name("open").key_condition_expression("openShard = :s");
        query.expression_attribute_values(":s", text("sparse#1")).send()
    };
    assert_eq!(query().await.unwrap().count(), 1);
    put_order(tables, "open", "sparse", 2).await;
    assert_eq!(query().await.unwrap().count(), 0);
}

pub(crate) async fn a_local_index_shows_a_write_at_once(place: Place) {
    let tables = &place.door.tables;
    for (hash, at) in [("a", 2), ("b", 1), ("c", 3)] {
        let put = tables.put_item().table_name(JOURNAL).item("shard", text("local#1"));
        put.item("keyHash", text(hash)).item("unclosed", number(at)).send().await.unwrap();
    }
    let update = tables.update_item().table_name(JOURNAL).update_expression("REMOVE unclosed");
    update.key("shard", text("local#1")).key("keyHash", text("a")).send().await.unwrap();
    let query = tables.query().table_name(JOURNAL).index_name("unclosed").consistent_read(true);
    let query = query
        .key_condition_expression("#s = :s")
        .expression_attribute_names("#s", "shard")
        .expression_attribute_values(":s", text("local#1"));
    let seen = query.send().await.unwrap();
    let seen: Vec<_> = seen.items().iter().map(|item| item["keyHash"].as_s().unwrap().as_str()).collect();
    assert_eq!(seen, ["b", "c"]);
}

pub(crate) async fn a_query_filters_and_projects(place: Place) {
    let tables = &place.door.tables;
    for n in 1..=3 {
        put_order(tables, &format!("filtered-{n}"), "fiona", n).await;
    }
    let query = tables.query().table_name(TABLE).index_name("user").scan_index_forward(false);
    let query = query.key_condition_expression("userId = :u").filter_expression("#v <> :two");
    let query = query.projection_expression("orderId, #v").expression_attribute_names("#v", "version");
    let query = query.expression_attribute_values(":u", text("fiona"));
    let answer = query.expression_attribute_values(":two", number(2)).send().await.unwrap();
    assert_eq!((answer.count(), answer.scanned_count()), (2, 3));
    let seen: Vec<_> = answer.items().iter().map(|item| (&item["orderId"], item.len())).collect();
    assert_eq!(seen, [(&text("filtered-3"), 2), (&text("filtered-1"), 2)]);
}

pub(crate) async fn a_batch_writes_and_deletes(place: Place) {
    put_order(&place.door.tables, "batch-gone", "ann", 1).await;
    let item = json!({ "orderId": { "S": "batch-new" }, "branch": { "S": BRANCH } });
    let key = json!({ "orderId": { "S": "batch-gone" }, "branch": { "S": BRANCH } });
    let requests = json!([{ "PutRequest": { "Item": item } }, { "DeleteRequest": { "Key": key } }]);
    let body = json!({ "RequestItems": { TABLE: requests } });
    let (status, answer) = place.call("DynamoDB_20120810.BatchWriteItem", body).await;
    assert_eq!((status, &answer["UnprocessedItems"]), (200, &json!({})));
    assert!(get(&place.door.tables, "batch-new").await.is_some());
    assert!(get(&place.door.tables, "batch-gone").await.is_none());
}

pub(crate) async fn what_was_consumed_is_told_to_those_who_ask(place: Place) {
    let tables = &place.door.tables;
    let silent = put(tables, "consumed").item("userId", text("carl")).item("createdDate", text("2026"));
    assert!(silent.clone().send().await.unwrap().consumed_capacity.is_none());
    let told = silent.item("version", number(1)).return_consumed_capacity(ReturnConsumedCapacity::Total);
    let told = told.send().await.unwrap().consumed_capacity.unwrap();
    // One for the table, one for the index that it is in.
    assert_eq!((told.table_name.as_deref(), told.capacity_units), (Some(TABLE), Some(2.0)));
    let usage = place.cloud.usage();
    assert!(usage.tables["orders"]["PutItem"].write_units >= 4.0, "{:?}", usage.tables["orders"]["PutItem"]);
}

pub(crate) async fn a_stream_has_the_images_of_every_write(place: Place) {
    let tables = &place.door.tables;
    let described = tables.describe_table().table_name(TABLE).send().await.unwrap().table.unwrap();
    let arn = described.latest_stream_arn.unwrap();
    put_order(tables, "streamed", "ann", 1).await;
    put_order(tables, "streamed", "ann", 2).await;
    let streams = async |operation: &str, body: Value| {
        let (status, answer) = place.call(&format!("DynamoDBStreams_20120810.{operation}"), body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let stream = streams("DescribeStream", json!({ "StreamArn": arn })).await;
    let shard = stream["StreamDescription"]["Shards"][0]["ShardId"].clone();
    let position = json!({ "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    let iterator = streams("GetShardIterator", position).await["ShardIterator"].clone();
    let records = streams("GetRecords", json!({ "ShardIterator": iterator })).await;
    let ours = records["Records"].as_array().unwrap().iter();
    let ours: Vec<_> =
        ours.filter(|record| record["dynamodb"]["Keys"]["orderId"]["S"] == "streamed").collect();
    let kinds: Vec<_> = ours.iter().map(|record| record["eventName"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["INSERT", "MODIFY"]);
    let images = &ours[1]["dynamodb"];
    assert_eq!(images["OldImage"]["version"], json!({ "N": "1" }));
    assert_eq!(images["NewImage"]["version"], json!({ "N": "2" }));
}

pub(crate) async fn bad_input_is_refused_by_name(place: Place) {
    let cases = [
        ("GetItem", json!({ "TableName": TABLE, "Key": { "orderId": { "S": "a" } } }), "ValidationException"),
        (
            "PutItem",
            json!({ "TableName": "no-such-table", "Item": { "id": { "S": "a" } } }),
            "ResourceNotFoundException",
        ),
        (
            "PutItem",
            json!({ "TableName": TABLE, "Item": { "orderId": { "S": "a" } } }),
            "ValidationException",
        ),
    ];
    for (operation, body, expected) in cases {
        let (status, answer) = place.call(&format!("DynamoDB_20120810.{operation}"), body).await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer["__type"].as_str().unwrap().ends_with(expected), "{operation}: {answer}");
    }
}
