//! What can go wrong, and how it is told.

use crate::domain::{packaging::NotNow, reservation::Impossible};
use contracts::{Code, FieldError, Region, WarehouseId};
use platform::{ApiError, TableError, calls::CallError, tables::TransactError};

/// Why the warehouse did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum WarehouseError {
    /// No warehouse has this id.
    #[error("there is no warehouse {0}")]
    NoSuchWarehouse(WarehouseId),
    /// The goods lie elsewhere, and only their own region may touch them.
    #[error("{warehouse} belongs to {home}")]
    Elsewhere {
        /// The warehouse.
        warehouse: WarehouseId,
        /// The region that owns its stock.
        home: Region,
    },
    /// There is no such thing.
    #[error("{0}")]
    NotFound(&'static str),
    /// The thing is in a state that does not allow this.
    #[error("{0}")]
    Refused(String),
    /// A command of a former owner of the order.
    #[error("the order has an owner with a higher epoch, {0}")]
    StaleEpoch(u64),
    /// The request breaks a rule.
    #[error("{} rule(s) broken", .0.len())]
    Invalid(Vec<FieldError>),
    /// Others were faster on the same rows, again and again. Nothing happened.
    #[error("too many others are at work on the same goods")]
    Contended,
    /// The database.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Another service.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl WarehouseError {
    pub(crate) fn invalid(field: &str, code: &str, message: &str) -> Self {
        WarehouseError::Invalid(vec![FieldError::new(field, code, message)])
    }
}

impl From<Impossible> for WarehouseError {
    fn from(error: Impossible) -> Self {
        WarehouseError::Refused(error.to_string())
    }
}

impl From<NotNow> for WarehouseError {
    fn from(error: NotNow) -> Self {
        WarehouseError::Refused(error.to_string())
    }
}

impl From<TransactError> for WarehouseError {
    fn from(error: TransactError) -> Self {
        match error {
            TransactError::Cancelled(_) => WarehouseError::Table(TableError::Conflict),
            TransactError::Busy => WarehouseError::Contended,
            TransactError::Table(error) => WarehouseError::Table(error),
        }
    }
}

impl From<WarehouseError> for ApiError {
    fn from(error: WarehouseError) -> Self {
        let text = error.to_string();
        match error {
            WarehouseError::NoSuchWarehouse(_) | WarehouseError::NotFound(_) => {
                ApiError::new(Code::NotFound, text)
            }
            WarehouseError::Elsewhere { .. } | WarehouseError::Refused(_) => {
                ApiError::new(Code::Conflict, text)
            }
            WarehouseError::StaleEpoch(_) => ApiError::new(Code::StaleEpoch, text),
            WarehouseError::Invalid(faults) => ApiError::invalid(faults),
            WarehouseError::Contended => ApiError::new(Code::Deadline, text),
            WarehouseError::Table(error) => error.into(),
            WarehouseError::Call(error) => error.into(),
        }
    }
}
