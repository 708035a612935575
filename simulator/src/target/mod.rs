//! A deployment that was made by somebody else, and is only asked: what `--target` names.
//!
//! Its file says where the deployment is reached; `simulator up` and Terraform (`infra/outputs.tf`, output `target`) write
//! such files. Names and passwords lie in a file of their own, which the target's file names.

mod accounts;
mod read;
#[cfg(test)]
mod tests;

pub use accounts::Accounts;
pub use read::{TargetError, read};

use crate::scenario::Scenario;
use contracts::ids::{Continent, Region};
use platform::network::Network;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, io, path::PathBuf};

/// What a deployment where real customers buy calls itself.
const PROD: &str = "prod";
/// How the address ends at which GraphQL is asked.
const GRAPHQL: &str = "/graphql";

/// Where a deployment is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its name, for reports.
    pub name: String,
    /// Its environment. In `prod` nothing is done without being asked twice.
    pub env: String,
    /// Its regions.
    pub regions: Vec<TargetRegion>,
    /// Where people sign in.
    pub pools: Vec<TargetPool>,
    /// The payment provider that its payments are made with, where customers have theirs authorised.
    pub provider: String,
    /// The file of names and passwords, beside the target's file.
    pub accounts: PathBuf,
    /// By scenario and region, the experiment of FIS that makes its faults.
    #[serde(default)]
    pub experiments: BTreeMap<String, BTreeMap<Region, String>>,
}

/// A region of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetRegion {
    /// Its name, such as `us-east-1`.
    pub name: Region,
    /// The continent that it stands on.
    pub continent: Continent,
    /// Where it is asked, `…/graphql`; `…/readyz` beside it says whether it may be.
    pub graphql: String,
}

/// The user pool of a continent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetPool {
    /// Whose.
    pub continent: Continent,
    /// Where its API is asked.
    pub endpoint: String,
    /// The app client, which must allow sign-in by password.
    pub client_id: String,
}

impl TargetRegion {
    /// The address without `/graphql`.
    pub fn base_url(&self) -> &str {
        self.graphql.strip_suffix(GRAPHQL).unwrap_or(&self.graphql)
    }
}

impl Target {
    /// What leads to it. Speaks TLS only where some address asks for it: that needs certificates on this machine.
    ///
    /// # Errors
    /// When the machine has no root certificates.
    pub fn network(&self) -> io::Result<Network> {
        if self.addresses().any(|address| address.starts_with("https://")) {
            return Network::secure();
        }
        Ok(Network::new())
    }

    /// The pool of a continent.
    pub fn pool(&self, home: &Continent) -> Option<&TargetPool> {
        self.pools.iter().find(|pool| pool.continent == *home)
    }

    /// A region by its name.
    pub fn region(&self, name: &Region) -> Option<&TargetRegion> {
        self.regions.iter().find(|region| region.name == *name)
    }

    /// The experiments that make a scenario's faults, by region, where there are any.
    pub fn experiments_of(&self, scenario: &Scenario) -> Option<&BTreeMap<Region, String>> {
        let experiments = self.experiments.get(&scenario.name)?;
        (!experiments.is_empty() && !scenario.faults.is_empty()).then_some(experiments)
    }

    fn addresses(&self) -> impl Iterator<Item = &str> {
        let regions = self.regions.iter().map(|region| region.graphql.as_str());
        let pools = self.pools.iter().map(|pool| pool.endpoint.as_str());
        regions.chain(pools).chain([self.provider.as_str()])
    }

    /// Why a scenario cannot be run against it; `prod` says that whoever asks means it, even if it is `prod`.
    pub fn unfit_for(&self, scenario: &Scenario, prod: bool) -> Option<String> {
        if self.env == PROD && !prod {
            let why = "its env is prod, where customers buy: add --prod if that is what you mean";
            return Some(why.to_owned());
        }
        let wrong = self.addresses().find(|address| !is_url(address));
        wrong
            .map(|address| format!("`{address}` is no http or https address"))
            .or_else(|| self.misplaced(scenario))
    }

    /// What is wrong with its regions, in the world of a scenario.
    fn misplaced(&self, scenario: &Scenario) -> Option<String> {
        let topology = &scenario.topology;
        if self.regions.is_empty() {
            return Some("regions: there is none".to_owned());
        }
        for (place, TargetRegion { name, continent, graphql }) in self.regions.iter().enumerate() {
            let wrong = match topology.continent_of(name) {
                None => format!("the world of {} has no region {name}", scenario.name),
                Some(known) if known != continent => format!("{name} stands on {known}, not on {continent}"),
                Some(_) if !graphql.ends_with(GRAPHQL) => format!("`{graphql}` does not end with {GRAPHQL}"),
                Some(_) if self.regions[..place].iter().any(|other| other.name == *name) => {
                    format!("{name} is listed twice")
                }
                Some(_) => continue,
            };
            return Some(format!("regions: {wrong}"));
        }
        None
    }
}

fn is_url(text: &str) -> bool {
    let web = text.starts_with("http://") || text.starts_with("https://");
    web && text.parse::<http::Uri>().is_ok_and(|uri| uri.authority().is_some())
}
