//! Signs people in at their user pools, as any Cognito client would.

use super::plan::Plan;
use crate::sockets;
use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use contracts::ids::Continent;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{Request, Uri, header};
use platform::network::Network;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// Sign-ins at a time.
const AT_A_TIME: usize = 16;
/// One sign-in takes no longer.
const LIMIT: Duration = Duration::from_secs(10);

/// Who signs in where.
pub(super) struct SignIn {
    /// The pool's address.
    pub(super) endpoint: String,
    /// The app client.
    pub(super) client_id: String,
    /// The name.
    pub(super) username: String,
    /// The password.
    pub(super) password: String,
}

/// Signs people in, given by home continent, name and password, at the pool of their home, whose endpoint
/// `pool` knows. Gives the access tokens in the same order.
///
/// # Errors
/// The first sign-in that does not succeed.
pub async fn people<'a>(
    plan: &Plan,
    pool: impl Fn(&Continent) -> Option<String>,
    people: impl Iterator<Item = (&'a Continent, &'a str, &'a str)>,
) -> anyhow::Result<Vec<String>> {
    let sign_in = |(home, username, password): (&Continent, &str, &str)| {
        let client = plan.pools.get(home).with_context(|| format!("{home} has no user pool"))?;
        let endpoint = pool(home).with_context(|| format!("{home} has no region"))?;
        anyhow::Ok(SignIn {
            endpoint,
            client_id: client.client_id.clone(),
            username: username.to_owned(),
            password: password.to_owned(),
        })
    };
    all(&sockets::network(None), people.map(sign_in).collect::<anyhow::Result<_>>()?).await
}

/// Signs everybody in. Gives the access tokens in the same order.
///
/// # Errors
/// The first sign-in that does not succeed.
pub(super) async fn all(network: &Network, people: Vec<SignIn>) -> anyhow::Result<Vec<String>> {
    let signing_in = people.into_iter().map(|person| {
        let network = network.clone();
        async move {
            let name = person.username.clone();
            one(&network, person).await.with_context(|| format!("{name} cannot sign in"))
        }
    });
    stream::iter(signing_in).buffered(AT_A_TIME).try_collect().await
}

async fn one(network: &Network, person: SignIn) -> anyhow::Result<String> {
    let body = json!({
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": person.client_id,
        "AuthParameters": { "USERNAME": person.username, "PASSWORD": person.password },
    });
    let endpoint: Uri = person.endpoint.parse()?;
    let host = endpoint.authority().map(ToString::to_string).unwrap_or_default();
    let request = Request::post(endpoint)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
        .header("x-amz-target", "AWSCognitoIdentityProviderService.InitiateAuth")
        .body(Bytes::from(body.to_string()))?;
    let answer = tokio::time::timeout(LIMIT, network.send(request)).await.context("no answer in time")??;
    if !answer.status().is_success() {
        bail!("status {}: {}", answer.status(), String::from_utf8_lossy(answer.body()));
    }
    let token = serde_json::from_slice::<Answer>(answer.body())?.authentication_result.access_token;
    ensure!(!token.is_empty(), "the token is empty");
    Ok(token)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    authentication_result: Tokens,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tokens {
    access_token: String,
}
