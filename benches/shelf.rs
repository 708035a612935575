//! The embedded DynamoDB as a service sees it: one global table.

use crate::peer;
use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Region, SharedHttpClient},
    types::{AttributeValue, Put, TransactWriteItem},
};
use contracts::resources::{Key, Replication, TableSpec};
use simulator::cloud::{Cloud, CloudConfig};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

const TABLE: TableSpec = TableSpec {
    service: "bench",
    table: "",
    partition: Key::text("id"),
    sort: None,
    indexes: &[],
    replication: Replication::Global,
};

type Item = HashMap<String, AttributeValue>;

/// A table, reached by the real SDK through an in-process door.
pub struct Shelf {
    client: Client,
    table: String,
    next: AtomicU64,
}

impl Shelf {
    /// An empty table of a fresh cloud.
    pub async fn start() -> Self {
        let clock = AtomicI64::new(1_790_000_000_000);
        let config = CloudConfig {
            region: "eu-west-1".into(),
            env: "bench".into(),
            account: "123456789012".into(),
            tables: vec![TABLE],
            subscriptions: vec![],
            pools: vec![],
            seed: 1,
            clock: Arc::new(move || clock.fetch_add(1, Ordering::Relaxed)),
            upstream: None,
        };
        let cloud = Cloud::start(config).await.expect("the cloud starts");
        Shelf::behind(cloud.http_client())
    }

    /// An empty table of the peer, which keeps no streams here.
    pub fn of_peer() -> Self {
        Shelf::behind(peer::client(&TABLE.physical_name("bench")))
    }

    fn behind(door: SharedHttpClient) -> Self {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url("http://aws.eu-west-1.local")
            .http_client(door)
            .allow_no_auth()
            .build();
        Shelf {
            client: Client::from_conf(config),
            table: TABLE.physical_name("bench"),
            next: AtomicU64::new(0),
        }
    }

    /// How many items were written so far.
    pub fn written(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    fn item(&self) -> Item {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let text = AttributeValue::S("a box of twenty, as a customer would order it".repeat(20));
        Item::from([("id".into(), AttributeValue::S(format!("{id}"))), ("text".into(), text)])
    }

    /// Writes a new item.
    pub async fn put(&self) {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(self.item()));
        put.send().await.expect("puts");
    }

    /// Reads the first item, consistently.
    pub async fn get(&self) {
        let id = AttributeValue::S("0".into());
        let get = self.client.get_item().table_name(&self.table).key("id", id).consistent_read(true);
        get.send().await.expect("gets");
    }

    /// Writes three new items in one transaction.
    pub async fn transact(&self) {
        let mut transaction = self.client.transact_write_items();
        for _ in 0..3 {
            let put =
                Put::builder().table_name(&self.table).set_item(Some(self.item())).build().expect("a put");
            transaction = transaction.transact_items(TransactWriteItem::builder().put(put).build());
        }
        transaction.send().await.expect("transacts");
    }
}
