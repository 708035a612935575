//! The one error answer.

use crate::{calls::CallError, deadline::Expired, tables::TableError};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use contracts::{Code, ErrorBody, FieldError};

/// An answer that says what went wrong. Services turn their own errors into it as the last step.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{code}: {message}", code = body.code, message = body.message)]
pub struct ApiError {
    body: Box<ErrorBody>,
}

impl ApiError {
    /// An answer with `code`.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        ApiError { body: Box::new(ErrorBody::new(code, message)) }
    }

    /// A request that breaks rules, field by field.
    pub fn invalid(details: Vec<FieldError>) -> Self {
        let message = details.iter().map(|fault| format!("{}: {}", fault.field, fault.message));
        let message = message.collect::<Vec<_>>().join(". ");
        ApiError { body: Box::new(ErrorBody::new(Code::ValidationFailed, message).with_details(details)) }
    }

    /// A defect of ours. The cause goes to the log, not to the caller.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        ApiError::new(Code::Internal, "Internal error")
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.body.code
    }

    /// Its body.
    pub fn body(&self) -> &ErrorBody {
        &self.body
    }
}

impl From<ErrorBody> for ApiError {
    fn from(body: ErrorBody) -> Self {
        ApiError { body: Box::new(body) }
    }
}

impl From<Expired> for ApiError {
    fn from(_: Expired) -> Self {
        ApiError::new(Code::Deadline, "The time budget ran out")
    }
}

impl From<TableError> for ApiError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Conflict => ApiError::new(Code::Conflict, "Somebody else changed it first"),
            TableError::Timeout => ApiError::new(Code::Deadline, "The database did not answer in time"),
            TableError::Page => ApiError::new(Code::BadRequest, "nextToken is not one of ours"),
            other => ApiError::internal(other),
        }
    }
}

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(body) => ApiError::from(*body),
            CallError::Timeout { .. } | CallError::Unreachable { .. } => {
                ApiError::new(Code::Deadline, "A service did not answer in time")
            }
            other => ApiError::internal(other),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.body.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(&*self.body)).into_response()
    }
}
