use super::*;
use crate::links::Condition;
use axum::{
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, Request, Response, StatusCode},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use platform::watch;
use std::sync::Mutex;

/// A region that answers with a status, and remembers the headers it was sent.
#[derive(Clone)]
struct Stub {
    status: StatusCode,
    heard: Arc<Mutex<Vec<HeaderMap>>>,
}

struct StubRegion {
    name: &'static str,
    stub: Stub,
    serving: Serving,
    condition: watch::Sender<Condition>,
}

async fn answer(State(stub): State<Stub>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    stub.heard.lock().unwrap().push(parts.headers);
    let body = to_bytes(body, 1 << 20).await.unwrap();
    Response::builder().status(stub.status).body(Body::from(body)).unwrap()
}

async fn region(name: &'static str, status: StatusCode) -> StubRegion {
    let stub = Stub { status, heard: Arc::default() };
    let router = Router::new()
        .route("/frontend-api/graphql", routing::any(answer))
        .route("/frontend-api/readyz", routing::get(|| async { "ready" }))
        .with_state(stub.clone());
    let serving = Serving::start(router).await.unwrap();
    StubRegion { name, stub, serving, condition: watch::Sender::new(Condition::up()) }
}

/// An edge with the regions at 10, 20, 30 ... ms; the first two stand on one continent.
async fn edge(regions: &[StubRegion], hedge_ms: u64) -> Edge {
    Edge::start(config(regions, hedge_ms)).await.unwrap()
}

fn config(regions: &[StubRegion], hedge_ms: u64) -> EdgeConfig {
    let regions = regions.iter().enumerate().map(|(i, region)| EdgeRegion {
        name: region.name.into(),
        continent: if i < 2 { "am".into() } else { region.name.into() },
        base_url: format!("{}/frontend-api", region.serving.url()),
        rtt: Duration::from_millis(10 * (i as u64 + 1)),
        condition: region.condition.subscribe(),
    });
    EdgeConfig {
        name: "test".into(),
        regions: regions.collect(),
        distance: Distance::Simulated,
        hedge_after: Duration::from_millis(hedge_ms),
        jitter_pct: 0.0,
        seed: 1,
        max_in_flight: 100,
        warm_connections: 2,
    }
}

async fn three() -> Vec<StubRegion> {
    let ok = StatusCode::OK;
    vec![region("us", ok).await, region("sa", ok).await, region("eu", ok).await]
}

struct Reply {
    status: StatusCode,
    served_by: String,
    attempts: String,
    refused_by: String,
    body: Bytes,
}

async fn send(edge: &Edge, body: &str, key: Option<&str>) -> Reply {
    let mut request = Request::post(format!("{}/graphql", edge.url));
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.unwrap();
    let header = |name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let (status, served_by, attempts) = (response.status(), header("x-served-by"), header("x-attempts"));
    let refused_by = header("x-refused-by");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Reply { status, served_by, attempts, refused_by, body }
}

#[tokio::test]
async fn the_nearest_region_answers_and_is_told_what_time_is_left() {
    let regions = three().await;
    let edge = edge(&regions, 400).await;
    let start = Instant::now();
    let reply = send(&edge, "mutation { a }", Some("k1")).await;
    assert!(start.elapsed() >= Duration::from_millis(10));
    assert_eq!(
        (reply.status, reply.served_by.as_str(), reply.attempts.as_str()),
        (StatusCode::OK, "us", "1")
    );
    assert_eq!(&reply.body[..], b"mutation { a }");
    let heard = regions[0].stub.heard.lock().unwrap();
    let budget: u64 = heard[0]["x-deadline-ms"].to_str().unwrap().parse().unwrap();
    assert!(budget > 500 && budget <= 890, "{budget}");
    assert_eq!(edge.counters().regions[&"us".into()].answered, 1);
}

#[tokio::test]
async fn regions_that_are_really_far_away_are_asked_in_the_order_in_which_they_are_given() {
    let regions = three().await;
    let mut config = config(&regions, 400);
    config.regions.reverse();
    config.distance = Distance::Real(platform::network::Network::new());
    let edge = Edge::start(config).await.unwrap();
    let reply = send(&edge, "mutation { a }", Some("k1")).await;
    assert_eq!((reply.served_by.as_str(), reply.attempts.as_str()), ("eu", "1"));
    let heard = regions[2].stub.heard.lock().unwrap();
    let budget: u64 = heard[0]["x-deadline-ms"].to_str().unwrap().parse().unwrap();
    assert!(budget <= 870, "the way back is counted: {budget}");
}

