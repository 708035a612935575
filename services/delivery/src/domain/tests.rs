use super::*;
use DeliveryStatus::{Completed, Failed, InProgress, New, Voided};

fn request(dispatchable: bool, warehouse: &str) -> ReleaseRequest {
    let address = serde_json::json!({
        "name": "Ann", "streetAddress": "1 Street", "city": "Town", "country": "US", "phoneNumber": "1",
    });
    ReleaseRequest {
        epoch: 2,
        home_region: "eu-west-1".into(),
        address: serde_json::from_value(address).expect("an address"),
        lines: Vec::new(),
        warehouse_id: warehouse.into(),
        dispatchable,
        requires_adult_signature: true,
    }
}

fn delivery(status: DeliveryStatus, dispatch: u32) -> Delivery {
    let new = Delivery::new(&request(true, "wh-eu"), dispatch);
    let tracking_id = new.clone().started("T1".into()).tracking_id;
    let left = matches!(status, InProgress | Completed | Failed);
    Delivery { status, tracking_id: tracking_id.filter(|_| left), ..new }
}

fn order() -> OrderId {
    OrderId(uuid::Uuid::from_u128(7))
}

#[test]
fn what_left_is_never_released_again() {
    for status in [InProgress, Completed, Failed] {
        for dispatchable in [true, false] {
            let (held, request) = (delivery(status, 1), request(dispatchable, "wh-ap"));
            assert_eq!(release(Held::Own(&held), &request), Release::Stands);
            // A new owner keeps it in a branch of its own, and tells it again.
            assert_eq!(release(Held::Earlier(&held), &request), Release::Store(held.clone()));
        }
    }
}

#[test]
fn a_first_or_new_owner_asks_the_carrier_before_anybody_can_dispatch() {
    let request = request(true, "wh-eu");
    assert_eq!(release(Held::Nothing, &request), Release::Ask(delivery(New, 1)));
    assert_eq!(release(Held::Earlier(&delivery(New, 1)), &request), Release::Ask(delivery(New, 1)));
    assert_eq!(release(Held::Earlier(&delivery(Voided, 1)), &request), Release::Ask(delivery(New, 2)));
}

#[test]
fn lost_goods_void_the_key_and_the_next_release_uses_the_next_one() {
    let lost = request(false, "wh-eu");
    assert_eq!(release(Held::Nothing, &lost), Release::Void(delivery(New, 1)));
    assert_eq!(release(Held::Own(&delivery(New, 1)), &lost), Release::Void(delivery(New, 1)));
    assert_eq!(release(Held::Own(&delivery(Voided, 1)), &lost), Release::Stands);
    assert_eq!(
        release(Held::Own(&delivery(Voided, 1)), &request(true, "wh-eu")),
        Release::Ask(delivery(New, 2))
    );
}

#[test]
fn a_repeated_release_changes_nothing_and_another_warehouse_is_stored() {
    let held = delivery(New, 3);
    assert_eq!(release(Held::Own(&held), &request(true, "wh-eu")), Release::Stands);
    let moved = Delivery { warehouse_id: "wh-ap".into(), ..held.clone() };
    assert_eq!(release(Held::Own(&held), &request(true, "wh-ap")), Release::Store(moved));
}

#[test]
fn keys_differ_by_number_only() {
    assert_eq!(dispatch_key(order(), 1), format!("{}:dispatch", order()));
    assert_eq!(dispatch_key(order(), 2), format!("{}:dispatch:2", order()));
}

#[test]
fn every_report_in_every_status() {
    let start = Report::Start;
    let complete = Report::Complete(DeliveryReport { adult_signature: Some(true), reason: None });
    let fail = Report::Fail(DeliveryReport { adult_signature: None, reason: Some("nobody home".into()) });
    let outcome = |said: &Report, status| match report(&delivery(status, 1), said) {
        Ok(Step::Stands) => "stands",
        Ok(Step::HandOver) => "hand over",
        Ok(Step::Ask) => "ask",
        Ok(Step::Store(next)) if next.status == Completed => "completed",
        Ok(Step::Store(_)) => "failed",
        Err(_) => "refused",
    };
    let statuses = [New, InProgress, Completed, Failed, Voided];
    let row = |said: &Report| statuses.map(|status| outcome(said, status));
    assert_eq!(row(&start), ["hand over", "stands", "stands", "refused", "refused"]);
    assert_eq!(row(&complete), ["ask", "completed", "stands", "refused", "refused"]);
    assert_eq!(row(&fail), ["ask", "failed", "refused", "stands", "refused"]);
}

#[test]
fn an_adult_must_sign_where_that_is_required() {
    let held = delivery(InProgress, 1);
    for adult_signature in [None, Some(false)] {
        let said = Report::Complete(DeliveryReport { adult_signature, reason: None });
        assert!(matches!(report(&held, &said), Err(Refused::Invalid(_))));
    }
    let free = Delivery { requires_adult_signature: false, ..held };
    let said = Report::Complete(DeliveryReport::default());
    assert!(matches!(report(&free, &said), Ok(Step::Store(_))));
}
