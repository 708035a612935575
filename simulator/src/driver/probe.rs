//! Orders as they are sent: honest ones as they are, bad ones spoilt.

use super::{
    book::Bought,
    schedule::{Deal, Planned},
    stage::Stage,
};
use contracts::{bodies::orders::CreateOrderRequest, ids::ProductId};
use loadtests::history::{Ordered, OrderedLine, Probe};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a stale delivery price differs by, minor units.
const STALE_BY: i64 = 250;
/// Far more units than an order may have.
const HUGE: i64 = 100_000;

/// An order that is ready to be sent.
pub(super) struct Order {
    pub(super) customer: usize,
    pub(super) key: String,
    pub(super) deal: Deal,
    /// What an honest customer would send.
    pub(super) request: Arc<CreateOrderRequest>,
    /// What is sent.
    pub(super) body: Value,
}

/// How much more than the honest total is authorised, so that a probe fails for its own reason only.
pub(super) fn authorised_beyond(deal: Deal) -> i64 {
    if deal == Deal::Bad(Probe::StaleDeliveryPrice) { STALE_BY } else { 0 }
}

/// A new order, spoilt where it is to be a bad one.
pub(super) fn new_order(customer: usize, key: String, deal: Deal, request: Arc<CreateOrderRequest>) -> Order {
    let mut body = json!(*request);
    if let Deal::Bad(probe) = deal {
        spoil(&mut body, probe);
    }
    Order { customer, key, deal, request, body }
}

/// An order that misuses an acknowledged one, or repeats it.
pub(super) fn from_earlier(stage: &Stage, planned: &Planned, deal: Deal, earlier: &Bought) -> Order {
    let mut body = json!(*earlier.request);
    let new_key = stage.key(planned.draw);
    let (customer, key) = match deal {
        Deal::Bad(Probe::ReusedToken) => (earlier.customer, new_key),
        Deal::Bad(Probe::ForeignToken) => (another(stage, planned.customer, earlier.customer), new_key),
        Deal::Bad(Probe::ReusedKey) => {
            let quantity = body["products"][0]["quantity"].as_i64().unwrap_or(1);
            body["products"][0]["quantity"] = Value::from(quantity + 1);
            (earlier.customer, earlier.key.clone())
        }
        _ => (earlier.customer, earlier.key.clone()),
    };
    Order { customer, key, deal, request: Arc::clone(&earlier.request), body }
}

/// Someone else than the buyer.
fn another(stage: &Stage, wanted: usize, buyer: usize) -> usize {
    if wanted == buyer { (buyer + 1) % stage.config.customers.len() } else { wanted }
}

fn spoil(body: &mut Value, probe: Probe) {
    let line = &mut body["products"][0];
    match probe {
        Probe::TamperedPrice => line["price"] = Value::from(1),
        Probe::ZeroQuantity => line["quantity"] = Value::from(0),
        Probe::NegativeQuantity => line["quantity"] = Value::from(-1),
        Probe::HugeQuantity => line["quantity"] = Value::from(HUGE),
        Probe::DuplicateLine => {
            let line = line.clone();
            if let Some(lines) = body["products"].as_array_mut() {
                lines.push(line);
            }
        }
        Probe::StaleDeliveryPrice => {
            let price = body["deliveryPrice"].as_i64().unwrap_or(0);
            let stale = if price >= STALE_BY { price - STALE_BY } else { price + STALE_BY };
            body["deliveryPrice"] = Value::from(stale);
        }
        // Their token or their key is what is wrong with them.
        Probe::UnknownToken | Probe::ReusedToken | Probe::ForeignToken | Probe::ReusedKey => {}
    }
}

/// What the history keeps of a body: nothing that pays, and of the address only the country.
pub(super) fn ordered(body: &Value) -> Ordered {
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let line = |line: &Value| {
        let id = serde_json::from_value::<ProductId>(line["productId"].clone()).ok()?;
        Some(OrderedLine {
            product_id: id,
            quantity: number(&line["quantity"]),
            price: number(&line["price"]),
        })
    };
    let lines: Vec<OrderedLine> =
        body["products"].as_array().into_iter().flatten().filter_map(line).collect();
    let delivery_price = number(&body["deliveryPrice"]);
    let sum = |sum: i64, line: &OrderedLine| sum.saturating_add(line.price.saturating_mul(line.quantity));
    Ordered {
        total: lines.iter().fold(delivery_price, sum),
        lines,
        country: body["address"]["country"].as_str().unwrap_or_default().to_owned(),
        delivery_price,
        currency: body["currency"].as_str().unwrap_or("USD").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::{Address, OrderLine, Package};
    use uuid::Uuid;

    fn honest() -> CreateOrderRequest {
        CreateOrderRequest {
            products: vec![OrderLine {
                product_id: ProductId(Uuid::nil()),
                name: "Corona".to_owned(),
                package: Package::default(),
                price: 900,
                quantity: 2,
            }],
            address: Address {
                name: "Ann".to_owned(),
                company_name: None,
                street_address: "Main Street 1".to_owned(),
                post_code: None,
                city: "Bern".to_owned(),
                state: None,
                country: "CH".to_owned(),
                phone_number: "1".to_owned(),
            },
            delivery_price: 2_500,
            payment_token: "secret".to_owned(),
            currency: None,
            idempotency_key: None,
            allow_backorder: false,
            accept_partial: true,
            cart_id: None,
        }
    }

    #[test]
    fn every_probe_spoils_what_it_names() {
        let total = |probe| {
            let order = new_order(0, "k".to_owned(), Deal::Bad(probe), Arc::new(honest()));
            ordered(&order.body).total
        };
        let wanted = [
            (Probe::TamperedPrice, 2 + 2_500),
            (Probe::ZeroQuantity, 2_500),
            (Probe::NegativeQuantity, 1_600),
            (Probe::HugeQuantity, 90_000_000 + 2_500),
            (Probe::DuplicateLine, 3_600 + 2_500),
            (Probe::StaleDeliveryPrice, 1_800 + 2_250),
            (Probe::UnknownToken, 1_800 + 2_500),
        ];
        for (probe, wanted) in wanted {
            assert_eq!(total(probe), wanted, "{probe:?}");
        }
    }

    #[test]
    fn the_history_keeps_no_token() {
        let kept = serde_json::to_string(&ordered(&json!(honest()))).expect("json");
        assert!(!kept.contains("secret") && !kept.contains("Main Street"), "{kept}");
    }
}
