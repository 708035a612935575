//! Bodies in and out, and the places where the engine shows that it is not AWS.

use dynoxide::DynoxideError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::reply::Reply;

/// The engine's region and account, as its ARNs have them.
const ENGINE_ARN: &str = "arn:aws:dynamodb:dynoxide:000000000000:";
const ENGINE_REGION: &str = r#""awsRegion":"dynoxide""#;

/// Reads a request.
///
/// The engine's decoders mark which error a refused value is by a prefix that must not reach the caller.
pub(super) fn read<T: DeserializeOwned>(operation: &str, body: &str) -> Result<T, DynoxideError> {
    serde_json::from_str(body).map_err(|error| classify(operation, &error.to_string()))
}

fn classify(operation: &str, message: &str) -> DynoxideError {
    let text = without_position(message);
    if let Some(text) = text.strip_prefix("VALIDATION_REQUEST:") {
        let envelope = match operation {
            "PutItem" | "UpdateItem" | "DeleteItem" => "1 validation error detected: ",
            _ => "",
        };
        return DynoxideError::ValidationException(format!("{envelope}{text}"));
    }
    for prefix in ["VALIDATION:", "VALIDATION_AS_READ:"] {
        if let Some(text) = text.strip_prefix(prefix) {
            return DynoxideError::ValidationException(text.to_owned());
        }
    }
    for prefix in ["SERIALIZATION:", "SERIALIZATION_AS_READ:"] {
        if let Some(text) = text.strip_prefix(prefix) {
            return DynoxideError::SerializationException(text.to_owned());
        }
    }
    let validation = ["missing field", "unknown variant", "invalid type: null", "AttributeValue"];
    if validation.iter().any(|hint| text.contains(hint)) {
        return DynoxideError::ValidationException(text.to_owned());
    }
    DynoxideError::SerializationException(text.to_owned())
}

fn without_position(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(text, _)| text)
}

/// Writes an answer.
pub(super) fn write<T: Serialize>(answer: &T) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// Puts the cloud's own region and account where the engine writes its own.
pub(super) struct Arns {
    prefix: String,
    region: String,
}

impl Arns {
    pub(super) fn of(region: &str, account: &str) -> Self {
        Arns {
            prefix: format!("arn:aws:dynamodb:{region}:{account}:"),
            region: format!(r#""awsRegion":"{region}""#),
        }
    }

    /// Only for answers that describe tables and streams: items may say anything.
    pub(super) fn correct(&self, text: &str) -> String {
        text.replace(ENGINE_ARN, &self.prefix).replace(ENGINE_REGION, &self.region)
    }

    pub(super) fn refusal(&self, operation: &str, error: DynoxideError) -> Reply {
        let error = match error {
            // The engine's tag for errors that AWS wraps; its write operations have done so already.
            DynoxideError::EnvelopedValidation(text) => {
                classify(operation, &format!("VALIDATION_REQUEST:{text}"))
            }
            other => other,
        };
        if error.status_code() >= 500 {
            tracing::error!(operation, %error, "the database engine failed");
        }
        let body = match &error {
            DynoxideError::ResourceNotFoundException(_) => self.correct(&error.to_json()),
            _ => error.to_json(),
        };
        Reply { status: error.status_code(), body, query_error: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_and_positions_never_reach_the_caller() {
        let cases = [
            ("PutItem", "VALIDATION_REQUEST:bad at line 1 column 7", "1 validation error detected: bad"),
            ("Query", "VALIDATION_REQUEST:bad", "bad"),
            ("Query", "VALIDATION:bad at line 1 column 7", "bad"),
            ("Query", "SERIALIZATION:bad", "bad"),
            ("Query", "missing field `x` at line 1 column 2", "missing field `x`"),
        ];
        for (operation, raw, expected) in cases {
            assert_eq!(classify(operation, raw).to_string(), expected, "{raw}");
        }
    }
}
