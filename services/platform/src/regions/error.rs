//! Why operators hear no.

use crate::{ApiError, TableError};
use contracts::{Code, FieldError, bodies::ops::RegionStanding};

/// Why the platform does not do what an operator asks.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// There is no such region.
    #[error("There is no such region")]
    UnknownRegion,
    /// A rule that needs nothing but the request is broken.
    #[error("{}: {}", .0.field, .0.message)]
    Invalid(FieldError),
    /// Nobody would be left to serve.
    #[error("It is the last region that serves")]
    LastActive,
    /// Somebody else decided meanwhile, and that stands.
    #[error("{} is {} by decision {}: look again", .0.region, .0.state, .0.epoch)]
    Outranked(RegionStanding),
    /// Nobody consumes under this name here.
    #[error("There is no such consumer")]
    UnknownConsumer,
    /// No such event is parked, or no more.
    #[error("No such event is parked")]
    NotParked,
    /// A queue did not answer.
    #[error("a queue did not answer: {0}")]
    Queue(String),
    /// A table did not answer.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl From<OpsError> for ApiError {
    fn from(error: OpsError) -> Self {
        let code = match error {
            OpsError::UnknownRegion | OpsError::UnknownConsumer | OpsError::NotParked => Code::NotFound,
            OpsError::LastActive | OpsError::Outranked(_) => Code::Conflict,
            OpsError::Invalid(fault) => return ApiError::invalid(vec![fault]),
            OpsError::Queue(_) => return ApiError::internal(error),
            OpsError::Table(error) => return error.into(),
        };
        ApiError::new(code, error.to_string())
    }
}
