//! The events of users. The service listens to none.

use contracts::{
    UserId,
    bodies::users::AgeCallback,
    events::{Event, Happening},
    resources::Subscription,
};
use platform::{
    Platform,
    bus::{self, Aggregate},
};

/// The events that the service's queue receives: none.
pub const SUBSCRIPTION: Option<Subscription> = None;

/// The one epoch of profiles: the region that writes one does not change.
const EPOCH: u64 = 1;

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
