//! What regions ask each other about themselves.

use super::NAME;
use crate::{
    Deadline, Platform,
    calls::{CallError, Credential},
};
use contracts::{
    Region,
    bodies::ops::{OutboxLag, RegionStanding},
};
use std::time::Duration;

/// One call at most.
const LIMIT: Duration = Duration::from_millis(700);

/// Tells a region of a decision; it says what stands there then.
pub(super) async fn tell(
    platform: &Platform,
    to: &Region,
    standing: &RegionStanding,
    deadline: Deadline,
) -> Result<RegionStanding, CallError> {
    let path = format!("/backend/regions/{}/state", standing.region);
    let call = platform.calls.in_region(to, NAME);
    call.post(Credential::Service(NAME), &path, standing, deadline.at_most(LIMIT)).await
}

/// Asks a region how far behind its outboxes are.
pub(super) async fn outbox_lag(
    platform: &Platform,
    of: &Region,
    deadline: Deadline,
) -> Result<Option<u64>, CallError> {
    let call = platform.calls.in_region(of, NAME);
    let lag: OutboxLag =
        call.get(Credential::Service(NAME), "/backend/outbox-lag", deadline.at_most(LIMIT)).await?;
    Ok(lag.outbox_lag_ms)
}
