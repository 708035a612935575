//! At most one parcel leaves, whoever asks.

use contracts::{
    Code, OrderId,
    bodies::delivery::{DeliveryStatus, DeliveryView, PricingResponse, ReleaseRequest},
    events::ProductUnits,
};
use http::Method;
use platform::calls::CallError;
use serde_json::{Value, json};
use simulator::third_parties::carrier::Event;

use crate::outside::{Outside, assert_told, order, told_so_far};
use crate::support::Running;

fn address() -> Value {
    json!({ "name": "Ann", "streetAddress": "1 Street", "city": "Town", "country": "US", "phoneNumber": "1" })
}

async fn release(
    place: &Running,
    order_id: OrderId,
    epoch: u64,
    warehouse: &str,
    dispatchable: bool,
) -> Result<DeliveryView, CallError> {
    let product_id = products::catalogue().unwrap()[0].product_id;
    let request = ReleaseRequest {
        epoch,
        home_region: place.platform.config.region.clone(),
        address: serde_json::from_value(address()).unwrap(),
        lines: vec![ProductUnits { product_id, quantity: 2 }],
        warehouse_id: warehouse.into(),
        dispatchable,
        requires_adult_signature: true,
    };
    place.call("orders", Method::POST, "delivery", &format!("/backend/{order_id}/release"), &request).await
}

/// A courier's report.
async fn report(place: &Running, courier: &str, order_id: OrderId, what: &str, body: Value) -> (u16, Value) {
    let path = format!("/delivery/{order_id}/{what}");
    place.ask(courier, Method::POST, &path, &body).await
}

async fn waiting(place: &Running, courier: &str) -> Vec<Value> {
    let (status, page) = place.ask(courier, Method::GET, "/delivery/new", &Value::Null).await;
    assert_eq!(status, 200, "{page}");
    page["deliveries"].as_array().unwrap().clone()
}

fn parcels(outside: &Outside) -> usize {
    let ledger = outside.carrier.ledger();
    ledger.iter().filter(|entry| entry.event == Event::Dispatched && !entry.replayed).count()
}

#[tokio::test]
async fn a_delivery_has_a_price() {
    let place = Outside::new().region("us-east-1").await;
    let product = &products::catalogue().unwrap()[0];
    let line = json!({
        "productId": product.product_id, "name": product.name, "package": product.package,
        "price": product.price, "quantity": 99,
    });
    let request = json!({ "products": [line], "address": address() });
    let price: PricingResponse =
        place.call("orders", Method::POST, "delivery", "/backend/pricing", &request).await.unwrap();
    assert!(price.pricing > 1500 && price.pricing % 1500 == 0, "{price:?}");
    let nothing = json!({ "products": [], "address": address() });
    let refused =
        place.call::<PricingResponse>("orders", Method::POST, "delivery", "/backend/pricing", &nothing).await;
    assert_eq!(refused.unwrap_err().code(), Some(Code::ValidationFailed));
}

#[tokio::test]
async fn a_released_order_goes_to_the_customer_and_every_report_may_be_repeated() {
    let outside = Outside::new();
    let place = outside.region("us-east-1").await;
    let courier = place.token("courier").await;
    for _ in 0..2 {
        let view = release(&place, order(1), 1, "wh-am", true).await.unwrap();
        assert_eq!((view.status, view.version), (DeliveryStatus::New, 1));
    }
    assert_eq!(waiting(&place, &courier).await.len(), 1);
    for _ in 0..2 {
        let started = report(&place, &courier, order(1), "start", json!({})).await;
        assert_eq!((started.0, &started.1["status"]), (200, &json!("IN_PROGRESS")));
    }
    assert!(waiting(&place, &courier).await.is_empty());
    let unsigned = report(&place, &courier, order(1), "complete", json!({ "adultSignature": false })).await;
    assert_eq!((unsigned.0, &unsigned.1["code"]), (422, &json!("VALIDATION_FAILED")));
    for _ in 0..2 {
        let completed =
            report(&place, &courier, order(1), "complete", json!({ "adultSignature": true })).await;
        assert_eq!((completed.0, &completed.1["status"]), (200, &json!("COMPLETED")));
    }
    let failed = report(&place, &courier, order(1), "fail", json!({ "reason": "late" })).await;
    assert_eq!((failed.0, &failed.1["code"]), (409, &json!("CONFLICT")));
    assert_told(&place, order(1), &["DeliveryCompleted", "DeliveryStarted"]).await;
    assert_eq!(parcels(&outside), 1);
}

