//! What DynamoDB refuses, as the wire has it.

use std::sync::Arc;

use super::super::reply::Reply;
use super::json::{INVALID, write_list, write_text};
use super::record::Record;

/// Why a call was refused. Nothing was changed.
#[derive(Clone, Debug)]
pub(super) enum Error {
    /// The body is not what the operation takes.
    Serialization(String),
    /// The request is well-formed and makes no sense.
    Validation(String),
    /// A key attribute is empty. Unlike other faults of one action, it refuses a transaction as a whole.
    EmptyKey(String),
    /// No such table or stream.
    NotFound(String),
    /// The condition did not hold; the item it met, where the caller wants it.
    ConditionFailed(Option<Arc<Record>>),
    /// A transaction was cancelled, for these reasons, one for each of its actions.
    Cancelled(Vec<Option<Error>>),
}

pub(super) type Result<T> = std::result::Result<T, Error>;

/// A [`Error::Validation`].
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::Validation(message.into())
}

/// A member that is missing or has a value that it cannot have.
pub(super) fn constraint(value: Option<&str>, member: &str, constraint: &str) -> Error {
    let value = value.map_or("null".to_owned(), |value| format!("'{value}'"));
    invalid(format!(
        "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {constraint}"
    ))
}

/// A member that is missing.
pub(super) fn missing(member: &str) -> Error {
    constraint(None, member, "Member must not be null")
}

impl Error {
    fn kind(&self) -> &'static str {
        match self {
            Error::Serialization(_) => "com.amazon.coral.service#SerializationException",
            Error::Validation(_) | Error::EmptyKey(_) => "com.amazon.coral.validate#ValidationException",
            Error::NotFound(_) => "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
            Error::ConditionFailed(_) => "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            Error::Cancelled(_) => "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        }
    }

    /// How a cancelled transaction calls it.
    fn code(&self) -> &'static str {
        match self {
            Error::ConditionFailed(_) => "ConditionalCheckFailed",
            _ => "ValidationError",
        }
    }

    fn message(&self) -> String {
        match self {
            Error::Serialization(text)
            | Error::Validation(text)
            | Error::EmptyKey(text)
            | Error::NotFound(text) => text.clone(),
            Error::ConditionFailed(_) => "The conditional request failed".to_owned(),
            Error::Cancelled(reasons) => {
                let codes = reasons.iter().map(|reason| reason.as_ref().map_or("None", Error::code));
                let codes = codes.collect::<Vec<_>>().join(", ");
                format!(
                    "Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
                )
            }
        }
    }

    pub(super) fn reply(&self) -> Reply {
        Reply { status: 400, body: self.json(), query_error: None }
    }

    fn json(&self) -> String {
        let mut out = String::from(r#"{"__type":"#);
        write_text(&mut out, self.kind());
        let name = match self {
            Error::Serialization(_) | Error::Cancelled(_) => r#","Message":"#,
            _ => r#","message":"#,
        };
        out.push_str(name);
        write_text(&mut out, &self.message());
        self.write_item(&mut out);
        if let Error::Cancelled(reasons) = self {
            out.push_str(r#","CancellationReasons":"#);
            write_list(&mut out, reasons, |out, reason| write_reason(out, reason.as_ref()));
        }
        out.push('}');
        out
    }

    fn write_item(&self, out: &mut String) {
        if let Error::ConditionFailed(Some(met)) = self {
            out.push_str(r#","Item":"#);
            out.push_str(met.json());
        }
    }
}

fn write_reason(out: &mut String, reason: Option<&Error>) {
    out.push_str(r#"{"Code":"#);
    write_text(out, reason.map_or("None", Error::code));
    if let Some(reason) = reason {
        out.push_str(r#","Message":"#);
        write_text(out, &reason.message());
        reason.write_item(out);
    }
    out.push('}');
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
        match text.strip_prefix(INVALID) {
            Some(text) => Error::Validation(text.to_owned()),
            None => Error::Serialization(text.to_owned()),
        }
    }
}
