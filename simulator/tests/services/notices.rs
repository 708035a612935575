//! Customers who wait for a product to come in again, by the service's own door.

use contracts::ProductId;
use contracts::events::{Event, Happening};
use http::Method;
use platform::bus::{self, Aggregate};
use platform::network::Network;
use serde_json::{Value, json};

use crate::products::shop_in;
use crate::support::{Running, eventually};

async fn shop(name: &str) -> Running {
    shop_in(name, &Network::new()).await
}

fn id(place: usize) -> ProductId {
    products::catalogue().unwrap()[place].product_id
}

/// The event that a product came in; `slip` tells one from another.
fn came_in(shop: &Running, place: usize, slip: u64, available: i64) -> Event {
    let warehouse_id = "wh-eu".into();
    let happening = Happening::StockReplenished { product_id: id(place), warehouse_id, available };
    let stock = format!("{}#wh-eu", id(place));
    let aggregate = Aggregate { kind: "stock", id: &stock, version: slip, epoch: 1 };
    bus::event(&shop.platform, aggregate, "a slip", happening)
}

async fn publish_all(shop: &Running, events: &[Event]) {
    for event in events {
        shop.publish(event).await;
    }
    eventually("an empty queue", async || {
        let left = shop.cloud.dump().queues;
        left.values().all(|queue| queue.visible + queue.in_flight + queue.delayed == 0).then_some(())
    })
    .await;
}

async fn ask(shop: &Running, token: &str, place: usize, on: bool) -> u16 {
    let path = format!("/products/notices/{}", id(place));
    shop.ask(token, Method::PUT, &path, &json!({ "on": on })).await.0
}

/// The products that a customer was told of, newest first.
async fn told(shop: &Running, token: &str) -> Vec<Value> {
    let (status, list) = shop.ask(token, Method::GET, "/products/notices", &Value::Null).await;
    assert_eq!(status, 200, "{list}");
    let notices = list["notices"].as_array().unwrap().iter();
    let told = notices.map(|notice| {
        assert_eq!(notice["product"]["productId"], notice["productId"]);
        notice["productId"].clone()
    });
    told.collect()
}

fn ids<const N: usize>(places: [usize; N]) -> [Value; N] {
    places.map(|place| json!(id(place)))
}

/// Sends all that each of two regions wrote to the other one.
fn replicate(one: &Running, other: &Running) {
    let sent = |from: &Running| from.cloud.replication().read_from(1, 10_000).unwrap();
    let (from_one, from_other) = (sent(one), sent(other));
    other.cloud.apply(from_one).unwrap();
    one.cloud.apply(from_other).unwrap();
}

#[tokio::test]
async fn whoever_waits_is_told_once_and_nobody_else_is() {
    let shop = shop("us-east-1").await;
    let (ann, bob) = (shop.token("ann").await, shop.token("bob").await);
    for (token, place, on) in
        [(&ann, 0, true), (&ann, 0, true), (&ann, 1, true), (&bob, 0, true), (&bob, 0, false)]
    {
        assert_eq!(ask(&shop, token, place, on).await, 200);
    }
    let (first, spoken_for) = (came_in(&shop, 0, 1, 5), came_in(&shop, 1, 1, 0));
    publish_all(&shop, &[first.clone(), first.clone(), came_in(&shop, 0, 2, 5), spoken_for]).await;
    assert_eq!(told(&shop, &ann).await, ids([0]));
    assert!(told(&shop, &bob).await.is_empty());
    // Whoever asks again is told of the next time; an event that comes again is not the next time.
    assert_eq!(ask(&shop, &ann, 0, true).await, 200);
    publish_all(&shop, std::slice::from_ref(&first)).await;
    assert_eq!(told(&shop, &ann).await, ids([0]));
    publish_all(&shop, &[came_in(&shop, 0, 3, 1)]).await;
    assert_eq!(told(&shop, &ann).await, ids([0, 0]));
    let waiting = shop.cloud.dump_table("products.wishes").unwrap();
    let waiting = waiting.iter().filter_map(|row| row.get("waitingFor")).collect::<Vec<_>>();
    assert_eq!(waiting, [&json!(id(1))], "who was told is not looked up again");
}

#[tokio::test]
async fn a_wish_of_one_region_is_answered_by_any_and_told_once() {
    let (america, europe) = (shop("us-east-1").await, shop("eu-west-1").await);
    let (ann, bob) = (america.token("ann").await, america.token("bob").await);
    for token in [&ann, &bob] {
        assert_eq!(ask(&america, token, 0, true).await, 200);
    }
    replicate(&america, &europe);
    // Bob changes his mind elsewhere.
    assert_eq!(ask(&europe, &bob, 0, false).await, 200);
    replicate(&america, &europe);
    publish_all(&europe, &[came_in(&europe, 0, 1, 5), came_in(&europe, 0, 2, 5)]).await;
    publish_all(&america, &[came_in(&america, 0, 1, 5)]).await;
    replicate(&america, &europe);
    for shop in [&america, &europe] {
        assert_eq!(told(shop, &ann).await, ids([0]));
        assert!(told(shop, &bob).await.is_empty());
    }
}

#[tokio::test]
async fn one_waits_for_fifty_products_that_are_sold_and_signed_in() {
    let shop = shop("us-east-1").await;
    let ann = shop.token("ann").await;
    for place in 0..50 {
        assert_eq!(ask(&shop, &ann, place, true).await, 200);
    }
    assert_eq!(ask(&shop, &ann, 50, true).await, 409);
    assert_eq!(ask(&shop, &ann, 7, false).await, 200);
    assert_eq!(ask(&shop, &ann, 50, true).await, 200);
    let unknown = "/products/notices/00000000-0000-0000-0000-000000000000";
    assert_eq!(shop.ask(&ann, Method::PUT, unknown, &json!({})).await.0, 404);
    assert_eq!(shop.ask(&ann, Method::PUT, unknown, &json!({ "on": false })).await.0, 200);
    assert_eq!(shop.ask("", Method::PUT, unknown, &json!({})).await.0, 401);
    assert_eq!(shop.ask("", Method::GET, "/products/notices", &Value::Null).await.0, 401);
}
