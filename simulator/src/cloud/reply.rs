//! What a service answers, in the JSON protocols' shape.

use serde_json::json;

/// An answer on its way out of a door.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
    /// SQS names its errors a second way, for clients of its older protocol.
    pub(super) query_error: Option<String>,
}

/// An error as the AWS JSON protocols carry it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Refusal { code, message: message.into() }
    }

    /// A body that is not what the operation takes.
    pub(super) fn malformed(error: &serde_json::Error) -> Self {
        Refusal::new("SerializationException", error.to_string())
    }
}

impl Reply {
    pub(super) fn ok(body: String) -> Self {
        Reply { status: 200, body, query_error: None }
    }

    pub(super) fn refused(refusal: &Refusal) -> Self {
        let body = json!({ "__type": refusal.code, "message": refusal.message }).to_string();
        Reply { status: 400, body, query_error: None }
    }

    pub(super) fn unknown_operation(target: &str) -> Self {
        Reply::refused(&Refusal::new("UnknownOperationException", format!("{target:?} is not emulated")))
    }
}

impl From<Result<String, Refusal>> for Reply {
    fn from(result: Result<String, Refusal>) -> Self {
        match result {
            Ok(body) => Reply::ok(body),
            Err(refusal) => Reply::refused(&refusal),
        }
    }
}
