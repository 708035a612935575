//! What every request passes through: a limit on bodies and on requests in flight, the caller's identity,
//! and the deadline.

use crate::{ApiError, Deadline, Platform, identity::Caller};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{OriginalUri, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use contracts::Code;
use http::{Method, header};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The largest body that the public may send.
pub const PUBLIC_BODY_BYTES_MAX: usize = 64 * 1024;
/// The largest body of a signed call between services.
pub const SERVICE_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Requests in flight at most; the next one is told to come back.
pub const IN_FLIGHT_MAX: usize = 512;

#[derive(Clone)]
struct Door {
    platform: Platform,
    in_flight: Arc<Semaphore>,
}

/// Puts the common routes beside a service's own and the layers in front of all of them.
pub fn wrap(platform: &Platform, service: &'static str, routes: Router) -> Router {
    let door = Door { platform: platform.clone(), in_flight: Arc::new(Semaphore::new(IN_FLIGHT_MAX)) };
    let layered = routes
        .layer(middleware::from_fn(until_deadline))
        .layer(middleware::from_fn_with_state(door.clone(), identify))
        .layer(middleware::from_fn_with_state(door, admit));
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/version", get(async move || format!("{service} {}", env!("CARGO_PKG_VERSION"))))
        .merge(layered)
        .fallback(async || ApiError::new(Code::NotFound, "There is nothing here"))
}

/// Refuses at once what would have to queue: a late answer helps nobody.
async fn admit(State(door): State<Door>, request: Request, next: Next) -> Response {
    match door.in_flight.try_acquire() {
        Ok(_permit) => next.run(request).await,
        Err(_) => ApiError::new(Code::RateLimited, "Too many requests").into_response(),
    }
}

/// Reads the body and tells who sent it.
async fn identify(State(door): State<Door>, request: Request, next: Next) -> Response {
    match with_caller(&door, request).await {
        Ok(request) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

async fn with_caller(door: &Door, request: Request) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let signed =
        parts.headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4"));
    let limit = if signed { SERVICE_BODY_BYTES_MAX } else { PUBLIC_BODY_BYTES_MAX };
    let bytes: Bytes = axum::body::to_bytes(body, limit).await.map_err(|_| {
        ApiError::new(Code::PayloadTooLarge, format!("The body is larger than {limit} bytes"))
    })?;
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
    let platform = &door.platform;
    let caller = platform.identity.caller(&platform.world, &parts.method, uri, &parts.headers, &bytes)?;
    before_the_body_is_looked_at(&parts.method, parts.uri.path(), &caller)?;
    parts.extensions.insert::<Caller>(caller);
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// `/backend/` is for services and `/admin/` for people: whoever is neither learns nothing of what a body must
/// look like. Which service and which group is each route's own rule.
fn before_the_body_is_looked_at(method: &Method, path: &str, caller: &Caller) -> Result<(), ApiError> {
    match caller {
        Caller::Anonymous if path.starts_with("/backend/") || path.starts_with("/admin/") => {
            Err(ApiError::new(Code::Unauthenticated, "Unauthorized"))
        }
        // What staff may read there, each route says; a reading has no body to look at.
        Caller::Person(_) if path.starts_with("/backend/") && method != Method::GET => {
            Err(ApiError::new(Code::Forbidden, "Forbidden"))
        }
        _ => Ok(()),
    }
}

/// Answers 503 `DEADLINE` in time where the service cannot.
async fn until_deadline(deadline: Deadline, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(deadline);
    match deadline.bound(next.run(request)).await {
        Ok(response) => response,
        Err(expired) => ApiError::from(expired).into_response(),
    }
}
