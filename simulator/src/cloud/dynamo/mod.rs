//! DynamoDB: the dynoxide engine in memory, its wire protocol, and the writes it owes to other regions.

mod capture;
mod merge;
mod operations;
mod plain;
mod request;
mod self_test;
mod table;
mod template;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use contracts::resources::TableSpec;
use dynoxide::Database;
use dynoxide::actions::scan::ScanRequest;
use serde_json::Value;

use super::CloudConfig;
use super::clock::Stamps;
use super::replication::{Log, ReplicationSource};
use super::reply::Reply;
use super::usage::Meter;
use capture::Capture;
use table::Table;
use wire::Arns;

/// The tables of one region.
pub(super) struct Dynamo {
    db: Database,
    tables: BTreeMap<String, Table>,
    capture: Capture,
    stamps: Stamps,
    meter: Arc<Meter>,
    region: Arc<str>,
    arns: Arns,
}

impl Dynamo {
    /// Opens the region's tables, once the engine has shown that it behaves.
    pub(super) fn start(config: &CloudConfig, meter: Arc<Meter>) -> anyhow::Result<Self> {
        self_test::run(config).context("the database engine fails its self-test")?;
        Dynamo::open(config, &config.tables, meter)
    }

    fn open(config: &CloudConfig, specs: &[TableSpec], meter: Arc<Meter>) -> anyhow::Result<Self> {
        let stamps = Stamps::new(config.clock.clone());
        let db = Database::memory_with_clock(Arc::new(stamps.clone()))?;
        template::restore_into(&db)?;
        let mut tables = BTreeMap::new();
        for spec in specs {
            let table = Table::create(&db, spec, &config.env)
                .with_context(|| format!("table {} cannot be created", spec.physical_name(&config.env)))?;
            tables.insert(table.name.clone(), table);
        }
        Ok(Dynamo {
            db,
            tables,
            capture: Capture::new(config.region.as_str().into()),
            stamps,
            meter,
            region: config.region.as_str().into(),
            arns: Arns::of(&config.region, &config.account),
        })
    }

    /// Answers one operation; `None` if it is not emulated.
    pub(super) fn call(&self, operation: &str, body: &str) -> Option<Reply> {
        let result = self.dispatch(operation, body)?;
        Some(match result {
            Ok(body) => Reply::ok(body),
            Err(error) => self.arns.refusal(operation, error),
        })
    }

    pub(super) fn log(&self) -> &Arc<Log> {
        self.capture.log()
    }

    pub(super) fn replication(&self) -> ReplicationSource {
        ReplicationSource::new(self.log().clone(), self.region.clone())
    }

    /// All items of all tables, in plain JSON.
    pub(super) fn dump(&self) -> anyhow::Result<BTreeMap<String, Vec<Value>>> {
        self.tables.values().map(|table| Ok((table.logical.clone(), self.items(table)?))).collect()
    }

    /// All items of one table, by its logical name, in plain JSON.
    pub(super) fn dump_table(&self, logical: &str) -> anyhow::Result<Vec<Value>> {
        let table = self.tables.values().find(|table| table.logical == logical);
        self.items(table.with_context(|| format!("there is no table {logical}"))?)
    }

    fn items(&self, table: &Table) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let page = self.db.scan(ScanRequest {
                table_name: table.name.clone(),
                exclusive_start_key: start,
                ..ScanRequest::default()
            })?;
            items.extend(page.items.unwrap_or_default().iter().map(plain::item));
            match page.last_evaluated_key {
                Some(key) => start = Some(key),
                None => return Ok(items),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::resources::{Key, Replication};
    use serde_json::json;

    use super::*;

    const SPEC: TableSpec = TableSpec {
        service: "orders",
        table: "",
        partition: Key::text("id"),
        sort: None,
        indexes: &[],
        replication: Replication::Global,
    };

    fn config() -> CloudConfig {
        CloudConfig {
            region: "eu-west-1".to_owned(),
            env: "test".to_owned(),
            account: "123456789012".to_owned(),
            tables: vec![SPEC],
            subscriptions: Vec::new(),
            pools: Vec::new(),
            seed: 1,
            clock: Arc::new(|| 1_790_000_000_000),
        }
    }

    /// Far more writes than the stream keeps, in one instant: none is lost and the stream stays short.
    #[test]
    fn the_log_has_every_write_and_the_stream_only_the_latest() {
        let dynamo = Dynamo::start(&config(), Arc::default()).unwrap();
        for n in 0..2_000 {
            let body =
                json!({ "TableName": "ecommerce-test-orders", "Item": { "id": { "S": n.to_string() } } });
            assert_eq!(dynamo.call("PutItem", &body.to_string()).unwrap().status, 200);
        }
        let writes = dynamo.replication().read_from(1, usize::MAX).unwrap().writes;
        assert_eq!(writes.len(), 2_000);
        assert!(writes.is_sorted_by(|a, b| a.written_at_us < b.written_at_us));
        let key = |n: usize| serde_json::from_value(json!({ "id": { "S": n.to_string() } })).unwrap();
        assert!(writes.iter().enumerate().all(|(n, write)| write.key == key(n)));
        let call = |operation: &str, body: Value| -> Value {
            serde_json::from_str(&dynamo.call(operation, &body.to_string()).unwrap().body).unwrap()
        };
        let arn = call("ListStreams", json!({}))["Streams"][0]["StreamArn"].clone();
        let shard = "shardId-00000001-ecommerce-test-orders";
        let position = json!({ "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
        let records = call(
            "GetRecords",
            json!({ "ShardIterator": call("GetShardIterator", position)["ShardIterator"] }),
        );
        assert_eq!(records["Records"].as_array().unwrap().len() as u64, template::STREAM_RECORDS_KEPT);
        assert_eq!(records["Records"][0]["awsRegion"], "eu-west-1");
    }

    #[test]
    fn a_dump_has_plain_values_and_exact_whole_numbers() {
        let dynamo = Dynamo::start(&config(), Arc::default()).unwrap();
        let item = json!({ "id": { "S": "a" }, "whole": { "N": "9007199254740993" }, "part": { "N": "1.5" },
            "list": { "L": [{ "BOOL": true }, { "NULL": true }] }, "map": { "M": { "set": { "SS": ["x"] } } },
            "bytes": { "B": "AQI=" } });
        let body = json!({ "TableName": "ecommerce-test-orders", "Item": item }).to_string();
        assert_eq!(dynamo.call("PutItem", &body).unwrap().status, 200);
        let expected = json!({ "id": "a", "whole": 9_007_199_254_740_993_i64, "part": 1.5, "list": [true, null],
            "map": { "set": ["x"] }, "bytes": "AQI=" });
        assert_eq!(dynamo.dump().unwrap()["orders"], [expected]);
    }
}
