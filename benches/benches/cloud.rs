//! The embedded DynamoDB through its in-process door, with the real SDK and streams on: a get, a put, a
//! transaction; fresh, and again after 50,000 writes. The two must cost about the same.
#![allow(missing_docs)] // criterion's macros

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{AttributeValue, Put, TransactWriteItem},
};
use contracts::resources::{Key, Replication, TableSpec};
use criterion::{Criterion, criterion_group, criterion_main};
use simulator::cloud::{Cloud, CloudConfig};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};
use tokio::runtime::Runtime;

const TABLE: TableSpec = TableSpec {
    service: "bench",
    table: "",
    partition: Key::text("id"),
    sort: None,
    indexes: &[],
    replication: Replication::Global,
};
/// Writes between the two measurements.
const WRITES: u64 = 50_000;

type Item = HashMap<String, AttributeValue>;

struct Bench {
    client: Client,
    table: String,
    next: AtomicU64,
}

impl Bench {
    async fn start() -> Self {
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
        };
        let cloud = Cloud::start(config).await.expect("the cloud starts");
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
            .endpoint_url("http://aws.eu-west-1.local")
            .http_client(cloud.http_client())
            .build();
        Bench {
            client: Client::from_conf(config),
            table: TABLE.physical_name("bench"),
            next: AtomicU64::new(0),
        }
    }

    fn item(&self) -> Item {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let text = AttributeValue::S("a box of twenty, as a customer would order it".repeat(20));
        Item::from([("id".into(), AttributeValue::S(format!("{id}"))), ("text".into(), text)])
    }

    async fn put(&self) {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(self.item()));
        put.send().await.expect("puts");
    }

    async fn get(&self) {
        let id = AttributeValue::S("0".into());
        let get = self.client.get_item().table_name(&self.table).key("id", id).consistent_read(true);
        get.send().await.expect("gets");
    }

    async fn transact(&self) {
        let mut transaction = self.client.transact_write_items();
        for _ in 0..3 {
            let put =
                Put::builder().table_name(&self.table).set_item(Some(self.item())).build().expect("a put");
            transaction = transaction.transact_items(TransactWriteItem::builder().put(put).build());
        }
        transaction.send().await.expect("transacts");
    }
}

fn dynamodb(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let bench = runtime.block_on(Bench::start());
    runtime.block_on(bench.put());
    for state in ["fresh", "after 50,000 writes"] {
        let mut group = criterion.benchmark_group(format!("embedded DynamoDB, {state}"));
        group.bench_function("get", |bencher| bencher.to_async(&runtime).iter(|| bench.get()));
        group.bench_function("put", |bencher| bencher.to_async(&runtime).iter(|| bench.put()));
        group.bench_function("transaction of 3", |bencher| {
            bencher.to_async(&runtime).iter(|| bench.transact())
        });
        group.finish();
        runtime.block_on(async {
            while bench.next.load(Ordering::Relaxed) < WRITES {
                bench.put().await;
            }
        });
    }
}

criterion_group!(benches, dynamodb);
criterion_main!(benches);
