//! The public door, with the services behind it that need no order.

use axum::Router;
use contracts::bodies::users::AgeVerdict;
use contracts::{UserId, graphql};
use http::Method;
use platform::inbox;
use platform::network::Network;
use serde_json::{Value, json};

use crate::support::{Needs, Running};

async fn start() -> Running {
    let tables = [products::TABLES, users::TABLES, warehouse::TABLES, delivery::TABLES].concat();
    let needs = Needs {
        tables: tables.into_iter().chain([inbox::TABLE]).collect(),
        subscriptions: [products::SUBSCRIPTION, warehouse::SUBSCRIPTION].into_iter().flatten().collect(),
    };
    let build = |platform: platform::Platform| {
        vec![
            frontend_api::service(platform.clone()),
            products::service(platform.clone()),
            users::service(platform.clone()),
            delivery::service(platform.clone()),
            warehouse::service(platform),
        ]
    };
    let region = Running::start("eu-west-1", &Network::new(), needs, build, Router::new()).await;
    products::seed(&region.platform).await.unwrap();
    let ids: Vec<_> = products::catalogue().unwrap().iter().map(|product| product.product_id).collect();
    warehouse::seed(&region.platform, &ids[1..], 50).await.unwrap();
    users::seed(&region.platform, &[(UserId::from("ann"), AgeVerdict::Passed)]).await.unwrap();
    region
}

#[tokio::test]
async fn anybody_can_look_around_and_sees_what_is_to_be_had() {
    let region = start().await;
    let listed = region.query("", graphql::GET_PRODUCTS, json!({ "limit": 3 })).await;
    let page = &listed["getProducts"];
    assert_eq!(page["products"].as_array().unwrap().len(), 3);
    let token = page["nextToken"].clone();
    let next = region.query("", graphql::GET_PRODUCTS, json!({ "limit": 3, "nextToken": token })).await;
    assert_ne!(next["getProducts"]["products"][0]["productId"], page["products"][0]["productId"]);
    let id = products::catalogue().unwrap()[1].product_id;
    let one = region.query("", graphql::GET_PRODUCT, json!({ "productId": id })).await;
    assert_eq!(one["getProduct"]["productId"], json!(id));
    let query = "query($productId: ID!) { getProduct(productId: $productId) { availability } }";
    let seen = region.query("", query, json!({ "productId": id })).await;
    assert_eq!(seen["getProduct"]["availability"], json!("IN_STOCK"));
    let category = one["getProduct"]["category"].clone();
    let query =
        "query($category: String!) { getProductsByCategory(category: $category) { products { category } } }";
    let found = region.query("", query, json!({ "category": category })).await;
    assert_eq!(found["getProductsByCategory"]["products"][0]["category"], category);
}

#[tokio::test]
async fn a_customer_fills_a_cart_and_asks_for_the_delivery_price() {
    let region = start().await;
    let token = region.token("ann").await;
    let me = region.query(&token, "{ me { userId ageVerdict } }", Value::Null).await;
    assert_eq!(me["me"], json!({ "userId": "ann", "ageVerdict": "PASSED" }));
    let product = &products::catalogue().unwrap()[2];
    let input = json!({ "input": { "productId": product.product_id, "quantity": 3 } });
    let cart = region.query(&token, graphql::PUT_CART_ITEM, input).await;
    assert_eq!(cart["putCartItem"]["total"], json!(3 * product.price));
    assert_eq!(cart["putCartItem"]["cartId"], json!("ann"));
    let line = json!({ "productId": product.product_id, "name": product.name, "package": product.package,
                       "price": product.price, "quantity": 3 });
    let address = json!({ "name": "Ann", "streetAddress": "1", "city": "Berlin", "country": "de", "phoneNumber": "+49" });
    let input = json!({ "input": { "products": [line], "address": address } });
    let price = region.query(&token, graphql::GET_DELIVERY_PRICING, input).await;
    assert!(price["getDeliveryPricing"]["pricing"].as_i64().unwrap() > 0, "{price}");
}

#[tokio::test]
async fn staff_see_their_lists_and_others_do_not() {
    let region = start().await;
    let picker = region.token("picker").await;
    let list = region.query(&picker, graphql::GET_NEW_PACKAGING, json!({})).await;
    assert_eq!(list["getNewPackagingRequestIds"], json!({ "packagingRequestIds": [], "nextToken": null }));
    let courier = region.token("courier").await;
    let list = region.query(&courier, graphql::GET_NEW_DELIVERIES, json!({})).await;
    assert_eq!(list["getNewDeliveries"]["deliveries"], json!([]));
    let unknown = json!({ "input": { "orderId": "0190c2f4-0000-7000-8000-000000000001" } });
    let done = region.query(&picker, graphql::START_PACKAGING, unknown.clone()).await;
    assert_eq!(done["startPackaging"]["code"], json!("NOT_FOUND"));
    let asked = region.query(&picker, graphql::GET_PACKAGING, unknown).await;
    assert_eq!(asked["getPackagingRequest"], Value::Null);
    let body = json!({ "query": graphql::GET_NEW_PACKAGING });
    let (_, refused) = region.ask(&courier, Method::POST, "/frontend-api/graphql", &body).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], json!("FORBIDDEN"), "{refused}");
    let query = "query($productId: ID!) { getStock(productId: $productId) { onHand reserved available } }";
    let id = products::catalogue().unwrap()[1].product_id;
    let stock = region.query(&picker, query, json!({ "productId": id })).await;
    assert_eq!(stock["getStock"], json!([{ "onHand": 50, "reserved": 0, "available": 50 }]));
}
