//! Verdicts and carts.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::UserId;
use contracts::bodies::users::{AgeVerdict, AgeView};
use http::Method;
use platform::network::Network;
use serde_json::{Value, json};

use crate::support::{Needs, Running, eventually, refusal};

async fn start() -> Running {
    start_in("eu-west-1", &Network::new()).await
}

async fn start_in(region: &str, network: &Network) -> Running {
    let needs = Needs { tables: users::TABLES.to_vec(), subscriptions: Vec::new() };
    let build = |platform| vec![users::service(platform)];
    Running::start(region, network, needs, build, axum::Router::new()).await
}

#[tokio::test]
async fn a_verdict_is_pending_until_somebody_gives_one() {
    let region = start().await;
    let age = async || {
        let path = "/backend/ann/age";
        region.call::<AgeView>("orders", Method::GET, "users", path, &Value::Null).await.unwrap().verdict
    };
    assert_eq!(age().await, AgeVerdict::Pending);
    users::seed(&region.platform, &[(UserId::from("ann"), AgeVerdict::Passed)]).await.unwrap();
    users::seed(&region.platform, &[(UserId::from("ann"), AgeVerdict::Failed)]).await.unwrap();
    assert_eq!(age().await, AgeVerdict::Passed);
    let token = region.token("ann").await;
    let (status, me) = region.ask(&token, Method::GET, "/users/me", &Value::Null).await;
    assert_eq!((status, me), (200, json!({ "userId": "ann", "ageVerdict": "PASSED" })));
}

#[tokio::test]
async fn verdicts_are_for_orders_and_for_oneself() {
    let region = start().await;
    let (status, _) = region.ask("", Method::GET, "/users/me", &Value::Null).await;
    assert_eq!(status, 401);
    let token = region.token("ann").await;
    let (status, _) = region.ask(&token, Method::GET, "/users/backend/ann/age", &Value::Null).await;
    assert_eq!(status, 403);
    let other =
        region.call::<Value>("delivery", Method::GET, "users", "/backend/ann/age", &Value::Null).await;
    assert_eq!(refusal(other).code.status(), 403);
}

#[tokio::test]
async fn a_cart_holds_the_last_number_of_each_product() {
    let region = start().await;
    let token = region.token("ann").await;
    let product = "0190c2f4-0000-7000-8000-000000000001";
    let put = async |quantity: i64| {
        let item = json!({ "productId": product, "quantity": quantity });
        region.ask(&token, Method::PUT, "/users/cart/items", &item).await
    };
    assert_eq!(put(2).await.1["items"], json!([{ "productId": product, "quantity": 2 }]));
    assert_eq!(put(5).await.1["items"], json!([{ "productId": product, "quantity": 5 }]));
    assert_eq!(put(100).await.0, 422);
    assert_eq!(put(-1).await.0, 400);
    let (_, cart) = region.ask(&token, Method::GET, "/users/cart", &Value::Null).await;
    assert_eq!(cart["items"][0]["quantity"], json!(5));
    assert_eq!(put(0).await.1["items"], json!([]));
    let other = region.token("picker").await;
    let (_, cart) = region.ask(&other, Method::GET, "/users/cart", &Value::Null).await;
    assert_eq!(cart, json!({ "cartId": "picker", "items": [] }));
}

const FIRST: &str = "0190c2f4-0000-7000-8000-000000000001";
const SECOND: &str = "0190c2f4-0000-7000-8000-000000000002";

fn units(product: &str, quantity: u32) -> Value {
    json!({ "productId": product, "quantity": quantity })
}

