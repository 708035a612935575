//! Service calls signed by the role that a process has on AWS. API Gateway checks the signature, IAM says whether the role may
//! make the call, and what is called learns from the gateway which role it was.

use super::sigv4::{SignError, sign_with};
use crate::Config;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider},
};
use bytes::Bytes;
use contracts::{Region, Timestamp};
use http::Request;
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, UNIX_EPOCH},
};

/// Credentials that end within this time are asked for anew.
const RENEWED_BEFORE: Duration = Duration::from_secs(5 * 60);

/// What API Gateway says of whoever signed a request that it let in by IAM. A host on AWS puts it among the request's
/// extensions; nobody else can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// The ARN of their role's session.
    pub session: String,
    /// The service that hosts the one that is called, and the latter's name, where they are two: in other regions it is
    /// hosted likewise, and goes by its host's role.
    pub hosted: Option<(&'static str, &'static str)>,
}

/// The services' roles, `ecommerce-{env}-{service}-{region}`, and this process's own credentials.
pub(super) struct Roles {
    prefix: String,
    suffixes: Vec<String>,
    provider: SharedCredentialsProvider,
    held: Mutex<Option<Credentials>>,
}

impl Roles {
    pub(super) fn new(config: &Config, provider: SharedCredentialsProvider) -> Self {
        let suffixes = config.regions.iter().map(|region| format!("-{}", region.name)).collect();
        Roles { prefix: format!("ecommerce-{}-", config.env), suffixes, provider, held: Mutex::default() }
    }

    /// The service whose role's session this is: `arn:aws:sts::{account}:assumed-role/{role}/{session}`. None for any
    /// other role. An API lets in its own account's roles only.
    pub(super) fn service(&self, by: &SignedBy) -> Option<String> {
        let session = by.session.strip_prefix("arn:aws:sts::")?;
        let role = session.split_once(":assumed-role/")?.1.split('/').next()?;
        let of_ours = role.strip_prefix(&self.prefix)?;
        let service = self.suffixes.iter().find_map(|region| of_ours.strip_suffix(region))?;
        let name = by.hosted.filter(|(host, _)| *host == service).map_or(service, |(_, hosted)| hosted);
        Some(name.to_owned())
    }

    /// Signs a request for an API in `region`.
    pub(super) async fn sign(
        &self,
        region: &Region,
        now: Timestamp,
        request: &mut Request<Bytes>,
    ) -> Result<(), SignError> {
        sign_with(self.credentials(now).await?, region.as_str(), now, request)
    }

    async fn credentials(&self, now: Timestamp) -> Result<Credentials, SignError> {
        let soon = UNIX_EPOCH + Duration::from_millis(now.0.unsigned_abs()) + RENEWED_BEFORE;
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(held) = held.filter(|held| held.expiry().is_some_and(|ends| ends > soon)) {
            return Ok(held);
        }
        let fresh = self.provider.provide_credentials().await;
        let fresh = fresh.map_err(|cause| SignError(format!("no credentials: {cause}")))?;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh.clone());
        Ok(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Platform, World, identity::Caller, network::Network};
    use http::{HeaderMap, Method, Uri};
    use serde_json::json;
    use std::sync::atomic::{AtomicU32, Ordering};

    const NOW_MS: i64 = 1_790_000_000_000;

    fn config() -> Config {
        serde_json::from_value(json!({
            "env": "staging", "region": "eu-west-1",
            "regions": [{ "name": "eu-west-1", "continent": "eu", "url": "https://{service}.eu.test" }],
            "continents": [], "shards": 1, "warehouses": [], "pools": [], "sign_by": "role",
            "provider_url": "http://provider.test", "carrier_url": "http://carrier.test",
            "age_check_url": "http://age-check.test", "heartbeat_ms": 50, "suspect_after_ms": 250,
            "secrets": { "service_key": "k", "payment_key": "", "provider_key": "", "age_check_key": "" },
        }))
        .expect("a configuration")
    }

    fn role() -> Credentials {
        Credentials::new("ASIAORDERS", "secret", Some("session".into()), None, "tests")
    }

    fn platform() -> Platform {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let world = World::real(http, SharedCredentialsProvider::new(role()));
        Platform::new(world, config(), Network::new()).expect("a platform")
    }

    fn session(role: &str) -> SignedBy {
        let session = format!("arn:aws:sts::123456789012:assumed-role/{role}/ecommerce-staging-orders");
        SignedBy { session, hosted: None }
    }

