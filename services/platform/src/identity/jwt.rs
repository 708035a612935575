//! Access tokens of the user pools: RS256, checked against key sets that were loaded at start.

use super::Person;
use crate::config::{ConfigError, PoolConfig};
use aws_lc_rs::digest;
use contracts::{Continent, Timestamp, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde::Deserialize;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Clocks of pools and services may differ by this much, seconds.
const LEEWAY_S: i64 = 60;

#[derive(Deserialize)]
struct Claims {
    sub: String,
    token_use: String,
    client_id: String,
    exp: i64,
    #[serde(rename = "cognito:groups", default)]
    groups: BTreeSet<String>,
}

struct Key {
    decoding: DecodingKey,
    issuer: String,
    client_id: String,
    continent: Continent,
}

/// Tokens that are remembered as checked, at most: then all are forgotten.
const CHECKED_MAX: usize = 10_000;

/// Checks tokens.
pub(super) struct Tokens {
    keys: HashMap<String, Key>,
    /// Whose token it is and when it ends, by the token's SHA-256: a customer sends the same one for an hour, and a
    /// signature costs more to check than most requests do.
    checked: Mutex<HashMap<Vec<u8>, (Person, i64)>>,
}

impl Tokens {
    pub(super) fn new(pools: &[PoolConfig]) -> Result<Self, ConfigError> {
        let mut keys = HashMap::new();
        for pool in pools {
            let invalid =
                |cause: String| ConfigError::Invalid(vec![format!("pools.{}: {cause}", pool.issuer)]);
            let set: JwkSet =
                serde_json::from_value(pool.jwks.clone()).map_err(|cause| invalid(cause.to_string()))?;
            for jwk in &set.keys {
                let kid = jwk.common.key_id.clone().ok_or_else(|| invalid("a key has no kid".into()))?;
                let decoding = DecodingKey::from_jwk(jwk).map_err(|cause| invalid(cause.to_string()))?;
                let (issuer, client_id) = (pool.issuer.clone(), pool.client_id.clone());
                keys.insert(kid, Key { decoding, issuer, client_id, continent: pool.continent.clone() });
            }
        }
        Ok(Tokens { keys, checked: Mutex::default() })
    }

    /// The person that an access token speaks for, or none where it does not hold.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Option<Person> {
        let name = digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec();
        let known = self.checked().get(&name).cloned();
        let (person, ends_s) = match known {
            Some(known) => known,
            None => {
                let fresh = self.check(token)?;
                let mut checked = self.checked();
                if checked.len() >= CHECKED_MAX {
                    checked.clear();
                }
                checked.insert(name, fresh.clone());
                fresh
            }
        };
        (ends_s + LEEWAY_S > now.0 / 1000).then_some(person)
    }

    fn checked(&self) -> MutexGuard<'_, HashMap<Vec<u8>, (Person, i64)>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom a token speaks for, and until when: seconds since the Unix epoch.
    fn check(&self, token: &str) -> Option<(Person, i64)> {
        let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
        let key = self.keys.get(&kid)?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false; // checked by the world's clock
        validation.validate_aud = false; // access tokens carry client_id instead
        validation.set_required_spec_claims(&["iss"]);
        validation.set_issuer(&[&key.issuer]);
        let claims = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation).ok()?.claims;
        let ours = claims.token_use == "access" && claims.client_id == key.client_id;
        let person =
            Person { user_id: UserId(claims.sub), home: key.continent.clone(), groups: claims.groups };
        ours.then_some((person, claims.exp))
    }
}
