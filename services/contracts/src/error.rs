//! Error codes and the one error body.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What went wrong, in one word that callers may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// No caller, or one that cannot prove who it is.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// There is no such thing, or not for this caller.
    NotFound,
    /// The request cannot be read.
    BadRequest,
    /// The request can be read and breaks a rule.
    ValidationFailed,
    /// The thing is in a state that does not allow this.
    Conflict,
    /// The same idempotency key is being worked on.
    InProgress,
    /// The idempotency key was used with another body.
    IdempotencyKeyReused,
    /// Not enough stock.
    OutOfStock,
    /// The payment does not cover the order.
    PaymentRefused,
    /// The customer's age is not verified.
    AgeNotVerified,
    /// The law does not allow this destination.
    DestinationNotAllowed,
    /// Too many requests.
    RateLimited,
    /// The order could not be stored on two continents in time.
    DurabilityUnavailable,
    /// The time budget ran out.
    Deadline,
    /// The caller's epoch is behind.
    StaleEpoch,
    /// The thing has another version than the caller takes it to have.
    PreconditionFailed,
    /// The body is larger than the service takes.
    PayloadTooLarge,
    /// A defect of ours.
    Internal,
}

impl Code {
    /// The HTTP status that goes with the code.
    pub fn status(self) -> u16 {
        match self {
            Code::Unauthenticated => 401,
            Code::PaymentRefused => 402,
            Code::Forbidden | Code::AgeNotVerified => 403,
            Code::NotFound => 404,
            Code::BadRequest => 400,
            Code::Conflict | Code::InProgress | Code::OutOfStock | Code::StaleEpoch => 409,
            Code::PreconditionFailed => 412,
            Code::PayloadTooLarge => 413,
            Code::ValidationFailed | Code::IdempotencyKeyReused | Code::DestinationNotAllowed => 422,
            Code::RateLimited => 429,
            Code::DurabilityUnavailable | Code::Deadline => 503,
            Code::Internal => 500,
        }
    }

    /// Whether the same request may succeed later.
    pub fn retryable(self) -> bool {
        matches!(
            self,
            Code::InProgress
                | Code::RateLimited
                | Code::DurabilityUnavailable
                | Code::Deadline
                | Code::Internal
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// One field's mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// The path of the field, such as `products[2].quantity`.
    pub field: String,
    /// A word for the rule.
    pub code: String,
    /// The rule as a sentence.
    pub message: String,
}

impl FieldError {
    /// A mistake in `field`.
    pub fn new(field: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        FieldError { field: field.into(), code: code.to_owned(), message: message.into() }
    }
}

/// The body of every error answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// For a person.
    pub message: String,
    /// For a program.
    pub code: Code,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Mistakes by field.
    #[serde(default)]
    pub details: Vec<FieldError>,
}

impl ErrorBody {
    /// A body for `code`.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        ErrorBody { message: message.into(), code, retryable: code.retryable(), details: Vec::new() }
    }

    /// The same body with mistakes by field.
    pub fn with_details(mut self, details: Vec<FieldError>) -> Self {
        self.details = details;
        self
    }
}
