//! The way to an upstream: one HTTP request for each call, signed for the region.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};
use platform::network::Network;
use serde_json::Value;

use super::UpstreamSpec;
use crate::cloud::Clock;
use crate::cloud::reply::Reply;

/// One call takes no longer, but for what it waits on purpose.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(10);
/// The secret that goes with the account's number as its key. Emulators take any; nothing secret lies behind it.
const SECRET: &str = "emulated";

/// Why a call of our own came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// There was no answer.
    #[error("{url} does not answer: {cause}")]
    Silent {
        /// Whose answer.
        url: String,
        /// Why.
        cause: String,
    },
    /// The answer was a refusal.
    #[error("{url} refuses {target}: {code}: {message}")]
    Refused {
        /// Whose answer.
        url: String,
        /// Service and operation.
        target: String,
        /// The error's name.
        code: String,
        /// What it says.
        message: String,
    },
    /// The answer was no JSON.
    #[error("{url} answers {target} with something else than JSON")]
    Garbled {
        /// Whose answer.
        url: String,
        /// Service and operation.
        target: String,
    },
}

impl CallError {
    /// Whether the call was refused because the thing is not there.
    pub(super) fn is_absence(&self) -> bool {
        let absent = |code: &str| {
            code.contains("NotFound") || code.contains("NonExistent") || code.contains("DoesNotExist")
        };
        matches!(self, CallError::Refused { code, .. } if absent(code))
    }

    /// Whether the upstream does not have the operation at all.
    pub(super) fn is_unknown(&self) -> bool {
        let unknown =
            ["UnknownOperationException", "InternalFailure", "InvalidAction", "NotImplemented", "501"];
        matches!(self, CallError::Refused { code, .. } if unknown.contains(&code.as_str()))
    }
}

/// A region's connection to an upstream. Clones share it.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) spec: UpstreamSpec,
    network: Network,
    clock: Clock,
}

impl Link {
    pub(super) fn new(spec: UpstreamSpec, network: Network, clock: Clock) -> Self {
        Link { spec, network, clock }
    }

    /// Host and port.
    pub(super) fn authority(&self) -> &str {
        self.spec.url.split_once("://").map_or("", |(_, rest)| rest)
    }

    /// Carries out a call of our own.
    pub(super) async fn call(&self, target: &str, body: Value) -> Result<Value, CallError> {
        let url = || self.spec.url.clone();
        let reply = self.send(target, body.to_string(), CALL_LIMIT).await?;
        let target = || target.to_owned();
        if !(200..300).contains(&reply.status) {
            let (code, message) = refusal(&reply);
            return Err(CallError::Refused { url: url(), target: target(), code, message });
        }
        match reply.body.is_empty() {
            true => Ok(Value::Null),
            false => serde_json::from_str(&reply.body)
                .map_err(|_| CallError::Garbled { url: url(), target: target() }),
        }
    }

    /// Hands a call on as it is, and its answer back.
    pub(super) async fn send(&self, target: &str, body: String, limit: Duration) -> Result<Reply, CallError> {
        let silent = |cause: String| CallError::Silent { url: self.spec.url.clone(), cause };
        let request = self.request(target, body).map_err(|cause| silent(format!("{cause:#}")))?;
        let answer = tokio::time::timeout(limit, self.network.send(request)).await;
        let answer = answer.map_err(|_| silent(format!("not within {} s", limit.as_secs())))?;
        let answer = answer.map_err(|cause| silent(cause.to_string()))?;
        let query_error = answer.headers().get("x-amzn-query-error").and_then(|code| code.to_str().ok());
        Ok(Reply {
            status: answer.status().as_u16(),
            query_error: query_error.map(str::to_owned),
            body: String::from_utf8_lossy(answer.body()).into_owned(),
        })
    }

