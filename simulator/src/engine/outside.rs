//! `simulator third-parties`: the companies outside of all regions, alone, for a platform that runs elsewhere.

use super::{Plan, RunFolder, stage};
use crate::{scenario::Scenario, serving::Serving};
use loadtests::clock::RunClock;
use platform::config::Durability;
use serde_json::json;
use std::{convert::Infallible, path::Path};

/// Starts the payment provider and the carrier of a scenario, and keeps them until told to stop.
///
/// # Errors
/// When one does not come up, or where they are cannot be written.
pub async fn run(scenario: Scenario, out: &Path) -> anyhow::Result<Infallible> {
    let folder = RunFolder::make(out)?;
    let plan = Plan::new(scenario, Durability::Journal)?;
    let (provider, carrier) = stage::third_parties(&plan, RunClock::start());
    let (provider, carrier) =
        (Serving::start(provider.router()).await?, Serving::start(carrier.router()).await?);
    let addresses = json!({
        "provider": { "url": provider.url(), "key": plan.secrets.provider_key },
        "carrier": { "url": carrier.url() },
    });
    folder.write("third-parties.json", &serde_json::to_vec_pretty(&addresses)?)?;
    print(&format!(
        "Payment provider  {}\nCarrier           {}\nAddresses and the key that the provider asks for: {}. Ctrl-C ends them.",
        provider.url(),
        carrier.url(),
        folder.file("third-parties.json").display()
    ));
    Ok(std::future::pending().await)
}

#[allow(clippy::print_stdout)] // this text is the command's output
fn print(text: &str) {
    println!("{text}");
}
