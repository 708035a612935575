//! Stock, reservations and packaging.

mod kept;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Path;
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Json, Router};
use contracts::bodies::warehouse::{
    PackageView, PackagingPage, PackagingStatus, ReservationStep, ReserveRequest, ReserveResponse,
    ReserveState, StockAdjustment, StockReceipt,
};
use contracts::events::{Happening, ProductUnits};
use contracts::schemas;
use contracts::stock::{Movement, StockLedgerRow, StockLevel};
use contracts::{
    Address, Code, Order, OrderId, OrderLine, OrderStatus, Package, PaymentState, ProductId, StockState,
    Timestamp,
};
use futures::future::join_all;
use http::Method;
use platform::network::Network;
use platform::{ApiError, inbox};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use simulator::cloud::{FaultSettings, Service};
use uuid::Uuid;

use crate::support::{NOW_MS, Needs, Running, eventually, order_event, refusal, region};

const MINUTE_MS: i64 = 60_000;

fn product(number: u128) -> ProductId {
    ProductId(Uuid::from_u128(number))
}

fn order_id(number: u128) -> OrderId {
    OrderId(Uuid::from_u128(number))
}

fn units(number: u128, quantity: u32) -> ProductUnits {
    ProductUnits { product_id: product(number), quantity }
}

fn needs() -> Needs {
    let tables = warehouse::TABLES.iter().copied().chain([inbox::TABLE]).collect();
    Needs { tables, subscriptions: warehouse::SUBSCRIPTION.into_iter().collect() }
}

async fn start_in(name: &str, network: &Network, orders: Router) -> Running {
    let build = |platform| vec![warehouse::service(platform)];
    let region = Running::start(name, network, needs(), build, orders).await;
    warehouse::seed(&region.platform, &[product(1), product(2), product(3)], 10).await.unwrap();
    region
}

async fn start() -> Running {
    start_in("eu-west-1", &Network::new(), Router::new()).await
}

fn wanted(order: u128, lines: Vec<ProductUnits>) -> ReserveRequest {
    ReserveRequest {
        order_id: order_id(order),
        allocation: 1,
        lines,
        warehouse_id: "wh-eu".into(),
        allow_backorder: false,
        expires_at: Timestamp(NOW_MS + 15 * MINUTE_MS),
    }
}

async fn backend<T: DeserializeOwned>(
    region: &Running,
    method: Method,
    path: &str,
    body: &impl serde::Serialize,
) -> Result<T, platform::calls::CallError> {
    region.call("orders", method, "warehouse", path, body).await
}

async fn reserve(region: &Running, request: &ReserveRequest) -> ReserveResponse {
    backend(region, Method::POST, "/backend/reservations", request).await.unwrap()
}

async fn step(
    region: &Running,
    order: u128,
    step: &str,
    epoch: u64,
) -> Result<Value, platform::calls::CallError> {
    let body = ReservationStep { warehouse_id: "wh-eu".into(), allocation: 1, epoch };
    let base = format!("/backend/reservations/{}", order_id(order));
    match step {
        "release" => backend(region, Method::DELETE, &base, &body).await,
        _ => backend(region, Method::POST, &format!("{base}/{step}"), &body).await,
    }
}

async fn level(region: &Running, number: u128) -> (i64, i64) {
    let path = format!("/backend/stock/{}", product(number));
    let levels: Vec<StockLevel> = backend(region, Method::GET, &path, &Value::Null).await.unwrap();
    let level = levels.iter().find(|level| level.warehouse_id.as_str() == "wh-eu").unwrap();
    (level.on_hand, level.reserved)
}

/// Every ledger is without a gap and leads to the level.
fn audit(region: &Running) {
    let mut ledgers: BTreeMap<ProductId, BTreeMap<u64, StockLedgerRow>> = BTreeMap::new();
    for item in region.cloud.dump_table("warehouse.ledger").unwrap() {
        let row: StockLedgerRow = serde_json::from_value(item).unwrap();
        assert!(0 <= row.reserved_after && row.reserved_after <= row.on_hand_after, "{row:?}");
        ledgers.entry(row.product_id).or_default().insert(row.seq, row);
    }
    for item in region.cloud.dump_table("warehouse.stock").unwrap() {
        let level: StockLevel = serde_json::from_value(item).unwrap();
        let ledger = &ledgers[&level.product_id];
        assert!(ledger.keys().copied().eq(1..=level.version), "{ledger:?}");
        let last = &ledger[&level.version];
        assert_eq!((last.on_hand_after, last.reserved_after), (level.on_hand, level.reserved));
    }
}

