//! Answers that may have been given before.

use crate::{Json, calls::Answered};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
use serde::Serialize;

/// Marks an answer that was given before, to the same idempotency key.
pub const HEADER: HeaderName = HeaderName::from_static("idempotent-replay");

/// A JSON answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay<T> {
    /// The body.
    pub body: T,
    /// Whether it was given before.
    pub again: bool,
}

impl<T> Replay<T> {
    /// An answer that is given for the first time.
    pub fn first(body: T) -> Self {
        Replay { body, again: false }
    }
}

impl<T> From<Answered<T>> for Replay<T> {
    /// As another region gave it.
    fn from(answered: Answered<T>) -> Self {
        Replay { again: answered.headers.contains_key(HEADER), body: answered.body }
    }
}

impl<T: Serialize> IntoResponse for Replay<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        if self.again {
            response.headers_mut().insert(HEADER, HeaderValue::from_static("true"));
        }
        response
    }
}
