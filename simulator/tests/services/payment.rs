//! Money moves once, whatever is lost.

use std::collections::BTreeSet;

use contracts::{
    Code, OrderId, PaymentState,
    bodies::payment::{EffectRequest, PaymentView, ValidateRequest, ValidateResponse},
    schemas,
};
use http::Method;
use platform::calls::CallError;
use serde_json::{Value, json};
use simulator::third_parties::payment_3p::{Operation, ProviderFaults};
use uuid::Uuid;

use crate::outside::{Outside, assert_told, order, preauthorise};
use crate::support::{Running, eventually};

const TOTAL: i64 = 12_300;

/// An order with a token that covers it, checked and sealed.
struct Paid {
    order_id: OrderId,
    token: Uuid,
    payment_ref: String,
}

impl Paid {
    async fn new(place: &Running, number: u128) -> Paid {
        let (order_id, token) = (order(number), preauthorise(place, TOTAL).await);
        let answer = check(place, Some(order_id), &token.to_string(), TOTAL).await.unwrap();
        Paid { order_id, token, payment_ref: answer.payment_ref.unwrap() }
    }

    fn request(&self, operation: &str, name: &str, amount: i64, epoch: u64) -> EffectRequest {
        EffectRequest {
            amount,
            currency: "USD".into(),
            epoch,
            home_region: "us-east-1".into(),
            attempt: 1,
            effect_key: format!("{}:{operation}:{name}", self.order_id),
            payment_ref: self.payment_ref.clone(),
        }
    }

    async fn effect(
        &self,
        place: &Running,
        operation: &str,
        name: &str,
        amount: i64,
        epoch: u64,
    ) -> Result<PaymentView, CallError> {
        let path = format!("/backend/{}/{operation}", self.order_id);
        place
            .call("orders", Method::POST, "payment", &path, &self.request(operation, name, amount, epoch))
            .await
    }

    async fn capture(&self, place: &Running, epoch: u64) -> Result<PaymentView, CallError> {
        self.effect(place, "capture", "1", TOTAL, epoch).await
    }

    async fn void(&self, place: &Running, epoch: u64) -> Result<PaymentView, CallError> {
        self.effect(place, "void", "1", TOTAL, epoch).await
    }

    /// How often the provider did something with the token.
    fn times(&self, outside: &Outside, operation: Operation) -> usize {
        let ledger = outside.provider.ledger();
        let done = ledger.iter().filter(|entry| entry.ok && !entry.replayed && entry.token == self.token);
        done.filter(|entry| entry.operation == operation).count()
    }
}

async fn check(
    place: &Running,
    order_id: Option<OrderId>,
    token: &str,
    total: i64,
) -> Result<ValidateResponse, CallError> {
    let request = ValidateRequest { payment_token: token.into(), total, order_id, currency: None };
    place.call("orders", Method::POST, "payment", "/backend/validate", &request).await
}

fn lose_answers(outside: &Outside) {
    outside.provider.set_faults(ProviderFaults { answer_lost_pct: 100.0, ..ProviderFaults::default() });
}

fn heal(outside: &Outside) {
    outside.provider.set_faults(ProviderFaults::default());
}

fn refuse(outside: &Outside) {
    outside.provider.set_faults(ProviderFaults { refuse_pct: 100.0, ..ProviderFaults::default() });
}

#[tokio::test]
async fn a_check_fails_closed_and_the_token_is_seen_by_nobody() {
    let outside = Outside::new();
    let place = outside.region("us-east-1").await;
    let token = preauthorise(&place, TOTAL).await.to_string();
    assert!(check(&place, Some(order(1)), &token, TOTAL).await.unwrap().ok);
    let without_order = check(&place, None, &token, TOTAL).await.unwrap();
    assert_eq!((without_order.ok, without_order.payment_ref), (true, None));
    for (token, total) in [(token.as_str(), TOTAL + 1), (&Uuid::nil().to_string(), 1), ("no token at all", 1)]
    {
        let answer = check(&place, Some(order(1)), token, total).await.unwrap();
        assert_eq!((answer.ok, answer.payment_ref), (false, None));
    }
    assert_eq!(check(&place, None, &token, 0).await.unwrap_err().code(), Some(Code::ValidationFailed));
    let paid = Paid::new(&place, 2).await;
    paid.capture(&place, 1).await.unwrap();
    let rows = serde_json::to_string(&place.cloud.dump_table("payment").unwrap()).unwrap();
    assert!(rows.contains(&paid.order_id.to_string()) && !rows.contains(&paid.token.to_string()));
}

