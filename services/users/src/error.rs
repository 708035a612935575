//! What can go wrong, and how it is told.

use contracts::{Code, FieldError};
use platform::{ApiError, TableError, calls::CallError};

/// Why the service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsersError {
    /// The request breaks a rule.
    #[error("{}: {}", .0.field, .0.message)]
    Invalid(FieldError),
    /// The cart takes no more products.
    #[error("a cart holds at most {0} products")]
    CartFull(usize),
    /// A cart changed while it was merged.
    #[error("the cart changed meanwhile; try again")]
    CartChanged,
    /// The customer's home region, which alone writes verdicts, does not take one.
    #[error("the customer's home region does not answer; send the verdict again later")]
    HomeSilent(#[source] CallError),
    /// The database.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl From<UsersError> for ApiError {
    fn from(error: UsersError) -> Self {
        let text = error.to_string();
        match error {
            UsersError::Invalid(fault) => ApiError::invalid(vec![fault]),
            UsersError::CartFull(_) | UsersError::CartChanged => ApiError::new(Code::Conflict, text),
            UsersError::HomeSilent(cause) => {
                tracing::warn!(%cause, "a verdict is not handed on");
                ApiError::new(Code::DurabilityUnavailable, text)
            }
            UsersError::Table(error) => error.into(),
        }
    }
}
