//! What can go wrong here, and what callers hear of it.

use contracts::{Code, FieldError};
use platform::{ApiError, TableError};

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("Product not found")]
    NotFound,
    #[error("the lines break rules")]
    Invalid(Vec<FieldError>),
    #[error(transparent)]
    Table(#[from] TableError),
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => ApiError::new(Code::NotFound, "Product not found"),
            Error::Invalid(details) => ApiError::invalid(details),
            Error::Table(cause) => ApiError::from(cause),
        }
    }
}