#[tokio::test]
async fn a_region_that_goes_dark_costs_the_hedge_and_another_continent_answers_with_the_same_key() {
    let regions = three().await;
    let edge = edge(&regions, 100).await;
    for region in &regions[..2] {
        region.condition.send_replace(Condition::blackhole());
    }
    let start = Instant::now();
    let reply = send(&edge, "mutation { a }", Some("k1")).await;
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!(
        (reply.status, reply.served_by.as_str(), reply.attempts.as_str()),
        (StatusCode::OK, "eu", "2")
    );
    assert_eq!(regions[2].stub.heard.lock().unwrap()[0]["idempotency-key"], "k1");
    assert!(regions[0].stub.heard.lock().unwrap().is_empty(), "nothing passes into the dark");
    assert_eq!(edge.counters().hedges, 1);
}

#[tokio::test]
async fn a_dark_region_is_found_out_and_found_well_again() {
    let regions = three().await;
    let edge = edge(&regions, 100).await;
    let is = |wanted: &'static [&'static str]| {
        let edge = &edge;
        async move {
            let wanted: Vec<Region> = wanted.iter().map(|name| (*name).into()).collect();
            let mut tick = tokio::time::interval(Duration::from_millis(10));
            while edge.healthy() != wanted {
                tick.tick().await;
            }
        }
    };
    let within = Duration::from_secs(10);
    regions[0].condition.send_replace(Condition::blackhole());
    regions[1].condition.send_replace(Condition::blackhole());
    tokio::time::timeout(within, is(&["eu"])).await.expect("found out");
    let reply = send(&edge, "mutation { a }", Some("k1")).await;
    assert_eq!(
        (reply.served_by.as_str(), reply.attempts.as_str()),
        ("eu", "1"),
        "nobody pays for the hedge now"
    );
    regions[0].condition.send_replace(Condition::up());
    tokio::time::timeout(within, is(&["us", "eu"])).await.expect("found well");
    let changes: Vec<_> =
        edge.health_log().into_iter().map(|change| (change.region.0, change.healthy)).collect();
    assert_eq!(changes.iter().filter(|(region, _)| region == "us").count(), 2, "{changes:?}");
}

#[tokio::test]
async fn a_request_that_nobody_answers_is_cut_off() {
    let regions = three().await;
    let edge = edge(&regions, 100).await;
    for region in &regions {
        region.condition.send_replace(Condition::blackhole());
    }
    let start = Instant::now();
    let reply = send(&edge, "mutation { a }", Some("k1")).await;
    assert!(start.elapsed() >= Duration::from_millis(950));
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    let body: contracts::ErrorBody = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((body.code, body.retryable), (contracts::Code::Deadline, true));
    assert_eq!(edge.counters().cut, 1);
}

#[tokio::test]
async fn an_answer_that_is_not_good_is_asked_for_elsewhere_at_once() {
    let mut regions = three().await;
    regions[0] = region("us", StatusCode::SERVICE_UNAVAILABLE).await;
    let edge = edge(&regions, 900).await;
    let reply = send(&edge, "mutation { a }", Some("k1")).await;
    assert_eq!(
        (reply.status, reply.served_by.as_str(), reply.attempts.as_str()),
        (StatusCode::OK, "eu", "2")
    );
    assert_eq!(reply.refused_by, "us");
    assert_eq!((edge.counters().retries, edge.counters().hedges), (1, 0));
    let unkeyed = send(&edge, "mutation { a }", None).await;
    assert_eq!((unkeyed.status, unkeyed.attempts.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    let read = send(&edge, "query { a }", None).await;
    assert_eq!((read.status, read.attempts.as_str()), (StatusCode::OK, "2"));
}

#[tokio::test]
async fn when_no_region_is_good_the_last_answer_is_passed_on() {
    let mut regions = Vec::new();
    for name in ["us", "sa", "eu"] {
        regions.push(region(name, StatusCode::SERVICE_UNAVAILABLE).await);
    }
    let edge = edge(&regions, 900).await;
    let reply = send(&edge, "query { a }", None).await;
    assert_eq!((reply.status, reply.attempts.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "3"));
    assert_eq!(&reply.body[..], b"query { a }");
}

#[tokio::test]
async fn a_dead_region_is_passed_over_and_too_large_bodies_are_refused() {
    let regions = three().await;
    let edge = edge(&regions, 900).await;
    regions[0].condition.send_replace(Condition::reset());
    let reply = send(&edge, "mutation { a }", None).await;
    assert_eq!(
        (reply.status, reply.served_by.as_str()),
        (StatusCode::OK, "eu"),
        "it was not sent, so it may be repeated"
    );
    let large = "x".repeat(128 * 1024 + 1);
    assert_eq!(send(&edge, &large, None).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}
