//! Failures as GraphQL tells them: a message, and the code in the extensions.

use crate::session::Session;
use async_graphql::{Error, ErrorExtensions};
use platform::ApiError;

/// An error for the caller.
pub(crate) fn told(error: &ApiError) -> Error {
    let body = error.body();
    Error::new(&body.message).extend_with(|_, extensions| {
        extensions.set("code", body.code.to_string());
        extensions.set("retryable", body.retryable);
    })
}

/// An error for the caller that also decides the answer's HTTP status.
pub(crate) fn failed(session: &Session, error: impl Into<ApiError>) -> Error {
    let error = error.into();
    session.note(error.code());
    told(&error)
}
