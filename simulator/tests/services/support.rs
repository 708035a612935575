//! A region to test: its cloud, some of its services, and ways to call them.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use contracts::events::{Event, Happening};
use contracts::resources::{Subscription, TableSpec};
use contracts::{Continent, ErrorBody, Order, Region};
use http::{HeaderMap, Method, Request, header};
use platform::bus::{self, Aggregate, Bus};
use platform::calls::{CallError, Credential};
use platform::config::{self, ContinentConfig, Durability, RegionConfig, Secrets, WarehouseConfig};
use platform::network::Network;
use platform::{Config, Deadline, Platform, Service, World};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use simulator::cloud::{Cloud, CloudConfig, PoolConfig, PoolKey, SeedUser, generate_pool_key};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// The world's clock at the start: a moment in 2026.
pub(crate) const NOW_MS: i64 = 1_790_000_000_000;
const ISSUER: &str = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_americas";
const PASSWORD: &str = "correct horse";
/// An answer, or what happens behind it, must come within this.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a test's services need of the cloud.
pub(crate) struct Needs {
    pub(crate) tables: Vec<TableSpec>,
    pub(crate) subscriptions: Vec<Subscription>,
}

/// A region at work.
pub(crate) struct Running {
    pub(crate) cloud: Cloud,
    pub(crate) platform: Platform,
    network: Network,
    _tasks: JoinSet<&'static str>,
}

impl Running {
    /// Starts a region's services and mounts them in the network. `others` stands for services that are not
    /// under test, with their names in the paths.
    pub(crate) async fn start(
        name: &str,
        network: &Network,
        needs: Needs,
        build: impl FnOnce(Platform) -> Vec<Service>,
        others: Router,
    ) -> Running {
        let listened = needs.subscriptions.contains(&platform::listener::subscription());
        let late: Arc<OnceLock<World>> = Arc::default();
        let clock = late.clone();
        let cloud = Cloud::start(CloudConfig {
            region: name.to_owned(),
            env: "tests".to_owned(),
            account: "123456789012".to_owned(),
            tables: needs.tables,
            subscriptions: needs.subscriptions,
            pools: vec![pool()],
            seed: 7,
            clock: Arc::new(move || clock.get().map_or(NOW_MS, |world| world.now().0)),
            upstream: None,
        });
        let cloud = cloud.await.unwrap();
        let world = late.get_or_init(|| World::new(NOW_MS, 7, cloud.http_client())).clone();
        let platform = Platform::new(world, config(name, &cloud, listened), network.clone()).unwrap();
        let services = build(platform.clone());
        network.mount(&authority(name), platform::service::gateway(&services).merge(others));
        let mut tasks = JoinSet::new();
        tasks.spawn(simulator::region::answer_the_pools(&cloud, &services));
        services.iter().for_each(|service| service.start(&mut tasks));
        Running { cloud, platform, network: network.clone(), _tasks: tasks }
    }

    /// A signed call from one service to another in this region.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        from: &'static str,
        method: Method,
        service: &str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        let deadline = Deadline::within(PATIENCE);
        let target = self.platform.calls.here(service);
        target.send(Credential::Service(from), method, path, Some(body), deadline).await
    }

    /// The access token of somebody who signed in.
    pub(crate) async fn token(&self, username: &str) -> String {
        let request = json!({
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": "shop",
            "AuthParameters": { "USERNAME": username, "PASSWORD": PASSWORD },
        });
        let (_, answer) = self.cognito("InitiateAuth", &request).await;
        answer["AuthenticationResult"]["AccessToken"].as_str().unwrap().to_owned()
    }

    /// A call to the user pools, as an app without an SDK makes it.
    pub(crate) async fn cognito(&self, operation: &str, request: &Value) -> (u16, Value) {
        let request = Request::post("/")
            .header("x-amz-target", format!("AWSCognitoIdentityProviderService.{operation}"))
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .body(axum::body::Body::from(request.to_string()));
        let response = self.cloud.router().oneshot(request.unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 64 * 1024).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// A request as a person sends it: status and body. An empty token is nobody's; a null body is none.
    pub(crate) async fn ask(&self, token: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let bearer = format!("Bearer {token}");
        let authorization = (!token.is_empty()).then_some(("authorization", bearer.as_str()));
        let (status, _, body) = self.send(method, path, authorization.as_slice(), body).await;
        (status, body)
    }

    /// What a GraphQL document gives to a person, without errors.
    pub(crate) async fn query(&self, token: &str, document: &str, variables: Value) -> Value {
        let body = json!({ "query": document, "variables": variables });
        let (status, body) = self.ask(token, Method::POST, "/frontend-api/graphql", &body).await;
        assert_eq!((status, body.get("errors")), (200, None), "{document}: {body}");
        body["data"].clone()
    }

    /// A request as anybody can send it: status, headers and body of the answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (u16, HeaderMap, Value) {
        let url = format!("http://{}{path}", authority(self.platform.config.region.as_str()));
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut bytes = Bytes::new();
        if !body.is_null() {
            request = request.header(header::CONTENT_TYPE, "application/json");
            bytes = Bytes::from(body.to_string());
        }
        let answer = self.network.send(request.body(bytes).unwrap()).await.unwrap();
        let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        (answer.status().as_u16(), answer.headers().clone(), body)
    }

    /// Puts an event on the region's bus.
    pub(crate) async fn publish(&self, event: &Event) {
        let confirmed = Bus::new(&self.platform).publish(std::slice::from_ref(event)).await.unwrap();
        assert_eq!(confirmed, [true]);
    }

    /// The details of all events of a type that the bus has had so far.
    pub(crate) fn tapped(&self, detail_type: &str) -> Vec<Value> {
        let tapped = self.cloud.tap().into_iter().filter(|event| event["detail-type"] == detail_type);
        tapped.map(|mut event| event["detail"].take()).collect()
    }
}