    /// A document that anybody may read.
    pub(super) async fn get(&self, path: &str) -> Result<Value, CallError> {
        let url = format!("{}{path}", self.spec.url);
        let silent = |cause: String| CallError::Silent { url: url.clone(), cause };
        let request = Request::get(&url).header(header::HOST, self.authority()).body(Bytes::new());
        let request = request.map_err(|cause| silent(cause.to_string()))?;
        let answer = tokio::time::timeout(CALL_LIMIT, self.network.send(request)).await;
        let answer = answer.map_err(|_| silent(format!("not within {} s", CALL_LIMIT.as_secs())))?;
        let answer = answer.map_err(|cause| silent(cause.to_string()))?;
        let document = answer.status().is_success().then(|| serde_json::from_slice(answer.body()).ok());
        document
            .flatten()
            .ok_or_else(|| CallError::Garbled { url: self.spec.url.clone(), target: path.to_owned() })
    }

    fn request(&self, target: &str, body: String) -> anyhow::Result<Request<Bytes>> {
        let (service, content_type) = protocol(target);
        let mut request = Request::post(format!("{}/", self.spec.url))
            .header(header::HOST, self.authority())
            .header(header::CONTENT_TYPE, content_type)
            .header("x-amz-target", target)
            .body(Bytes::from(body))?;
        self.sign(service, &mut request)?;
        Ok(request)
    }

    /// Signs a request. The scope says which region of the upstream is meant, and the key which account.
    fn sign(&self, service: &str, request: &mut Request<Bytes>) -> anyhow::Result<()> {
        let identity: Identity = Credentials::new(&self.spec.account, SECRET, None, None, "emulated").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.spec.region)
            .name(service)
            .time(UNIX_EPOCH + Duration::from_millis((self.clock)().max(0).unsigned_abs()))
            .settings(SigningSettings::default())
            .build()?
            .into();
        let uri = request.uri().to_string();
        let headers =
            request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let body = SignableBody::Bytes(request.body());
        let signable = SignableRequest::new(request.method().as_str(), uri, headers, body)?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        for signed in instructions.into_parts().0 {
            let (name, value) =
                (HeaderName::try_from(signed.name())?, HeaderValue::try_from(signed.value())?);
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }
}

/// The name of a target's service in a signature, and its dialect of JSON.
fn protocol(target: &str) -> (&'static str, &'static str) {
    const OLDER: &str = "application/x-amz-json-1.0";
    const NEWER: &str = "application/x-amz-json-1.1";
    match target.split_once('.').map_or("", |(service, _)| service) {
        "AWSEvents" => ("events", NEWER),
        "AmazonSQS" => ("sqs", OLDER),
        "AWSCognitoIdentityProviderService" => ("cognito-idp", NEWER),
        _ => ("dynamodb", OLDER),
    }
}

/// The name of an error and what it says.
fn refusal(reply: &Reply) -> (String, String) {
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    let text = |names: [&str; 2]| names.iter().find_map(|name| body[*name].as_str()).map(str::to_owned);
    let code = text(["__type", "code"]).unwrap_or_else(|| reply.status.to_string());
    let code = code.rsplit('#').next().unwrap_or_default().to_owned();
    (code, text(["message", "Message"]).unwrap_or_else(|| reply.body.chars().take(200).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_request_is_signed_for_its_service_region_and_account() {
        let spec = UpstreamSpec {
            url: "http://127.0.0.1:4566".to_owned(),
            region: "eu-west-1".to_owned(),
            account: "123456789012".to_owned(),
            pools: Vec::new(),
        };
        let link = Link::new(spec, Network::new(), Arc::new(|| 1_790_000_000_000));
        let request = link.request("AmazonSQS.GetQueueUrl", "{}".to_owned()).expect("a request");
        let authorization = request.headers()["authorization"].to_str().expect("text");
        let scope = "Credential=123456789012/20260921/eu-west-1/sqs/aws4_request";
        assert!(authorization.contains(scope), "{authorization}");
        assert_eq!(request.headers()["host"], "127.0.0.1:4566");
    }

    #[test]
    fn a_refusal_has_its_name_whatever_stands_before_it() {
        let reply = |body: &str| Reply { status: 400, body: body.to_owned(), query_error: None };
        let long =
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no"}"#;
        assert_eq!(refusal(&reply(long)), ("ResourceNotFoundException".to_owned(), "no".to_owned()));
        assert_eq!(refusal(&reply("<html>")), ("400".to_owned(), "<html>".to_owned()));
    }
}
