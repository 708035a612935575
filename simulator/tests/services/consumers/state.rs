//! What came of an order: what every service, the provider and the carrier have of it. Ids, moments and versions are left
//! out: they tell one order from another.

use contracts::Order;
use serde_json::{Value, json};

use crate::paused::{Bought, Paused};

pub(crate) fn of(shop: &Paused, bought: &Bought, order: &Order) -> Value {
    json!({
        "order": order_of(order),
        "payments": rows(shop, bought, "payment", &["state", "captured", "refunded", "attempt", "attention"]),
        "payment ledger": rows(shop, bought, "payment.ledger", &["operation", "outcome", "amount"]),
        "packages": goods(shop, bought, order, "warehouse", &["status", "withdrawn", "allocation", "packagedQuantity"]),
        "reservations": goods(shop, bought, order, "warehouse.reservations", &["state", "quantity"]),
        "movements": movements(shop, bought, order),
        "delivery": rows(shop, bought, "delivery", &["status", "cameBack", "dispatch"]),
        "baskets": rows(shop, bought, "products.baskets", &["products"]),
        "notices": mentioning(shop, "products.notices", bought.customer.sub.as_str()).len(),
        "provider": provider(shop, bought),
        "carrier": carrier(shop, bought),
    })
}

/// Not by which statuses it came there: a parcel that comes back before anybody heard that it left was never SHIPPED.
fn order_of(order: &Order) -> Value {
    json!({
        "status": order.status,
        "payment": [json!(order.payment_state), json!(order.payment_attempt)],
        "stock": order.stock_state,
        "money": [order.total, order.captured, order.refunded],
        "returned": order.returned,
        "warehouse": order.warehouse_id,
        "allocation": order.allocation,
        "attention": order.attention,
    })
}

/// The rows at home that name somebody or something.
fn mentioning(shop: &Paused, table: &str, what: &str) -> Vec<Value> {
    let mut rows = shop.home().cloud.dump_table(table).unwrap();
    rows.retain(|row| row.to_string().contains(what));
    rows
}

fn picked(rows: &[Value], fields: &[&str]) -> Vec<Value> {
    let pick = |row: &Value| fields.iter().map(|field| row[*field].clone()).collect();
    let mut picked: Vec<Value> = rows.iter().map(pick).collect();
    picked.sort_by_key(Value::to_string);
    picked
}

fn rows(shop: &Paused, bought: &Bought, table: &str, fields: &[&str]) -> Vec<Value> {
    picked(&mentioning(shop, table, &bought.order_id.to_string()), fields)
}

/// Those of the allocation that the order came to: what another warehouse lost is lost.
fn goods(shop: &Paused, bought: &Bought, order: &Order, table: &str, fields: &[&str]) -> Vec<Value> {
    let mut rows = mentioning(shop, table, &bought.order_id.to_string());
    rows.retain(|row| row["allocation"] == json!(order.allocation));
    picked(&rows, fields)
}

/// What moved in the books of the order's warehouse.
fn movements(shop: &Paused, bought: &Bought, order: &Order) -> Vec<Value> {
    let mut rows = mentioning(shop, "warehouse.ledger", &bought.order_id.to_string());
    rows.retain(|row| row["warehouseId"] == json!(order.warehouse_id));
    picked(&rows, &["productId", "movement", "quantity"])
}

fn provider(shop: &Paused, bought: &Bought) -> Vec<String> {
    let id = bought.order_id.to_string();
    let ours = shop.provider.ledger().into_iter();
    let ours =
        ours.filter(|entry| !entry.replayed && entry.key.as_ref().is_some_and(|key| key.contains(&id)));
    ours.map(|entry| format!("{:?} {} {}", entry.operation, entry.ok, entry.amount)).collect()
}

fn carrier(shop: &Paused, bought: &Bought) -> Vec<String> {
    let id = bought.order_id.to_string();
    let ours = shop.carrier.ledger().into_iter().filter(|entry| !entry.replayed && entry.key.contains(&id));
    ours.map(|entry| format!("{:?} {}", entry.event, entry.adult_signature)).collect()
}
