//! Who signs in at a deployment. What stands here is a secret: it is read, used and never shown.

use super::{Target, TargetError};
use crate::topology::Topology;
use loadtests::{Customer, population::Staff};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Everybody who signs in, and what the payment provider knows the shop by.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// The merchant's key at the payment provider.
    pub provider_key: String,
    /// Those who buy, as `loadtests --print-customers` prints them. Nobody else should use their accounts.
    pub customers: Vec<Customer>,
    /// Those who pack and deliver. Without them orders stay where they are.
    #[serde(default)]
    pub staff: Vec<Staff>,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("customers", &self.customers.len()).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Reads the file that a target names.
    ///
    /// # Errors
    /// When it cannot be read, or somebody in it can sign in nowhere. No error shows what stands in it.
    pub fn read(path: &Path, target: &Target, topology: &Topology) -> Result<Accounts, TargetError> {
        let accounts: Accounts = super::read::json(path)?;
        match accounts.unfit_for(target, topology) {
            Some(why) => Err(TargetError::whole(path, why)),
            None => Ok(accounts),
        }
    }

    fn unfit_for(&self, target: &Target, topology: &Topology) -> Option<String> {
        if self.customers.is_empty() {
            return Some("customers: there is nobody".to_owned());
        }
        let lost = self.customers.iter().find(|one| topology.customers_of(&one.continent).is_none());
        if let Some(Customer { username, continent, .. }) = lost {
            return Some(format!(
                "{username} lives in {continent}, which the scenario's world does not have"
            ));
        }
        let names = self.customers.iter().map(|one| (&one.username, &one.home));
        let mut names = names.chain(self.staff.iter().map(|one| (&one.username, &one.home)));
        let (username, home) = names.find(|(_, home)| target.pool(home).is_none())?;
        Some(format!("{username} is at home on {home}, where the target has no pool"))
    }

    /// Writes the file, for the eyes of its owner only.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.flush()
    }
}
