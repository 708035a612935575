//! DynamoDB: tables in memory behind its wire protocol, and the writes that a region owes to the others.
//!
//! A call is read straight from its text, checked as far as the request alone allows, and then carried out under the
//! one lock of the region's [`store`]. What is written to global tables goes to the replication log in the same step.

mod batch;
mod capacity;
mod capture;
mod describe;
mod error;
mod expression;
mod json;
mod key;
mod ledger;
mod merge;
mod number;
mod operations;
mod page;
#[cfg(test)]
mod peer;
mod plain;
mod query;
mod read;
mod record;
mod size;
mod store;
mod streams;
mod table;
mod transact;
mod value;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::Context as _;

use super::clock::Stamps;
use super::replication::{Log, ReplicationSource};
use super::reply::Reply;
use super::usage::Meter;
use super::{CloudConfig, lock};
use expression::Cache;
use store::Store;
use table::Table;

pub(super) use ledger::Touched;
pub use plain::PlainItem;
pub(super) use record::Record;
pub use value::Item;

/// The tables of one region.
pub(super) struct Dynamo {
    /// By physical name.
    tables: BTreeMap<Arc<str>, Table>,
    store: Mutex<Store>,
    expressions: Cache,
    log: Arc<Log>,
    stamps: Stamps,
    meter: Arc<Meter>,
    region: Arc<str>,
    account: Box<str>,
    created_ms: i64,
}

impl Dynamo {
    /// Opens the region's tables, empty.
    pub(super) fn start(config: &CloudConfig, meter: Arc<Meter>) -> Self {
        let stamps = Stamps::new(config.clock.clone());
        let tables = config.tables.iter().enumerate().map(|(slot, spec)| Table::new(slot, spec, &config.env));
        let tables: Vec<Table> = tables.collect();
        Dynamo {
            store: Mutex::new(Store::new(&tables)),
            tables: tables.into_iter().map(|table| (table.name.clone(), table)).collect(),
            expressions: Cache::default(),
            log: Arc::default(),
            created_ms: stamps.now_ms(),
            stamps,
            meter,
            region: config.region.as_str().into(),
            account: config.account.as_str().into(),
        }
    }

    /// Answers one operation; `None` if it is not emulated.
    pub(super) fn call(&self, operation: &str, body: &str) -> Option<Reply> {
        Some(match self.dispatch(operation, body)? {
            Ok(body) => Reply::ok(body),
            Err(error) => error.reply(),
        })
    }

    pub(super) fn log(&self) -> &Arc<Log> {
        &self.log
    }

    pub(super) fn replication(&self) -> ReplicationSource {
        ReplicationSource::new(self.log.clone(), self.region.clone())
    }

    /// All items of all tables, by their logical names.
    pub(super) fn items(&self) -> BTreeMap<String, Vec<PlainItem>> {
        self.tables.values().map(|table| (table.logical.to_string(), self.items_of(table))).collect()
    }

    /// All items of one table, by its logical name.
    pub(super) fn table_items(&self, logical: &str) -> anyhow::Result<Vec<PlainItem>> {
        let table = self.tables.values().find(|table| *table.logical == *logical);
        Ok(self.items_of(table.with_context(|| format!("there is no table {logical}"))?))
    }

    fn items_of(&self, table: &Table) -> Vec<PlainItem> {
        let store = self.store();
        store.tables[table.slot].rows.values().map(|row| PlainItem::of(&row.record)).collect()
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}

#[cfg(test)]
mod tests {
    use contracts::resources::{Key, Replication, TableSpec};
    use serde_json::{Value, json};

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
            upstream: None,
        }
    }

    /// Far more writes than the stream keeps, in one instant: none is lost and the stream stays short.
    #[test]
    fn the_log_has_every_write_and_the_stream_only_the_latest() {
        let dynamo = Dynamo::start(&config(), Arc::default());
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
        assert_eq!(records["Records"].as_array().unwrap().len() as u64, streams::RECORDS_KEPT as u64);
        assert_eq!(records["Records"][0]["awsRegion"], "eu-west-1");
    }

    #[test]
    fn a_dump_has_plain_values_and_exact_whole_numbers() {
        let dynamo = Dynamo::start(&config(), Arc::default());
        let item = json!({ "id": { "S": "a" }, "whole": { "N": "9007199254740993" }, "part": { "N": "1.5" },
            "list": { "L": [{ "BOOL": true }, { "NULL": true }] }, "map": { "M": { "set": { "SS": ["x"] } } },
            "bytes": { "B": "AQI=" } });
        let body = json!({ "TableName": "ecommerce-test-orders", "Item": item }).to_string();
        assert_eq!(dynamo.call("PutItem", &body).unwrap().status, 200);
        let expected = json!({ "id": "a", "whole": 9_007_199_254_740_993_i64, "part": 1.5, "list": [true, null],
            "map": { "set": ["x"] }, "bytes": "AQI=" });
        assert_eq!(json!(dynamo.items()["orders"]), json!([expected]));
    }
}