#[tokio::test]
async fn only_couriers_report() {
    let place = Outside::new().region("us-east-1").await;
    let customer = place.token("ann").await;
    let refused = report(&place, &customer, order(1), "start", json!({})).await;
    assert_eq!((refused.0, &refused.1["code"]), (403, &json!("FORBIDDEN")));
    let nobody = place.ask("", Method::GET, "/delivery/new", &Value::Null).await;
    assert_eq!(nobody.0, 401);
    let courier = place.token("courier").await;
    assert_eq!(report(&place, &courier, order(1), "start", json!({})).await.0, 404);
}

#[tokio::test]
async fn goods_lost_before_they_left_are_sent_from_elsewhere_once() {
    let outside = Outside::new();
    let place = outside.region("us-east-1").await;
    let courier = place.token("courier").await;
    release(&place, order(1), 1, "wh-am", true).await.unwrap();
    for _ in 0..2 {
        let voided = release(&place, order(1), 1, "wh-am", false).await.unwrap();
        assert_eq!(voided.status, DeliveryStatus::Voided);
    }
    let refused = report(&place, &courier, order(1), "start", json!({})).await;
    assert_eq!(refused.0, 409);
    let again = release(&place, order(1), 1, "wh-eu", true).await.unwrap();
    assert_eq!((again.status, again.warehouse_id.as_str()), (DeliveryStatus::New, "wh-eu"));
    assert_eq!(report(&place, &courier, order(1), "start", json!({})).await.0, 200);
    assert_eq!(parcels(&outside), 1);
}

#[tokio::test]
async fn a_successor_without_any_rows_learns_from_the_carrier_what_left() {
    let outside = Outside::new();
    let lost = outside.region("us-east-1").await;
    let courier = lost.token("courier").await;
    release(&lost, order(1), 1, "wh-am", true).await.unwrap();
    report(&lost, &courier, order(1), "start", json!({})).await;
    let successor = outside.region("eu-west-1").await;
    // The warehouse is gone, and the parcel left before.
    let view = release(&successor, order(1), 2, "wh-am", false).await.unwrap();
    assert_eq!(view.status, DeliveryStatus::InProgress);
    assert!(view.tracking_id.is_some());
    let completed =
        report(&successor, &courier, order(1), "complete", json!({ "adultSignature": true })).await;
    assert_eq!(completed.0, 200, "{}", completed.1);
    assert_told(&successor, order(1), &["DeliveryCompleted", "DeliveryStarted"]).await;
    assert_eq!(parcels(&outside), 1);
}

#[tokio::test]
async fn a_successor_learns_from_the_carrier_that_a_parcel_was_brought_back() {
    let outside = Outside::new();
    let frozen = outside.region("us-east-1").await;
    let courier = frozen.token("courier").await;
    release(&frozen, order(1), 1, "wh-am", true).await.unwrap();
    report(&frozen, &courier, order(1), "start", json!({})).await;
    let successor = outside.region("eu-west-1").await;
    let on_its_way = release(&successor, order(1), 2, "wh-am", true).await.unwrap();
    assert_eq!(on_its_way.status, DeliveryStatus::InProgress);
    // The courier tells the former owner, which did not notice that it was succeeded.
    let told = report(&frozen, &courier, order(1), "fail", json!({ "reason": "nobody was at home" })).await;
    assert_eq!(told.0, 200, "{}", told.1);
    let followed = release(&successor, order(1), 2, "wh-am", true).await.unwrap();
    assert_eq!(followed.status, DeliveryStatus::Failed);
    assert_told(&successor, order(1), &["DeliveryFailed", "DeliveryStarted"]).await;
}

