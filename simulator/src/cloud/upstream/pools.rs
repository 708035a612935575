//! User pools of an upstream. They are made before anybody is told of them: their ids, keys and users' ids are its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::link::{CALL_LIMIT, CallError};
use super::{PoolName, Region, Upstream};
use crate::cloud::SeedUser;
use crate::cloud::reply::Reply;

/// Users made at a time.
const AT_ONCE: usize = 4;
/// Pages of pools that are looked through, of 60 each.
const PAGES_MAX: usize = 50;

/// A user pool that was made.
#[derive(Clone, Debug)]
pub struct PoolMade {
    /// How it is addressed.
    pub name: PoolName,
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The keys that its tokens verify against.
    pub jwks: Value,
    /// The users' ids in tokens, by their names.
    pub subs: BTreeMap<String, String>,
}

impl Upstream {
    /// Makes a user pool with these users, in place of what an earlier run left under the same name. The users' ids are
    /// chosen by the upstream. `None` where it has no user pools.
    ///
    /// # Errors
    /// When it has them and one cannot be made, or its first user cannot sign in.
    pub async fn make_pool(&self, name: &str, users: &[SeedUser]) -> anyhow::Result<Option<PoolMade>> {
        match self.drop_pool(name).await {
            Err(refused) if refused.is_unknown() => return Ok(None),
            dropped => dropped?,
        }
        let rules = json!({ "MinimumLength": 8, "RequireUppercase": false, "RequireLowercase": false,
            "RequireNumbers": false, "RequireSymbols": false });
        let body = json!({ "PoolName": name, "Policies": { "PasswordPolicy": rules },
            "AutoVerifiedAttributes": ["email"] });
        let id = self.made("CreateUserPool", body, ["UserPool", "Id"]).await?;
        let flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"];
        let body = json!({ "UserPoolId": id, "ClientName": name, "ExplicitAuthFlows": flows });
        let client_id = self.made("CreateUserPoolClient", body, ["UserPoolClient", "ClientId"]).await?;
        for group in users.iter().flat_map(|user| &user.groups).collect::<BTreeSet<_>>() {
            self.idp("CreateGroup", json!({ "UserPoolId": id, "GroupName": group })).await?;
        }
        let subs = users.iter().map(|user| self.make_user(&id, user));
        let subs = stream::iter(subs).buffer_unordered(AT_ONCE).try_collect().await?;
        let jwks = self.link.get(&format!("/{id}/.well-known/jwks.json")).await?;
        let issuer = self.issuer(&client_id, users).await.with_context(|| format!("pool {name}"))?;
        Ok(Some(PoolMade { name: PoolName { id, client_id }, issuer, jwks, subs }))
    }

    /// Takes away the pools of this name; there may be several, as names are not unique.
    ///
    /// # Errors
    /// When one stays.
    pub(super) async fn drop_pool(&self, name: &str) -> Result<(), CallError> {
        let mut from = Value::Null;
        for _ in 0..PAGES_MAX {
            let mut body = json!({ "MaxResults": 60 });
            if !from.is_null() {
                body["NextToken"] = from;
            }
            let page = self.idp("ListUserPools", body).await?;
            for pool in page["UserPools"].as_array().into_iter().flatten() {
                if pool["Name"] == name {
                    self.idp("DeleteUserPool", json!({ "UserPoolId": pool["Id"] })).await?;
                }
            }
            from = page["NextToken"].clone();
            if from.is_null() {
                break;
            }
        }
        Ok(())
    }

