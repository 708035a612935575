//! Whoever is asked about an order and gives anything but a well-formed "yes" lets no order through. The other services
//! are stand-ins here, so that each can fail in its own way.

use crate::support::{Needs, Running, eventually};
use axum::{
    Router,
    http::{StatusCode, header},
    routing::{get, post},
};
use http::Method;
use platform::network::Network;
use serde_json::{Value, json};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

const PRODUCT: &str = "00000000-0000-4000-8000-000000000001";

/// The paths of those who are asked, with the answer that lets an order through.
fn yes() -> [(&'static str, Value); 4] {
    [
        ("/products/backend/validate", json!({ "message": "All products are valid" })),
        ("/delivery/backend/pricing", json!({ "pricing": 1500, "currency": "USD" })),
        ("/users/backend/{user}/age", json!({ "verdict": "PASSED" })),
        ("/payment/backend/validate", json!({ "ok": true, "paymentRef": "sealed" })),
    ]
}

/// Who answers badly, and how: path, status, body.
type Bad = Option<(&'static str, StatusCode, &'static str)>;

/// Orders in all three journal regions, with stand-ins for everybody else.
struct Shop {
    regions: Vec<Running>,
    bad: Arc<Mutex<Bad>>,
    reservations: Arc<AtomicUsize>,
}

impl Shop {
    async fn open() -> Shop {
        let (network, bad, reservations) = (Network::new(), Arc::default(), Arc::default());
        let mut regions = Vec::new();
        for name in ["us-east-1", "eu-west-1", "ap-southeast-1"] {
            let tables = [orders::TABLES, &[platform::inbox::TABLE]].concat();
            let needs = Needs { tables, subscriptions: orders::SUBSCRIPTION.into_iter().collect() };
            let others = stand_ins(&bad, &reservations);
            let build = |platform| vec![orders::service(platform)];
            let region = Running::start(name, &network, needs, build, others).await;
            orders::found(&region.platform).await.unwrap();
            regions.push(region);
        }
        Shop { regions, bad, reservations }
    }

    /// Asks for an order. Says whether goods were reserved, which is what follows the checks, and what was answered.
    async fn reserves(&self, bad: Bad, key: &str) -> (bool, Value) {
        *self.bad.lock().unwrap() = bad;
        let before = self.reservations.load(SeqCst);
        let home = &self.regions[0];
        let bearer = format!("Bearer {}", home.token("ann").await);
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", key)];
        let (_, _, said) = home.send(Method::POST, "/orders/", &headers, &order()).await;
        (self.reservations.load(SeqCst) > before, said)
    }
}

fn stand_ins(bad: &Arc<Mutex<Bad>>, reservations: &Arc<AtomicUsize>) -> Router {
    let mut router = Router::new();
    for (path, yes) in yes() {
        let bad = bad.clone();
        let say = move || async move {
            let bad = *bad.lock().unwrap();
            let (status, body) = match bad {
                Some((named, status, body)) if named == path => (status, body.to_owned()),
                _ => (StatusCode::OK, yes.to_string()),
            };
            (status, [(header::CONTENT_TYPE, "application/json")], body)
        };
        router = router.route(path, if path.starts_with("/users") { get(say) } else { post(say) });
    }
    let counted = reservations.clone();
    let reserve = move || async move {
        counted.fetch_add(1, SeqCst);
        StatusCode::SERVICE_UNAVAILABLE // how an order goes on is tested elsewhere
    };
    router.route("/warehouse/backend/reservations", post(reserve))
}

fn order() -> Value {
    json!({
        "products": [{
            "productId": PRODUCT, "name": "A box", "price": 9000, "quantity": 1,
            "package": { "width": 200, "length": 250, "height": 60, "weight": 900 },
        }],
        "address": {
            "name": "Ann", "streetAddress": "1 Street", "city": "Bern", "country": "CH", "phoneNumber": "+41 1",
        },
        "deliveryPrice": 1500,
        "paymentToken": "token",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_fails_in_any_way_lets_no_order_through() {
    let shop = Shop::open().await;
    eventually("goods to be reserved with a yes from everybody", async || {
        shop.reserves(None, "yes").await.0.then_some(())
    })
    .await;
    let failures = [
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            r#"{"message":"All products are valid","pricing":1500,"verdict":"PASSED","ok":true,"paymentRef":"sealed"}"#,
        ),
        (StatusCode::UNAUTHORIZED, r#"{"message":"Unauthorized"}"#),
        (StatusCode::OK, "{}"),
        (StatusCode::OK, "yes"),
        (StatusCode::OK, ""),
    ];
    for (path, _) in yes() {
        for (number, (status, body)) in failures.into_iter().enumerate() {
            let key = format!("{}-{number}", &path[1..4]);
            let (reserved, said) = shop.reserves(Some((path, status, body)), &key).await;
            assert!(!reserved, "{path} said {status} {body:?}, and the order went on: {said}");
            assert_ne!(said["success"], json!(true), "{path} {status} {body:?}: {said}");
        }
    }
}
