//! What can go wrong, and how it is told.

use contracts::{Code, FieldError};
use platform::{ApiError, TableError};

/// Why the service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsersError {
    /// The request breaks a rule.
    #[error("{}: {}", .0.field, .0.message)]
    Invalid(FieldError),
    /// The cart takes no more products.
    #[error("a cart holds at most {0} products")]
    CartFull(usize),
    /// The database.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl From<UsersError> for ApiError {
    fn from(error: UsersError) -> Self {
        let text = error.to_string();
        match error {
            UsersError::Invalid(fault) => ApiError::invalid(vec![fault]),
            UsersError::CartFull(_) => ApiError::new(Code::Conflict, text),
            UsersError::Table(error) => error.into(),
        }
    }
}
