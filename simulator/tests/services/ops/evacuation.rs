//! An evacuated region's orders are driven elsewhere, with every service of every region behind them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use contracts::{OrderId, Region};
use http::{Method, Request, header};
use loadtests::accounts::SignedIn;
use loadtests::client::OrderAnswer;
use platform::network::Network;
use serde_json::{Value, json};
use simulator::robots::Failures;

use crate::orders::Shop;

/// Orders under one key wherever it is asked for: one order, of which the id is given.
async fn bought(shop: &Shop, first: &Region, buyer: &SignedIn, draw: u64, key: &str) -> OrderId {
    let order = shop.basket(buyer, draw).await;
    let mut seen = BTreeSet::new();
    for at in std::iter::once(first.clone()).chain((0..4).map(|place| shop.region(place))) {
        match shop.buy(&at, buyer, &order, key).await {
            OrderAnswer::Acknowledged(promise) => seen.insert(promise.order.unwrap().order_id),
            other => panic!("{key} at {at}: {other:?}"),
        };
    }
    assert_eq!(seen.len(), 1, "{key}: {seen:?}");
    seen.pop_first().unwrap()
}

async fn rows(shop: &Shop) -> Vec<Value> {
    let mut rows = Vec::new();
    for place in 0..4 {
        let control = shop.neighbours.control(&shop.region(place)).unwrap();
        rows.extend(control.dump().await.unwrap().tables.remove("orders").unwrap());
    }
    rows
}

/// Where the version of an order was written that any region knows as the highest.
async fn driver(shop: &Shop, order_id: OrderId) -> Region {
    let rows = rows(shop).await.into_iter().filter(|row| row["orderId"] == json!(order_id));
    let highest = rows.max_by_key(|row| (row["epoch"].as_u64(), row["version"].as_u64())).unwrap();
    Region::from(highest["homeRegion"].as_str().unwrap())
}

async fn ask(shop: &Shop, at: &Region, method: Method, path: &str, token: &str) -> (u16, Value) {
    let host = shop.neighbours.address(at).unwrap().to_string();
    let body =
        if method == Method::POST { json!({ "reason": "a storm" }).to_string() } else { String::new() };
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{host}{path}"))
        .header(header::HOST, &host)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header("x-deadline-ms", "8000")
        .body(Bytes::from(body));
    let answer = Network::new().send(request.unwrap()).await.unwrap();
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evacuated_region_forwards_what_others_drive_until_it_is_restored() {
    let shop = Shop::open().await;
    let (buyer, home, other) = (shop.american().clone(), shop.region(0), shop.region(1));
    let boss = shop.neighbours.people().await.unwrap().desk_token;
    let before = bought(&shop, &home, &buyer, 21, "before").await;
    assert_eq!(driver(&shop, before).await, home);
    let decide = async |verb: &str| {
        let path = format!("/ops/regions/{home}/{verb}");
        let (status, answer) = ask(&shop, &other, Method::POST, &path, &boss).await;
        assert_eq!(status, 200, "{verb}: {answer}");
        assert_eq!(answer["taken"].as_array().unwrap().len(), 3, "{verb}: {answer}");
    };
    let ready = async || ask(&shop, &home, Method::GET, "/orders/readyz", &boss).await.0;
    assert_eq!(ready().await, 200);
    decide("evacuate").await;
    assert_eq!(ready().await, 503);
    let elsewhere = bought(&shop, &shop.region(2), &buyer, 22, "elsewhere").await;
    let forwarded = bought(&shop, &home, &buyer, 23, "forwarded").await;
    for order_id in [elsewhere, forwarded] {
        assert_ne!(driver(&shop, order_id).await, home);
    }
    decide("restore").await;
    assert_eq!(ready().await, 200);
    let after = bought(&shop, &home, &buyer, 24, "after").await;
    shop.settle(Failures::default()).await;
    let mut of_key: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut highest: BTreeMap<String, ((u64, u64), String)> = BTreeMap::new();
    for row in rows(&shop).await {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let rank = (row["epoch"].as_u64().unwrap(), row["version"].as_u64().unwrap());
        of_key.entry(text("idempotencyKey")).or_default().insert(text("orderId"));
        let known = highest.entry(text("orderId")).or_insert((rank, text("status")));
        *known = known.clone().max((rank, text("status")));
    }
    assert_eq!(of_key.len(), 4);
    assert!(of_key.values().all(|orders| orders.len() == 1), "{of_key:?}");
    for order_id in [before, elsewhere, forwarded, after] {
        assert_eq!(highest[&order_id.to_string()].1, "FULFILLED", "{order_id}");
    }
}