    async fn make_user(&self, pool: &str, user: &SeedUser) -> anyhow::Result<(String, String)> {
        let attributes = [("email", user.email.as_str()), ("email_verified", "true")];
        let attributes = attributes.map(|(name, value)| json!({ "Name": name, "Value": value }));
        let named = json!({ "UserPoolId": pool, "Username": user.username });
        let with = |more: Value| {
            let mut body = named.clone();
            if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
                body.extend(more);
            }
            body
        };
        let body = with(json!({ "MessageAction": "SUPPRESS", "UserAttributes": attributes }));
        let made = self.idp("AdminCreateUser", body).await?;
        self.idp("AdminSetUserPassword", with(json!({ "Password": user.password, "Permanent": true })))
            .await?;
        for group in &user.groups {
            self.idp("AdminAddUserToGroup", with(json!({ "GroupName": group }))).await?;
        }
        let sub = attribute(&made["User"]["Attributes"], "sub");
        Ok((user.username.clone(), sub.with_context(|| format!("{} has no id", user.username))?))
    }

    /// What stands as issuer in the pool's tokens: its first user signs in.
    async fn issuer(&self, client_id: &str, users: &[SeedUser]) -> anyhow::Result<String> {
        let Some(user) = users.first() else { bail!("there is nobody to sign in") };
        let parameters = json!({ "USERNAME": user.username, "PASSWORD": user.password });
        let body =
            json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": client_id, "AuthParameters": parameters });
        let token = self.made("InitiateAuth", body, ["AuthenticationResult", "AccessToken"]).await?;
        issuer_of(&token).context("the tokens of the upstream name no issuer")
    }

    /// Carries out a call that makes something; gives what names it.
    async fn made(&self, operation: &str, body: Value, path: [&str; 2]) -> anyhow::Result<String> {
        let answer = self.idp(operation, body).await?;
        let name = answer[path[0]][path[1]].as_str();
        Ok(name.with_context(|| format!("the answer to {operation} has no {}", path[1]))?.to_owned())
    }

    async fn idp(&self, operation: &str, body: Value) -> Result<Value, CallError> {
        self.link.call(&format!("AWSCognitoIdentityProviderService.{operation}"), body).await
    }

    pub(super) async fn pool_call(
        &self,
        region: &Arc<Region>,
        target: &str,
        operation: &str,
        body: &str,
    ) -> Result<Reply, CallError> {
        region.meter.identity_call(operation);
        let reply = self.link.send(target, body.to_owned(), CALL_LIMIT).await?;
        let confirms = matches!(operation, "ConfirmSignUp" | "AdminConfirmSignUp");
        match confirms && reply.status == 200 {
            true => self.tell_of_confirmed(region, body, reply).await,
            false => Ok(reply),
        }
    }

    /// Calls the trigger for a user who has confirmed. The upstream has none, as it does not know the services.
    async fn tell_of_confirmed(&self, region: &Region, body: &str, reply: Reply) -> Result<Reply, CallError> {
        let request: Value = serde_json::from_str(body).unwrap_or_default();
        let known =
            |pool: &&PoolName| request["ClientId"] == pool.client_id || request["UserPoolId"] == pool.id;
        let (Some(pool), Some(username)) =
            (self.link.spec.pools.iter().find(known), request["Username"].as_str())
        else {
            return Ok(reply);
        };
        let user = self.idp("AdminGetUser", json!({ "UserPoolId": pool.id, "Username": username })).await?;
        let attributes = user["UserAttributes"].as_array().into_iter().flatten();
        let attributes: BTreeMap<_, _> =
            attributes.filter_map(|one| Some((one["Name"].as_str()?, one["Value"].as_str()?))).collect();
        let told = region.identity.tell(&pool.id, &pool.client_id, username, json!(attributes)).await;
        Ok(told.map_or_else(|refusal| Reply::refused(&refusal), |_| reply))
    }

    /// The keys of a pool of this upstream; `None` if it has no such pool.
    pub(in super::super) async fn pool_jwks(&self, pool: &str) -> Option<Value> {
        self.link.spec.pools.iter().find(|known| known.id == pool)?;
        self.link.get(&format!("/{pool}/.well-known/jwks.json")).await.ok()
    }
}

fn attribute(attributes: &Value, name: &str) -> Option<String> {
    let found = attributes.as_array()?.iter().find(|attribute| attribute["Name"] == name)?;
    Some(found["Value"].as_str()?.to_owned())
}

/// The issuer that a token names. It is not verified here: its keys come from the same place.
fn issuer_of(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(claims["iss"].as_str()?.to_owned())
}
