//! Cognito: small user pools that sign users in with tokens like Cognito's.
//!
//! A pool belongs to a continent and has one secondary on another, with the same keys, users and passwords. As
//! in Cognito's own multi-region replication, the secondary signs users in and refuses to create them or to
//! reset their passwords. What differs: a user who signed up at run time is known only where that happened,
//! because the pools here share what they are configured with and nothing later.

mod api;
mod keys;
mod password;
mod pool;
mod tokens;

use std::sync::{Arc, Mutex, Weak};

use anyhow::Context as _;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::CloudConfig;
use super::dice::Dice;
use super::lock;
pub use keys::{PoolKey, generate_pool_key};
use pool::Pool;

/// A user pool, as one region serves it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PoolConfig {
    /// The pool's id, the same at primary and secondary. What stands before `_` is the region in the tokens'
    /// issuer, so that both issue alike; without it that is the region which serves the pool.
    pub id: String,
    /// The one app client.
    pub client_id: String,
    /// The continent whose customers it is for.
    pub continent: String,
    /// Whether this region serves it as the primary, which alone creates users and resets passwords.
    pub primary: bool,
    /// The key that signs its tokens.
    pub key: PoolKey,
    /// The users it starts with, confirmed.
    pub users: Vec<SeedUser>,
}

/// A user a pool starts with.
#[derive(Clone, Serialize, Deserialize)]
pub struct SeedUser {
    /// What the user signs in with.
    pub username: String,
    /// The password in clear; kept only as a hash.
    pub password: String,
    /// The user's id in tokens.
    pub sub: String,
    /// The groups the user is in.
    pub groups: Vec<String>,
    /// The e-mail address.
    pub email: String,
}

impl std::fmt::Debug for SeedUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeedUser")
            .field("username", &self.username)
            .field("sub", &self.sub)
            .finish_non_exhaustive()
    }
}

/// What the pools call when a user has confirmed: a Lambda function, given the event as Cognito gives it.
pub type Trigger = dyn Fn(Value) -> BoxFuture<'static, Result<Value, String>> + Send + Sync;

/// The pools of a region.
pub(super) struct Identity {
    region: String,
    pools: Vec<Pool>,
    /// Not kept alive from here: whoever answers reaches the cloud, and would keep it alive in turn.
    confirmed: Mutex<Option<Weak<Trigger>>>,
}

impl Identity {
    pub(super) fn create(config: &CloudConfig, dice: Arc<Dice>) -> anyhow::Result<Self> {
        let pool = |pool: &PoolConfig| {
            Pool::create(pool, &config.region, config.clock.clone(), dice.clone())
                .with_context(|| format!("user pool {} cannot be created", pool.id))
        };
        let pools = config.pools.iter().map(pool).collect::<anyhow::Result<_>>()?;
        Ok(Identity { region: config.region.clone(), pools, confirmed: Mutex::default() })
    }

    pub(super) fn call_when_confirmed(&self, trigger: &Arc<Trigger>) {
        *lock(&self.confirmed) = Some(Arc::downgrade(trigger));
    }

    /// The public keys of all pools.
    pub(super) fn jwks(&self) -> Value {
        json!({ "keys": self.pools.iter().map(|pool| pool.key.jwk()).collect::<Vec<_>>() })
    }

    /// The public keys of one pool; `None` if there is no such pool.
    pub(super) fn pool_jwks(&self, pool_id: &str) -> Option<Value> {
        let pool = self.pools.iter().find(|pool| pool.id == pool_id)?;
        Some(json!({ "keys": [pool.key.jwk()] }))
    }

    pub(super) fn mailed_code(&self, pool_id: &str, username: &str) -> Option<String> {
        self.pools.iter().find(|pool| pool.id == pool_id)?.mailed_code(username)
    }
}
