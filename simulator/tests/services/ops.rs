//! The operators' routes: who may call them, parked events, readiness, and regions that are drained, evacuated and
//! restored.

mod customers;
mod evacuation;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use contracts::bodies::ops::{RegionStanding, RegionState};
use contracts::events::{Event, Happening, source};
use contracts::resources::{Interest, Key, Replication, Subscription, TableSpec, dead_letter_queue_name};
use contracts::{Code, OrderId};
use futures::FutureExt as _;
use http::{Method, Request, header};
use platform::bus::{self, Aggregate};
use platform::consumer::{Consumer, NotApplied};
use platform::inbox::{self, Inbox};
use platform::network::Network;
use platform::regions::{self, Desk};
use platform::routes::Routes;
use platform::{Platform, Service, layers, ops};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::support::{Needs, Running, eventually, refusal, region as named};

const HERE: &str = "eu-west-1";
const THINGS: &str = "things";
const SUBSCRIPTION: Subscription =
    Subscription { consumer: THINGS, events: &[Interest::all(source::DELIVERY, &["DeliveryStarted"])] };
/// What parked events must not tell of themselves.
const SECRET: &str = "a secret that an event carries";

/// A consumer that counts its effects, as every consumer does them: with its inbox row in one transaction.
fn things(platform: &Platform, effects: Arc<AtomicUsize>) -> Service {
    let (inbox, table) = (Inbox::new(platform, THINGS), platform.table(&inbox::TABLE));
    let handler = move |event: Event| {
        let (inbox, table, effects) = (inbox.clone(), table.clone(), effects.clone());
        async move {
            if inbox.seen(&event).await? {
                return Ok::<(), NotApplied>(());
            }
            let applied = inbox.record(table.transaction(), &event)?.commit().await;
            applied.map_err(|cause| NotApplied(cause.to_string()))?;
            effects.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
        .boxed()
    };
    Service {
        name: THINGS,
        router: layers::wrap(platform, THINGS, Routes::new()),
        workers: Vec::new(),
        consumer: Some(Consumer::new(platform, THINGS, Arc::new(handler))),
        on_sign_up: None,
    }
}

/// A region and its operators' door.
struct Place {
    region: Running,
    operators: Router,
    effects: Arc<AtomicUsize>,
}

/// Whoever calls.
#[derive(Clone, Copy, Debug)]
enum Who<'a> {
    Nobody,
    Person(&'a str),
    Service(&'static str),
}

const TOOLS: Who<'static> = Who::Service("ops");

impl Place {
    async fn open(name: &str, network: &Network) -> Place {
        let needs = Needs {
            tables: regions::TABLES.iter().copied().chain([inbox::TABLE]).collect(),
            subscriptions: vec![SUBSCRIPTION],
        };
        let (effects, mut operators) = (Arc::new(AtomicUsize::new(0)), Router::new());
        let build = |platform: Platform| {
            let desk = Desk::new(&platform);
            let services = vec![regions::service(&platform, &desk), things(&platform, effects.clone())];
            operators = ops::router(&platform, &desk, &services);
            services
        };
        let region = Running::start(name, network, needs, build, Router::new()).await;
        Place { region, operators, effects }
    }

    async fn call(&self, who: Who<'_>, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let host = format!("{}.local", self.region.platform.config.region);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{host}{path}"))
            .header(header::HOST, host)
            .header("x-deadline-ms", "8000");
        let mut bytes = Bytes::new();
        if !body.is_null() {
            request = request.header(header::CONTENT_TYPE, "application/json");
            bytes = Bytes::from(body.to_string());
        }
        if let Who::Person(token) = who {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let mut request = request.body(bytes).unwrap();
        if let Who::Service(name) = who {
            let platform = &self.region.platform;
            platform.identity.sign(&platform.world, name, &mut request).unwrap();
        }
        let answer = self.operators.clone().oneshot(request.map(Body::from)).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1024 * 1024).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn decide(&self, region: &str, verb: &str) -> (u16, Value) {
        let path = format!("/ops/regions/{region}/{verb}");
        self.call(TOOLS, Method::POST, &path, &json!({ "reason": "a drill" })).await
    }

    async fn look(&self, path: &str) -> Value {
        let (status, answer) = self.call(TOOLS, Method::GET, path, &Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn redrive(&self, id: &str) -> (u16, Value) {
        self.call(TOOLS, Method::POST, &format!("/ops/dlq/{id}/redrive"), &Value::Null).await
    }

    /// Parks an event, as a queue does with one that could not be applied.
    async fn park(&self, event: &Event) {
        let (platform, body) = (&self.region.platform, envelope(event));
        let queues = &platform.aws.queues;
        let name = dead_letter_queue_name(&platform.config.env, THINGS);
        let url = queues.get_queue_url().queue_name(name).send().await.unwrap().queue_url.unwrap();
        queues.send_message().queue_url(url).message_body(body.to_string()).send().await.unwrap();
    }

    fn event(&self, version: u64) -> Event {
        let aggregate = Aggregate { kind: "delivery", id: "1", version, epoch: 1 };
        let order_id = OrderId(Uuid::from_u128(u128::from(version)));
        let happening = Happening::DeliveryStarted { order_id, tracking_id: SECRET.into() };
        bus::event(&self.region.platform, aggregate, "test", happening)
    }

    /// Waits until nothing is left in a queue.
    async fn until_empty(&self, queue: &str) {
        eventually("an empty queue", async || {
            let depth = self.region.cloud.dump().queues[queue];
            (depth.visible + depth.in_flight + depth.delayed == 0).then_some(())
        })
        .await;
    }

    fn effects(&self) -> usize {
        self.effects.load(Ordering::SeqCst)
    }
}

fn envelope(event: &Event) -> Value {
    json!({ "source": event.happening.source(), "detail-type": event.happening.detail_type(),
            "detail": event.detail() })
}

const ROUTES: [(Method, &str); 6] = [
    (Method::GET, "/ops/regions"),
    (Method::POST, "/ops/regions/nowhere/drain"),
    (Method::POST, "/ops/regions/nowhere/evacuate"),
    (Method::POST, "/ops/regions/nowhere/restore"),
    (Method::GET, "/ops/dlq"),
    (Method::POST, "/ops/dlq/nobody/redrive"),
];

#[tokio::test]
async fn only_operators_and_administrators_operate() {
    let place = Place::open(HERE, &Network::new()).await;
    let tokens = [place.region.token("ann").await, place.region.token("picker").await];
    let boss = place.region.token("boss").await;
    for (method, path) in ROUTES {
        let body = if method == Method::POST { json!({ "reason": "a drill" }) } else { Value::Null };
        let status = async |who| place.call(who, method.clone(), path, &body).await.0;
        assert_eq!(status(Who::Nobody).await, 401, "{path}");
        for forbidden in [Who::Person(&tokens[0]), Who::Person(&tokens[1]), Who::Service("orders")] {
            assert_eq!(status(forbidden).await, 403, "{path}: {forbidden:?}");
        }
        let let_in = if method == Method::GET { 200 } else { 404 };
        for operator in [TOOLS, Who::Person(&boss)] {
            assert_eq!(status(operator).await, let_in, "{path}: {operator:?}");
        }
    }
    // The region's own door does not have them.
    for path in ["/ops/regions", "/platform/ops/regions", "/things/ops/dlq"] {
        assert_eq!(place.region.ask(&boss, Method::GET, path, &Value::Null).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn what_is_asked_of_a_region_must_make_sense() {
    let place = Place::open(HERE, &Network::new()).await;
    for body in [json!({}), json!({ "reason": " " }), json!({ "reason": "x", "force": true })] {
        let (status, answer) = place.call(TOOLS, Method::POST, "/ops/regions/eu-west-1/drain", &body).await;
        assert!([400, 422].contains(&status), "{body}: {answer}");
    }
    let standing = place.region.platform.liveness.standings.of(&named(HERE));
    assert_eq!(standing, None, "nothing was decided");
}

#[tokio::test]
async fn parked_events_are_shown_without_their_content_and_stay_parked() {
    let place = Place::open(HERE, &Network::new()).await;
    for version in 1..=12 {
        place.park(&place.event(version)).await;
    }
    for _ in 0..2 {
        let shown = place.look("/ops/dlq").await;
        let events = shown["events"].as_array().unwrap();
        assert_eq!((events.len(), &shown["more"]), (12, &json!(false)));
        let first = events.iter().find(|event| event["eventId"] == json!(place.event(1).metadata.event_id));
        let first = first.expect("the first one");
        assert_eq!((&first["consumer"], &first["detailType"]), (&json!(THINGS), &json!("DeliveryStarted")));
        assert_eq!(first["orderId"], json!(OrderId(Uuid::from_u128(1))));
        assert!(first["received"].as_u64() >= Some(1) && first["since"].is_string(), "{first}");
        assert!(!shown.to_string().contains(SECRET));
    }
    let depth = place.region.cloud.dump().queues["ecommerce-tests-things-events-dlq"];
    assert_eq!((depth.visible, depth.in_flight), (12, 0), "whoever looked gave everything back");
    assert_eq!(place.effects(), 0);
}

#[tokio::test]
async fn a_redriven_event_takes_effect_once_however_often_it_is_redriven() {
    let place = Place::open(HERE, &Network::new()).await;
    let (event, other) = (place.event(1), place.event(2));
    let id = format!("{THINGS}:{}", event.metadata.event_id.0);
    for parked in [&event, &other, &event] {
        place.park(parked).await;
    }
    assert_eq!(place.redrive(&id).await, (200, json!({ "count": 2, "more": false })));
    place.until_empty("ecommerce-tests-things-events").await;
    assert_eq!(place.effects(), 1);
    let (status, answer) = place.redrive(&id).await;
    assert_eq!((status, &answer["code"]), (404, &json!(Code::NotFound)));
    // The other one is still there, to be seen at once; and it may be named by its message, too.
    let shown = place.look("/ops/dlq").await;
    let message = shown["events"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(shown["events"].as_array().unwrap().len(), 1);
    assert_eq!(place.redrive(&message).await.0, 200);
    place.park(&event).await;
    assert_eq!(place.redrive(THINGS).await, (200, json!({ "count": 1, "more": false })));
    for queue in ["ecommerce-tests-things-events", "ecommerce-tests-things-events-dlq"] {
        place.until_empty(queue).await;
    }
    assert_eq!(place.effects(), 2);
    assert_eq!(place.redrive(THINGS).await, (200, json!({ "count": 0, "more": false })));
}

async fn readyz(place: &Place, service: &str) -> (u16, Value) {
    place.region.ask("", Method::GET, &format!("/{service}/readyz"), &Value::Null).await
}

#[tokio::test]
async fn a_drained_region_is_not_ready_until_it_is_restored_and_tells_so_once() {
    let place = Place::open(HERE, &Network::new()).await;
    let ready = (200, json!({ "ready": true }));
    for service in [THINGS, regions::NAME] {
        assert_eq!(readyz(&place, service).await, ready, "{service}");
    }
    for (verb, state, epoch) in
        [("drain", "DRAINED", 1), ("drain", "DRAINED", 1), ("evacuate", "EVACUATED", 2)]
    {
        let (status, answer) = place.decide(HERE, verb).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(
            (&answer["standing"]["state"], &answer["standing"]["epoch"]),
            (&json!(state), &json!(epoch))
        );
        assert_eq!(answer["unreached"], json!(["us-east-1", "ap-southeast-1"]), "nobody else is up");
        let (status, answer) = readyz(&place, THINGS).await;
        assert_eq!((status, &answer["reason"]), (503, &json!(format!("{HERE} is {state}"))));
    }
    assert_eq!(place.decide(HERE, "restore").await.0, 200);
    assert_eq!(readyz(&place, THINGS).await, ready);
    let told = eventually("all news", async || {
        let told = place.region.tapped("RegionStateChanged");
        (told.len() >= 3).then_some(told)
    })
    .await;
    let told: Vec<_> =
        told.iter().map(|detail| (detail["state"].as_str(), detail["epoch"].as_u64())).collect();
    assert_eq!(told, [(Some("DRAINED"), Some(1)), (Some("EVACUATED"), Some(2)), (Some("ACTIVE"), Some(3))]);
    let view = place.look("/ops/regions").await;
    let here = view["regions"].as_array().unwrap().iter().find(|region| region["region"] == json!(HERE));
    let here = here.expect("this region");
    assert_eq!((&here["state"], &here["epoch"], &here["heard"]), (&json!("ACTIVE"), &json!(3), &json!(true)));
    assert!(here["outboxLagMs"].is_u64(), "{here}");
    let away = view["regions"].as_array().unwrap().iter().find(|region| region["region"] != json!(HERE));
    let away = away.expect("another region");
    assert_eq!(away["outboxLagMs"], json!(0), "nothing of it waits in the copies here");
}

#[tokio::test]
async fn a_service_whose_table_is_not_there_is_not_ready_and_says_why() {
    const LOST: TableSpec = TableSpec {
        service: THINGS,
        table: "lost",
        partition: Key::text("id"),
        sort: Some(Key::number("at")),
        indexes: &[],
        replication: Replication::Regional,
    };
    let place = Place::open(HERE, &Network::new()).await;
    place.region.platform.table(&LOST);
    let (status, answer) = readyz(&place, THINGS).await;
    assert_eq!(status, 503);
    let reason = answer["reason"].as_str().unwrap();
    assert!(
        reason.contains("ecommerce-tests-things-lost") && reason.contains("ResourceNotFound"),
        "{reason}"
    );
    assert_eq!(readyz(&place, regions::NAME).await.0, 200, "another service stands on its own tables");
}

#[tokio::test]
async fn regions_tell_each_other_and_whoever_was_away_hears_of_it() {
    let network = Network::new();
    let us = Place::open("us-east-1", &network).await;
    let eu = Place::open(HERE, &network).await;
    let (status, answer) = eu.decide("us-east-1", "evacuate").await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!((&answer["taken"], &answer["unreached"]), (&json!(["us-east-1"]), &json!(["ap-southeast-1"])));
    for place in [&us, &eu] {
        assert!(place.region.platform.liveness.suspected(&named("us-east-1")));
        assert!(!place.region.platform.liveness.suspected(&named(HERE)));
        assert_eq!(place.region.cloud.dump_table("platform.regions").unwrap().len(), 1);
    }
    let ap = Place::open("ap-southeast-1", &network).await;
    eventually("the news in Asia", async || {
        ap.region.platform.liveness.standings.aside(&named("us-east-1")).then_some(())
    })
    .await;
    eventually("a row in Asia", async || {
        let rows = ap.region.cloud.dump_table("platform.regions").unwrap();
        rows.first().is_some_and(|row| row["state"] == json!("EVACUATED")).then_some(())
    })
    .await;
    // What is older changes nothing, and only a platform tells.
    let path = "/backend/regions/us-east-1/state";
    let older = RegionStanding {
        region: named("us-east-1"),
        state: RegionState::Active,
        epoch: 1,
        decided_in: named("ap-southeast-1"),
        reason: None,
    };
    let stands: RegionStanding =
        eu.region.call(regions::NAME, Method::POST, regions::NAME, path, &older).await.unwrap();
    assert_eq!(stands.state, RegionState::Evacuated);
    let refused = eu.region.call::<Value>("orders", Method::POST, regions::NAME, path, &older).await;
    assert_eq!(refusal(refused).code, Code::Forbidden);
    // Another process of the region begins with what its table has.
    let platform = &us.region.platform;
    let again = Platform::new(platform.world.clone(), (*platform.config).clone(), Network::new()).unwrap();
    assert!(!again.liveness.suspected(&named("us-east-1")));
    Desk::new(&again).keep_up().await.unwrap();
    assert!(again.liveness.suspected(&named("us-east-1")));
    // The last one that serves stays.
    assert_eq!(eu.decide("ap-southeast-1", "drain").await.0, 200);
    let (status, answer) = eu.decide(HERE, "drain").await;
    assert_eq!((status, &answer["code"]), (409, &json!(Code::Conflict)));
}
