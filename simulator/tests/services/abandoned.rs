//! What an owner did for an order before it heard that it had been succeeded: once the order is over, what it kept goes
//! back to the shelf.

use std::time::Duration;

use contracts::bodies::warehouse::{ReserveRequest, ReserveResponse, ReserveState};
use contracts::{OrderId, OrderStatus, Region, StockState};
use orders::store::{ORDERS, OrderRecord};
use platform::calls::Credential;
use platform::outbox::Pending;
use platform::tables::Condition;
use platform::{Deadline, branches};
use serde_json::{Value, json};

use crate::paused::{Bought, Paused, Setup};
use crate::saga::units;

const ELSEWHERE: &str = "eu-west-1";
/// The order's owner looks at open orders within this time.
const LOOKS: Duration = Duration::from_secs(60);

fn reservation(shop: &Paused, order_id: OrderId) -> Value {
    let rows = shop.places[&Region::from(ELSEWHERE)].cloud.dump_table("warehouse.reservations").unwrap();
    let kept = |row: &Value| row["orderId"] == json!(order_id) && row["warehouseId"] == "wh-eu";
    rows.into_iter().find(kept).map_or(Value::Null, |row| row["state"].clone())
}

/// The branch of an owner before the present one, which has the order served from its own warehouse.
async fn go_on_as_if_nobody_had_succeeded(shop: &Paused, bought: &Bought) {
    let region = Region::from(ELSEWHERE);
    let elsewhere = &shop.places[&region].platform;
    let mut order = shop.order(bought).await;
    let wanted = ReserveRequest {
        order_id: bought.order_id,
        allocation: 2,
        lines: units(&bought.request),
        warehouse_id: "wh-eu".into(),
        allow_backorder: false,
        expires_at: elsewhere.world.now().plus_ms(15 * 60_000),
    };
    let (call, deadline) = (elsewhere.calls.here("warehouse"), Deadline::within(Duration::from_secs(10)));
    let kept: ReserveResponse =
        call.post(Credential::Service("orders"), "/backend/reservations", &wanted, deadline).await.unwrap();
    assert_eq!(kept.state, ReserveState::Reserved);
    (order.status, order.stock_state) = (OrderStatus::New, StockState::Held);
    (order.epoch, order.version, order.allocation) = (0, 3, 2);
    order.warehouse_id = "wh-eu".into();
    let record = OrderRecord {
        branch: branches::name(0, &region),
        payment_ref: "sealed".into(),
        open_shard: Some(order.shard.to_string()),
        pending: Pending::default(),
        order,
    };
    elsewhere.table(&ORDERS).put(&record, Condition::new_item("orderId")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_former_owner_kept_elsewhere_goes_back_once_the_order_is_over() {
    let shop = Paused::open(Setup::default()).await;
    let bought = shop.deliver(&[(0, 2)], "key").await;
    go_on_as_if_nobody_had_succeeded(&shop, &bought).await;
    assert_eq!(reservation(&shop, bought.order_id), json!("HELD"));
    shop.until("the goods to go back", LOOKS, async || reservation(&shop, bought.order_id) == "RELEASED")
        .await;
    assert_eq!(shop.order(&bought).await.status, OrderStatus::Fulfilled);
}
