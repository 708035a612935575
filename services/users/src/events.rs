//! The events of users. The service listens to none, but to the user pools: whoever confirmed their sign-up is a customer,
//! and whoever never does is nobody whom others have to know.

use crate::store::Store;
use contracts::{
    UserId,
    bodies::users::AgeCallback,
    events::{Event, Happening},
    resources::Subscription,
};
use futures::future::BoxFuture;
use platform::{
    Platform,
    bus::{self, Aggregate},
    config::PoolConfig,
    consumer::NotApplied,
    user_pool::{NewUser, OnSignUp},
};
use std::sync::Arc;

/// The events that the service's queue receives: none.
pub const SUBSCRIPTION: Option<Subscription> = None;

/// The one epoch of profiles: the region that writes one does not change.
const EPOCH: u64 = 1;

/// Takes in customers who have signed up. A pool calls the region that it lies in, which is the one that writes profiles
/// of its continent.
pub(crate) fn on_sign_up(platform: &Platform, store: &Store) -> OnSignUp {
    let (config, store) = (platform.config.clone(), store.clone());
    Arc::new(move |user: NewUser| -> BoxFuture<'static, Result<(), NotApplied>> {
        let (known, store) = (config.pools.iter().any(|pool| has_id(pool, &user.pool)), store.clone());
        Box::pin(async move {
            if !known {
                return Err(NotApplied(format!("userPoolId: {} is no pool of ours", user.pool)));
            }
            Ok(store.put_customer(&user).await?)
        })
    })
}

/// A pool's issuer ends with its id.
fn has_id(pool: &PoolConfig, id: &str) -> bool {
    pool.issuer.rsplit('/').next() == Some(id)
}

/// The event of a customer who makes this version of a profile.
pub(crate) fn created(platform: &Platform, user: &NewUser, version: u64) -> Event {
    let aggregate = Aggregate { kind: "user", id: user.user_id.as_str(), version, epoch: EPOCH };
    let happening = Happening::UserCreated { user_id: user.user_id.clone(), email: user.email.clone() };
    bus::event(platform, aggregate, &user.pool, happening)
}

/// The event of a verdict that makes this version of a profile.
pub(crate) fn verdict(platform: &Platform, user_id: &UserId, version: u64, told: &AgeCallback) -> Event {
    let aggregate = Aggregate { kind: "user", id: user_id.as_str(), version, epoch: EPOCH };
    let happening = Happening::AgeVerificationCompleted {
        user_id: user_id.clone(),
        verdict: told.verdict,
        method: told.method.clone(),
        valid_until: told.valid_until,
    };
    bus::event(platform, aggregate, &told.provider_reference, happening)
}
