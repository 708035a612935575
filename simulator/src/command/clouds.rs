//! On which clouds a command runs.

use super::{Mistaken, owned::Owned};
use crate::{
    cli::RunOptions,
    engine::{Plan, clouds::Backing},
    scenario::Scenario,
};
use platform::config::Durability;

/// What a live run is made of, on clouds that are ready.
pub(super) async fn plan(
    scenario: Scenario,
    durability: Durability,
    options: &RunOptions,
    owned: &Owned,
) -> anyhow::Result<Plan> {
    let backing = backing(options)?;
    if let Some(fault) = scenario.faults.iter().find(|fault| !backing.does(&fault.fault)) {
        let (kind, word) = (fault.fault.kind(), backing.word());
        let why = "its deliveries are its own: leave --cloud and --endpoint out, or add --no-fault";
        return Err(Mistaken(format!("{kind} cannot be done to {word}: {why}")).into());
    }
    Plan::new(scenario, durability)?.moved_to(&backing, &owned.clouds).await
}

pub(super) fn backing(options: &RunOptions) -> Result<Backing, Mistaken> {
    options.cloud.backing().map_err(Mistaken)
}