/// The id of a new anonymous cart that holds two units of the first product.
async fn anonymous_cart(region: &Running) -> String {
    let (status, cart) = region.ask("", Method::POST, "/users/carts", &units(FIRST, 2)).await;
    assert_eq!((status, &cart["items"]), (200, &json!([units(FIRST, 2)])));
    cart["cartId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn whoever_knows_an_anonymous_cart_may_use_it_for_a_day() {
    let region = start().await;
    let id = anonymous_cart(&region).await;
    assert_ne!(anonymous_cart(&region).await, id);
    let path = format!("/users/carts/{id}");
    let (_, cart) = region.ask("", Method::PUT, &format!("{path}/items"), &units(SECOND, 1)).await;
    assert_eq!(cart, json!({ "cartId": id, "items": [units(FIRST, 2), units(SECOND, 1)] }));
    assert_eq!(region.ask("", Method::GET, &path, &Value::Null).await, (200, cart));
    assert_eq!(region.ask("", Method::POST, "/users/carts", &units(FIRST, 100)).await.0, 422);
    assert_eq!(region.ask("", Method::GET, "/users/carts/mine", &Value::Null).await.0, 400);
    region.platform.world.set_skew(24 * 3600 * 1000);
    let (_, cart) = region.ask("", Method::GET, &path, &Value::Null).await;
    assert_eq!(cart, json!({ "cartId": id, "items": [] }));
}

#[tokio::test]
async fn a_customers_cart_is_for_that_customer_alone() {
    let region = start().await;
    let token = region.token("ann").await;
    let (status, _) = region.ask(&token, Method::PUT, "/users/cart/items", &units(FIRST, 3)).await;
    assert_eq!(status, 200);
    for (method, path) in [
        (Method::GET, "/users/cart"),
        (Method::PUT, "/users/cart/items"),
        (Method::POST, "/users/cart/merge"),
    ] {
        let body = if method == Method::GET { Value::Null } else { units(FIRST, 0) };
        assert_eq!(region.ask("", method, path, &body).await.0, 401, "{path}");
    }
    let (_, cart) = region.ask(&region.token("bob").await, Method::GET, "/users/cart", &Value::Null).await;
    assert_eq!(cart["items"], json!([]));
    let (_, cart) = region.ask(&token, Method::GET, "/users/cart", &Value::Null).await;
    assert_eq!(cart["items"], json!([units(FIRST, 3)]));
}

#[tokio::test]
async fn merging_keeps_the_greater_number_and_is_done_once() {
    let region = start().await;
    let token = region.token("ann").await;
    let id = anonymous_cart(&region).await;
    let path = format!("/users/carts/{id}");
    region.ask("", Method::PUT, &format!("{path}/items"), &units(SECOND, 4)).await;
    region.ask(&token, Method::PUT, "/users/cart/items", &units(FIRST, 3)).await;
    let merge = async || {
        let body = json!({ "anonymousCartId": id });
        region.ask(&token, Method::POST, "/users/cart/merge", &body).await
    };
    let merged = json!({ "cartId": "ann", "items": [units(FIRST, 3), units(SECOND, 4)] });
    assert_eq!(merge().await, (200, merged));
    assert_eq!(region.ask("", Method::GET, &path, &Value::Null).await.1["items"], json!([]));
    // What was taken out after the first merge does not come back with the second.
    region.ask(&token, Method::PUT, "/users/cart/items", &units(SECOND, 0)).await;
    assert_eq!(merge().await.1["items"], json!([units(FIRST, 3)]));
}

#[tokio::test]
async fn a_merge_without_room_changes_neither_cart() {
    let region = start().await;
    let token = region.token("ann").await;
    let id = anonymous_cart(&region).await;
    for number in 0..30 {
        let other = format!("0190c2f4-0000-7000-8000-0000000001{number:02}");
        region.ask(&token, Method::PUT, "/users/cart/items", &units(&other, 1)).await;
    }
    let body = json!({ "anonymousCartId": id });
    assert_eq!(region.ask(&token, Method::POST, "/users/cart/merge", &body).await.0, 409);
    let (_, cart) = region.ask(&token, Method::GET, "/users/cart", &Value::Null).await;
    assert_eq!(cart["items"].as_array().unwrap().len(), 30);
    let (_, cart) = region.ask("", Method::GET, &format!("/users/carts/{id}"), &Value::Null).await;
    assert_eq!(cart["items"], json!([units(FIRST, 2)]));
}

/// The headers of a webhook that says this, signed with a key at a moment (Unix seconds).
pub(crate) fn signed(key: &str, at_s: &str, body: &Value) -> [(&'static str, String); 3] {
    let content = format!("msg_1.{at_s}.{body}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(hmac::sign(&key, content.as_bytes())));
    [
        ("webhook-id", "msg_1".to_owned()),
        ("webhook-timestamp", at_s.to_owned()),
        ("webhook-signature", signature),
    ]
}

/// Sends a webhook as the age checker does, signed with a key at a moment.
pub(crate) async fn webhook(region: &Running, key: &str, at_ms: i64, body: &Value) -> u16 {
    let headers = signed(key, &(at_ms / 1000).to_string(), body);
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    region.send(Method::POST, "/users/backend/age-verifications/callback", &headers, body).await.0
}

/// Begins a verification and gives its reference.
pub(crate) async fn reference(region: &Running, token: &str) -> String {
    let (_, begun) = region.ask(token, Method::POST, "/users/me/age-verification", &Value::Null).await;
    assert_eq!(begun["state"], "PENDING");
    let asked = begun["url"].as_str().unwrap().split_once("?reference=").unwrap().1;
    // Whom the age checker lets pass is old enough for every destination.
    let (reference, age) = asked.split_once('&').unwrap();
    assert_eq!(age, "minimumAge=21");
    reference.to_owned()
}

pub(crate) fn found(reference: &str, verdict: &str) -> Value {
    json!({ "reference": reference, "verdict": verdict, "method": "document", "providerReference": "check-1" })
}

pub(crate) const KEY: &str = "age check key";

async fn start_at_home() -> Running {
    start_in("us-east-1", &Network::new()).await
}

#[tokio::test]
async fn only_the_age_checker_gives_a_verdict_and_the_newest_reference_counts() {
    let region = start_at_home().await;
    let token = region.token("ann").await;
    let verdict =
        async || region.ask(&token, Method::GET, "/users/me", &Value::Null).await.1["ageVerdict"].take();
    let older = reference(&region, &token).await;
    region.platform.world.set_skew(1_000);
    let newer = reference(&region, &token).await;
    let now = region.platform.world.now().0;
    let passed = found(&newer, "PASSED");
    assert_eq!(webhook(&region, "another key", now, &passed).await, 401);
    assert_eq!(webhook(&region, KEY, now - 301_000, &passed).await, 401);
    let callback = "/users/backend/age-verifications/callback";
    assert_eq!(region.ask("", Method::POST, callback, &passed).await.0, 401);
    assert_eq!(region.ask(&token, Method::POST, callback, &passed).await.0, 403);
    let service =
        region.call::<Value>("orders", Method::POST, "users", "/backend/age-verifications/callback", &passed);
    assert_eq!(refusal(service.await).code.status(), 403);
    assert_eq!(verdict().await, "PENDING");
    assert_eq!(webhook(&region, KEY, now, &passed).await, 200);
    assert_eq!(webhook(&region, KEY, now, &found(&newer, "FAILED")).await, 200);
    assert_eq!(webhook(&region, KEY, now, &found(&older, "FAILED")).await, 200);
    assert_eq!(verdict().await, "PASSED");
    let told = eventually("the verdict to be told", async || {
        let told = region.tapped("AgeVerificationCompleted");
        (!told.is_empty()).then_some(told)
    });
    let told = told.await;
    assert_eq!((told.len(), &told[0]["userId"], &told[0]["verdict"]), (1, &json!("ann"), &json!("PASSED")));
    let (_, begun) = region.ask(&token, Method::POST, "/users/me/age-verification", &Value::Null).await;
    assert_eq!(begun, json!({ "state": "PASSED" }));
}

#[tokio::test]
async fn a_verdict_says_nothing_that_must_not_be_stored() {
    let region = start_at_home().await;
    let reference = reference(&region, &region.token("ann").await).await;
    let now = region.platform.world.now().0;
    let mut more = found(&reference, "PASSED");
    more["birthDate"] = json!("1990-01-01");
    assert!([400, 422].contains(&webhook(&region, KEY, now, &more).await));
    assert_eq!(webhook(&region, KEY, now, &found(&reference, "PENDING")).await, 422);
    assert_eq!(webhook(&region, KEY, now, &found("made up", "PASSED")).await, 422);
}

#[tokio::test]
async fn a_verdict_is_written_at_home_or_not_at_all() {
    let network = Network::new();
    let away = start_in("eu-west-1", &network).await;
    let told = found(&reference(&away, &away.token("ann").await).await, "PASSED");
    let now = away.platform.world.now().0;
    assert_eq!(webhook(&away, KEY, now, &told).await, 503);
    let home = start_in("us-east-1", &network).await;
    assert_eq!(webhook(&away, KEY, now, &told).await, 200);
    let age = home.call::<AgeView>("orders", Method::GET, "users", "/backend/ann/age", &Value::Null).await;
    assert_eq!(age.unwrap().verdict, AgeVerdict::Passed);
}