#[tokio::test]
async fn a_capture_is_made_once_and_told_once() {
    let outside = Outside::new();
    let place = outside.region("us-east-1").await;
    let paid = Paid::new(&place, 1).await;
    let view = paid.capture(&place, 1).await.unwrap();
    assert_eq!((view.state, view.captured, view.authorised), (PaymentState::Captured, TOTAL, TOTAL));
    assert_eq!(paid.capture(&place, 1).await.unwrap(), view);
    assert_eq!(paid.times(&outside, Operation::Capture), 1);
    assert_told(&place, paid.order_id, &["PaymentAuthorised", "PaymentCaptured"]).await;
    let told = place.tapped("PaymentAuthorised");
    assert_eq!((told.len(), &told[0]["amount"], &told[0]["attempt"]), (1, &json!(TOTAL), &json!(1)));
    let ledger = place.cloud.dump_table("payment.ledger").unwrap();
    assert_eq!(ledger.len(), 1);
    let entry = outside.provider.ledger().pop().unwrap();
    assert_eq!((&ledger[0]["reference"], &ledger[0]["key"]), (&json!(entry.reference), &json!(entry.key)));
    assert_eq!((&ledger[0]["operation"], &ledger[0]["amount"]), (&json!("capture"), &json!(TOTAL)));
}

#[tokio::test]
async fn many_equal_captures_at_once_are_one() {
    let outside = Outside::new();
    let place = outside.region("us-east-1").await;
    let paid = Paid::new(&place, 1).await;
    let all = futures::future::join_all((0..6).map(|_| paid.capture(&place, 1))).await;
    for answer in all {
        match answer {
            Ok(view) => assert_eq!(view.state, PaymentState::Captured),
            Err(cause) => assert_eq!(cause.code(), Some(Code::InProgress)),
        }
    }
    assert_eq!(paid.capture(&place, 1).await.unwrap().captured, TOTAL);
    assert_eq!(paid.times(&outside, Operation::Capture), 1);
}

#[tokio::test]
async fn a_lost_answer_is_found_by_its_key() {
    let outside = Outside::new();
    let place = outside.region("us-east-1").await;
    let paid = Paid::new(&place, 1).await;
    lose_answers(&outside);
    // The provider did it and never said so; asked by key, it says.
    assert_eq!(paid.capture(&place, 1).await.unwrap().state, PaymentState::Captured);
    assert_eq!(paid.times(&outside, Operation::Capture), 1);
    assert_told(&place, paid.order_id, &["PaymentAuthorised", "PaymentCaptured"]).await;
}

#[tokio::test]
async fn an_unknown_outcome_is_told_once_and_resolved_later() {
    let outside = Outside::new();
    let place = outside.region("us-east-1").await;
    let paid = Paid::new(&place, 1).await;
    outside.break_line_at_capture();
    for _ in 0..2 {
        let unknown = paid.capture(&place, 1).await.unwrap_err();
        assert_eq!(unknown.code(), Some(Code::Deadline));
        let path = format!("/backend/{}", paid.order_id);
        let view: PaymentView =
            place.call("orders", Method::GET, "payment", &path, &Value::Null).await.unwrap();
        // Prepared, begun, unknown: the second try changed nothing.
        assert_eq!((view.state, view.version), (PaymentState::Unknown, 3));
    }
    assert_told(&place, paid.order_id, &["PaymentAuthorised", "PaymentUnknown"]).await;
    outside.mend_line();
    assert_eq!(paid.capture(&place, 1).await.unwrap().state, PaymentState::Captured);
    assert_eq!(paid.times(&outside, Operation::Capture), 1);
    assert_told(&place, paid.order_id, &["PaymentAuthorised", "PaymentCaptured", "PaymentUnknown"]).await;
}

