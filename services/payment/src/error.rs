//! What can go wrong here, and what callers hear of it.

use crate::domain::Denied;
use contracts::{Code, FieldError};
use platform::{ApiError, TableError, calls::CallError, seal::Unopenable};

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("Payment not found")]
    NotFound,
    #[error("a later owner has taken over")]
    StaleEpoch,
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("the request breaks rules")]
    Invalid(Vec<FieldError>),
    #[error("the provider knows the effect key for something else")]
    KeyReused,
    #[error("nobody knows yet how the effect ended")]
    Unknown,
    #[error("too many changes at the same time")]
    Busy,
    #[error("the provider did not answer: {0}")]
    Provider(CallError),
    #[error(transparent)]
    Sealed(#[from] Unopenable),
    #[error(transparent)]
    Table(#[from] TableError),
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => ApiError::new(Code::NotFound, "Payment not found"),
            Error::StaleEpoch => ApiError::new(Code::StaleEpoch, "A later owner has taken over"),
            Error::Denied(Denied::Refused(reason)) => ApiError::new(Code::PaymentRefused, reason),
            Error::Denied(Denied::Conflict(why)) => ApiError::new(Code::Conflict, why),
            Error::Denied(Denied::KeyReused) | Error::KeyReused => {
                ApiError::new(Code::IdempotencyKeyReused, "The effect key names another effect")
            }
            Error::Invalid(details) => ApiError::invalid(details),
            Error::Unknown => {
                ApiError::new(Code::Deadline, "The provider has not said how it ended; ask again")
            }
            Error::Busy => ApiError::new(Code::InProgress, "The payment is being changed; try again"),
            Error::Provider(CallError::Timeout { .. } | CallError::Unreachable { .. }) => {
                ApiError::new(Code::Deadline, "The payment provider did not answer in time")
            }
            Error::Sealed(_) => {
                let fault = FieldError::new("paymentRef", "SEAL", "was not sealed here for this order");
                ApiError::invalid(vec![fault])
            }
            Error::Table(cause) => ApiError::from(cause),
            other @ Error::Provider(_) => ApiError::internal(other),
        }
    }
}
