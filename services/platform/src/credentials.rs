//! Who this process is to AWS: the role of its function or container, or what the environment says.

use aws_config::{
    default_provider::credentials::DefaultCredentialsChain,
    environment::EnvironmentVariableCredentialsProvider, meta::credentials::CredentialsProviderChain,
    provider_config::ProviderConfig,
};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use contracts::Region;

/// The credentials of this process. AWS's own are found and renewed as its SDKs do it. An emulator, which `endpoint` names,
/// takes any, so there the environment need not have them.
pub(crate) async fn provider(
    endpoint: Option<&str>,
    region: &Region,
    http: SharedHttpClient,
) -> SharedCredentialsProvider {
    if endpoint.is_some() {
        let environment = EnvironmentVariableCredentialsProvider::new();
        let any = Credentials::new("emulated", "emulated", None, None, "emulated cloud");
        let chain = CredentialsProviderChain::first_try("environment", environment).or_else("emulated", any);
        return SharedCredentialsProvider::new(chain);
    }
    let region = aws_types::region::Region::new(region.0.clone());
    let found_with = ProviderConfig::default().with_http_client(http).with_region(Some(region.clone()));
    let chain = DefaultCredentialsChain::builder().region(region).configure(found_with).build().await;
    SharedCredentialsProvider::new(chain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_credential_types::provider::ProvideCredentials;

    #[tokio::test]
    async fn an_emulator_is_asked_whatever_the_environment_says() {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let found = provider(Some("http://127.0.0.1:1"), &"eu-west-1".into(), http).await;
        assert!(found.provide_credentials().await.is_ok());
    }
}
