use super::*;
use crate::{
    Config, Deadline, World,
    calls::{CallError, Credential},
    layers,
    network::Network,
    routes::{Who, get},
};
use bytes::Bytes;
use contracts::Code;
use http::Method;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::time::Instant;

const HOST: &str = "eu-west-1.test";
const THING: &str = "/things/thing";
const PATIENCE: Duration = Duration::from_secs(300);

fn config() -> Config {
    let continent =
        |id: &str| json!({ "id": id, "journal_region": "eu-west-1", "successors": ["eu-west-1"] });
    let config = json!({
        "env": "tests",
        "region": "eu-west-1",
        "regions": [{ "name": "eu-west-1", "continent": "eu", "url": format!("http://{HOST}/{{service}}") }],
        "continents": [continent("am"), continent("eu"), continent("ap")],
        "shards": 1, "warehouses": [], "pools": [],
        "provider_url": "http://provider.test", "carrier_url": "http://carrier.test",
        "age_check_url": "http://age-check.test", "heartbeat_ms": 50, "suspect_after_ms": 250,
        "secrets": { "service_key": "s", "payment_key": "p", "provider_key": "k", "age_check_key": "a" },
    });
    serde_json::from_value(config).expect("a configuration")
}

fn platform() -> Platform {
    let http = aws_smithy_http_client::Builder::new().build_http();
    Platform::new(World::new(0, 1, http), config(), Network::new()).expect("a platform")
}

/// A service with one route behind its door.
struct Place(Platform);

impl Place {
    fn open() -> Place {
        let platform = platform();
        let own = Routes::new().route(get("/thing", Who::Anyone, "A thing"), async || "a thing");
        let router = layers::wrap(&platform, "things", own);
        platform.calls.network().mount(HOST, Router::new().nest_service("/things", router));
        Place(platform)
    }

    async fn command(&self, by: Credential, method: Method, path: &str) -> Result<Value, CallError> {
        let target = self.0.calls.here("things");
        target.send(by, method, path, None::<&()>, Deadline::within(PATIENCE)).await
    }

    async fn begin(&self, what: &str) -> Value {
        let path = format!("/chaos/{what}");
        self.command(Credential::Service("ops"), Method::POST, &path).await.expect("begun")
    }

    async fn end(&self, what: &str) -> Value {
        let path = format!("/chaos/{what}");
        self.command(Credential::Service("ops"), Method::DELETE, &path).await.expect("ended")
    }

    async fn flag(&self, name: &str, body: &Value) -> Result<Value, CallError> {
        let (target, path) = (self.0.calls.here("things"), format!("/chaos/flags/{name}"));
        let (by, deadline) = (Credential::Service("ops"), Deadline::within(PATIENCE));
        target.send(by, Method::PUT, &path, Some(body), deadline).await
    }

    /// The status that anybody gets.
    async fn status(&self, path: &str) -> u16 {
        let request =
            http::Request::get(format!("http://{HOST}{path}")).body(Bytes::new()).expect("a request");
        self.0.calls.network().send(request).await.expect("an answer").status().as_u16()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.calls.network().unmount_all();
    }
}

fn refused(answer: Result<Value, CallError>) -> Option<Code> {
    answer.expect_err("refused").code()
}

#[tokio::test]
async fn a_status_is_answered_until_it_is_taken_back() {
    let place = Place::open();
    assert_eq!(place.status(THING).await, 200);
    assert_eq!(place.begin("status/418").await["status"], 418);
    assert_eq!((place.status(THING).await, place.status("/things/nowhere").await), (418, 418));
    assert_eq!(place.end("status/418").await["status"], Value::Null);
    assert_eq!((place.status(THING).await, place.status("/things/nowhere").await), (200, 404));
}

#[tokio::test(start_paused = true)]
async fn answers_are_late_by_what_is_commanded() {
    let place = Place::open();
    let took = async || {
        let begun = Instant::now();
        assert_eq!(place.status(THING).await, 200);
        begun.elapsed()
    };
    place.begin("latency/1500").await;
    assert!(took().await >= Duration::from_millis(1500));
    place.end("latency/1500").await;
    assert!(took().await < Duration::from_millis(1500));
}

