//! The carrier's HTTP door.

use super::{
    Carrier,
    book::Refusal,
    wire::{DeliveredRequest, Dispatch, DispatchRequest, Dispatched, LedgerEntry, ReturnedRequest},
};
use crate::third_parties::network::there_and_back;
use axum::{
    Json, Router,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

pub(super) fn router(carrier: Carrier) -> Router {
    Router::new()
        .route("/dispatches", post(dispatch))
        .route("/dispatches/by-key/{key}", get(by_key))
        .route("/dispatches/by-key/{key}/void", post(void))
        .route("/dispatches/{tracking_id}/delivered", post(delivered))
        .route("/dispatches/{tracking_id}/returned", post(returned))
        .route("/ledger", get(ledger))
        .layer(middleware::from_fn_with_state(carrier.0.network.clone(), there_and_back))
        .with_state(carrier)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, message) = match &self {
            Refusal::Malformed(why) => (StatusCode::BAD_REQUEST, why.as_str()),
            Refusal::KeyVoided => (StatusCode::CONFLICT, "the key was voided"),
            Refusal::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "the key was used for another parcel"),
            Refusal::AlreadyDispatched(_) => (StatusCode::CONFLICT, "already dispatched"),
            Refusal::Over => (StatusCode::CONFLICT, "handed over or brought back before"),
            Refusal::NotFound => (StatusCode::NOT_FOUND, "there is no such parcel"),
            Refusal::NeedsAdult => {
                (StatusCode::UNPROCESSABLE_ENTITY, "only an adult may take it, against a signature")
            }
            Refusal::Full => (StatusCode::SERVICE_UNAVAILABLE, "the ledger is full"),
        };
        let body = match self {
            Refusal::AlreadyDispatched(ref dispatch) => json!({ "message": message, "dispatch": dispatch }),
            Refusal::KeyVoided => json!({ "message": message, "voided": true }),
            _ => json!({ "message": message }),
        };
        (status, Json(body)).into_response()
    }
}

async fn dispatch(
    State(carrier): State<Carrier>,
    body: Result<Json<DispatchRequest>, JsonRejection>,
) -> Result<Json<Dispatched>, Refusal> {
    let request = read(body)?;
    if request.key.is_empty() || request.key.len() > 128 {
        return Err(Refusal::Malformed("`key` has 1 to 128 characters".to_owned()));
    }
    let tracking_id = carrier.book().dispatch(&request, carrier.now())?;
    Ok(Json(Dispatched { tracking_id }))
}

async fn by_key(State(carrier): State<Carrier>, Path(key): Path<String>) -> Result<Json<Dispatch>, Refusal> {
    carrier.book().by_key(&key).cloned().map(Json).ok_or(Refusal::NotFound)
}

async fn void(State(carrier): State<Carrier>, Path(key): Path<String>) -> Result<Json<Value>, Refusal> {
    let now = carrier.now();
    let replayed = carrier.book().void(&key, now)?;
    Ok(Json(json!({ "voided": true, "replayed": replayed })))
}

async fn delivered(
    State(carrier): State<Carrier>,
    Path(tracking_id): Path<String>,
    body: Result<Json<DeliveredRequest>, JsonRejection>,
) -> Result<Json<Dispatch>, Refusal> {
    let request = read(body)?;
    let now = carrier.now();
    carrier.book().deliver(&tracking_id, request.adult_signature, now).map(Json)
}

async fn returned(
    State(carrier): State<Carrier>,
    Path(tracking_id): Path<String>,
    body: Result<Json<ReturnedRequest>, JsonRejection>,
) -> Result<Json<Dispatch>, Refusal> {
    let request = read(body)?;
    let now = carrier.now();
    carrier.book().bring_back(&tracking_id, &request.reason, now).map(Json)
}

async fn ledger(State(carrier): State<Carrier>) -> Json<Vec<LedgerEntry>> {
    Json(carrier.ledger())
}

fn read<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Refusal> {
    body.map(|Json(body)| body).map_err(|rejection| Refusal::Malformed(rejection.body_text()))
}
