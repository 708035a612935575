use super::*;
use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use serde_json::{Value, json};
use tower::ServiceExt;

fn provider() -> Provider {
    let config = ProviderConfig { api_key: "key".into(), rtt: Duration::from_millis(2), jitter_pct: 10.0 };
    Provider::new(7, Arc::new(|| 1_000), config)
}

async fn call(provider: &Provider, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).header("x-api-key", "key");
    let request = request.body(Body::from(body.to_string())).unwrap();
    let response = provider.router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

async fn post(provider: &Provider, path: &str, body: Value) -> Value {
    let (status, body) = call(provider, "POST", path, body).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn token(provider: &Provider, amount: u64) -> Value {
    let body = json!({ "cardNumber": "4111111111111111", "amount": amount });
    post(provider, "/preauth", body).await["paymentToken"].clone()
}

#[tokio::test]
async fn a_token_covers_its_amount_can_be_lowered_and_captured() {
    let provider = provider();
    let token = token(&provider, 5_000).await;
    let check = |amount: u64| json!({ "paymentToken": token, "amount": amount });
    assert_eq!(post(&provider, "/check", check(5_000)).await, json!({ "ok": true }));
    assert_eq!(post(&provider, "/check", check(5_001)).await, json!({ "ok": false }));
    assert_eq!(post(&provider, "/updateAmount", check(6_000)).await["ok"], false);
    assert_eq!(post(&provider, "/updateAmount", check(4_000)).await["ok"], true);
    let captured = post(&provider, "/processPayment", json!({ "paymentToken": token })).await;
    assert_eq!((&captured["ok"], &captured["amount"]), (&json!(true), &json!(4_000)));
    assert_eq!(post(&provider, "/refund", check(4_001)).await["ok"], false);
    assert_eq!(post(&provider, "/refund", check(4_000)).await["ok"], true);
    let (_, view) =
        call(&provider, "GET", &format!("/tokens/{}", token.as_str().unwrap()), Value::Null).await;
    assert_eq!(view["state"], "refunded");
}

#[tokio::test]
async fn a_repeated_key_is_answered_again_and_moves_nothing() {
    let provider = provider();
    let token = token(&provider, 5_000).await;
    let capture = json!({ "paymentToken": token, "amount": 5_000, "idempotencyKey": "o:capture:1" });
    let first = post(&provider, "/processPayment", capture.clone()).await;
    assert_eq!(post(&provider, "/processPayment", capture).await, first);
    let ledger = provider.ledger();
    assert_eq!(ledger.iter().map(|entry| entry.replayed).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(ledger.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3]);
    let other = json!({ "paymentToken": token, "amount": 1, "idempotencyKey": "o:capture:1" });
    assert_eq!(call(&provider, "POST", "/processPayment", other).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_second_capture_with_another_key_is_done_and_seen_in_the_ledger() {
    let provider = provider();
    let token = token(&provider, 5_000).await;
    let capture = |key: &str| json!({ "paymentToken": token, "amount": 2_000, "idempotencyKey": key });
    assert_eq!(post(&provider, "/processPayment", capture("a")).await["ok"], true);
    assert_eq!(post(&provider, "/processPayment", capture("b")).await["ok"], true);
    let refused = post(&provider, "/processPayment", capture("c")).await;
    assert_eq!(refused["ok"], false, "more than was authorised");
    let captures: Vec<_> = provider
        .ledger()
        .into_iter()
        .filter(|entry| entry.ok && entry.operation == Operation::Capture)
        .collect();
    assert_eq!(captures.len(), 2);
}

#[tokio::test]
async fn a_voided_token_is_not_captured_and_a_captured_one_not_voided() {
    let provider = provider();
    let (a, b) = (token(&provider, 100).await, token(&provider, 100).await);
    let of = |token: &Value| json!({ "paymentToken": token });
    assert_eq!(post(&provider, "/cancelPayment", of(&a)).await["ok"], true);
    assert_eq!(post(&provider, "/processPayment", of(&a)).await["ok"], false);
    assert_eq!(post(&provider, "/cancelPayment", of(&a)).await["ok"], false);
    assert_eq!(post(&provider, "/processPayment", of(&b)).await["ok"], true);
    assert_eq!(post(&provider, "/cancelPayment", of(&b)).await["reason"], "already captured");
}

#[tokio::test]
async fn an_answer_that_is_lost_has_taken_effect_and_is_found_by_its_key() {
    let provider = provider();
    let token = token(&provider, 100).await;
    provider.set_faults(ProviderFaults { answer_lost_pct: 100.0, ..ProviderFaults::default() });
    let capture = json!({ "paymentToken": token, "idempotencyKey": "o:capture:1" });
    let unanswered = call(&provider, "POST", "/processPayment", capture.clone());
    assert!(tokio::time::timeout(Duration::from_millis(200), unanswered).await.is_err());
    let (status, found) = call(&provider, "GET", "/payments/by-key/o:capture:1", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&found["operation"], &found["ok"], &found["amount"]),
        (&json!("capture"), &json!(true), &json!(100))
    );
    let unknown = call(&provider, "GET", "/payments/by-key/o:capture:2", Value::Null).await;
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);
    provider.set_faults(ProviderFaults::default());
    assert_eq!(post(&provider, "/processPayment", capture).await["ok"], true);
    assert_eq!(provider.ledger().iter().filter(|entry| entry.ok && !entry.replayed).count(), 2);
}

#[tokio::test]
async fn a_refusal_is_definite_and_stays() {
    let provider = provider();
    let token = token(&provider, 100).await;
    provider.set_faults(ProviderFaults { refuse_pct: 100.0, ..ProviderFaults::default() });
    let capture = json!({ "paymentToken": token, "idempotencyKey": "o:capture:1" });
    assert_eq!(post(&provider, "/processPayment", capture.clone()).await["reason"], "refused by the issuer");
    provider.set_faults(ProviderFaults::default());
    assert_eq!(post(&provider, "/processPayment", capture).await["ok"], false);
}

#[tokio::test]
async fn bad_requests_are_refused_by_field_and_nobody_gets_in_without_the_key() {
    let provider = provider();
    for body in [
        json!({ "cardNumber": "411111111111111", "amount": 5 }),
        json!({ "cardNumber": "4111111111111111", "amount": 0 }),
        json!({ "cardNumber": "4111111111111111", "amount": -5 }),
        json!({ "cardNumber": "4111111111111111", "amount": 5, "currency": "usd" }),
        json!({ "amount": 5 }),
    ] {
        let (status, answer) = call(&provider, "POST", "/preauth", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(!answer.to_string().contains("4111"), "{answer}");
    }
    let request = Request::get("/ledger").body(Body::empty()).unwrap();
    assert_eq!(provider.router().oneshot(request).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let _ = token(&provider, 5).await;
    let book = provider.book();
    let kept = format!("{:?}", book.token(book.ledger()[0].token));
    assert!(kept.contains("1111") && !kept.contains("41111"), "{kept}");
}