#[tokio::test]
async fn a_service_says_that_it_is_not_well_and_goes_on_serving() {
    let place = Place::open();
    assert_eq!(place.status("/things/healthz").await, 200);
    assert_eq!(place.begin("health").await["unhealthy"], true);
    for path in ["/things/healthz", "/things/readyz"] {
        assert_eq!(place.status(path).await, 503, "{path}");
    }
    assert_eq!(place.status(THING).await, 200);
    place.end("health").await;
    assert_eq!(place.status("/things/healthz").await, 200);
}

#[tokio::test(start_paused = true)]
async fn of_a_hundred_requests_some_get_no_answer() {
    let place = Place::open();
    let answered = async || {
        let mut answered = 0;
        for _ in 0..100 {
            let patient = tokio::time::timeout(Duration::from_secs(30), place.status(THING)).await;
            answered += u32::from(patient.is_ok());
        }
        answered
    };
    place.begin("drop/100").await;
    assert_eq!(answered().await, 0);
    place.begin("drop/50").await;
    let some = answered().await;
    assert!((25..=75).contains(&some), "{some} of 100 answered");
    place.end("drop/50").await;
    assert_eq!(answered().await, 100);
}

#[tokio::test(start_paused = true)]
async fn a_crash_ends_the_process_a_second_later_unless_it_is_taken_back() {
    static ENDED: AtomicBool = AtomicBool::new(false);
    let chaos = Chaos::ending(&platform(), || ENDED.store(true, Ordering::SeqCst));
    assert!(chaos.crash().crashing);
    assert!(!chaos.do_not_crash().crashing);
    tokio::time::sleep(2 * CRASH_AFTER).await;
    assert!(!ENDED.load(Ordering::SeqCst), "taken back");
    chaos.crash();
    assert!(!ENDED.load(Ordering::SeqCst), "the answer gets out first");
    tokio::time::sleep(2 * CRASH_AFTER).await;
    assert!(ENDED.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_flag_turns_a_planted_defect_on_and_off() {
    let place = Place::open();
    let has = |defect| place.0.world.has(defect);
    let on = place.flag("one-copy", &json!({ "on": true })).await.expect("on");
    assert_eq!((on["flags"].clone(), has(Planted::OneCopy)), (json!(["one-copy"]), true));
    let both = place.flag("fresh-key", &json!({ "on": true })).await.expect("on");
    assert_eq!(both["flags"], json!(["one-copy", "fresh-key"]));
    let rest = place.flag("one-copy", &json!({ "on": false })).await.expect("off");
    assert_eq!((rest["flags"].clone(), has(Planted::OneCopy)), (json!(["fresh-key"]), false));
    assert_eq!(refused(place.flag("nonsense", &json!({ "on": true })).await), Some(Code::NotFound));
    assert_eq!(refused(place.flag("one-copy", &json!({})).await), Some(Code::BadRequest));
}

#[tokio::test]
async fn only_operators_command_and_only_what_can_be() {
    let place = Place::open();
    let status = "/chaos/status/500";
    let by = |credential| place.command(credential, Method::POST, status);
    assert_eq!(refused(by(Credential::None).await), Some(Code::Unauthenticated));
    assert_eq!(refused(by(Credential::Service("orders")).await), Some(Code::Forbidden));
    for wrong in ["/chaos/status/200", "/chaos/latency/60001", "/chaos/drop/101"] {
        let answer = place.command(Credential::Service("ops"), Method::POST, wrong).await;
        assert_eq!(refused(answer), Some(Code::ValidationFailed), "{wrong}");
    }
    assert_eq!(place.status(THING).await, 200, "nothing was commanded");
}

#[tokio::test]
async fn what_is_commanded_does_not_stand_in_the_way_of_taking_it_back() {
    let place = Place::open();
    place.begin("status/500").await;
    place.begin("drop/100").await;
    place.begin("latency/60000").await;
    for what in ["status/500", "drop/100", "latency/60000"] {
        place.end(what).await;
    }
    assert_eq!(place.status(THING).await, 200);
}