/// The error body of an answer that says no.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, CallError>) -> ErrorBody {
    match answer {
        Err(CallError::Refused(body)) => *body,
        other => panic!("not a refusal: {other:?}"),
    }
}

/// Looks until something is there that happens behind an answer; fails where it never is.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Deadline::within(PATIENCE);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(!deadline.remaining().is_zero(), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// An event of an order, as its owner in this region makes it.
pub(crate) fn order_event(platform: &Platform, order: &Order, happening: Happening) -> Event {
    let id = order.order_id.to_string();
    let aggregate = Aggregate { kind: "order", id: &id, version: order.version, epoch: order.epoch };
    bus::event(platform, aggregate, &id, happening)
}

pub(crate) fn region(name: &str) -> Region {
    Region::from(name)
}

fn authority(region: &str) -> String {
    format!("{region}.local")
}

/// A key takes a while to make: one is enough for all tests.
fn pool_key() -> PoolKey {
    static KEY: OnceLock<PoolKey> = OnceLock::new();
    KEY.get_or_init(|| generate_pool_key().unwrap()).clone()
}

fn pool() -> PoolConfig {
    let user = |name: &str, groups: &[&str]| SeedUser {
        username: name.to_owned(),
        password: PASSWORD.to_owned(),
        sub: name.to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        email: format!("{name}@example.com"),
    };
    PoolConfig {
        id: "us-east-1_americas".to_owned(),
        client_id: "shop".to_owned(),
        continent: "am".to_owned(),
        primary: true,
        key: pool_key(),
        users: vec![
            user("ann", &[]),
            user("bob", &[]),
            user("picker", &["warehouse"]),
            user("courier", &["delivery"]),
            user("boss", &["admin"]),
        ],
    }
}

fn config(name: &str, cloud: &Cloud, listened: bool) -> Config {
    let places = [("us-east-1", "am"), ("eu-west-1", "eu"), ("ap-southeast-1", "ap")];
    let region_of = |(name, continent): (&str, &str)| RegionConfig {
        name: region(name),
        continent: Continent::from(continent),
        url: format!("http://{}/{{service}}", authority(name)),
    };
    let continent_of = |(name, continent): (&str, &str)| ContinentConfig {
        id: Continent::from(continent),
        journal_region: region(name),
        successors: vec![region(name)],
    };
    let warehouse_of = |(name, continent): (&str, &str)| WarehouseConfig {
        id: format!("wh-{continent}").as_str().into(),
        region: region(name),
        continent: Continent::from(continent),
    };
    Config {
        env: "tests".into(),
        region: region(name),
        aws_endpoint: Some("http://aws.local".into()),
        regions: places.map(region_of).to_vec(),
        continents: places.map(continent_of).to_vec(),
        shards: 1,
        warehouses: places.map(warehouse_of).to_vec(),
        pools: vec![config::PoolConfig {
            issuer: ISSUER.into(),
            client_id: "shop".into(),
            continent: Continent::from("am"),
            jwks: cloud.jwks(),
        }],
        durability: Durability::Journal,
        sign_by: config::SignBy::Keys,
        provider_url: "http://provider.local".into(),
        carrier_url: "http://carrier.local".into(),
        age_check_url: "http://age-check.local".into(),
        otlp_url: None,
        event_listener: listened,
        metrics: false,
        heard: config::Heard::Streams,
        heartbeat_ms: 50,
        suspect_after_ms: 250,
        secrets: Secrets {
            service_key: "service key".into(),
            payment_key: "payment key".into(),
            provider_key: "provider key".into(),
            age_check_key: "age check key".into(),
        },
    }
}
