//! The age checker's page.

use super::{AgeChecker, Busy, Papers};
use crate::third_parties::network::there_and_back;
use axum::{
    Json, Router,
    extract::{Query, State, rejection::JsonRejection},
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::json;

/// Bytes of a reference, at most.
const REFERENCE_MAX: usize = 512;

#[derive(Deserialize)]
struct Opened {
    reference: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    papers: Papers,
}

enum Refusal {
    Malformed(String),
    Busy,
}

impl From<Busy> for Refusal {
    fn from(Busy: Busy) -> Self {
        Refusal::Busy
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Refusal::Malformed(why) => (StatusCode::BAD_REQUEST, why),
            Refusal::Busy => (StatusCode::SERVICE_UNAVAILABLE, "too many people are waiting".to_owned()),
        };
        (status, Json(json!({ "message": message }))).into_response()
    }
}

pub(super) fn router(checker: AgeChecker) -> Router {
    Router::new()
        .route("/verify", post(verify))
        .layer(middleware::from_fn_with_state(checker.0.network.clone(), there_and_back))
        .with_state(checker)
}

async fn verify(
    State(checker): State<AgeChecker>,
    Query(Opened { reference }): Query<Opened>,
    body: Result<Json<Shown>, JsonRejection>,
) -> Result<StatusCode, Refusal> {
    let Json(Shown { papers }) = body.map_err(|rejection| Refusal::Malformed(rejection.body_text()))?;
    if reference.is_empty() || reference.len() > REFERENCE_MAX {
        return Err(Refusal::Malformed(format!("`reference` has 1 to {REFERENCE_MAX} bytes")));
    }
    checker.look(reference, papers)?;
    Ok(StatusCode::ACCEPTED)
}