pub(crate) fn order(number: u128, lines: &[ProductUnits]) -> Order {
    let line = |units: &ProductUnits| OrderLine {
        product_id: units.product_id,
        name: "Robusto".into(),
        package: Package::default(),
        price: 1200,
        quantity: units.quantity,
    };
    let address = Address {
        name: "Ann".into(),
        company_name: None,
        street_address: "1".into(),
        post_code: None,
        city: "Berlin".into(),
        state: None,
        country: "DE".into(),
        phone_number: "+49".into(),
    };
    Order {
        order_id: order_id(number),
        user_id: "ann".into(),
        created_date: Timestamp(NOW_MS),
        modified_date: Timestamp(NOW_MS),
        status: OrderStatus::New,
        products: lines.iter().map(line).collect(),
        address,
        delivery_price: 0,
        total: 0,
        currency: "USD".into(),
        version: 1,
        epoch: 3,
        home_region: region("eu-west-1"),
        home: "eu".into(),
        shard: contracts::ShardId("eu-00".into()),
        idempotency_key: number.to_string(),
        request_hash: String::new(),
        payment_state: PaymentState::Authorised,
        captured: 0,
        refunded: 0,
        stock_state: StockState::Committed,
        warehouse_id: "wh-eu".into(),
        allocation: 1,
        accept_partial: true,
        allow_backorder: false,
        attention: false,
        payment_attempt: 1,
        cancel_requested: false,
        returned: Vec::new(),
        tracking_id: None,
        erasure: None,
        history: Vec::new(),
    }
}

async fn publish_created(region: &Running, order: &Order) {
    let happening = Happening::OrderCreated(Box::new(order.clone()));
    region.publish(&order_event(&region.platform, order, happening)).await;
}

async fn waiting(region: &Running, token: &str) -> Vec<OrderId> {
    let (status, page) = region.ask(token, Method::GET, "/warehouse/packaging/new", &Value::Null).await;
    assert_eq!(status, 200, "{page}");
    serde_json::from_value::<PackagingPage>(page).unwrap().packaging_request_ids
}

/// Reserves, publishes and waits until the request is there for a picker.
async fn packaging(region: &Running, token: &str, number: u128, lines: &[ProductUnits]) {
    assert_eq!(reserve(region, &wanted(number, lines.to_vec())).await.state, ReserveState::Reserved);
    publish_created(region, &order(number, lines)).await;
    eventually("the packaging request", async || {
        waiting(region, token).await.contains(&order_id(number)).then_some(())
    })
    .await;
}

async fn pick(region: &Running, token: &str, number: u128, action: &str, body: Value) -> (u16, Value) {
    let path = format!("/warehouse/packaging/{}/{action}", order_id(number));
    let method = if action.starts_with("products") { Method::PUT } else { Method::POST };
    region.ask(token, method, &path, &body).await
}

#[tokio::test]
async fn a_reservation_is_whole_or_not_at_all_and_has_one_answer() {
    let region = start().await;
    let request = wanted(1, vec![units(1, 4), units(2, 10)]);
    for _ in 0..2 {
        let answer = reserve(&region, &request).await;
        assert_eq!((answer.state, answer.warehouse_epoch), (ReserveState::Reserved, 1));
        let kept: BTreeMap<_, _> = answer.lines.iter().map(|line| (line.product_id, line.quantity)).collect();
        assert_eq!(kept, BTreeMap::from([(product(1), 4), (product(2), 10)]));
    }
    let answer = reserve(&region, &wanted(2, vec![units(1, 1), units(2, 1)])).await;
    assert_eq!((answer.state, answer.lines), (ReserveState::OutOfStock, vec![units(2, 1)]));
    let patient = ReserveRequest { allow_backorder: true, ..wanted(2, vec![units(2, 1)]) };
    assert_eq!(reserve(&region, &patient).await.state, ReserveState::Backordered);
    assert_eq!((level(&region, 1).await, level(&region, 2).await), ((10, 4), (10, 10)));
    audit(&region);
}

