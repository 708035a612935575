//! The edge's own door.

use super::{
    Inner,
    answer::{own, passed_on},
    counters::count,
    race::{Ask, Outcome, run},
};
use axum::{
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderValue, Request, Response},
};
use contracts::Code;
use std::sync::Arc;
use tokio::time::{Duration, Instant, timeout_at};

/// No customer waits longer.
const CUT: Duration = Duration::from_millis(950);
const MAX_BODY: usize = 128 * 1024;

/// Answers one request within [`CUT`].
pub(super) async fn handle(State(edge): State<Arc<Inner>>, request: Request<Body>) -> Response<Body> {
    let arrived = Instant::now();
    count(&edge.counters.requests);
    let Ok(_place) = edge.room.try_acquire() else {
        count(&edge.counters.refused);
        return own(Code::RateLimited, "too many requests are under way");
    };
    timeout_at(arrived + CUT, forward(&edge, request, arrived)).await.unwrap_or_else(|_| {
        count(&edge.counters.cut);
        own(Code::Deadline, "no region answered in time; the same request may be sent again")
    })
}

async fn forward(edge: &Inner, request: Request<Body>, arrived: Instant) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        count(&edge.counters.refused);
        return own(Code::PayloadTooLarge, "the body cannot be read, or is larger than 128 KB");
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let ask = Ask { method: parts.method, path, headers: passed_on(&parts.headers), body };
    let outcome = run(edge, &ask, arrived).await;
    answer(outcome)
}

fn answer(outcome: Outcome) -> Response<Body> {
    let attempts = HeaderValue::from(outcome.attempts);
    let Some((answer, path)) = outcome.answer else {
        let mut response =
            own(Code::Deadline, "no region could be reached; the same request may be sent again");
        response.headers_mut().insert("x-attempts", attempts);
        return response;
    };
    count(&path.answered);
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response.headers_mut().insert("x-attempts", attempts);
    let mut tell = |header: &'static str, text: &str| {
        if let Some(text) = HeaderValue::from_str(text).ok().filter(|text| !text.is_empty()) {
            response.headers_mut().insert(header, text);
        }
    };
    tell("x-served-by", path.name.as_str());
    let refused_by: Vec<&str> = outcome.refused_by.iter().map(|path| path.name.as_str()).collect();
    tell("x-refused-by", &refused_by.join(","));
    response
}
