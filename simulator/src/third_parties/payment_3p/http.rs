//! The provider's HTTP door.

use super::{
    Provider,
    book::{Command, Rejected},
    wire::{
        CheckAnswer, CheckRequest, LedgerEntry, MoveAnswer, MoveRequest, Operation, PreauthAnswer,
        PreauthRequest,
    },
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::de::DeserializeOwned;
use std::time::Duration;
use uuid::Uuid;

pub(super) fn router(provider: Provider) -> Router {
    Router::new()
        .route("/preauth", post(preauth))
        .route("/check", post(check))
        .route("/updateAmount", post(update))
        .route("/processPayment", post(capture))
        .route("/cancelPayment", post(void))
        .route("/refund", post(refund))
        .route("/payments/by-key/{key}", get(by_key))
        .route("/tokens/{token}", get(token))
        .route("/ledger", get(ledger))
        .layer(middleware::from_fn_with_state(provider.clone(), distance))
        .with_state(provider)
}

/// A message and its status, as upstream's provider answers.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(serde_json::json!({ "message": self.1 }))).into_response()
    }
}

impl From<Rejected> for Refused {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::KeyReused => Refused(
                StatusCode::UNPROCESSABLE_ENTITY,
                "The idempotency key was used for something else".to_owned(),
            ),
            Rejected::Full => Refused(StatusCode::SERVICE_UNAVAILABLE, "The ledger is full".to_owned()),
        }
    }
}

/// Every request crosses the network, waits where the provider is slow, and must bring the key.
async fn distance(State(provider): State<Provider>, request: Request, next: Next) -> Response {
    let slow = Duration::from_millis(u64::from(provider.faults().slow_ms));
    provider.0.network.cross().await;
    tokio::time::sleep(slow).await;
    let key = request.headers().get("x-api-key");
    let response = match key.is_some_and(|key| key.as_bytes() == provider.0.api_key.as_bytes()) {
        true => next.run(request).await,
        false => Refused(StatusCode::UNAUTHORIZED, "Unauthorized".to_owned()).into_response(),
    };
    provider.0.network.cross().await;
    response
}

async fn preauth(State(provider): State<Provider>, body: Bytes) -> Result<Json<PreauthAnswer>, Refused> {
    let request: PreauthRequest = parse(&body)?;
    let digits = request.card_number.len() == 16 && request.card_number.bytes().all(|b| b.is_ascii_digit());
    refuse_unless(digits, "Invalid 'cardNumber': 16 digits")?;
    refuse_unless(request.amount > 0, "Missing 'amount'")?;
    let capitals = |code: &String| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
    refuse_unless(request.currency.as_ref().is_none_or(capitals), "Invalid 'currency': three capitals")?;
    let payment_token = provider.book().preauth(&request, provider.now())?;
    Ok(Json(PreauthAnswer { payment_token }))
}

async fn check(State(provider): State<Provider>, body: Bytes) -> Result<Json<CheckAnswer>, Refused> {
    let request: CheckRequest = parse(&body)?;
    refuse_unless(request.amount > 0, "Missing 'amount'")?;
    let ok = provider.book().covers(request.payment_token, request.amount);
    Ok(Json(CheckAnswer { ok }))
}

async fn update(State(provider): State<Provider>, body: Bytes) -> Result<Json<MoveAnswer>, Refused> {
    execute(provider, Operation::Update, &body).await
}

async fn capture(State(provider): State<Provider>, body: Bytes) -> Result<Json<MoveAnswer>, Refused> {
    execute(provider, Operation::Capture, &body).await
}

async fn void(State(provider): State<Provider>, body: Bytes) -> Result<Json<MoveAnswer>, Refused> {
    execute(provider, Operation::Void, &body).await
}

async fn refund(State(provider): State<Provider>, body: Bytes) -> Result<Json<MoveAnswer>, Refused> {
    execute(provider, Operation::Refund, &body).await
}

async fn execute(provider: Provider, operation: Operation, body: &[u8]) -> Result<Json<MoveAnswer>, Refused> {
    let request: MoveRequest = parse(body)?;
    let needs_amount = matches!(operation, Operation::Update | Operation::Refund);
    refuse_unless(!needs_amount || request.amount.is_some(), "Missing 'amount'")?;
    refuse_unless(request.amount != Some(0), "Missing 'amount'")?;
    let well_formed = |key: &String| !key.is_empty() && key.len() <= 128 && key.is_ascii();
    refuse_unless(request.idempotency_key.as_ref().is_none_or(well_formed), "Invalid 'idempotencyKey'")?;
    let faults = provider.faults();
    let command = Command {
        operation,
        token: request.payment_token,
        amount: if operation == Operation::Void { None } else { request.amount },
        key: request.idempotency_key,
        issuer_refuses: operation == Operation::Capture && provider.happens(faults.refuse_pct),
    };
    let answer = provider.book().execute(&command, provider.now())?;
    if operation != Operation::Update && provider.happens(faults.answer_lost_pct) {
        // What was done stays done. The caller hears nothing and gives up; then this is dropped.
        std::future::pending::<()>().await;
    }
    Ok(Json(answer))
}

async fn by_key(State(provider): State<Provider>, Path(key): Path<String>) -> Response {
    found(provider.book().by_key(&key))
}

async fn token(State(provider): State<Provider>, Path(token): Path<Uuid>) -> Response {
    found(provider.token(token))
}

async fn ledger(State(provider): State<Provider>) -> Json<Vec<LedgerEntry>> {
    Json(provider.ledger())
}

fn found<T: serde::Serialize>(value: Option<T>) -> Response {
    match value {
        Some(value) => Json(value).into_response(),
        None => Refused(StatusCode::NOT_FOUND, "Not found".to_owned()).into_response(),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    // The body may hold a card number, and serde's message may quote it: only the place is told.
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Refused(StatusCode::BAD_REQUEST, format!("Failed to parse JSON body at {place}"))
    })
}

fn refuse_unless(right: bool, message: &str) -> Result<(), Refused> {
    if right { Ok(()) } else { Err(Refused(StatusCode::BAD_REQUEST, message.to_owned())) }
}
