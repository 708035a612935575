//! Why an order was not made or not found.

use contracts::{Code, ErrorBody, FieldError};
use platform::{ApiError, TableError, calls::CallError, tables::TransactError};

/// Why the orders service says no.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OrdersError {
    /// A rule that needs nothing but the request is broken.
    #[error("the request breaks rules")]
    Invalid(Vec<FieldError>),
    /// A check against the rest of the shop failed: a definite refusal.
    #[error("{message}")]
    Refused {
        /// The code.
        code: Code,
        /// Every reason.
        message: String,
    },
    /// The key was used with another body.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// The order could not be stored on two continents in time. It may come to exist.
    #[error("the order could not be stored on two continents in time")]
    NotDurable,
    /// Somebody else drives the shard, or nobody could be reached that does.
    #[error("the owner of the order's shard could not be reached in time")]
    NoOwner,
    /// A request was forwarded here as to the owner of its shard, which this region is not.
    #[error("this region does not drive the order's shard")]
    NotOwner,
    /// The time budget ran out before anything was decided.
    #[error("the time budget ran out")]
    Deadline,
    /// There is no such order for this caller.
    #[error("Order not found")]
    NotFound,
    /// A defect of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

impl OrdersError {
    /// Whether the answer is final: the same request will be refused again.
    pub fn definite(&self) -> bool {
        matches!(self, OrdersError::Invalid(_) | OrdersError::Refused { .. } | OrdersError::KeyReused)
    }

    /// What the caller is told.
    pub fn answer(&self) -> ErrorBody {
        ApiError::from(self.clone()).body().clone()
    }

    /// A definite refusal, as it was told before.
    pub fn told(answer: ErrorBody) -> Self {
        match answer.details.is_empty() {
            true => OrdersError::Refused { code: answer.code, message: answer.message },
            false => OrdersError::Invalid(answer.details),
        }
    }

    /// The code for programs.
    pub fn code(&self) -> Code {
        match self {
            OrdersError::Invalid(_) => Code::ValidationFailed,
            OrdersError::Refused { code, .. } => *code,
            OrdersError::KeyReused => Code::IdempotencyKeyReused,
            OrdersError::NotDurable | OrdersError::NoOwner => Code::DurabilityUnavailable,
            OrdersError::NotOwner => Code::StaleEpoch,
            OrdersError::Deadline => Code::Deadline,
            OrdersError::NotFound => Code::NotFound,
            OrdersError::Internal(_) => Code::Internal,
        }
    }
}

impl From<OrdersError> for ApiError {
    fn from(error: OrdersError) -> Self {
        match error {
            OrdersError::Invalid(details) => ApiError::invalid(details),
            OrdersError::Internal(cause) => ApiError::internal(cause),
            other => ApiError::new(other.code(), other.to_string()),
        }
    }
}

impl From<TableError> for OrdersError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Timeout => OrdersError::Deadline,
            other => OrdersError::Internal(other.to_string()),
        }
    }
}

impl From<TransactError> for OrdersError {
    fn from(error: TransactError) -> Self {
        match error {
            TransactError::Table(error) => error.into(),
            other => OrdersError::Internal(other.to_string()),
        }
    }
}

impl From<CallError> for OrdersError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Timeout { .. } | CallError::Unreachable { .. } => OrdersError::Deadline,
            CallError::Refused(body) if body.retryable => OrdersError::Deadline,
            CallError::Refused(body) if says_no_for_good(body.code) => {
                OrdersError::Refused { code: body.code, message: body.message }
            }
            other => OrdersError::Internal(other.to_string()),
        }
    }
}

/// Whether it is about what the customer asks. Anything else, such as a signature that is not known, is about us, and may
/// be otherwise in a moment.
fn says_no_for_good(code: Code) -> bool {
    use Code::{AgeNotVerified, DestinationNotAllowed, OutOfStock, PaymentRefused, ValidationFailed};
    matches!(code, AgeNotVerified | DestinationNotAllowed | OutOfStock | PaymentRefused | ValidationFailed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(code: Code) -> OrdersError {
        CallError::Refused(Box::new(ErrorBody::new(code, "no"))).into()
    }

    #[test]
    fn only_what_is_about_the_request_is_final() {
        for code in [Code::ValidationFailed, Code::PaymentRefused, Code::OutOfStock] {
            assert!(heard(code).definite(), "{code}");
        }
        for code in [Code::Unauthenticated, Code::Forbidden, Code::NotFound, Code::StaleEpoch, Code::Deadline]
        {
            assert!(!heard(code).definite(), "{code}");
        }
    }

    #[test]
    fn a_refusal_is_told_again_as_it_was_told() {
        let faults = vec![FieldError::new("lines[0].quantity", "MAXIMUM", "the order has 1 of it")];
        let refused = OrdersError::Refused { code: Code::OutOfStock, message: "Not enough stock".into() };
        for refusal in [OrdersError::Invalid(faults), refused] {
            assert_eq!(OrdersError::told(refusal.answer()).answer(), refusal.answer());
        }
    }
}