#[tokio::test]
async fn a_refusal_is_told_once_for_each_allocation_and_moves_no_stock() {
    let region = start().await;
    let lines = || vec![units(1, 4), units(2, 12)];
    let patient = ReserveRequest { allow_backorder: true, ..wanted(1, lines()) };
    for request in [wanted(1, lines()), wanted(1, lines()), patient] {
        assert_ne!(reserve(&region, &request).await.state, ReserveState::Reserved);
    }
    reserve(&region, &ReserveRequest { allocation: 2, ..wanted(1, lines()) }).await;
    let close = json!({ "reason": "stocktaking", "lost": false });
    let path = "/warehouse/admin/warehouses/wh-eu/close";
    region.ask(&region.token("picker").await, Method::POST, path, &close).await;
    assert_eq!(reserve(&region, &wanted(2, lines())).await.state, ReserveState::Closed);
    let told = eventually("refusals", async || {
        let told = region.tapped("StockReservationFailed");
        (told.len() >= 3).then_some(told)
    });
    let told: Vec<Value> = told.await;
    let said =
        |event: &Value| json!([event["orderId"], event["allocation"], event["reason"], event["lines"]]);
    let mut said: Vec<Value> = told.iter().map(said).collect();
    said.sort_by_key(ToString::to_string);
    let short = json!([units(2, 2)]);
    let expected = [
        json!([order_id(1), 1, "OUT_OF_STOCK", short]),
        json!([order_id(1), 2, "OUT_OF_STOCK", short]),
        json!([order_id(2), 1, "CLOSED", lines()]),
    ];
    assert_eq!(said, expected);
    told.iter().for_each(|event| schemas::validators().check("StockReservationFailed", event).unwrap());
    assert_eq!(region.cloud.dump_table("warehouse.refusals").unwrap().len(), 3);
    assert_eq!((level(&region, 1).await, level(&region, 2).await), ((10, 0), (10, 0)));
    audit(&region);
}

#[tokio::test]
async fn many_customers_buy_the_last_units_and_nobody_gets_what_is_not_there() {
    let region = Arc::new(start().await);
    let tries = (0..100u128).map(|number| {
        let region = region.clone();
        async move { reserve(&region, &wanted(100 + number, vec![units(1, 1), units(2, 1)])).await.state }
    });
    let states = join_all(tries).await;
    assert_eq!(states.iter().filter(|state| **state == ReserveState::Reserved).count(), 10);
    assert_eq!(states.iter().filter(|state| **state == ReserveState::OutOfStock).count(), 90);
    assert_eq!((level(&region, 1).await, level(&region, 2).await), ((10, 10), (10, 10)));
    audit(&region);
}

#[tokio::test]
async fn equal_requests_at_once_reserve_once() {
    let region = Arc::new(start().await);
    let tries = (0..20).map(|_| {
        let region = region.clone();
        async move { reserve(&region, &wanted(1, vec![units(1, 7)])).await.state }
    });
    assert!(join_all(tries).await.iter().all(|state| *state == ReserveState::Reserved));
    assert_eq!(level(&region, 1).await, (10, 7));
    audit(&region);
}

#[tokio::test]
async fn steps_happen_once_and_a_former_owner_is_refused() {
    let region = start().await;
    reserve(&region, &wanted(1, vec![units(1, 4)])).await;
    assert_eq!(refusal(step(&region, 2, "commit", 1).await).code, Code::NotFound);
    assert!(step(&region, 2, "release", 1).await.is_ok(), "there is nothing to release");
    for _ in 0..2 {
        step(&region, 1, "commit", 5).await.unwrap();
    }
    assert_eq!(refusal(step(&region, 1, "release", 4).await).code, Code::StaleEpoch);
    // A repeat by a new owner changes nothing but who may command.
    step(&region, 1, "commit", 6).await.unwrap();
    assert_eq!(refusal(step(&region, 1, "release", 5).await).code, Code::StaleEpoch);
    for _ in 0..2 {
        step(&region, 1, "consume", 6).await.unwrap();
    }
    assert_eq!(level(&region, 1).await, (6, 0));
    assert_eq!(refusal(step(&region, 1, "release", 6).await).code, Code::Conflict);
    audit(&region);
}

#[tokio::test]
async fn what_was_released_can_be_reserved_again() {
    let region = start().await;
    reserve(&region, &wanted(1, vec![units(1, 4)])).await;
    for _ in 0..2 {
        step(&region, 1, "release", 1).await.unwrap();
    }
    assert_eq!(level(&region, 1).await, (10, 0));
    assert_eq!(refusal(step(&region, 1, "consume", 1).await).code, Code::Conflict);
    assert_eq!(reserve(&region, &wanted(1, vec![units(1, 4)])).await.state, ReserveState::Reserved);
    assert_eq!(level(&region, 1).await, (10, 4));
    audit(&region);
}

