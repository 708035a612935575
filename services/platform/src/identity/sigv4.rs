//! Service calls signed as AWS signs them (Signature Version 4, service `execute-api`).
//!
//! On AWS a service signs by its role ([`super::role`]), API Gateway checks the signature and IAM decides. Elsewhere it signs
//! by a key that is derived from its name and one configured key, and whoever is called checks that.

use crate::config::Secrets;
use aws_credential_types::Credentials;
use aws_lc_rs::{constant_time, hmac};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity as AwsIdentity;
use bytes::Bytes;
use contracts::{Region, Timestamp, keys};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use std::time::{Duration, UNIX_EPOCH};
use time::{PrimitiveDateTime, macros::format_description};

/// A signature older or newer than this is refused, milliseconds.
const WINDOW_MS: i64 = 5 * 60 * 1000;
/// The prefix of a service's access key id; the rest is its name.
const KEY_ID_PREFIX: &str = "svc-";

/// The request cannot be signed.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be signed: {0}")]
pub struct SignError(pub(super) String);

pub(super) struct Signer {
    region: String,
    root: hmac::Key,
}

impl Signer {
    pub(super) fn new(region: &Region, secrets: &Secrets) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secrets.service_key.as_bytes());
        Signer { region: region.0.clone(), root }
    }

    pub(super) fn sign(
        &self,
        now: Timestamp,
        service: &str,
        request: &mut Request<Bytes>,
    ) -> Result<(), SignError> {
        sign_with(self.credentials(&format!("{KEY_ID_PREFIX}{service}")), &self.region, now, request)
    }

    fn credentials(&self, key_id: &str) -> Credentials {
        let secret = keys::hex(hmac::sign(&self.root, key_id.as_bytes()).as_ref());
        Credentials::new(key_id, secret, None, None, "derived")
    }

    /// The name of the service that signed the request, or none where the signature does not hold.
    pub(super) fn verify(
        &self,
        now: Timestamp,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<String> {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        let authorization = Authorization::parse(header("authorization")?)?;
        let date = parse_date(header("x-amz-date")?)?;
        if (now.0 - date.0).abs() > WINDOW_MS || !authorization.signed_headers.contains(&"host") {
            return None;
        }
        let signed: Vec<(&str, &str)> = authorization
            .signed_headers
            .iter()
            .filter(|name| !name.starts_with("x-amz-date"))
            .map(|name| Some((*name, header(name)?)))
            .collect::<Option<_>>()?;
        let credentials = self.credentials(authorization.key_id);
        let expected =
            signature(credentials, authorization.region, date, method.as_str(), uri, &signed, body).ok()?;
        let given = authorization.signature.as_bytes();
        constant_time::verify_slices_are_equal(expected.signature.as_bytes(), given).ok()?;
        authorization.key_id.strip_prefix(KEY_ID_PREFIX).map(str::to_owned)
    }
}

/// Signs a request for an API in `region`. The headers must hold `host`.
pub(super) fn sign_with(
    credentials: Credentials,
    region: &str,
    now: Timestamp,
    request: &mut Request<Bytes>,
) -> Result<(), SignError> {
    let host = request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok());
    let host = host.ok_or_else(|| SignError("no host".into()))?;
    let (method, uri) = (request.method().as_str(), request.uri());
    let signed = signature(credentials, region, now, method, uri, &[("host", host)], request.body())?;
    for (name, value) in signed.headers {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
            return Err(SignError("a signed header is not a header".into()));
        };
        request.headers_mut().insert(name, value);
    }
    Ok(())
}

