//! What can go wrong here, and what callers hear of it.

use crate::domain::Refused;
use contracts::{Code, FieldError};
use platform::{ApiError, TableError, calls::CallError};

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("Delivery not found")]
    NotFound,
    #[error("a later owner has taken over")]
    StaleEpoch,
    #[error("{0}")]
    Conflict(String),
    #[error("the request breaks rules")]
    Invalid(Vec<FieldError>),
    #[error("the carrier contradicts itself: {0}")]
    Carrier(&'static str),
    #[error("too many changes at the same time")]
    Busy,
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("the carrier did not answer: {0}")]
    Call(#[from] CallError),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Status(status) => {
                let status = serde_json::to_value(status).unwrap_or_default();
                Error::Conflict(format!("The delivery is {}", status.as_str().unwrap_or_default()))
            }
            Refused::ReturnedBefore => Error::Conflict("Other goods of this order came back before".into()),
            Refused::Invalid(fault) => Error::Invalid(vec![fault]),
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => ApiError::new(Code::NotFound, "Delivery not found"),
            Error::StaleEpoch => ApiError::new(Code::StaleEpoch, "A later owner has taken over"),
            Error::Conflict(why) => ApiError::new(Code::Conflict, why),
            Error::Invalid(details) => ApiError::invalid(details),
            Error::Busy => ApiError::new(Code::InProgress, "The delivery is being changed; try again"),
            Error::Table(cause) => ApiError::from(cause),
            Error::Call(CallError::Timeout { .. } | CallError::Unreachable { .. }) => {
                ApiError::new(Code::Deadline, "The carrier did not answer in time")
            }
            other @ (Error::Carrier(_) | Error::Call(_)) => ApiError::internal(other),
        }
    }
}