#[tokio::test]
async fn a_refusal_is_final_for_its_key_and_the_next_token_needs_a_void_first() {
    let outside = Outside::new();
    let place = outside.region("us-east-1").await;
    let paid = Paid::new(&place, 1).await;
    refuse(&outside);
    assert_eq!(paid.capture(&place, 1).await.unwrap_err().code(), Some(Code::PaymentRefused));
    heal(&outside);
    assert_eq!(paid.capture(&place, 1).await.unwrap_err().code(), Some(Code::PaymentRefused));
    assert_eq!(paid.times(&outside, Operation::Capture), 0);
    let next = Paid::new(&place, 1).await;
    let second = EffectRequest { attempt: 2, ..next.request("capture", "2", TOTAL, 1) };
    let path = format!("/backend/{}/capture", next.order_id);
    let early = place.call::<PaymentView>("orders", Method::POST, "payment", &path, &second).await;
    assert_eq!(early.unwrap_err().code(), Some(Code::Conflict));
    assert_eq!(paid.void(&place, 1).await.unwrap().state, PaymentState::Voided);
    let view: PaymentView = place.call("orders", Method::POST, "payment", &path, &second).await.unwrap();
    assert_eq!((view.state, view.captured), (PaymentState::Captured, TOTAL));
    assert_told(
        &place,
        paid.order_id,
        &["PaymentAuthorised", "PaymentCaptured", "PaymentFailed", "PaymentVoided"],
    )
    .await;
}

#[tokio::test]
async fn captured_money_cannot_be_voided_and_refunds_have_a_limit() {
    let outside = Outside::new();
    let place = outside.region("us-east-1").await;
    let paid = Paid::new(&place, 1).await;
    paid.capture(&place, 1).await.unwrap();
    assert_eq!(paid.void(&place, 1).await.unwrap_err().code(), Some(Code::Conflict));
    let part = paid.effect(&place, "refund", "shortage", 300, 1).await.unwrap();
    assert_eq!((part.state, part.refunded), (PaymentState::PartiallyRefunded, 300));
    let too_much = paid.effect(&place, "refund", "return", TOTAL, 1).await.unwrap_err();
    assert_eq!(too_much.code(), Some(Code::Conflict));
    let rest = paid.effect(&place, "refund", "cancelled", TOTAL - 300, 1).await.unwrap();
    assert_eq!((rest.state, rest.refunded), (PaymentState::Refunded, TOTAL));
    assert_eq!(paid.times(&outside, Operation::Refund), 2);
    assert_eq!(paid.times(&outside, Operation::Void), 0);
}

#[tokio::test]
async fn each_refund_says_which_it_is_and_the_sum_of_all_also_when_it_is_told_again() {
    let outside = Outside::new();
    let place = outside.region("us-east-1").await;
    let paid = Paid::new(&place, 1).await;
    paid.capture(&place, 1).await.unwrap();
    for _ in 0..2 {
        paid.effect(&place, "refund", "partial", 300, 1).await.unwrap();
    }
    for _ in 0..2 {
        paid.effect(&place, "refund", "return", 200, 1).await.unwrap();
    }
    let told = async |place: &Running, times: usize| {
        let told = eventually("refunds", async || {
            let told = place.tapped("PaymentRefunded");
            (told.len() >= times).then_some(told)
        })
        .await;
        told.iter().for_each(|event| schemas::validators().check("PaymentRefunded", event).unwrap());
        let said = |event: &Value| json!([event["refund"], event["amount"], event["refundedTotal"]]);
        told.iter().map(|event| said(event).to_string()).collect::<BTreeSet<String>>()
    };
    let (partial, back) = (json!(["partial", 300, 300]), json!(["return", 200, 500]));
    assert_eq!(told(&place, 2).await, [partial, back].iter().map(Value::to_string).collect());
    // A successor finds one of them: the sum is that of all, as it is at the provider.
    let successor = outside.region("eu-west-1").await;
    let view = paid.effect(&successor, "refund", "partial", 300, 2).await.unwrap();
    assert_eq!(view.refunded, 500);
    let again = json!(["partial", 300, 500]);
    assert_eq!(told(&successor, 1).await, BTreeSet::from([again.to_string()]));
    assert_eq!(paid.times(&outside, Operation::Refund), 2);
}

