//! What is bought together, and what is recommended because of it.

use std::collections::BTreeMap;

use contracts::ProductId;
use contracts::events::{Event, Happening, ProductUnits};
use http::Method;
use platform::network::Network;
use serde_json::{Value, json};
use simulator::cloud::{FaultSettings, Service};

use crate::products::shop_in;
use crate::support::{Running, eventually, order_event};
use crate::warehouse::order;

async fn shop(name: &str) -> Running {
    shop_in(name, &Network::new()).await
}

/// A product of the catalogue, by its place in it.
fn id(place: usize) -> ProductId {
    products::catalogue().unwrap()[place].product_id
}

/// The event of an order for one unit of each of these products.
fn bought(shop: &Running, number: u128, places: &[usize]) -> Event {
    let units = |place: &usize| ProductUnits { product_id: id(*place), quantity: 1 };
    let order = order(number, &places.iter().map(units).collect::<Vec<_>>());
    order_event(&shop.platform, &order, Happening::OrderCreated(Box::new(order.clone())))
}

/// Waits until the service has nothing left to consume, and gives the baskets that it keeps.
async fn baskets(shop: &Running, count: usize) -> Vec<Value> {
    eventually("all baskets, and an empty queue", async || {
        let dump = shop.cloud.dump();
        let left = dump.queues.values().map(|queue| queue.visible + queue.in_flight + queue.delayed);
        let kept = shop.cloud.dump_table("products.baskets").unwrap();
        (left.sum::<usize>() == 0 && kept.len() >= count).then_some(kept)
    })
    .await
}

async fn recommended(shop: &Running, to: ProductId, limit: usize) -> Vec<Value> {
    let path = format!("/products/{to}/recommendations?limit={limit}");
    let (status, answer) = shop.ask("", Method::GET, &path, &Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    let found = answer["products"].as_array().unwrap().iter();
    found.map(|product| product["productId"].clone()).collect()
}

#[tokio::test]
async fn an_event_counts_once_however_often_and_in_whatever_order_it_comes() {
    let orders: [(u128, &[usize]); 4] = [(1, &[0, 1]), (2, &[0, 1, 2]), (3, &[0, 2, 1]), (4, &[0, 3])];
    let (once, mixed) = (shop("us-east-1").await, shop("eu-west-1").await);
    for (number, places) in orders {
        once.publish(&bought(&once, number, places)).await;
    }
    for (number, places) in orders.into_iter().rev().chain(orders) {
        mixed.publish(&bought(&mixed, number, places)).await;
    }
    for shop in [&once, &mixed] {
        assert_eq!(baskets(shop, 4).await.len(), 4);
        let inbox = shop.cloud.dump_table("platform.inbox").unwrap();
        assert_eq!(inbox.len(), 4);
        let expected = [1, 2, 3].map(|place| json!(id(place)));
        assert_eq!(recommended(shop, id(0), 3).await, expected);
    }
    assert_eq!(recommended(&once, id(2), 50).await, recommended(&mixed, id(2), 50).await);
}

#[tokio::test]
async fn every_region_recommends_what_is_bought_anywhere_and_counts_an_order_once() {
    let (america, europe) = (shop("us-east-1").await, shop("eu-west-1").await);
    america.publish(&bought(&america, 1, &[0, 1])).await;
    // Two orders with the one, and an order with the other that both regions hear of.
    for (number, places) in [(1, [0, 1]), (2, [0, 2]), (3, [0, 2])] {
        europe.publish(&bought(&europe, number, &places)).await;
    }
    baskets(&america, 1).await;
    baskets(&europe, 3).await;
    let sent = |from: &Running| from.cloud.replication().read_from(1, 10_000).unwrap();
    let (from_america, from_europe) = (sent(&america), sent(&europe));
    europe.cloud.apply(from_america).unwrap();
    america.cloud.apply(from_europe).unwrap();
    for shop in [&america, &europe] {
        assert_eq!(baskets(shop, 4).await.len(), 4, "a row has one writer");
        assert_eq!(recommended(shop, id(0), 2).await, [2, 1].map(|place| json!(id(place))));
    }
}

#[tokio::test]
async fn without_the_table_the_category_is_shown() {
    let shop = shop("us-east-1").await;
    let path = format!("/products/{}", id(0));
    assert_eq!(shop.ask("", Method::GET, &path, &Value::Null).await.0, 200, "the catalogue is read");
    let latency_ms = BTreeMap::from([(Service::DynamoDb, 60_000)]);
    shop.cloud.faults().set(FaultSettings { latency_ms, ..FaultSettings::default() }).unwrap();
    let catalogue = products::catalogue().unwrap();
    let shown = recommended(&shop, id(0), 5).await;
    let category = |id: &Value| {
        let found = catalogue.iter().find(|product| json!(product.product_id) == *id).unwrap();
        found.category.clone()
    };
    assert_eq!(shown.iter().map(category).collect::<Vec<_>>(), vec![catalogue[0].category.clone(); 5]);
    assert!(!shown.contains(&json!(id(0))));
}

#[tokio::test]
async fn what_is_taken_out_of_the_catalogue_is_recommended_no_longer() {
    let shop = shop("us-east-1").await;
    shop.publish(&bought(&shop, 1, &[0, 1])).await;
    baskets(&shop, 1).await;
    assert_eq!(recommended(&shop, id(0), 1).await, [json!(id(1))]);
    let bearer = format!("Bearer {}", shop.token("boss").await);
    let headers = [("authorization", bearer.as_str()), ("if-match", "\"1\"")];
    let path = format!("/products/admin/{}", id(1));
    assert_eq!(shop.send(Method::DELETE, &path, &headers, &Value::Null).await.0, 200);
    assert!(!recommended(&shop, id(0), 50).await.contains(&json!(id(1))));
    let unknown = "/products/00000000-0000-0000-0000-000000000000/recommendations";
    assert_eq!(shop.ask("", Method::GET, unknown, &Value::Null).await.0, 404);
    let path = format!("/products/{}/recommendations?limit=many", id(0));
    assert_eq!(shop.ask("", Method::GET, &path, &Value::Null).await.0, 400);
}