#[tokio::test]
async fn only_orders_may_reserve_and_only_with_sane_lines() {
    let region = start().await;
    let request = wanted(1, vec![units(1, 1)]);
    let path = "/backend/reservations";
    let other = region.call::<Value>("payment", Method::POST, "warehouse", path, &request).await;
    assert_eq!(refusal(other).code, Code::Forbidden);
    let (status, _) = region.ask("", Method::POST, "/warehouse/backend/reservations", &json!(request)).await;
    assert_eq!(status, 401);
    for lines in [vec![], vec![units(1, 0)], vec![units(1, 100)], vec![units(1, 1), units(1, 1)]] {
        let answer = backend::<Value>(&region, Method::POST, path, &wanted(1, lines)).await;
        assert_eq!(refusal(answer).code, Code::ValidationFailed);
    }
    let elsewhere = ReserveRequest { warehouse_id: "wh-am".into(), ..request.clone() };
    assert_eq!(refusal(backend::<Value>(&region, Method::POST, path, &elsewhere).await).code, Code::Conflict);
    let nowhere = ReserveRequest { warehouse_id: "wh-xx".into(), ..request };
    assert_eq!(refusal(backend::<Value>(&region, Method::POST, path, &nowhere).await).code, Code::NotFound);
}

/// How far a package is, as its order's owner asks.
async fn package(region: &Running, number: u128) -> Result<PackageView, platform::calls::CallError> {
    let path = format!("/backend/packages/{}", order_id(number));
    backend(region, Method::GET, &path, &Value::Null).await
}

#[tokio::test]
async fn an_owner_may_ask_how_far_a_package_is() {
    let region = start().await;
    let token = region.token("picker").await;
    assert_eq!(refusal(package(&region, 1).await).code, Code::NotFound);
    packaging(&region, &token, 1, &[units(1, 2)]).await;
    assert_eq!(package(&region, 1).await.unwrap().status, PackagingStatus::New);
    pick(&region, &token, 1, "start", json!({})).await;
    let put = format!("products/{}", product(1));
    pick(&region, &token, 1, &put, json!({ "quantity": 1 })).await;
    pick(&region, &token, 1, "complete", json!({})).await;
    let packed = package(&region, 1).await.unwrap();
    assert_eq!((packed.allocation, packed.status), (1, PackagingStatus::Completed));
    assert_eq!(packed.packed, [units(1, 1)]);
    let path = format!("/backend/packages/{}", order_id(1));
    let other = region.call::<Value>("payment", Method::GET, "warehouse", &path, &Value::Null).await;
    assert_eq!(refusal(other).code, Code::Forbidden);
}

#[tokio::test]
async fn an_order_is_packed_once_and_what_is_short_goes_back() {
    let region = start().await;
    let token = region.token("picker").await;
    let lines = [units(1, 3), units(2, 2), units(3, 1)];
    packaging(&region, &token, 1, &lines).await;
    publish_created(&region, &order(1, &lines)).await;
    let early = pick(&region, &token, 1, "complete", json!({})).await;
    assert_eq!((early.0, &early.1["code"]), (409, &json!("CONFLICT")));
    for _ in 0..2 {
        assert_eq!(pick(&region, &token, 1, "start", json!({})).await.0, 200);
    }
    assert!(waiting(&region, &token).await.is_empty());
    let put = async |number: u128, quantity: u32| {
        let action = format!("products/{}", product(number));
        pick(&region, &token, 1, &action, json!({ "quantity": quantity })).await.0
    };
    assert_eq!((put(1, 1).await, put(2, 2).await, put(1, 4).await, put(9, 1).await), (200, 200, 422, 404));
    for _ in 0..2 {
        assert_eq!(pick(&region, &token, 1, "complete", json!({})).await.0, 200);
    }
    assert_eq!(put(1, 2).await, 409);
    let created = eventually("PackageCreated", async || region.tapped("PackageCreated").pop()).await;
    let told = |field: &str| serde_json::from_value::<Vec<ProductUnits>>(created[field].clone()).unwrap();
    let sorted = |mut units: Vec<ProductUnits>| {
        units.sort_by_key(|units| units.product_id);
        units
    };
    assert_eq!(sorted(told("products")), [units(1, 1), units(2, 2)]);
    assert_eq!(sorted(told("shortages")), [units(1, 2), units(3, 1)]);
    assert_eq!((level(&region, 1).await, level(&region, 3).await), ((10, 1), (10, 0)));
    step(&region, 1, "consume", 3).await.unwrap();
    let levels = (level(&region, 1).await, level(&region, 2).await, level(&region, 3).await);
    assert_eq!(levels, ((9, 0), (8, 0), (10, 0)));
    audit(&region);
    eventually("an empty outbox", async || {
        let pending = region.cloud.dump_table("warehouse").unwrap();
        pending.iter().all(|item| item.get("outbox").is_none()).then_some(())
    })
    .await;
    assert_eq!((region.tapped("PackagingStarted").len(), region.tapped("PackageCreated").len()), (1, 1));
}