fn signature(
    credentials: Credentials,
    region: &str,
    at: Timestamp,
    method: &str,
    uri: &Uri,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Signed, SignError> {
    let fail = |cause: &dyn std::fmt::Display| SignError(cause.to_string());
    let identity: AwsIdentity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("execute-api")
        .time(UNIX_EPOCH + Duration::from_millis(at.0.max(0) as u64))
        .settings(SigningSettings::default())
        .build()
        .map_err(|cause| fail(&cause))?
        .into();
    // Only path and query are signed; where the host is in the URI, it is signed as a header.
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let uri =
        format!("http://{}{path}", headers.iter().find(|(name, _)| *name == "host").map_or("", |h| h.1));
    let request = SignableRequest::new(method, uri, headers.iter().copied(), SignableBody::Bytes(body))
        .map_err(|cause| fail(&cause))?;
    let (instructions, signature) = sign(request, &params).map_err(|cause| fail(&cause))?.into_parts();
    let (headers, _) = instructions.into_parts();
    let headers = headers.into_iter().map(|header| (header.name(), header.value().to_owned())).collect();
    Ok(Signed { signature, headers })
}

struct Signed {
    signature: String,
    headers: Vec<(&'static str, String)>,
}

/// `AWS4-HMAC-SHA256 Credential=id/date/region/service/aws4_request, SignedHeaders=a;b, Signature=hex`
struct Authorization<'a> {
    key_id: &'a str,
    region: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let part = |name: &str| rest.split(',').find_map(|part| part.trim().strip_prefix(name));
        let mut scope = part("Credential=")?.split('/');
        let key_id = scope.next()?;
        let region = scope.nth(1)?;
        (scope.next()? == "execute-api").then_some(())?;
        let signed_headers = part("SignedHeaders=")?.split(';').collect();
        Some(Authorization { key_id, region, signed_headers, signature: part("Signature=")? })
    }
}

/// `20260101T000000Z`
fn parse_date(text: &str) -> Option<Timestamp> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let date = PrimitiveDateTime::parse(text, format).ok()?.assume_utc();
    Some(Timestamp(date.unix_timestamp() * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_764_000_123_000);

    fn signer(key: &str) -> Signer {
        let secrets = Secrets {
            service_key: key.into(),
            payment_key: String::new(),
            provider_key: String::new(),
            age_check_key: String::new(),
        };
        Signer::new(&"eu-west-1".into(), &secrets)
    }

    fn signed(body: &'static str) -> Request<Bytes> {
        let mut request = Request::post("http://x.local/orders/backend/journal/accept?a=b%20c")
            .header("host", "x.local")
            .body(Bytes::from(body))
            .expect("request");
        signer("k").sign(NOW, "orders", &mut request).expect("signs");
        request
    }

    fn verify(signer: &Signer, now: Timestamp, request: &Request<Bytes>) -> Option<String> {
        signer.verify(now, request.method(), request.uri(), request.headers(), request.body())
    }

    #[test]
    fn a_signed_call_tells_who_made_it() {
        assert_eq!(verify(&signer("k"), NOW, &signed("{}")), Some("orders".into()));
    }

    #[test]
    fn the_host_may_be_absent_from_the_uri_on_arrival() {
        let mut request = signed("{}");
        *request.uri_mut() = "/orders/backend/journal/accept?a=b%20c".parse().expect("uri");
        assert_eq!(verify(&signer("k"), NOW, &request), Some("orders".into()));
    }

    #[test]
    fn a_changed_body_path_name_or_key_breaks_the_signature() {
        let mut body = signed("{}");
        *body.body_mut() = Bytes::from("{ }");
        assert_eq!(verify(&signer("k"), NOW, &body), None);
        let mut path = signed("{}");
        *path.uri_mut() = "/payment/backend/x/capture".parse().expect("uri");
        assert_eq!(verify(&signer("k"), NOW, &path), None);
        let mut name = signed("{}");
        let other =
            name.headers()["authorization"].to_str().expect("text").replace("svc-orders", "svc-payment");
        name.headers_mut().insert("authorization", other.parse().expect("header"));
        assert_eq!(verify(&signer("k"), NOW, &name), None);
        assert_eq!(verify(&signer("other"), NOW, &signed("{}")), None);
    }

    #[test]
    fn an_old_signature_is_refused() {
        assert_eq!(verify(&signer("k"), NOW.plus_ms(WINDOW_MS + 1000), &signed("{}")), None);
    }
}
