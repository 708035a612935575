//! What the cloud relies on in its engine, tried before anything else runs.
//!
//! It would be worse than useless if an engine that lost a condition, a cancellation reason or a stream record
//! carried a run whose report then speaks of durability.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use contracts::resources::{Key, Replication, TableSpec};
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::encode_shard_iterator;
use dynoxide::{Database, ImportOptions, Item};
use serde_json::{Value, json};

use super::super::CloudConfig;
use super::{Dynamo, template};

const SPEC: TableSpec = TableSpec {
    service: "self",
    table: "test",
    partition: Key::text("id"),
    sort: None,
    indexes: &[],
    replication: Replication::Global,
};

/// Runs on a database of its own, so that nothing of it shows in a region's.
pub(super) fn run(config: &CloudConfig) -> anyhow::Result<()> {
    let dynamo = Dynamo::open(config, &[SPEC], Arc::default())?;
    let probe = Probe { dynamo: &dynamo, table: &SPEC.physical_name(&config.env) };
    probe.items_and_conditions()?;
    probe.transactions()?;
    probe.metering()?;
    probe.stream(&dynamo.db)
}

/// Calls the wire protocol.
struct Probe<'a> {
    dynamo: &'a Dynamo,
    table: &'a str,
}

impl Probe<'_> {
    fn call(&self, operation: &str, mut body: Value) -> anyhow::Result<(u16, Value)> {
        if operation != "TransactWriteItems" {
            body["TableName"] = self.table.into();
        }
        let reply = self.dynamo.call(operation, &body.to_string()).context("not emulated")?;
        Ok((reply.status, serde_json::from_str(&reply.body)?))
    }

    fn items_and_conditions(&self) -> anyhow::Result<()> {
        let put = json!({ "Item": { "id": { "S": "a" }, "n": { "N": "1" } },
            "ConditionExpression": "attribute_not_exists(id)" });
        let (status, answer) = self.call("PutItem", put.clone())?;
        ensure!((status, &answer) == (200, &json!({})), "a put answers {status} {answer}");
        let (status, answer) = self.call("PutItem", put)?;
        ensure!(
            status == 400 && is(&answer, "ConditionalCheckFailedException"),
            "a failed condition: {answer}"
        );
        let (_, answer) =
            self.call("GetItem", json!({ "Key": { "id": { "S": "a" } }, "ConsistentRead": true }))?;
        ensure!(answer["Item"]["n"] == json!({ "N": "1" }), "a get answers {answer}");
        let (_, answer) = self.call("DescribeTable", json!({}))?;
        let arn = answer["Table"]["TableArn"].as_str().unwrap_or_default();
        ensure!(arn.contains(&*self.dynamo.region), "the table's ARN is {arn}");
        Ok(())
    }

    fn transactions(&self) -> anyhow::Result<()> {
        let put = |id: &str, n: &str| {
            json!({ "Put": { "TableName": self.table, "Item": { "id": { "S": id }, "n": { "N": n } },
                "ConditionExpression": "attribute_not_exists(id)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD" } })
        };
        let (status, answer) =
            self.call("TransactWriteItems", json!({ "TransactItems": [put("b", "2"), put("a", "3")] }))?;
        let reasons = &answer["CancellationReasons"];
        ensure!(
            status == 400 && is(&answer, "TransactionCanceledException"),
            "a cancelled transaction: {answer}"
        );
        ensure!(reasons[0]["Code"] == "None" && reasons[1]["Code"] == "ConditionalCheckFailed", "{reasons}");
        ensure!(reasons[1]["Item"]["n"] == json!({ "N": "1" }), "the old item is missing: {reasons}");
        let (_, answer) = self.call("GetItem", json!({ "Key": { "id": { "S": "b" } } }))?;
        ensure!(answer.get("Item").is_none(), "half a transaction happened: {answer}");
        // Two transactions under one token: kept tokens would refuse the second.
        for id in ["c", "d"] {
            let body = json!({ "TransactItems": [put(id, "1")], "ClientRequestToken": "self-test" });
            let (status, answer) = self.call("TransactWriteItems", body)?;
            ensure!(status == 200, "a token reached the engine: {answer}");
        }
        Ok(())
    }

    /// What was consumed is counted, and told only to those who asked.
    fn metering(&self) -> anyhow::Result<()> {
        let usage = self.dynamo.meter.usage();
        let put = usage
            .tables
            .get("self.test")
            .and_then(|table| table.get("PutItem"))
            .context("nothing is metered")?;
        ensure!((put.calls, put.failed, put.write_units) == (2, 1, 2.0), "two puts count as {put:?}");
        Ok(())
    }

    fn stream(&self, db: &Database) -> anyhow::Result<()> {
        let captured = self.dynamo.replication().read_from(1, 10)?.writes;
        ensure!(captured.len() == 3, "{} writes are captured of three", captured.len());
        ensure!(
            captured.is_sorted_by(|a, b| a.written_at_us < b.written_at_us),
            "stamps do not rise: {captured:?}"
        );
        let records = self.records(db)?;
        ensure!(records.len() == 3, "{} stream records of three writes", records.len());
        ensure!(
            records[0]["dynamodb"]["NewImage"]["n"] == json!({ "N": "1" }),
            "no new image: {}",
            records[0]
        );
        let kept = usize::try_from(template::STREAM_RECORDS_KEPT)?;
        let many: Vec<Item> = (0..kept + 20)
            .map(|n| serde_json::from_value(json!({ "id": { "S": n.to_string() } })))
            .collect::<Result<_, _>>()?;
        db.import_items(
            self.table,
            many,
            ImportOptions { record_streams: true, ..ImportOptions::default() },
        )?;
        let records = self.records(db)?.len();
        ensure!(records == kept, "the stream keeps {records} records instead of {kept}");
        Ok(())
    }

    fn records(&self, db: &Database) -> anyhow::Result<Vec<Value>> {
        let shard = format!("shardId-00000001-{}", self.table);
        let shard_iterator = encode_shard_iterator(self.table, &shard, 0);
        let records = db.get_records(GetRecordsRequest { shard_iterator, limit: None })?.records;
        Ok(records.iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
    }
}

fn is(answer: &Value, code: &str) -> bool {
    answer["__type"].as_str().is_some_and(|kind| kind.ends_with(code))
}
