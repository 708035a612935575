//! What can go wrong here, and what callers hear of it.

use crate::{
    domain::{change::Refusal, notices::Full},
    store::NotTaken,
};
use contracts::{Code, FieldError, Region};
use platform::{ApiError, TableError, calls::CallError};

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("Product not found")]
    NotFound,
    #[error("{} rule(s) broken", .0.len())]
    Invalid(Vec<FieldError>),
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A command without the version that it is for, or with one that cannot be read.
    #[error("If-Match must be {0}")]
    IfMatch(&'static str),
    #[error(transparent)]
    Table(#[from] TableError),
    /// The customer waits for too many products.
    #[error(transparent)]
    Full(Full),
    /// The one region that writes did not answer. The change may have been made.
    #[error("{home}: {cause}")]
    Home { home: Region, cause: CallError },
}

impl From<NotTaken> for Error {
    fn from(cause: NotTaken) -> Self {
        match cause {
            NotTaken::Full(full) => Error::Full(full),
            NotTaken::Table(cause) => Error::Table(cause),
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NotFound | Error::Refused(Refusal::NotFound) => {
                ApiError::new(Code::NotFound, "Product not found")
            }
            Error::Invalid(details) => ApiError::invalid(details),
            Error::Refused(Refusal::Taken | Refusal::Stale(_)) => {
                ApiError::new(Code::PreconditionFailed, text)
            }
            Error::Full(_) => ApiError::new(Code::Conflict, text),
            Error::IfMatch(_) => ApiError::new(Code::BadRequest, text),
            Error::Table(cause) => ApiError::from(cause),
            Error::Home { home, cause: CallError::Timeout { .. } | CallError::Unreachable { .. } } => {
                let message =
                    format!("The catalogue is written in {home}, which does not answer; try again later");
                ApiError::new(Code::Deadline, message)
            }
            Error::Home { cause, .. } => ApiError::from(cause),
        }
    }
}