#[tokio::test]
async fn an_empty_package_and_one_given_up_have_failed() {
    let region = start().await;
    let token = region.token("picker").await;
    packaging(&region, &token, 1, &[units(1, 1)]).await;
    packaging(&region, &token, 2, &[units(2, 1)]).await;
    pick(&region, &token, 1, "start", json!({})).await;
    for _ in 0..2 {
        assert_eq!(pick(&region, &token, 1, "complete", json!({})).await.0, 200);
        assert_eq!(pick(&region, &token, 2, "fail", json!({ "reason": "dropped" })).await.0, 200);
    }
    assert_eq!(pick(&region, &token, 2, "fail", json!({ "reason": "" })).await.0, 422);
    let failed = eventually("two events", async || {
        let failed = region.tapped("PackagingFailed");
        (failed.len() == 2).then_some(failed)
    })
    .await;
    let mut reasons: Vec<_> = failed.iter().map(|event| event["reason"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["dropped", "nothing was packed"]);
    assert_eq!(level(&region, 1).await, (10, 1), "the order's owner releases it");
    assert!(region.tapped("PackageCreated").is_empty());
}

#[tokio::test]
async fn a_released_order_is_not_packed() {
    let region = start().await;
    let token = region.token("picker").await;
    packaging(&region, &token, 1, &[units(1, 1)]).await;
    packaging(&region, &token, 2, &[units(2, 1)]).await;
    pick(&region, &token, 2, "start", json!({})).await;
    for number in [1, 2] {
        step(&region, number, "release", 3).await.unwrap();
        for action in ["start", "complete"] {
            assert_eq!(pick(&region, &token, number, action, json!({})).await.0, 409, "{number} {action}");
        }
    }
    assert!(waiting(&region, &token).await.is_empty());
    // The event came late: nothing is kept any more, so nothing is packed.
    reserve(&region, &wanted(3, vec![units(3, 1)])).await;
    step(&region, 3, "release", 3).await.unwrap();
    publish_created(&region, &order(3, &[units(3, 1)])).await;
    packaging(&region, &token, 4, &[units(1, 1)]).await;
    assert_eq!(waiting(&region, &token).await, [order_id(4)]);
    audit(&region);
}

#[tokio::test]
async fn a_cancelled_order_leaves_the_pickers_list_and_a_new_allocation_comes_back() {
    let region = start().await;
    let token = region.token("picker").await;
    packaging(&region, &token, 1, &[units(1, 1)]).await;
    let mut order = order(1, &[units(1, 1)]);
    let cancelled =
        Happening::OrderCancelled { order_id: order.order_id, reason: "no".into(), by: "user".into() };
    order.version = 2;
    region.publish(&order_event(&region.platform, &order, cancelled)).await;
    eventually("the list to be empty", async || waiting(&region, &token).await.is_empty().then_some(()))
        .await;
    let second = ReserveRequest { allocation: 2, ..wanted(1, vec![units(1, 1)]) };
    assert_eq!(reserve(&region, &second).await.state, ReserveState::Reserved);
    let old = Box::new(order.clone());
    (order.version, order.allocation) = (3, 2);
    let changed = vec!["warehouseId".to_owned()];
    let modified = Happening::OrderModified { old, new: Box::new(order.clone()), changed };
    region.publish(&order_event(&region.platform, &order, modified)).await;
    eventually("the new request", async || {
        (waiting(&region, &token).await == [order.order_id]).then_some(())
    })
    .await;
    assert_eq!(pick(&region, &token, 1, "start", json!({})).await.0, 200);
    let started = eventually("PackagingStarted", async || region.tapped("PackagingStarted").pop()).await;
    assert_eq!(started["allocation"], json!(2));
}

#[tokio::test]
async fn packaging_is_for_pickers() {
    let region = start().await;
    let courier = region.token("courier").await;
    for (token, wanted) in [("", 401), (courier.as_str(), 403)] {
        let (status, _) = region.ask(token, Method::GET, "/warehouse/packaging/new", &Value::Null).await;
        assert_eq!(status, wanted);
        assert_eq!(pick(&region, token, 1, "start", json!({})).await.0, wanted);
    }
    let picker = region.token("picker").await;
    let (status, _) =
        region.ask(&picker, Method::GET, "/warehouse/packaging/new?nextToken=nonsense", &Value::Null).await;
    assert_eq!(status, 400);
    assert_eq!(pick(&region, &picker, 1, "start", json!({})).await.0, 404);
}

#[tokio::test]
async fn the_pickers_list_has_pages() {
    let region = start().await;
    let token = region.token("picker").await;
    for number in 1..=5 {
        packaging(&region, &token, number, &[units(1, 1)]).await;
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let path = format!("/warehouse/packaging/new?limit=2{next}");
        let (_, page) = region.ask(&token, Method::GET, &path, &Value::Null).await;
        let page: PackagingPage = serde_json::from_value(page).unwrap();
        assert!(page.packaging_request_ids.len() <= 2);
        seen.extend(page.packaging_request_ids);
        let Some(token) = page.next_token else { break };
        next = format!("&nextToken={token}");
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=5).map(order_id).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_closed_warehouse_sells_nothing_and_says_so_once() {
    let region = start().await;
    let token = region.token("picker").await;
    let notice = async |what: &str, lost: bool| {
        let path = format!("/warehouse/admin/warehouses/wh-eu/{what}");
        region.ask(&token, Method::POST, &path, &json!({ "reason": "flood", "lost": lost })).await
    };
    for _ in 0..2 {
        let (status, site) = notice("close", true).await;
        assert_eq!((status, &site["open"], &site["lost"]), (200, &json!(false), &json!(true)));
    }
    assert_eq!(reserve(&region, &wanted(1, vec![units(1, 1)])).await.state, ReserveState::Closed);
    let closed = eventually("WarehouseClosed", async || region.tapped("WarehouseClosed").pop()).await;
    assert_eq!((&closed["reason"], &closed["continent"]), (&json!("lost: flood"), &json!("eu")));
    // Any region may say so of any warehouse.
    let path = "/warehouse/admin/warehouses/wh-am/close";
    let (status, _) =
        region.ask(&token, Method::POST, path, &json!({ "reason": "flood", "lost": true })).await;
    assert_eq!(status, 200);
    let (status, _) = region
        .ask(&token, Method::POST, "/warehouse/admin/warehouses/wh-xx/close", &json!({ "reason": "" }))
        .await;
    assert_eq!(status, 404);
    assert_eq!(notice("open", false).await.1["open"], json!(true));
    assert_eq!(reserve(&region, &wanted(1, vec![units(1, 1)])).await.state, ReserveState::Reserved);
    eventually("WarehouseOpened", async || region.tapped("WarehouseOpened").pop()).await;
    assert_eq!(region.tapped("WarehouseClosed").len(), 2);
}

/// Books goods that came in: the answer.
async fn receive(
    region: &Running,
    token: &str,
    number: u128,
    quantity: u32,
    reference: &str,
) -> (u16, Value) {
    let receipt = StockReceipt {
        product_id: product(number),
        warehouse_id: "wh-eu".into(),
        quantity,
        reference: reference.into(),
    };
    region.ask(token, Method::POST, "/warehouse/admin/stock/receipts", &json!(receipt)).await
}

fn counted(number: u128, delta: i64, reference: &str) -> StockAdjustment {
    StockAdjustment {
        product_id: product(number),
        warehouse_id: "wh-eu".into(),
        delta,
        reference: reference.into(),
        reason: "counted".into(),
    }
}

const ADJUSTMENTS: &str = "/admin/stock/adjustments";

/// Corrects what lies there: the answer.
async fn adjust(region: &Running, token: &str, adjustment: &StockAdjustment) -> (u16, Value) {
    region.ask(token, Method::POST, &format!("/warehouse{ADJUSTMENTS}"), &json!(adjustment)).await
}

#[tokio::test]
async fn an_adjustment_is_booked_once_and_leaves_what_is_reserved() {
    let region = start().await;
    let token = region.token("picker").await;
    reserve(&region, &wanted(1, vec![units(1, 4)])).await;
    for _ in 0..2 {
        let (status, level) = adjust(&region, &token, &counted(1, -6, "count 1")).await;
        assert_eq!((status, &level["onHand"], &level["reserved"]), (200, &json!(4), &json!(4)));
    }
    assert_eq!(adjust(&region, &token, &counted(1, -5, "count 1")).await.0, 409);
    let (status, refused) = adjust(&region, &token, &counted(1, -1, "count 2")).await;
    assert_eq!((status, &refused["code"]), (409, &json!("CONFLICT")));
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("4 lie there, and 4 of them are reserved"), "{message}");
    assert_eq!(adjust(&region, &token, &counted(77, -1, "count 3")).await.0, 409);
    // What was refused is not booked: its reference is free.
    assert_eq!(adjust(&region, &token, &counted(1, 3, "count 2")).await.1["onHand"], json!(7));
    assert_eq!(adjust(&region, &token, &counted(1, 0, "count 4")).await.0, 422);
    let unexplained = StockAdjustment { reason: " ".into(), ..counted(1, 1, "count 4") };
    assert_eq!(adjust(&region, &token, &unexplained).await.0, 422);
    for (warehouse, status) in [("wh-am", 409), ("wh-xx", 404)] {
        let elsewhere = StockAdjustment { warehouse_id: warehouse.into(), ..counted(1, 1, "count 4") };
        assert_eq!(adjust(&region, &token, &elsewhere).await.0, status, "{warehouse}");
    }
    assert_eq!(level(&region, 1).await, (7, 4));
    audit(&region);
    let mut ledger = region.cloud.dump_table("warehouse.ledger").unwrap();
    ledger.retain(|row| row["movement"] == json!(Movement::Adjustment) && row["seq"] == json!(3));
    assert!(ledger.iter().all(|row| row["quantity"] == json!(-6) && row["reason"] == json!("counted")));
    assert_eq!(ledger.len(), 2, "in its place, and under its reference");
}

#[tokio::test]
async fn only_staff_of_the_warehouse_adjust() {
    let region = start().await;
    for (who, wanted) in [("ann", 403), ("courier", 403), ("picker", 200), ("boss", 200)] {
        let token = region.token(who).await;
        assert_eq!(adjust(&region, &token, &counted(1, 1, who)).await.0, wanted, "{who}");
    }
    assert_eq!(adjust(&region, "", &counted(1, 1, "nobody")).await.0, 401);
    let by_service = counted(1, 1, "orders");
    let refused = backend::<Value>(&region, Method::POST, ADJUSTMENTS, &by_service).await;
    assert_eq!(refusal(refused).code, Code::Forbidden);
    assert_eq!(level(&region, 1).await, (12, 0));
}

#[tokio::test]
async fn what_comes_onto_the_shelf_is_told_once() {
    let region = start().await;
    let token = region.token("picker").await;
    reserve(&region, &wanted(1, vec![units(1, 4)])).await;
    let back = |resaleable| Happening::ReturnReceived {
        order_id: order_id(1),
        warehouse_id: "wh-eu".into(),
        lines: vec![units(2, 1), units(3, 2)],
        resaleable,
    };
    let order = order(1, &[units(2, 1), units(3, 2)]);
    let returned = order_event(&region.platform, &order, back(true));
    let spoilt = order_event(&region.platform, &Order { version: 2, ..order.clone() }, back(false));
    for _ in 0..2 {
        assert_eq!(receive(&region, &token, 1, 5, "slip 1").await.0, 200);
        assert_eq!(adjust(&region, &token, &counted(1, -2, "count 1")).await.0, 200);
        assert_eq!(adjust(&region, &token, &counted(1, 3, "count 2")).await.0, 200);
        region.publish(&returned).await;
        region.publish(&spoilt).await;
    }
    let told = async || {
        let told = region.tapped("StockReplenished").into_iter();
        let mut told: Vec<(Value, i64)> =
            told.map(|event| (event["productId"].clone(), event["available"].as_i64().unwrap())).collect();
        told.sort_by_key(|(id, available)| (id.to_string(), *available));
        told
    };
    let expected =
        [(1, 11), (1, 12), (2, 11), (3, 12)].map(|(number, units)| (json!(product(number)), units));
    eventually("four events", async || (told().await.len() >= expected.len()).then_some(())).await;
    eventually("nothing that is pending", async || {
        let rows = region.cloud.dump_table("warehouse.stock").unwrap();
        rows.iter().all(|row| row.get("outbox").is_none()).then_some(())
    })
    .await;
    assert_eq!(told().await, expected);
    audit(&region);
}

#[tokio::test]
async fn reservations_carry_along_what_is_not_told_yet() {
    let region = start().await;
    let token = region.token("picker").await;
    let latency_ms = BTreeMap::from([(Service::EventBridge, 60_000)]);
    region.cloud.faults().set(FaultSettings { latency_ms, ..FaultSettings::default() }).unwrap();
    assert_eq!(receive(&region, &token, 1, 5, "slip 1").await.0, 200);
    for number in 1..=3 {
        reserve(&region, &wanted(number, vec![units(1, 2)])).await;
    }
    step(&region, 1, "release", 1).await.unwrap();
    step(&region, 2, "consume", 1).await.unwrap();
    let rows = region.cloud.dump_table("warehouse.stock").unwrap();
    let row = rows.iter().find(|row| row["productId"] == json!(product(1))).unwrap();
    assert_eq!((&row["onHand"], row["pending"].as_object().unwrap().len()), (&json!(13), 1));
    assert!(region.tapped("StockReplenished").is_empty());
    region.cloud.faults().set(FaultSettings::default()).unwrap();
    // The first call to the bus still hangs; the sweep takes up what has been pending for so long.
    region.platform.world.set_skew(10_000);
    let told = eventually("StockReplenished", async || region.tapped("StockReplenished").pop()).await;
    assert_eq!((&told["available"], &told["warehouseId"]), (&json!(15), &json!("wh-eu")));
    audit(&region);
}

#[tokio::test]
async fn a_receipt_is_booked_once() {
    let region = start().await;
    let token = region.token("picker").await;
    let book = async |number: u128, quantity: u32, reference: &str| {
        receive(&region, &token, number, quantity, reference).await
    };
    for _ in 0..2 {
        let (status, level) = book(1, 5, "slip 1").await;
        assert_eq!((status, &level["onHand"]), (200, &json!(15)));
    }
    assert_eq!(book(1, 6, "slip 1").await.0, 409);
    assert_eq!(book(1, 0, "slip 2").await.0, 422);
    assert_eq!(book(77, 5, "slip 3").await.1["onHand"], json!(5));
    assert_eq!((level(&region, 1).await, level(&region, 77).await), ((15, 0), (5, 0)));
    warehouse::seed(&region.platform, &[product(1)], 10).await.unwrap();
    assert_eq!(level(&region, 1).await, (15, 0), "seeding again changes nothing");
    audit(&region);
    let path = "/backend/warehouses/wh-eu/stock";
    let levels: Vec<StockLevel> = backend(&region, Method::GET, path, &Value::Null).await.unwrap();
    assert_eq!(levels.len(), 4);
}

#[tokio::test]
async fn an_expired_reservation_goes_back_unless_its_order_exists() {
    let orders = Router::new().route(
        "/orders/backend/{id}",
        get(async |Path(id): Path<OrderId>| match id.0.as_u128() {
            1 => Json(order(1, &[units(1, 1)])).into_response(),
            2 => ApiError::new(Code::NotFound, "no").into_response(),
            _ => ApiError::new(Code::Deadline, "no").into_response(),
        }),
    );
    let region = start_in("eu-west-1", &Network::new(), orders).await;
    for number in [1, 2, 3] {
        reserve(&region, &wanted(number, vec![units(number, 2)])).await;
    }
    // One that an owner released and reserved again expires like any other.
    step(&region, 2, "release", 7).await.unwrap();
    reserve(&region, &wanted(2, vec![units(2, 2)])).await;
    region.platform.world.set_skew(16 * MINUTE_MS);
    eventually("the second to be released", async || (level(&region, 2).await == (10, 0)).then_some(()))
        .await;
    let state = |number: u128| {
        let rows = region.cloud.dump_table("warehouse.reservations").unwrap();
        let row = rows.into_iter().find(|row| row["orderId"] == json!(order_id(number))).unwrap();
        row["state"].as_str().unwrap().to_owned()
    };
    assert_eq!((state(1), state(2), state(3)), ("COMMITTED".into(), "RELEASED".into(), "HELD".into()));
    assert_eq!((level(&region, 1).await, level(&region, 3).await), ((10, 2), (10, 2)));
    audit(&region);
    let releases = region.cloud.dump_table("warehouse.ledger").unwrap();
    assert_eq!(releases.iter().filter(|row| row["movement"] == json!(Movement::Release)).count(), 2);
}

#[tokio::test]
async fn an_event_goes_to_where_the_goods_lie() {
    let network = Network::new();
    let europe = start_in("eu-west-1", &network, Router::new()).await;
    let america = start_in("us-east-1", &network, Router::new()).await;
    assert_eq!(reserve(&europe, &wanted(1, vec![units(1, 1)])).await.state, ReserveState::Reserved);
    publish_created(&america, &order(1, &[units(1, 1)])).await;
    let token = europe.token("picker").await;
    eventually("the request in Europe", async || {
        waiting(&europe, &token).await.contains(&order_id(1)).then_some(())
    })
    .await;
    assert!(america.cloud.dump_table("warehouse").unwrap().is_empty());
}
