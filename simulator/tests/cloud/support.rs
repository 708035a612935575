//! A cloud to test, its clock, and clients at its two doors.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use contracts::resources::{IndexSpec, Interest, Key, Replication, Subscription, TableSpec};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use simulator::cloud::{Cloud, CloudConfig, PoolConfig};
use tokio::task::JoinSet;

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

/// The SDKs at one door.
pub(crate) struct Door {
    pub(crate) tables: aws_sdk_dynamodb::Client,
    pub(crate) events: aws_sdk_eventbridge::Client,
    pub(crate) queues: aws_sdk_sqs::Client,
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
        let request = http::Request::post(&self.endpoint)
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.1")
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let response = hyper().request(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let response = hyper().get(format!("{}{path}", self.endpoint).parse().unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

impl Door {
    fn new(http: SharedHttpClient, endpoint: Option<&str>) -> Self {
        macro_rules! client {
            ($sdk:ident) => {{
                let mut config = $sdk::Config::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .region(Region::new("eu-west-1"))
                    .credentials_provider(Credentials::new("test", "test", None, None, "test"))
                    .retry_config(RetryConfig::disabled())
                    .http_client(http.clone());
                config.set_endpoint_url(endpoint.map(str::to_owned));
                $sdk::Client::from_conf(config.build())
            }};
        }
        Door {
            tables: client!(aws_sdk_dynamodb),
            events: client!(aws_sdk_eventbridge),
            queues: client!(aws_sdk_sqs),
        }
    }
}

pub(crate) fn order_key(id: &str) -> Value {
    json!({ "orderId": { "S": id }, "branch": { "S": "1#eu-west-1" } })
}

fn hyper() -> Hyper<Tcp, Full<Bytes>> {
    Hyper::builder(TokioExecutor::new()).build_http()
}

fn wire() -> SharedHttpClient {
    SharedHttpClient::new(Wire(hyper()))
}

#[derive(Clone, Debug)]
struct Wire(Hyper<Tcp, Full<Bytes>>);

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let hyper = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
            let request =
                request.map(|body| Full::new(Bytes::copy_from_slice(body.bytes().unwrap_or_default())));
            let response = hyper.request(request).await.map_err(|e| ConnectorError::io(e.into()))?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|e| ConnectorError::io(e.into()))?.to_bytes();
            HttpResponse::try_from(http::Response::from_parts(parts, SdkBody::from(body)))
                .map_err(|e| ConnectorError::other(e.into(), None))
        })
    }
}
