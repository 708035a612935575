//! Who a caller is: a customer or member of staff by token, a service by signature, a third
//! party by its signed webhook, or nobody.

mod jwt;
mod role;
mod sigv4;
mod webhook;

use crate::{
    config::{Config, ConfigError, SignBy},
    error::ApiError,
    world::World,
};
use axum::extract::FromRequestParts;
use contracts::{Code, Continent, Region, UserId};
use http::{HeaderMap, Method, Uri, request::Parts};
use std::collections::BTreeSet;

/// A signed-in person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The `sub` of their token.
    pub user_id: UserId,
    /// The continent of their user pool.
    pub home: Continent,
    /// Their groups, such as `warehouse`.
    pub groups: BTreeSet<String>,
}

/// Whoever sent a request. A layer fills it in, from whatever host the service runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Caller {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// A person with a token.
    Person(Person),
    /// Another service, by name.
    Service(String),
    /// A third party that told us something by a signed webhook, by name.
    Partner(&'static str),
}

impl Caller {
    /// Lets only the named services through.
    ///
    /// # Errors
    /// 401 without any caller, 403 for any other caller.
    pub fn service_in(&self, allowed: &[&str]) -> Result<&str, ApiError> {
        match self {
            Caller::Anonymous => Err(unauthenticated()),
            Caller::Service(name) if allowed.contains(&name.as_str()) => Ok(name),
            _ => Err(forbidden()),
        }
    }

    /// Lets only one third party through.
    ///
    /// # Errors
    /// 401 without any caller, 403 for any other caller.
    pub fn partner(&self, allowed: &str) -> Result<(), ApiError> {
        match self {
            Caller::Anonymous => Err(unauthenticated()),
            Caller::Partner(name) if *name == allowed => Ok(()),
            _ => Err(forbidden()),
        }
    }

    /// Lets any signed-in person through.
    ///
    /// # Errors
    /// 401 without any caller, 403 for a service.
    pub fn person(&self) -> Result<&Person, ApiError> {
        match self {
            Caller::Anonymous => Err(unauthenticated()),
            Caller::Person(person) => Ok(person),
            Caller::Service(_) | Caller::Partner(_) => Err(forbidden()),
        }
    }

    /// Lets members of `group`, and of `admin`, through.
    ///
    /// # Errors
    /// 401 without any caller, 403 for any other caller.
    pub fn staff(&self, group: &str) -> Result<&Person, ApiError> {
        let person = self.person()?;
        let member = person.groups.contains(group) || person.groups.contains("admin");
        if member { Ok(person) } else { Err(forbidden()) }
    }
}

fn unauthenticated() -> ApiError {
    ApiError::new(Code::Unauthenticated, "Unauthorized")
}

fn forbidden() -> ApiError {
    ApiError::new(Code::Forbidden, "Forbidden")
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(parts.extensions.get::<Caller>().cloned().unwrap_or_default())
    }
}

/// A signed-in person, as an extractor: 401 without, 403 for a service.
#[derive(Clone, Debug)]
pub struct Customer(pub Person);

impl<S: Sync> FromRequestParts<S> for Customer {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Caller::from_request_parts(parts, state).await?.person().cloned().map(Customer)
    }
}

/// A member of a group, as an extractor. The group is the parameter: `Staff<Warehouse>`.
#[derive(Clone, Debug)]
pub struct Staff<G>(pub Person, std::marker::PhantomData<G>);

/// A group of staff.
pub trait Group {
    /// Its name in the user pool.
    const NAME: &'static str;
}

macro_rules! group {
    ($(#[$doc:meta])* $name:ident, $text:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;
        impl Group for $name {
            const NAME: &'static str = $text;
        }
    };
}

group!(
    /// Pickers.
    WarehouseStaff, "warehouse");
group!(
    /// Couriers.
    DeliveryStaff, "delivery");
group!(
    /// Administrators.
    Admin, "admin");

impl<S: Sync, G: Group> FromRequestParts<S> for Staff<G> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.staff(G::NAME).cloned().map(|person| Staff(person, std::marker::PhantomData))
    }
}

/// Tells who callers are, and signs our own calls.
pub struct Identity {
    tokens: jwt::Tokens,
    keys: sigv4::Signer,
    /// Where services are told apart by their roles on AWS instead.
    roles: Option<role::Roles>,
    age_check: webhook::Webhooks,
}

impl Identity {
    /// Loads every pool's keys and derives the services' signing keys.
    ///
    /// # Errors
    /// When a pool's key set cannot be used, or roles are to be used where the world has no credentials.
    pub fn new(config: &Config, world: &World) -> Result<Self, ConfigError> {
        let tokens = jwt::Tokens::new(&config.pools)?;
        let keys = sigv4::Signer::new(&config.region, &config.secrets);
        let roles = match (config.sign_by, world.aws_credentials()) {
            (SignBy::Keys, _) => None,
            (SignBy::Role, Some(credentials)) => Some(role::Roles::new(config, credentials)),
            (SignBy::Role, None) => {
                return Err(ConfigError::Invalid(vec!["sign_by: this world has no roles".into()]));
            }
        };
        let age_check = webhook::Webhooks::new(&config.secrets.age_check_key);
        Ok(Identity { tokens, keys, roles, age_check })
    }

    /// Tells who sent a request. `signed_by` is what API Gateway says, where the request came through it.
    ///
    /// # Errors
    /// 401 for a token or signature that does not hold: a wrong proof is worse than none.
    pub fn caller(
        &self,
        world: &World,
        signed_by: Option<&SignedBy>,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Caller, ApiError> {
        if let (Some(roles), Some(by)) = (&self.roles, signed_by) {
            return roles.service(by).map(Caller::Service).ok_or_else(unauthenticated);
        }
        let Some(authorization) = headers.get(http::header::AUTHORIZATION) else {
            if !headers.contains_key(webhook::SIGNATURE) {
                return Ok(Caller::Anonymous);
            }
            let known = self.age_check.verify(world.now(), headers, body);
            return known.map(|()| Caller::Partner(AGE_CHECK)).ok_or_else(unauthenticated);
        };
        let authorization = authorization.to_str().map_err(|_| unauthenticated())?;
        let caller = if let Some(token) = authorization.strip_prefix("Bearer ") {
            self.tokens.verify(token, world.now()).map(Caller::Person)
        } else if authorization.starts_with("AWS4-HMAC-SHA256 ") && self.roles.is_none() {
            self.keys.verify(world.now(), method, uri, headers, body).map(Caller::Service)
        } else {
            None
        };
        caller.ok_or_else(unauthenticated)
    }

    /// Signs a request to `region`: by this process's role where services are told apart by roles, else as `service`.
    ///
    /// # Errors
    /// When there are no credentials, or the request cannot be signed.
    pub(crate) async fn prove(
        &self,
        world: &World,
        service: &str,
        region: &Region,
        request: &mut http::Request<bytes::Bytes>,
    ) -> Result<(), SignError> {
        match &self.roles {
            Some(roles) => roles.sign(region, world.now(), request).await,
            None => self.sign(world, service, request),
        }
    }

    /// Signs a request as `service` by the derived key. The headers must hold `host`.
    ///
    /// # Errors
    /// When the request cannot be signed.
    pub fn sign(
        &self,
        world: &World,
        service: &str,
        request: &mut http::Request<bytes::Bytes>,
    ) -> Result<(), SignError> {
        self.keys.sign(world.now(), service, request)
    }
}

pub use role::SignedBy;
pub use sigv4::SignError;
pub use webhook::AGE_CHECK;
