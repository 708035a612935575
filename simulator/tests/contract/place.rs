//! A region's door over one of the clouds, and stock clients at it.

use std::sync::Arc;

use serde_json::{Value, json};
use simulator::cloud::{
    Clock, Cloud, CloudConfig, PoolConfig, SeedUser, Upstream, UpstreamSpec, generate_pool_key,
};
use simulator::engine::localstack::LocalStack;
use simulator::region;
use tokio::task::JoinSet;

use crate::door::{self, Door, wire};

pub(crate) const ENV: &str = "contract";
pub(crate) const REGION: &str = "eu-west-1";
const ACCOUNT: &str = "123456789012";
/// The variables that name an endpoint, an image of LocalStack, and what that image may want to see.
const ENDPOINT: &str = "BIGSMOKES_CONTRACT_ENDPOINT";
const IMAGE: &str = "BIGSMOKES_LOCALSTACK_IMAGE";
const TOKEN: &str = "LOCALSTACK_AUTH_TOKEN";

/// What the checks are held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The simulator's own engines.
    Embedded,
    /// Whatever answers at an address.
    Endpoint {
        url: String,
        /// Which emulator it is, as far as it tells.
        emulator: String,
    },
}

impl Target {
    /// What answers at an address.
    pub(crate) async fn at(url: &str) -> Target {
        let url = url.trim_end_matches('/').to_owned();
        let (_, health) = door::get(&url, "/_localstack/health").await;
        let emulator = match health["edition"].as_str() {
            Some("light") => "ministack",
            Some(_) => "localstack",
            None => "unknown",
        };
        Target::Endpoint { url, emulator: emulator.to_owned() }
    }

    pub(crate) fn word(&self) -> &str {
        match self {
            Target::Embedded => "embedded",
            Target::Endpoint { emulator, .. } => emulator,
        }
    }
}

/// The endpoint that the environment names, or why there is none.
pub(crate) fn endpoint() -> Result<String, String> {
    variable(ENDPOINT)
}

/// The LocalStack that the environment names, or why there is none.
pub(crate) fn image() -> Result<LocalStack, String> {
    Ok(LocalStack { image: variable(IMAGE)?, token: variable(TOKEN).ok() })
}

#[allow(clippy::disallowed_methods)] // a test has no other configuration
fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("{name} names none"))
}

/// A region's cloud with everything that the services declare, and two people who can sign in.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) cloud: Cloud,
    pub(crate) door: Arc<Door>,
    pub(crate) endpoint: String,
    pub(crate) pool: Arc<Pool>,
    /// Tells this run from earlier ones at an endpoint that remembers.
    pub(crate) run: i64,
    left: Option<Arc<Upstream>>,
    _listener: Arc<JoinSet<()>>,
}

/// The user pool of a place.
pub(crate) struct Pool {
    pub(crate) id: String,
    pub(crate) client_id: String,
    pub(crate) issuer: String,
    /// The id of `ann`, who is in the group `admin`.
    pub(crate) ann: String,
}

impl Place {
    pub(crate) async fn start(target: &Target) -> Place {
        let clock: Clock = {
            let start = loadtests::clock::RunClock::start();
            Arc::new(move || start.wall_ms_at(start.now_us()))
        };
        let run = clock();
        let (pools, upstream, pool) = match target {
            Target::Embedded => embedded_pool(),
            Target::Endpoint { url, .. } => made_pool(url, clock.clone()).await,
        };
        let left = upstream.clone().map(|spec| Arc::new(Upstream::new(spec, ENV, clock.clone()).unwrap()));
        let cloud = Cloud::start(CloudConfig {
            region: REGION.to_owned(),
            env: ENV.to_owned(),
            account: ACCOUNT.to_owned(),
            tables: region::tables(),
            subscriptions: region::subscriptions(),
            pools,
            seed: 7,
            clock,
            upstream,
        });
        let cloud = cloud.await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (router, mut tasks) = (cloud.router(), JoinSet::new());
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let door = Arc::new(Door::new(wire(), Some(&endpoint)));
        Place { cloud, door, endpoint, pool: Arc::new(pool), run, left, _listener: Arc::new(tasks) }
    }

    /// Takes away what was made at an endpoint.
    pub(crate) async fn leave(self) {
        if let Some(upstream) = &self.left {
            upstream.lose().await.unwrap();
        }
    }

    /// A JSON call by hand.
    pub(crate) async fn call(&self, target: &str, body: Value) -> (u16, Value) {
        door::call(&self.endpoint, target, body).await
    }

    pub(crate) async fn idp(&self, operation: &str, body: Value) -> (u16, Value) {
        self.call(&format!("AWSCognitoIdentityProviderService.{operation}"), body).await
    }

    pub(crate) async fn sign_in(&self, username: &str, password: &str) -> (u16, Value) {
        let parameters = json!({ "USERNAME": username, "PASSWORD": password });
        let body = json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": self.pool.client_id,
            "AuthParameters": parameters });
        self.idp("InitiateAuth", body).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        door::get(&self.endpoint, path).await
    }
}

fn ann(sub: &str) -> SeedUser {
    SeedUser {
        username: "ann".to_owned(),
        password: "correct horse".to_owned(),
        sub: sub.to_owned(),
        groups: vec!["admin".to_owned()],
        email: "ann@example.com".to_owned(),
    }
}

fn embedded_pool() -> (Vec<PoolConfig>, Option<UpstreamSpec>, Pool) {
    let id = format!("{REGION}_contract");
    let pool = PoolConfig {
        id: id.clone(),
        client_id: "shop".to_owned(),
        continent: "eu".to_owned(),
        primary: true,
        key: generate_pool_key().unwrap(),
        users: vec![ann("0190-ann")],
    };
    let issuer = format!("https://cognito-idp.{REGION}.amazonaws.com/{id}");
    (vec![pool], None, Pool { id, client_id: "shop".to_owned(), issuer, ann: "0190-ann".to_owned() })
}

async fn made_pool(url: &str, clock: Clock) -> (Vec<PoolConfig>, Option<UpstreamSpec>, Pool) {
    let spec = UpstreamSpec {
        url: url.to_owned(),
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        pools: Vec::new(),
    };
    let upstream = Upstream::new(spec.clone(), ENV, clock).unwrap();
    upstream.check().await.unwrap();
    let Some(made) = upstream.make_pool("contract", &[ann("")]).await.unwrap() else {
        let (pools, _, pool) = embedded_pool();
        return (pools, Some(spec), pool);
    };
    let pool = Pool {
        id: made.name.id.clone(),
        client_id: made.name.client_id.clone(),
        issuer: made.issuer,
        ann: made.subs["ann"].clone(),
    };
    (Vec::new(), Some(UpstreamSpec { pools: vec![made.name], ..spec }), pool)
}
