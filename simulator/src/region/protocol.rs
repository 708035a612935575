//! What the simulator and a region tell each other over the pipes: one line of JSON each.
//!
//! A region says on which port it listens; the simulator, which now knows all ports, says what it is to be;
//! the region says that it is ready.

use crate::{
    cloud::{PoolConfig, UpstreamSpec},
    replication,
};
use contracts::ids::{ProductId, Region, UserId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A region's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// It listens on this port of 127.0.0.1.
    Listening(u16),
    /// It serves.
    Ready,
    /// It cannot go on, and why.
    Failed(String),
}

/// Everything a region is made of. Holds keys: never logged, never in a file.
#[derive(Clone, Serialize, Deserialize)]
pub struct RegionSpec {
    /// How its services see the world.
    pub platform: platform::Config,
    /// The user pools that sign in here.
    pub pools: Vec<PoolConfig>,
    /// What stands behind its cloud's door, where that is not the embedded one.
    #[serde(default)]
    pub upstream: Option<UpstreamSpec>,
    /// Its AWS account, 12 digits.
    pub account: String,
    /// Where everything random in it comes from.
    pub seed: u64,
    /// What opens its control routes.
    pub control_token: String,
    /// The base URLs of the links to the other regions.
    pub peers: BTreeMap<Region, String>,
    /// How late its writes reach them.
    pub replication: replication::Settings,
    /// Whether this region writes what all regions have alike at the start; the others get it copied.
    pub first: bool,
    /// Whether it comes back after it lost everything: then nothing is written, and the others fill it.
    #[serde(default)]
    pub lost: bool,
    /// Units of each product in its warehouses at the start, but for those that are scarce.
    pub stock_units: i64,
    /// Products of which there are fewer.
    #[serde(default)]
    pub scarce: BTreeSet<ProductId>,
    /// Units of each of these.
    #[serde(default)]
    pub scarce_units: i64,
    /// Customers whose age was verified before the run.
    pub adults: Vec<UserId>,
}
