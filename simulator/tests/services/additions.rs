//! What the public door has beyond the base contract, with the services behind it.

use axum::routing::get;
use axum::{Json, Router};
use contracts::events::{Happening, ProductUnits};
use contracts::order::StatusChange;
use contracts::{Order, OrderStatus, Timestamp, graphql};
use platform::network::Network;
use platform::{Platform, bus, inbox};
use serde_json::{Value, json};

use crate::support::{NOW_MS, Needs, Running, eventually};
use crate::warehouse::order;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A region whose customer has this order, wherever orders come from.
async fn start(held: Order) -> Running {
    let tables = products::TABLES.iter().copied().chain([inbox::TABLE]).collect();
    let needs = Needs { tables, subscriptions: products::SUBSCRIPTION.into_iter().collect() };
    let build =
        |platform: Platform| vec![frontend_api::service(platform.clone()), products::service(platform)];
    let orders = get(move || std::future::ready(Json(held.clone())));
    let others = Router::new().route("/orders/{id}", orders);
    let region = Running::start("eu-west-1", &Network::new(), needs, build, others).await;
    products::seed(&region.platform).await.unwrap();
    region
}

/// An order from `wh-eu` to Berlin with these steps, one a day.
fn with_steps(statuses: &[OrderStatus]) -> Order {
    let units = ProductUnits { product_id: products::catalogue().unwrap()[0].product_id, quantity: 1 };
    let steps = statuses.iter().zip(0..).map(|(status, day)| StatusChange {
        version: day as u64 + 1,
        status: *status,
        at: Timestamp(NOW_MS + day * DAY_MS),
        epoch: 3,
        reason: None,
    });
    let history = steps.collect();
    Order { status: *statuses.last().unwrap(), history, ..order(1, &[units]) }
}

async fn estimate(held: Order) -> Value {
    let id = held.order_id;
    let region = start(held).await;
    let ann = region.token("ann").await;
    let mut told = region.query(&ann, graphql::GET_DELIVERY_ESTIMATE, json!({ "orderId": id })).await;
    told["getOrder"]["deliveryEstimate"].take()
}

fn day(number: i64) -> String {
    Timestamp(NOW_MS + number * DAY_MS).date()
}

#[tokio::test]
async fn an_order_says_when_it_may_arrive_while_that_is_known() {
    use OrderStatus::{Backordered, New, Packaging, Reallocating, Shipped};
    let new = estimate(with_steps(&[New])).await;
    assert_eq!(new, json!({ "earliest": day(1 + 2), "latest": day(3 + 6) }));
    let shipped = estimate(with_steps(&[New, Packaging, Shipped])).await;
    assert_eq!(shipped, json!({ "earliest": day(2 + 2), "latest": day(2 + 6) }));
    let moved = Order { warehouse_id: "wh-ap".into(), ..with_steps(&[New, Reallocating, New]) };
    assert_eq!(estimate(moved).await, json!({ "earliest": day(2 + 1 + 5), "latest": day(2 + 3 + 12) }));
    assert_eq!(estimate(with_steps(&[Backordered])).await, Value::Null);
}

#[tokio::test]
async fn a_customer_waits_for_a_product_and_reads_that_it_came_in() {
    let region = start(with_steps(&[OrderStatus::New])).await;
    let ann = region.token("ann").await;
    let product = &products::catalogue().unwrap()[0];
    let asked = json!({ "productId": product.product_id });
    let done = region.query(&ann, graphql::NOTIFY_WHEN_BACK, asked.clone()).await;
    assert_eq!(done["notifyWhenBack"], json!({ "success": true, "message": null, "code": null }));
    let (product_id, warehouse_id) = (product.product_id, "wh-eu".into());
    let happening = Happening::StockReplenished { product_id, warehouse_id, available: 3 };
    let aggregate = bus::Aggregate { kind: "stock", id: "a shelf", version: 1, epoch: 1 };
    region.publish(&bus::event(&region.platform, aggregate, "a slip", happening)).await;
    let notice = eventually("a notice", async || {
        let mut told = region.query(&ann, graphql::MY_NOTICES, json!({})).await;
        told["myNotices"].as_array_mut().unwrap().pop()
    })
    .await;
    assert_eq!(notice["productId"], json!(product.product_id));
    assert_eq!(notice["product"], json!({ "name": product.name, "price": product.price }));
    let off = json!({ "productId": product.product_id, "on": false });
    assert_eq!(
        region.query(&ann, graphql::NOTIFY_WHEN_BACK, off).await["notifyWhenBack"]["success"],
        json!(true)
    );
    let unknown = json!({ "productId": "00000000-0000-0000-0000-000000000000" });
    let refused = region.query(&ann, graphql::NOTIFY_WHEN_BACK, unknown).await;
    assert_eq!(refused["notifyWhenBack"]["code"], json!("NOT_FOUND"));
}

#[tokio::test]
async fn anybody_is_shown_what_goes_with_a_product() {
    let region = start(with_steps(&[OrderStatus::New])).await;
    let product = &products::catalogue().unwrap()[0];
    let query = "query($productId: ID!, $limit: Int) \
        { getRecommendations(productId: $productId, limit: $limit) { productId category } }";
    let asked = json!({ "productId": product.product_id, "limit": 3 });
    let shown = region.query("", query, asked).await;
    let shown = shown["getRecommendations"].as_array().unwrap();
    assert_eq!(shown.len(), 3);
    assert!(shown.iter().all(|other| other["category"] == json!(product.category)));
    let unknown = json!({ "productId": "00000000-0000-0000-0000-000000000000" });
    assert_eq!(region.query("", query, unknown).await["getRecommendations"], json!([]));
}
