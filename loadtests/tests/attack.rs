//! A whole attack against a small shop. One test only: Goose's stop switch belongs to the process.

#![allow(clippy::unwrap_used)]

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use loadtests::{
    AttackConfig, attack,
    attack::{Pool, Provider},
    history::{self, Outcome, Source},
    population::CARD_CANARY,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

const PRODUCT: &str = "00000000-0000-0000-0000-000000000001";

/// What the shop saw.
#[derive(Default)]
struct Shop {
    keys: Mutex<BTreeSet<String>>,
    cards: Mutex<Vec<String>>,
    attempts: Mutex<u64>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attack_plays_every_journey_and_writes_down_every_attempt() {
    let shop = Arc::new(Shop::default());
    let url = serve(&shop).await;
    let path = std::env::temp_dir().join(format!("bigsmokes-{}-attack.jsonl", std::process::id()));
    let config = AttackConfig {
        provider: Some(Provider { url: url.clone(), key: "merchant".to_owned() }),
        pool: Some(Pool { url: url.clone(), client_id: "app".to_owned() }),
        users: 6,
        run_time_s: 3,
        think_ms: (5, 20),
        history_path: Some(path.clone()),
        ..AttackConfig::on(&url)
    };
    let summary = attack(config).await.unwrap();

    let steps: BTreeSet<&str> = summary.steps.iter().map(|step| step.step.as_str()).collect();
    for step in
        ["sign-in", "browse", "product", "pricing", "create-order", "get-orders", "get-order", "get-by-key"]
    {
        assert!(steps.contains(step), "{step} is missing in {steps:?}");
    }
    let orders = summary.orders;
    assert_eq!(orders.attempted, *shop.attempts.lock().unwrap());
    assert_eq!(orders.attempted, orders.acknowledged + orders.refused + orders.ambiguous);
    assert!(orders.acknowledged > 10 && orders.refused > 0 && orders.ambiguous > 0, "{orders:?}");

    let written = history::read(&path).unwrap();
    assert_eq!(written.len() as u64, orders.attempted);
    assert!(written.iter().all(|record| record.source == Source::Goose && record.is_attempt()));
    let acknowledged = written.iter().filter(|record| record.acknowledged()).count() as u64;
    assert_eq!(acknowledged, orders.acknowledged);
    // Someone in doubt asked again with the same key.
    let doubted = written.iter().find(|record| record.outcome == Outcome::Ambiguous).unwrap();
    let same_key = |record: &&history::HistoryRecord| {
        (&record.user_id, &record.idempotency_key) == (&doubted.user_id, &doubted.idempotency_key)
    };
    assert!(written.iter().filter(same_key).count() > 1);
    // Neither cards nor tokens are written down.
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(CARD_CANARY) && !text.contains("pay-") && !text.contains("jwt-"));
    assert!(shop.cards.lock().unwrap().iter().all(|card| card.starts_with(CARD_CANARY)));
    std::fs::remove_file(&path).unwrap();
}

async fn serve(shop: &Arc<Shop>) -> String {
    let router = Router::new()
        .route("/", post(sign_in))
        .route("/preauth", post(pre_authorise))
        .route("/graphql", post(graphql))
        .with_state(Arc::clone(shop));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn sign_in(body: String) -> Json<Value> {
    let body: Value = serde_json::from_str(&body).unwrap();
    let name = body["AuthParameters"]["USERNAME"].as_str().unwrap();
    Json(json!({ "AuthenticationResult": { "AccessToken": format!("jwt-{name}") } }))
}

async fn pre_authorise(
    State(shop): State<Arc<Shop>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Json<Value> {
    assert_eq!(headers["x-api-key"], "merchant");
    shop.cards.lock().unwrap().push(body["cardNumber"].as_str().unwrap().to_owned());
    Json(json!({ "paymentToken": "pay-1" }))
}

async fn graphql(
    State(shop): State<Arc<Shop>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let token = headers["authorization"].to_str().unwrap().to_owned();
    assert!(token.starts_with("Bearer jwt-"));
    let (query, variables) = (body["query"].as_str().unwrap(), &body["variables"]);
    let product = json!({ "productId": PRODUCT, "name": "Corona", "price": 900, "package": {} });
    let page = json!({ "products": [product], "nextToken": null });
    let order = |id: Value| json!({ "orderId": id, "status": "NEW", "total": 1_900, "version": 1 });
    let key = variables["idempotencyKey"].clone();
    let data = if query.contains("createOrder(") {
        json!({ "createOrder": create(&shop, &headers, &variables["order"])? })
    } else if query.contains("getOrders(") {
        json!({ "getOrders": { "orders": [], "nextToken": null } })
    } else if query.contains("getOrderByKey(") {
        json!({ "getOrderByKey": order(json!(id_of(&token, key.as_str().unwrap()))) })
    } else if query.contains("getOrder(") {
        json!({ "getOrder": order(variables["orderId"].clone()) })
    } else if query.contains("getProducts(") {
        json!({ "getProducts": page })
    } else if query.contains("searchProducts(") {
        json!({ "searchProducts": page })
    } else if query.contains("getProduct(") {
        json!({ "getProduct": product })
    } else {
        json!({ "getDeliveryPricing": { "pricing": 1_000, "currency": "USD" } })
    };
    Ok(Json(json!({ "data": data })))
}

/// Every fifth new key is lost at first, every seventh refused.
fn create(shop: &Shop, headers: &HeaderMap, order: &Value) -> Result<Value, StatusCode> {
    let key = headers["idempotency-key"].to_str().unwrap();
    assert_eq!(order["idempotencyKey"], key);
    *shop.attempts.lock().unwrap() += 1;
    let token = headers["authorization"].to_str().unwrap();
    let mut keys = shop.keys.lock().unwrap();
    let new = keys.insert(format!("{token} {key}"));
    if new && keys.len().is_multiple_of(5) {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    if new && keys.len().is_multiple_of(7) {
        return Ok(
            json!({ "success": false, "message": "gone", "code": "OUT_OF_STOCK", "retryable": false }),
        );
    }
    let seen = json!({ "orderId": id_of(token, key), "status": "NEW", "total": 1_900, "version": 1 });
    Ok(json!({ "success": true, "message": "", "order": seen }))
}

/// Some id that is the same for the same customer and key.
fn id_of(token: &str, key: &str) -> String {
    let hash = contracts::keys::sha256_hex(format!("{token} {key}").as_bytes());
    format!("{}-{}-{}-{}-{}", &hash[..8], &hash[8..12], &hash[12..16], &hash[16..20], &hash[20..32])
}
