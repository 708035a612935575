use super::*;
use contracts::{error::Code, ids::OrderId};
use serde_json::{Value, json};
use uuid::Uuid;

fn judged(status: u16, body: &Value) -> OrderAnswer {
    order_answer(Ok(Reply { status, body: body.to_string().as_bytes() }))
}

fn word(answer: &OrderAnswer) -> &'static str {
    match answer {
        OrderAnswer::Acknowledged(_) => "acknowledged",
        OrderAnswer::Refused { .. } => "refused",
        OrderAnswer::Ambiguous { .. } => "ambiguous",
    }
}

fn created(answer: Value) -> Value {
    json!({ "data": { "createOrder": answer } })
}

#[test]
fn each_answer_to_an_order_has_one_meaning() {
    let order = json!({ "orderId": Uuid::from_u128(7), "status": "NEW", "total": 900, "version": 1 });
    let error = |code: &str, retryable: bool| json!({ "message": "m", "code": code, "retryable": retryable });
    let extension = |code: &str, retryable: bool| {
        let extensions = json!({ "code": code, "retryable": retryable });
        json!({ "data": null, "errors": [{ "message": "m", "extensions": extensions }] })
    };
    let table = [
        (200, created(json!({ "success": true, "message": "", "order": order })), "acknowledged"),
        (200, created(json!({ "success": true, "message": "", "order": null })), "acknowledged"),
        (200, created(json!({ "success": true, "message": "", "order": { "odd": 1 } })), "acknowledged"),
        (200, created(json!({ "success": false, "message": "", "code": "OUT_OF_STOCK" })), "refused"),
        (200, created(json!({ "success": false, "code": "PAYMENT_REFUSED", "retryable": false })), "refused"),
        (200, created(json!({ "success": false, "code": "DEADLINE", "retryable": true })), "ambiguous"),
        (200, created(json!({ "success": false, "code": "DURABILITY_UNAVAILABLE" })), "ambiguous"),
        (200, created(json!({ "success": false, "message": "no reason" })), "ambiguous"),
        (200, created(Value::Null), "ambiguous"),
        (200, json!({ "data": {} }), "ambiguous"),
        (200, json!("not an answer"), "ambiguous"),
        (200, extension("VALIDATION_FAILED", false), "refused"),
        (200, extension("INTERNAL", true), "ambiguous"),
        (200, extension("INTERNAL", false), "ambiguous"),
        (200, json!({ "errors": [{ "message": "m" }] }), "ambiguous"),
        (401, error("UNAUTHENTICATED", false), "refused"),
        (422, error("VALIDATION_FAILED", false), "refused"),
        (409, error("IN_PROGRESS", true), "ambiguous"),
        (429, error("RATE_LIMITED", true), "ambiguous"),
        (503, error("DEADLINE", true), "ambiguous"),
        (503, error("OUT_OF_STOCK", false), "ambiguous"),
        (502, json!("bad gateway"), "ambiguous"),
    ];
    for (status, body, wanted) in table {
        let answer = judged(status, &body);
        assert_eq!(word(&answer), wanted, "{status} {body}: {answer:?}");
    }
    assert_eq!(word(&order_answer(Err("no answer in time"))), "ambiguous");
    assert_eq!(word(&order_answer(Ok(Reply { status: 200, body: b"{\"data\":{\"createOr" }))), "ambiguous");
}

#[test]
fn an_acknowledgement_shows_the_order() {
    let order = json!({ "orderId": Uuid::from_u128(7), "status": "NEW", "total": 900, "version": 1 });
    let answer = created(json!({ "success": true, "order": order, "durability": "MULTI_CONTINENT" }));
    let OrderAnswer::Acknowledged(promise) = judged(200, &answer) else { panic!("acknowledged") };
    let order = promise.order.expect("an order");
    assert_eq!((order.order_id, order.total, order.version), (OrderId(Uuid::from_u128(7)), 900, 1));
    assert_eq!(promise.durability.as_deref(), Some("MULTI_CONTINENT"));
}

#[test]
fn a_refusal_keeps_its_code() {
    let answer =
        judged(200, &created(json!({ "success": false, "message": "gone", "code": "OUT_OF_STOCK" })));
    assert_eq!(answer, OrderAnswer::Refused { code: Some(Code::OutOfStock), why: "gone".to_owned() });
}

#[test]
fn an_answer_to_a_command_is_read_as_one_to_an_order() {
    let order = json!({ "orderId": Uuid::from_u128(7), "status": "CANCELLING", "total": 900, "version": 2 });
    let done = json!({ "success": true, "message": null, "code": null, "order": order });
    let late =
        json!({ "success": false, "message": "The order is SHIPPED", "code": "CONFLICT", "order": null });
    let unsure =
        json!({ "success": false, "message": null, "code": "DURABILITY_UNAVAILABLE", "order": null });
    type Read = fn(Result<Reply<'_>, &str>) -> OrderAnswer;
    let read: [(&str, Read); 2] = [("cancelOrder", cancel_answer), ("requestReturn", return_answer)];
    for (operation, read) in read {
        for (answer, wanted) in [(&done, "acknowledged"), (&late, "refused"), (&unsure, "ambiguous")] {
            let body = json!({ "data": { operation: answer } }).to_string();
            let answer = read(Ok(Reply { status: 200, body: body.as_bytes() }));
            assert_eq!(word(&answer), wanted, "{operation}: {answer:?}");
        }
        assert_eq!(word(&read(Err("no answer in time"))), "ambiguous");
    }
}

#[test]
fn a_command_may_be_sent_again_and_says_which_request_it_is() {
    let id = OrderId(Uuid::from_u128(7));
    let units =
        [contracts::events::ProductUnits { product_id: contracts::ProductId(Uuid::nil()), quantity: 1 }];
    for request in [cancel_order("a-token", id, "k-1"), request_return("a-token", id, &units, "k-1")] {
        assert!(request.headers.contains(&("idempotency-key", "k-1".to_owned())));
        let body: Value = serde_json::from_str(&request.body).expect("json");
        let input = &body["variables"]["input"];
        assert_eq!((&input["idempotencyKey"], &input["reason"]), (&json!("k-1"), &json!(reason("k-1"))));
    }
}

#[test]
fn an_order_that_is_not_found_is_not_a_wanted_answer() {
    let body = json!({ "data": { "getOrder": null } }).to_string();
    let reply = Reply { status: 200, body: body.as_bytes() };
    assert!(order_seen(reply, OrderId(Uuid::nil())).is_err());
    let body = json!({ "data": { "getOrderByKey": null } }).to_string();
    assert_eq!(order_by_key_seen(Reply { status: 200, body: body.as_bytes() }), Ok(None));
}

#[test]
fn the_key_is_in_the_header_and_in_the_body() {
    let request = create_order_with("a-token", json!({ "products": [] }), "k-1");
    assert!(request.headers.contains(&("idempotency-key", "k-1".to_owned())));
    assert!(request.headers.contains(&("authorization", "Bearer a-token".to_owned())));
    let body: Value = serde_json::from_str(&request.body).expect("json");
    assert_eq!(body["variables"]["order"]["idempotencyKey"], "k-1");
}

#[test]
fn a_user_pool_gives_a_token_or_a_reason() {
    let body = json!({ "AuthenticationResult": { "IdToken": "t", "AccessToken": "a" } }).to_string();
    assert_eq!(signed_in(Reply { status: 200, body: body.as_bytes() }), Ok("a".to_owned()));
    assert!(signed_in(Reply { status: 400, body: b"{}" }).is_err());
}