    fn caller(
        platform: &Platform,
        by: Option<&SignedBy>,
        headers: &HeaderMap,
    ) -> Result<Caller, crate::ApiError> {
        platform.identity.caller(
            &platform.world,
            by,
            &Method::POST,
            &Uri::from_static("/backend/x"),
            headers,
            b"",
        )
    }

    #[test]
    fn the_gateway_says_which_services_role_it_was() {
        let (platform, none) = (platform(), HeaderMap::new());
        let by = |role: &str| caller(&platform, Some(&session(role)), &none).ok();
        assert_eq!(by("ecommerce-staging-orders-eu-west-1"), Some(Caller::Service("orders".into())));
        assert_eq!(
            by("ecommerce-staging-frontend-api-eu-west-1"),
            Some(Caller::Service("frontend-api".into()))
        );
        // Of another environment, of a region that is not ours, of nothing of ours; and no session of a role at all.
        for foreign in ["ecommerce-prod-orders-eu-west-1", "ecommerce-staging-orders-us-west-9", "admin"] {
            assert_eq!(by(foreign), None, "{foreign}");
        }
        let session = "arn:aws:iam::123456789012:user/ecommerce-staging-orders-eu-west-1".into();
        let user = SignedBy { session, hosted: None };
        assert!(caller(&platform, Some(&user), &none).is_err());
    }

    #[test]
    fn a_hosted_service_goes_by_its_hosts_role() {
        let (platform, none) = (platform(), HeaderMap::new());
        let by = |role: &str| {
            let by = SignedBy { hosted: Some(("orders", "platform")), ..session(role) };
            caller(&platform, Some(&by), &none).ok()
        };
        assert_eq!(by("ecommerce-staging-orders-eu-west-1"), Some(Caller::Service("platform".into())));
        assert_eq!(by("ecommerce-staging-payment-eu-west-1"), Some(Caller::Service("payment".into())));
    }

    #[test]
    fn a_signature_that_no_gateway_checked_proves_nothing() {
        let platform = platform();
        let request = Request::post("https://orders.eu.test/backend/x").header("host", "orders.eu.test");
        let mut request = request.body(Bytes::new()).expect("a request");
        platform.identity.sign(&platform.world, "orders", &mut request).expect("signed by the derived key");
        assert!(caller(&platform, None, request.headers()).is_err());
    }

    #[tokio::test]
    async fn a_call_is_signed_by_the_role_for_the_region_that_it_goes_to() {
        let platform = platform();
        let request = Request::post("https://orders.us.test/backend/x").header("host", "orders.us.test");
        let mut request = request.body(Bytes::new()).expect("a request");
        let to = Region::from("us-east-1");
        platform.identity.prove(&platform.world, "orders", &to, &mut request).await.expect("signed");
        let authorization = request.headers()["authorization"].to_str().expect("text");
        assert!(authorization.contains("Credential=ASIAORDERS/"), "{authorization}");
        assert!(authorization.contains("/us-east-1/execute-api/aws4_request"), "{authorization}");
        assert_eq!(request.headers()["x-amz-security-token"], "session");
    }

    #[tokio::test]
    async fn credentials_are_asked_for_again_before_they_end() {
        #[derive(Debug)]
        struct Counting(AtomicU32);
        impl ProvideCredentials for Counting {
            fn provide_credentials<'a>(
                &'a self,
            ) -> aws_credential_types::provider::future::ProvideCredentials<'a>
            where
                Self: 'a,
            {
                let asked = self.0.fetch_add(1, Ordering::Relaxed) + 1;
                let ends = UNIX_EPOCH + Duration::from_millis(NOW_MS as u64) + Duration::from_secs(3600);
                let fresh = Credentials::new(format!("key-{asked}"), "secret", None, Some(ends), "tests");
                aws_credential_types::provider::future::ProvideCredentials::ready(Ok(fresh))
            }
        }
        let roles = Roles::new(&config(), SharedCredentialsProvider::new(Counting(AtomicU32::new(0))));
        let key = async |ms: i64| {
            roles.credentials(Timestamp(NOW_MS + ms)).await.expect("some").access_key_id().to_owned()
        };
        assert_eq!(key(0).await, "key-1");
        assert_eq!(key(50 * 60 * 1000).await, "key-1");
        assert_eq!(key(56 * 60 * 1000).await, "key-2");
    }

    #[test]
    fn a_world_without_roles_cannot_sign_by_one() {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let refused = Platform::new(World::new(0, 1, http), config(), Network::new());
        assert!(refused.is_err_and(|cause| cause.to_string().contains("sign_by")));
    }
}
