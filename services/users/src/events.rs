//! What the service listens to: nothing, so far.

use contracts::resources::Subscription;

/// The events that the service's queue receives.
pub const SUBSCRIPTION: Option<Subscription> = None;
