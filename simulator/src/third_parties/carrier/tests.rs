use super::*;
use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use serde_json::{Value, json};
use tower::ServiceExt;

fn carrier() -> Carrier {
    let config = CarrierConfig { rtt: Duration::from_millis(2), jitter_pct: 10.0 };
    Carrier::new(7, Arc::new(|| 1_000), config)
}

async fn call(carrier: &Carrier, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
    let request =
        Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
    let response =
        carrier.router().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn parcel(key: &str) -> Value {
    json!({
        "key": key, "orderId": "o1", "address": { "country": "DE", "city": "Berlin" },
        "lines": [{ "productId": "p", "quantity": 2 }], "warehouseId": "wh-eu", "adultSignature": true
    })
}

#[tokio::test]
async fn a_key_dispatches_once_and_is_found_again() {
    let carrier = carrier();
    let (status, first) = call(&carrier, "POST", "/dispatches", parcel("o1:dispatch")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(call(&carrier, "POST", "/dispatches", parcel("o1:dispatch")).await.1, first);
    let other = json!({ "warehouseId": "wh-ap" });
    let mut changed = parcel("o1:dispatch");
    changed["warehouseId"] = other["warehouseId"].clone();
    assert_eq!(call(&carrier, "POST", "/dispatches", changed).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (_, found) = call(&carrier, "GET", "/dispatches/by-key/o1:dispatch", Value::Null).await;
    assert_eq!((&found["trackingId"], &found["orderId"]), (&first["trackingId"], &json!("o1")));
    let ledger = carrier.ledger();
    assert_eq!(ledger.iter().map(|entry| entry.replayed).collect::<Vec<_>>(), [false, true]);
    assert_eq!(ledger[0].country.as_deref(), Some("DE"));
}

#[tokio::test]
async fn of_a_void_and_a_dispatch_the_first_wins() {
    let carrier = carrier();
    assert_eq!(call(&carrier, "POST", "/dispatches/by-key/a/void", json!({})).await.0, StatusCode::OK);
    assert_eq!(call(&carrier, "POST", "/dispatches/by-key/a/void", json!({})).await.0, StatusCode::OK);
    assert_eq!(call(&carrier, "POST", "/dispatches", parcel("a")).await.0, StatusCode::CONFLICT);
    assert_eq!(call(&carrier, "GET", "/dispatches/by-key/a", Value::Null).await.0, StatusCode::NOT_FOUND);

    call(&carrier, "POST", "/dispatches", parcel("b")).await;
    let (status, late) = call(&carrier, "POST", "/dispatches/by-key/b/void", json!({})).await;
    assert_eq!((status, &late["dispatch"]["orderId"]), (StatusCode::CONFLICT, &json!("o1")));

    let void = call(&carrier, "POST", "/dispatches/by-key/c/void", json!({}));
    let dispatch = call(&carrier, "POST", "/dispatches", parcel("c"));
    let ((void, _), (dispatch, _)) = tokio::join!(void, dispatch);
    let won = [void, dispatch].iter().filter(|status| **status == StatusCode::OK).count();
    assert_eq!(won, 1, "{void} {dispatch}");
}

#[tokio::test]
async fn a_parcel_is_handed_over_or_brought_back_and_never_both() {
    let carrier = carrier();
    let signed = json!({ "adultSignature": true });
    let because = json!({ "reason": "nobody was at home" });
    for (key, first, then) in [
        ("a", ("returned", &because), ("delivered", &signed)),
        ("b", ("delivered", &signed), ("returned", &because)),
    ] {
        let (_, sent) = call(&carrier, "POST", "/dispatches", parcel(key)).await;
        let path = |verb: &str| format!("/dispatches/{}/{verb}", sent["trackingId"].as_str().unwrap());
        for _ in 0..2 {
            assert_eq!(call(&carrier, "POST", &path(first.0), first.1.clone()).await.0, StatusCode::OK);
        }
        assert_eq!(call(&carrier, "POST", &path(then.0), then.1.clone()).await.0, StatusCode::CONFLICT);
    }
    let (_, found) = call(&carrier, "GET", "/dispatches/by-key/a", Value::Null).await;
    assert_eq!(found["returnedBecause"], "nobody was at home");
}

#[tokio::test]
async fn a_parcel_for_adults_is_handed_over_against_a_signature_only() {
    let carrier = carrier();
    let (_, sent) = call(&carrier, "POST", "/dispatches", parcel("a")).await;
    let path = format!("/dispatches/{}/delivered", sent["trackingId"].as_str().unwrap());
    let (refused, _) = call(&carrier, "POST", &path, json!({ "adultSignature": false })).await;
    assert_eq!(refused, StatusCode::UNPROCESSABLE_ENTITY);
    let (_, delivered) = call(&carrier, "POST", &path, json!({ "adultSignature": true })).await;
    assert_eq!(delivered["signedByAdult"], true);
    call(&carrier, "POST", &path, json!({ "adultSignature": true })).await;
    let handed: Vec<_> =
        carrier.ledger().into_iter().filter(|entry| entry.event == Event::Delivered).collect();
    assert_eq!(handed.iter().map(|entry| entry.replayed).collect::<Vec<_>>(), [false, true]);
    let unknown =
        call(&carrier, "POST", "/dispatches/BX0/delivered", json!({ "adultSignature": true })).await;
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);
    assert_eq!(call(&carrier, "POST", "/dispatches", json!({ "key": "x" })).await.0, StatusCode::BAD_REQUEST);
}
