//! What every request passes through: a limit on bodies and on requests in flight, the caller's identity,
//! and the deadline.

use crate::{
    ApiError, Deadline, Platform,
    identity::{Caller, SignedBy},
    openapi::{self, About},
    ready::Readyz,
    routes::{RouteSpec, Routes, Who, get},
    telemetry::Durations,
    trace::{self, TraceContext},
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{MatchedPath, OriginalUri, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use contracts::{Code, bodies::ops::Readiness};
use http::{HeaderValue, Method, StatusCode, header};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The largest body that the public may send.
pub const PUBLIC_BODY_BYTES_MAX: usize = 64 * 1024;
/// The largest body of a signed call between services.
pub const SERVICE_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Requests in flight at most; the next one is told to come back.
pub const IN_FLIGHT_MAX: usize = 512;
/// When whoever was told to come back may do so, seconds.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");

struct Door {
    platform: Platform,
    service: &'static str,
    in_flight: Semaphore,
    durations: Durations,
}

/// Puts the common routes beside a service's own and the layers in front of all of them.
pub fn wrap(platform: &Platform, service: &'static str, routes: Routes) -> Router {
    let readyz = Readyz::new(platform, service);
    let common = Routes::new()
        .route(bare("/healthz", "Whether the process lives"), async || "ok")
        .route(
            get("/readyz", Who::Anyone, "Whether requests may be sent here")
                .gives::<Readiness>()
                .also(&[503])
                .bare(),
            async move || readyz.answer().await,
        )
        .route(bare("/version", "What runs here"), async move || {
            format!("{service} {}", env!("CARGO_PKG_VERSION"))
        });
    let (common, mut table) = common.into_parts();
    let (own, specs) = routes.into_parts();
    table.extend(specs);
    #[cfg(any(feature = "chaos", test))]
    let (chaos, own) = {
        let chaos = crate::chaos::Chaos::new(platform);
        let (commands, specs) = chaos.routes().into_parts();
        table.extend(specs);
        (chaos, own.merge(commands))
    };
    let router = Router::new()
        .route(
            openapi::PATH,
            axum::routing::get(openapi::describe(About::service(service), openapi::PATH, table)),
        )
        .merge(common)
        .merge(layered(platform, service, own))
        .fallback(async || ApiError::new(Code::NotFound, "There is nothing here"));
    #[cfg(any(feature = "chaos", test))]
    let router = chaos.around(router);
    router
}

fn bare(path: &'static str, summary: &'static str) -> RouteSpec {
    get(path, Who::Anyone, summary).gives_text("text/plain").bare()
}

/// Puts the layers in front of routes.
pub(crate) fn layered(platform: &Platform, service: &'static str, routes: Router) -> Router {
    let (in_flight, durations) = (Semaphore::new(IN_FLIGHT_MAX), Durations::new(&platform.config));
    let door = Arc::new(Door { platform: platform.clone(), service, in_flight, durations });
    // As one layer: a stack of them would clone all that is behind each for every request.
    routes.layer(middleware::from_fn_with_state(door, traced))
}

/// Says when to come back wherever the same request may be let in, or succeed, a moment later.
fn come_back_later(mut response: Response) -> Response {
    if matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(RETRY_AFTER_S);
    }
    response
}

/// Puts a request into its trace and notes how long it took.
async fn traced(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let method = request.method().clone();
    let parent = TraceContext::of_request(request.headers());
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        service = door.service,
        http.request.method = %method,
        http.route = route,
        synthetic = parent.is_some_and(|parent| parent.synthetic),
        http.response.status_code = tracing::field::Empty,
        trace_id = tracing::field::Empty,
    );
    let begun = door.platform.world.instant();
    let answered = async { come_back_later(admit(&door, request, next).await) };
    let response = trace::run(&door.platform.world, span.clone(), parent, answered).await;
    let status = response.status().as_u16();
    span.record("http.response.status_code", status);
    door.durations.note(&method, route, status, begun.elapsed());
    response
}

/// Refuses at once what would have to queue: a late answer helps nobody.
async fn admit(door: &Door, request: Request, next: Next) -> Response {
    match door.in_flight.try_acquire() {
        Ok(_permit) => identify(door, request, next).await,
        Err(_) => ApiError::new(Code::RateLimited, "Too many requests").into_response(),
    }
}

/// Reads the body and tells who sent it.
async fn identify(door: &Door, request: Request, next: Next) -> Response {
    match with_caller(door, request).await {
        Ok(request) => until_deadline(request, next).await,
        Err(refused) => refused.into_response(),
    }
}

async fn with_caller(door: &Door, request: Request) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let signed_by = parts.extensions.get::<SignedBy>();
    let by_key = |value: &HeaderValue| value.as_bytes().starts_with(b"AWS4");
    let signed = signed_by.is_some() || parts.headers.get(header::AUTHORIZATION).is_some_and(by_key);
    let limit = if signed { SERVICE_BODY_BYTES_MAX } else { PUBLIC_BODY_BYTES_MAX };
    let bytes: Bytes = axum::body::to_bytes(body, limit).await.map_err(|_| {
        ApiError::new(Code::PayloadTooLarge, format!("The body is larger than {limit} bytes"))
    })?;
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
    let platform = &door.platform;
    let (method, headers) = (&parts.method, &parts.headers);
    let caller = platform.identity.caller(&platform.world, signed_by, method, uri, headers, &bytes)?;
    before_the_body_is_looked_at(&parts.method, parts.uri.path(), &caller)?;
    parts.extensions.insert::<Caller>(caller);
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// Paths for services, for staff and for operators.
const FOR_US: [&str; 3] = ["/backend/", "/admin/", "/ops/"];

/// Whoever is none of those learns nothing of what a body must look like. Which service and which group is each route's own rule.
fn before_the_body_is_looked_at(method: &Method, path: &str, caller: &Caller) -> Result<(), ApiError> {
    match caller {
        Caller::Anonymous if FOR_US.iter().any(|prefix| path.starts_with(prefix)) => {
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
async fn until_deadline(mut request: Request, next: Next) -> Response {
    let deadline = Deadline::of(request.extensions(), request.headers());
    request.extensions_mut().insert(deadline);
    match deadline.bound(next.run(request)).await {
        Ok(response) => response,
        Err(expired) => ApiError::from(expired).into_response(),
    }
}