#[tokio::test]
async fn of_two_reports_to_two_regions_the_first_one_counts() {
    let outside = Outside::new();
    let [first, second] = [outside.region("us-east-1").await, outside.region("eu-west-1").await];
    let courier = first.token("courier").await;
    release(&first, order(1), 1, "wh-am", true).await.unwrap();
    report(&first, &courier, order(1), "start", json!({})).await;
    release(&second, order(1), 2, "wh-am", true).await.unwrap();
    let failed = report(&first, &courier, order(1), "fail", json!({ "reason": "nobody was at home" })).await;
    assert_eq!(failed.0, 200, "{}", failed.1);
    let late = report(&second, &courier, order(1), "complete", json!({ "adultSignature": true })).await;
    assert_eq!((late.0, &late.1["code"]), (409, &json!("CONFLICT")), "{}", late.1);
    assert_eq!(release(&second, order(1), 2, "wh-am", true).await.unwrap().status, DeliveryStatus::Failed);
}

#[tokio::test]
async fn a_cut_off_courier_cannot_send_what_a_successor_voided() {
    let outside = Outside::new();
    let cut_off = outside.region("us-east-1").await;
    let courier = cut_off.token("courier").await;
    release(&cut_off, order(1), 1, "wh-am", true).await.unwrap();
    let successor = outside.region("eu-west-1").await;
    release(&successor, order(1), 2, "wh-am", false).await.unwrap();
    let refused = report(&cut_off, &courier, order(1), "start", json!({})).await;
    assert_eq!((refused.0, &refused.1["code"]), (409, &json!("CONFLICT")));
    assert_eq!(parcels(&outside), 0);
    assert!(told_so_far(&cut_off, order(1)).is_empty());
}

#[tokio::test]
async fn a_number_that_somebody_voided_before_is_passed_over() {
    let outside = Outside::new();
    let lost = outside.region("us-east-1").await;
    let courier = lost.token("courier").await;
    // The lost owner voided the first number and sent the goods with the second one.
    release(&lost, order(1), 1, "wh-am", false).await.unwrap();
    release(&lost, order(1), 1, "wh-eu", true).await.unwrap();
    report(&lost, &courier, order(1), "start", json!({})).await;
    let successor = outside.region("eu-west-1").await;
    let view = release(&successor, order(1), 2, "wh-am", false).await.unwrap();
    assert_eq!(view.status, DeliveryStatus::InProgress);
    assert_eq!(parcels(&outside), 1);
}

#[tokio::test]
async fn a_courier_reports_where_the_start_is_not_known() {
    let outside = Outside::new();
    let lost = outside.region("us-east-1").await;
    let courier = lost.token("courier").await;
    let survivor = outside.region("eu-west-1").await;
    // Both regions hold the release; the start was never copied.
    release(&lost, order(1), 1, "wh-am", true).await.unwrap();
    release(&survivor, order(1), 1, "wh-am", true).await.unwrap();
    report(&lost, &courier, order(1), "start", json!({})).await;
    let early = report(&survivor, &courier, order(2), "complete", json!({ "adultSignature": true })).await;
    assert_eq!(early.0, 404);
    let completed =
        report(&survivor, &courier, order(1), "complete", json!({ "adultSignature": true })).await;
    assert_eq!((completed.0, &completed.1["status"]), (200, &json!("COMPLETED")));
    assert_told(&survivor, order(1), &["DeliveryCompleted", "DeliveryStarted"]).await;
}

#[tokio::test]
async fn an_owner_that_was_succeeded_is_refused() {
    let outside = Outside::new();
    let place = outside.region("us-east-1").await;
    release(&place, order(1), 5, "wh-am", true).await.unwrap();
    let stale = release(&place, order(1), 4, "wh-am", true).await.unwrap_err();
    assert_eq!(stale.code(), Some(Code::StaleEpoch));
    let next = release(&place, order(1), 6, "wh-am", true).await.unwrap();
    assert_eq!((next.status, next.version), (DeliveryStatus::New, 2));
    let courier = place.token("courier").await;
    // The abandoned branch is still marked as waiting; only the highest one is shown.
    assert_eq!(waiting(&place, &courier).await.len(), 1);
}
