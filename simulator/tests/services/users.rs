//! Verdicts and carts.

use contracts::UserId;
use contracts::bodies::users::{AgeVerdict, AgeView};
use http::Method;
use platform::network::Network;
use serde_json::{Value, json};

use crate::support::{Needs, Running, refusal};

async fn start() -> Running {
    let needs = Needs { tables: users::TABLES.to_vec(), subscriptions: Vec::new() };
    let build = |platform| vec![users::service(platform)];
    Running::start("eu-west-1", &Network::new(), needs, build, axum::Router::new()).await
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
