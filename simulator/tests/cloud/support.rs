//! A cloud to test, its clock, and clients at its two doors.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use contracts::resources::{IndexSpec, Interest, Key, Replication, Subscription, TableSpec};
use serde_json::{Value, json};
use simulator::cloud::{Cloud, CloudConfig, PoolConfig};
use tokio::task::JoinSet;

pub(crate) use crate::door::Door;
use crate::door::{self, wire};

pub(crate) const ORDERS: TableSpec = TableSpec {
    service: "orders",
    table: "",
    partition: Key::text("orderId"),
    sort: Some(Key::text("branch")),
    indexes: &[IndexSpec { name: "user", partition: Key::text("userId"), sort: Key::number("createdAt") }],
    replication: Replication::Global,
};

pub(crate) const INBOX: TableSpec = TableSpec {
    service: "platform",
    table: "inbox",
    partition: Key::text("id"),
    sort: None,
    indexes: &[],
    replication: Replication::Regional,
};

pub(crate) const SUBSCRIPTIONS: [Subscription; 2] = [
    Subscription {
        consumer: "warehouse",
        events: &[Interest::all("ecommerce.orders", &["OrderCreated", "OrderCancelled"])],
    },
    Subscription {
        consumer: "delivery",
        events: &[
            Interest::all("ecommerce.orders", &["OrderCancelled"]),
            Interest::all("ecommerce.warehouse", &["PackageCreated"]),
        ],
    },
];

/// A cloud and the hand on its clock.
pub(crate) struct World {
    pub(crate) cloud: Cloud,
    now_ms: Arc<AtomicI64>,
    /// Serves the second door until the test ends.
    _listener: JoinSet<()>,
    pub(crate) endpoint: String,
}

impl World {
    pub(crate) async fn start(region: &str) -> World {
        Self::with_pools(region, Vec::new()).await
    }

    pub(crate) async fn with_pools(region: &str, pools: Vec<PoolConfig>) -> World {
        let now_ms = Arc::new(AtomicI64::new(1_790_000_000_000));
        let clock = now_ms.clone();
        let cloud = Cloud::start(CloudConfig {
            region: region.to_owned(),
            env: "test".to_owned(),
            account: "123456789012".to_owned(),
            tables: vec![ORDERS, INBOX],
            subscriptions: SUBSCRIPTIONS.to_vec(),
            pools,
            seed: 7,
            clock: Arc::new(move || clock.load(Ordering::SeqCst)),
            upstream: None,
        })
        .await
        .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = cloud.router();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        World { cloud, now_ms, _listener: tasks, endpoint }
    }

    pub(crate) fn advance(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// The in-process door, without an endpoint of its own, and the loopback one.
    pub(crate) fn doors(&self) -> [Door; 2] {
        [Door::new(self.cloud.http_client(), None), Door::new(wire(), Some(&self.endpoint))]
    }

    /// A JSON call by hand, as a client without an SDK makes it.
    pub(crate) async fn call(&self, target: &str, body: Value) -> (u16, Value) {
        door::call(&self.endpoint, target, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        door::get(&self.endpoint, path).await
    }
}

pub(crate) fn order_key(id: &str) -> Value {
    json!({ "orderId": { "S": id }, "branch": { "S": "1#eu-west-1" } })
}
