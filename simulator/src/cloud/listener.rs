//! The HTTP door: for other regions and for stock clients.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use super::Region;
use super::door::Call;
use super::reply::Reply;

/// DynamoDB's own limit, the largest of the services.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(super) fn router(region: Arc<Region>) -> Router {
    Router::new()
        .route("/", post(operation))
        // Some SDKs call a queue at its own URL.
        .route("/{account}/{queue}", post(operation))
        .route("/{pool}/.well-known/jwks.json", get(jwks))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(region)
}

async fn operation(State(region): State<Arc<Region>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let call = Call {
        target: text("x-amz-target").unwrap_or_default(),
        body: &body,
        host: text("host").filter(|h| ours(h)),
    };
    let content_type = match text("content-type") {
        Some(kind) if kind.starts_with("application/x-amz-json-1.1") => "application/x-amz-json-1.1",
        _ => "application/x-amz-json-1.0",
    };
    response(region.answer(call).await, content_type)
}

/// Whether the caller reached us under an address of our own, not under AWS's name through a proxy.
fn ours(host: &str) -> bool {
    !host.ends_with(".amazonaws.com")
}

fn response(reply: Reply, content_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(code) = reply.query_error.and_then(|code| HeaderValue::from_str(&code).ok()) {
        response.headers_mut().insert("x-amzn-query-error", code);
    }
    response
}

async fn jwks(State(region): State<Arc<Region>>, Path(pool): Path<String>) -> Response {
    let elsewhere = match &region.upstream {
        Some(upstream) => upstream.pool_jwks(&pool).await,
        None => None,
    };
    match elsewhere.or_else(|| region.identity.pool_jwks(&pool)) {
        Some(keys) => axum::Json(keys).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
