//! What callers are told about asking again: that an answer was given before, that a moment later is better; and the
//! orders that a person must look at.

use std::collections::BTreeSet;

use axum::Router;
use bytes::Bytes;
use contracts::{Code, OrderId, Region, Timestamp, graphql};
use http::{HeaderMap, Method, Request, header};
use orders::domain::create::Owner;
use orders::store::Store;
use platform::network::Network;
use platform::regions::{self, Desk};
use platform::routes::{Routes, Who, get};
use platform::{ApiError, Platform, Service, inbox, layers};
use serde_json::{Value, json};

use crate::orders::Shop;
use crate::support::{NOW_MS, Needs, Running};
use crate::warehouse::order;

async fn post(
    shop: &Shop,
    at: &Region,
    path: &str,
    token: &str,
    key: &str,
    body: &Value,
) -> (u16, HeaderMap) {
    let host = shop.neighbours.address(at).unwrap().to_string();
    let request = Request::post(format!("http://{host}{path}"))
        .header(header::HOST, &host)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header("idempotency-key", key)
        .header("x-deadline-ms", "8000")
        .body(Bytes::from(body.to_string()));
    let answer = Network::new().send(request.unwrap()).await.unwrap();
    (answer.status().as_u16(), answer.headers().clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_given_before_says_so_wherever_it_is_asked_for() {
    let shop = Shop::open().await;
    let (buyer, home, far) = (shop.american().clone(), shop.region(0), shop.region(3));
    let wanted = json!(shop.basket(&buyer, 31).await);
    let id = contracts::keys::order_id(&buyer.customer.sub, "key");
    let cancel = format!("/orders/{id}/cancel");
    let asked = [("/orders/", "key", &wanted), (cancel.as_str(), "cancel", &json!({ "reason": "late" }))];
    for (path, key, body) in asked {
        // Far from home the answer is the owner's, who is asked there.
        for (at, again) in [(&home, false), (&home, true), (&far, true)] {
            let (status, headers) = post(&shop, at, path, &buyer.token, key, body).await;
            let said = headers.get("idempotent-replay").map(|value| value.as_bytes());
            assert_eq!((status, said), (200, again.then_some(b"true".as_slice())), "{path} at {at}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_door_says_so_too() {
    let shop = Shop::open().await;
    let (buyer, home, far) = (shop.american().clone(), shop.region(0), shop.region(3));
    let wanted = json!(shop.basket(&buyer, 32).await);
    let id = contracts::keys::order_id(&buyer.customer.sub, "key");
    let cancel = json!({ "orderId": id, "reason": "late", "idempotencyKey": "cancel" });
    let asked = [
        (graphql::CREATE_ORDER, "key", json!({ "order": wanted })),
        (graphql::CANCEL_ORDER, "cancel", json!({ "input": cancel })),
    ];
    for (document, key, variables) in asked {
        let body = json!({ "query": document, "variables": variables });
        for (at, again) in [(&home, false), (&home, true), (&far, true)] {
            let (status, headers) = post(&shop, at, "/frontend-api/graphql", &buyer.token, key, &body).await;
            let said = headers.get("idempotent-replay").map(|value| value.as_bytes());
            assert_eq!((status, said), (200, again.then_some(b"true".as_slice())), "{key} at {at}");
        }
    }
    // What only reads was never said before.
    let query = json!({ "query": graphql::GET_ORDER, "variables": { "orderId": id } });
    let (status, headers) = post(&shop, &home, "/frontend-api/graphql", &buyer.token, "key", &query).await;
    assert_eq!((status, headers.get("idempotent-replay")), (200, None));
}

#[tokio::test]
async fn who_is_sent_away_for_a_moment_is_told_for_how_long() {
    let needs = Needs { tables: Vec::new(), subscriptions: Vec::new() };
    let build = |platform: Platform| {
        let fails = |path, code| (get(path, Who::Anyone, "Fails"), async move || ApiError::new(code, "No"));
        let codes = [("/late", Code::Deadline), ("/busy", Code::RateLimited), ("/wrong", Code::BadRequest)];
        let routes = codes.into_iter().map(|(path, code)| fails(path, code));
        let routes = routes.fold(Routes::new(), |all, (spec, handler)| all.route(spec, handler));
        let router = layers::wrap(&platform, "things", routes);
        vec![Service { name: "things", router, workers: Vec::new(), consumer: None, on_sign_up: None }]
    };
    let region = Running::start("eu-west-1", &Network::new(), needs, build, Router::new()).await;
    for (path, wanted, told) in [("/late", 503, Some("1")), ("/busy", 429, Some("1")), ("/wrong", 400, None)]
    {
        let (status, headers, _) =
            region.send(Method::GET, &format!("/things{path}"), &[], &Value::Null).await;
        let said = headers.get(header::RETRY_AFTER).map(|value| value.to_str().unwrap());
        assert_eq!((status, said), (wanted, told), "{path}");
    }
}

/// A region with orders of which some need a person; the last of them has two branches.
async fn with_orders(name: &str) -> Running {
    let tables = orders::TABLES.iter().chain(regions::TABLES).copied().chain([inbox::TABLE]).collect();
    let needs = Needs { tables, subscriptions: orders::SUBSCRIPTION.into_iter().collect() };
    let build = |platform: Platform| {
        let desk = Desk::new(&platform);
        vec![
            orders::service(platform.clone()),
            regions::service(&platform, &desk),
            frontend_api::service(platform),
        ]
    };
    let region = Running::start(name, &Network::new(), needs, build, Router::new()).await;
    let store = Store::new(&region.platform);
    for (number, epochs) in [(1, 1..2), (2, 1..2), (3, 1..2), (4, 1..2), (5, 1..3)] {
        for epoch in epochs {
            let mut order = order(number, &[]);
            order.attention = number != 2;
            (order.epoch, order.home_region) = (epoch, "us-east-1".into());
            order.created_date = Timestamp(NOW_MS + i64::try_from(number).unwrap());
            let writer = Owner { epoch, region: "us-east-1".into(), at: Timestamp(NOW_MS) };
            store.create(order, "sealed".into(), &writer).await.unwrap();
        }
    }
    region
}

fn ids(page: &Value) -> Vec<OrderId> {
    let orders = page["orders"].as_array().unwrap().iter();
    orders.map(|order| serde_json::from_value(order["orderId"].clone()).unwrap()).collect()
}

#[tokio::test]
async fn orders_that_need_a_person_are_listed_once_for_administrators() {
    let (here, there) = (with_orders("eu-west-1").await, with_orders("us-east-1").await);
    let path = "/orders/attention?limit=2";
    assert_eq!(here.ask("", Method::GET, path, &Value::Null).await.0, 401);
    for who in ["ann", "picker"] {
        assert_eq!(here.ask(&here.token(who).await, Method::GET, path, &Value::Null).await.0, 403, "{who}");
    }
    // A token goes on in any region.
    let boss = [(&here, here.token("boss").await), (&there, there.token("boss").await)];
    let (mut listed, mut next) = (Vec::new(), String::new());
    for (region, token) in boss.iter().cycle().take(10) {
        let (status, page) = region.ask(token, Method::GET, &format!("{path}{next}"), &Value::Null).await;
        assert_eq!(status, 200, "{page}");
        listed.extend(ids(&page));
        match page["nextToken"].as_str() {
            Some(token) => next = format!("&nextToken={token}"),
            None => break,
        }
    }
    let wanted = [1, 3, 4, 5].map(|number| order(number, &[]).order_id);
    assert_eq!(listed, wanted);
    let (region, token) = &boss[0];
    assert_eq!(region.ask(token, Method::GET, "/orders/attention?nextToken=x", &Value::Null).await.0, 400);
}

#[tokio::test]
async fn the_public_door_shows_administrators_what_operators_see() {
    let region = with_orders("eu-west-1").await;
    let (boss, ann) = (region.token("boss").await, region.token("ann").await);
    let ask = async |token: &str, document: &str| {
        region.ask(token, Method::POST, "/frontend-api/graphql", &json!({ "query": document })).await.1
    };
    for document in [graphql::GET_REGIONS, graphql::GET_ORDERS_NEEDING_ATTENTION] {
        let refused = ask(&ann, document).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], json!(Code::Forbidden), "{refused}");
    }
    let listed = ask(&boss, graphql::GET_ORDERS_NEEDING_ATTENTION).await;
    assert_eq!(ids(&listed["data"]["getOrdersNeedingAttention"]).len(), 4, "{listed}");
    let regions = ask(&boss, graphql::GET_REGIONS).await;
    let regions = regions["data"]["getRegions"].as_array().unwrap_or_else(|| panic!("{regions}"));
    let states: BTreeSet<_> = regions.iter().map(|region| region["state"].as_str().unwrap()).collect();
    assert_eq!((regions.len(), states), (3, BTreeSet::from(["ACTIVE"])));
}
