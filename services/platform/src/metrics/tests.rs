use super::*;
use contracts::{Order, events::PaymentOutcome};
use std::collections::BTreeSet;

const AT: Timestamp = Timestamp(1_790_000_000_000);

fn config() -> Config {
    serde_json::from_value(json!({
        "env": "tests", "region": "eu-west-1", "regions": [], "continents": [], "shards": 1, "warehouses": [], "pools": [],
        "provider_url": "http://provider.test", "carrier_url": "http://carrier.test",
        "age_check_url": "http://age-check.test", "heartbeat_ms": 50, "suspect_after_ms": 250,
        "secrets": { "service_key": "", "payment_key": "", "provider_key": "", "age_check_key": "" },
    }))
    .unwrap()
}

fn order(status: OrderStatus) -> Box<Order> {
    serde_json::from_value(json!({
        "orderId": "01890a5d-ac96-774b-bcce-b302099a8057", "userId": "ann", "createdDate": AT, "modifiedDate": AT,
        "status": status, "products": [], "deliveryPrice": 0, "total": 4_500, "currency": "USD", "version": 1,
        "epoch": 1, "homeRegion": "eu-west-1", "home": "eu", "shard": "eu-00", "idempotencyKey": "key",
        "requestHash": "", "paymentState": "AUTHORISED", "captured": 0, "refunded": 0, "stockState": "HELD",
        "warehouseId": "wh-eu", "allocation": 1, "acceptPartial": false, "allowBackorder": false,
        "attention": false, "history": [],
        "address": { "name": "Ann", "streetAddress": "1", "city": "Bern", "country": "CH", "phoneNumber": "1" },
    }))
    .unwrap()
}

fn came_from_paid_to(status: OrderStatus) -> Happening {
    Happening::OrderModified { old: order(OrderStatus::Paid), new: order(status), changed: Vec::new() }
}

fn event(happening: Happening) -> Event {
    let metadata = json!({
        "eventId": "01890a5d-ac96-774b-bcce-b302099a8057", "schema": happening.schema(), "aggregate": "order",
        "aggregateId": "1", "aggregateVersion": 1, "epoch": 1, "homeRegion": "eu-west-1", "producedAt": AT,
        "correlationId": "1", "causationId": "1",
    });
    Event { metadata: serde_json::from_value(metadata).unwrap(), happening }
}

fn payment(amount: i64) -> PaymentOutcome {
    let order_id = order(OrderStatus::New).order_id;
    PaymentOutcome { order_id, amount, currency: "USD".into(), attempt: 1, reason: None }
}

#[test]
fn a_line_is_what_cloudwatch_reads() {
    let told = event(Happening::OrderCreated(order(OrderStatus::New)));
    let expected = json!({
        "_aws": {
            "Timestamp": AT.0,
            "CloudWatchMetrics": [{
                "Namespace": "ecommerce.orders",
                "Dimensions": [["environment", "service"]],
                "Metrics": [
                    { "Name": "orderCreated", "Unit": "Count" },
                    { "Name": "orderCreatedTotal", "Unit": "None" },
                ],
            }],
        },
        "environment": "tests",
        "service": "orders",
        "orderCreated": 1,
        "orderCreatedTotal": 4_500,
    });
    assert_eq!(line(&config(), &told, AT), Some(expected));
}

#[test]
fn what_counts_for_nothing_is_not_told() {
    let stays = came_from_paid_to(OrderStatus::Paid);
    let replaced = Happening::PaymentUnknown(payment(1));
    for happening in [stays, came_from_paid_to(OrderStatus::Shipped), replaced] {
        assert_eq!(line(&config(), &event(happening), AT), None);
    }
}

#[test]
fn every_metric_on_record_comes_of_an_event_of_its_service() {
    let order_id = order(OrderStatus::New).order_id;
    let (warehouse_id, allocation, reason) = ("wh-eu".into(), 1, String::new());
    let address = order(OrderStatus::New).address;
    let happenings = [
        Happening::OrderCreated(order(OrderStatus::New)),
        came_from_paid_to(OrderStatus::Packaged),
        came_from_paid_to(OrderStatus::DeliveryFailed),
        came_from_paid_to(OrderStatus::Fulfilled),
        serde_json::from_value(json!({
            "detail-type": "PackageCreated",
            "detail": { "orderId": order_id, "warehouseId": "wh-eu", "allocation": 1, "products": [] },
        }))
        .unwrap(),
        Happening::PackagingFailed { order_id, warehouse_id, allocation, reason: reason.clone() },
        Happening::DeliveryStarted { order_id, tracking_id: "T".into() },
        Happening::DeliveryCompleted { order_id, address: address.clone(), adult_signature: None },
        Happening::DeliveryFailed { order_id, address, reason, returned: Vec::new() },
        Happening::PaymentAuthorised(payment(1)),
        Happening::PaymentCaptured(payment(2)),
        Happening::PaymentVoided(payment(3)),
    ];
    let made: BTreeSet<(&str, &str)> = happenings
        .iter()
        .flat_map(|happening| of(happening).into_iter().map(|(name, _)| (happening.source(), name)))
        .collect();
    let on_record: BTreeSet<(String, &str)> = NAMES
        .iter()
        .flat_map(|(service, names)| names.iter().map(move |name| (format!("ecommerce.{service}"), *name)))
        .collect();
    let on_record: BTreeSet<(&str, &str)> =
        on_record.iter().map(|(space, name)| (space.as_str(), *name)).collect();
    assert_eq!(made, on_record);
}