#[tokio::test]
async fn a_successor_without_any_rows_finds_what_was_done_and_does_nothing_twice() {
    let outside = Outside::new();
    let lost = outside.region("us-east-1").await;
    let paid = Paid::new(&lost, 1).await;
    lose_answers(&outside);
    paid.capture(&lost, 1).await.unwrap();
    heal(&outside);
    paid.effect(&lost, "refund", "shortage", 300, 1).await.unwrap();
    let successor = outside.region("eu-west-1").await;
    let view = paid.capture(&successor, 2).await.unwrap();
    assert_eq!((view.captured, view.refunded), (TOTAL, 300));
    let again = paid.effect(&successor, "refund", "shortage", 300, 2).await.unwrap();
    assert_eq!((again.refunded, again.state), (300, PaymentState::PartiallyRefunded));
    assert_eq!(paid.times(&outside, Operation::Capture), 1);
    assert_eq!(paid.times(&outside, Operation::Refund), 1);
    // What its predecessor's bus may have swallowed is told again.
    assert_told(&successor, paid.order_id, &["PaymentAuthorised", "PaymentCaptured", "PaymentRefunded"])
        .await;
}

#[tokio::test]
async fn a_void_yields_to_a_capture_that_nobody_here_knew_of() {
    let outside = Outside::new();
    let lost = outside.region("us-east-1").await;
    let paid = Paid::new(&lost, 1).await;
    paid.capture(&lost, 1).await.unwrap();
    let successor = outside.region("eu-west-1").await;
    assert_eq!(paid.void(&successor, 2).await.unwrap_err().code(), Some(Code::Conflict));
    assert_eq!(paid.times(&outside, Operation::Void), 0);
    // The order's owner hears of the capture and refunds it.
    assert_told(&successor, paid.order_id, &["PaymentAuthorised", "PaymentCaptured"]).await;
}

#[tokio::test]
async fn an_owner_that_was_succeeded_is_refused() {
    let outside = Outside::new();
    let place = outside.region("us-east-1").await;
    let paid = Paid::new(&place, 1).await;
    paid.capture(&place, 5).await.unwrap();
    let stale = paid.effect(&place, "refund", "late", 300, 4).await.unwrap_err();
    assert_eq!(stale.code(), Some(Code::StaleEpoch));
    let next = paid.effect(&place, "refund", "late", 300, 6).await.unwrap();
    assert_eq!(next.refunded, 300);
    assert_eq!(place.cloud.dump_table("payment").unwrap().len(), 2);
}

#[tokio::test]
async fn another_amount_at_the_provider_stops_everything() {
    let outside = Outside::new();
    let lost = outside.region("us-east-1").await;
    let paid = Paid::new(&lost, 1).await;
    paid.effect(&lost, "capture", "1", TOTAL - 1, 1).await.unwrap();
    let successor = outside.region("eu-west-1").await;
    assert_eq!(paid.capture(&successor, 2).await.unwrap_err().code(), Some(Code::Conflict));
    let refund = paid.effect(&successor, "refund", "any", 1, 2).await.unwrap_err();
    assert_eq!(refund.code(), Some(Code::Conflict));
    let rows = successor.cloud.dump_table("payment").unwrap();
    assert_eq!((&rows[0]["state"], &rows[0]["attention"]), (&json!("CONFLICTED"), &json!(true)));
}

#[tokio::test]
async fn a_sealed_token_opens_for_its_own_order_only() {
    let outside = Outside::new();
    let place = outside.region("us-east-1").await;
    let paid = Paid::new(&place, 1).await;
    let foreign = Paid { order_id: order(2), payment_ref: paid.payment_ref.clone(), token: paid.token };
    assert_eq!(foreign.capture(&place, 1).await.unwrap_err().code(), Some(Code::ValidationFailed));
    assert_eq!(paid.times(&outside, Operation::Capture), 0);
}
