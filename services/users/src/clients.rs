//! Calls to this service in other regions.

use crate::NAME;
use contracts::{Region, bodies::users::AgeCallback};
use platform::{
    Deadline, Platform,
    calls::{CallError, Credential},
};

/// Hands a verdict on to the region that writes it.
pub(crate) async fn forward(
    platform: &Platform,
    home: &Region,
    found: &AgeCallback,
    deadline: Deadline,
) -> Result<(), CallError> {
    let call = platform.calls.in_region(home, NAME);
    call.post(Credential::Service(NAME), "/backend/age-verifications", found, deadline).await
}
