//! What comes back from a try, and what an edge answers by itself.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use bytes::Bytes;
use contracts::{Code, ErrorBody};

/// A region's whole answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A try that brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nothing reached the region.
    NotSent,
    /// The connection broke, or the answer could not be read: the region may have acted.
    Broken,
}

impl Answer {
    /// Whether another region may do better. A region says so by the status; one that has to answer 200, as GraphQL
    /// does, says so by the header `x-retryable`.
    pub(super) fn retryable(&self) -> bool {
        let by_status = matches!(
            self.status,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        );
        by_status || self.headers.get("x-retryable").is_some_and(|value| value == "true")
    }
}

/// An answer of the edge itself.
pub(super) fn own(code: Code, message: &str) -> Response<Body> {
    let body = serde_json::to_vec(&ErrorBody::new(code, message)).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if code == Code::RateLimited {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Headers that belong to one connection and are not passed on, and the budget, which the edge sets itself.
pub(super) fn passed_on(headers: &HeaderMap) -> HeaderMap {
    const OWN: [&str; 11] = [
        "host",
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "x-deadline-ms",
    ];
    let kept = headers.iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}
