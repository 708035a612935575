//! Configuration: one struct, read once, with every fault named before anything starts.

use contracts::{Continent, Region, WarehouseId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// The environment that is not for trying things out.
pub(crate) const PRODUCTION: &str = "prod";

/// How an order becomes durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Acknowledged when two of three continents hold it.
    #[default]
    Journal,
    /// Acknowledged after the local write: only for comparison runs, to show what that loses.
    Async,
}

/// How it is known that a region lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Heard {
    /// By a stream of heartbeats, which a process that lives on listens to.
    #[default]
    Streams,
    /// By asking when somebody needs to know, for functions that are frozen between calls.
    Asked,
}

/// How services prove to each other who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignBy {
    /// By keys that are derived from a configured one; whoever is called checks the signature.
    #[default]
    Keys,
    /// By their roles on AWS; API Gateway checks the signature, and IAM decides.
    Role,
}

/// A continent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContinentConfig {
    /// Its id: `am`, `eu`, `ap`.
    pub id: Continent,
    /// The region that holds its copy of the journal.
    pub journal_region: Region,
    /// Who drives the orders of customers at home here: the first live region of the list.
    pub successors: Vec<Region>,
}

/// A region.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionConfig {
    /// Its name.
    pub name: Region,
    /// Where it lies.
    pub continent: Continent,
    /// The address of its services, with `{service}` in place of the service's name.
    pub url: String,
}

/// A warehouse.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarehouseConfig {
    /// Its id.
    pub id: WarehouseId,
    /// The region that owns its stock.
    pub region: Region,
    /// Where it stands.
    pub continent: Continent,
}

/// A user pool.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolConfig {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The client that tokens must be made for.
    pub client_id: String,
    /// The home continent of its users.
    pub continent: Continent,
    /// Its keys, as a JSON Web Key Set.
    pub jwks: serde_json::Value,
}

/// The keys with which services sign their calls and seal payment tokens. Never logged.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// Services derive their signing keys from this, by name.
    pub service_key: String,
    /// Seals payment tokens.
    pub payment_key: String,
    /// The key of the payment provider's API.
    pub provider_key: String,
    /// The age checker signs its verdicts with it, and we the references that we give it.
    pub age_check_key: String,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

/// The configuration of a service process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The environment: `dev`, `tests`, `staging`, `prod`.
    pub env: String,
    /// The region that this process runs in.
    pub region: Region,
    /// The address of the region's AWS, where it is not AWS itself.
    #[serde(default)]
    pub aws_endpoint: Option<String>,
    /// All regions.
    pub regions: Vec<RegionConfig>,
    /// All continents: three, with a journal region each.
    pub continents: Vec<ContinentConfig>,
    /// Shards of each continent's orders.
    pub shards: u16,
    /// All warehouses.
    pub warehouses: Vec<WarehouseConfig>,
    /// All user pools.
    pub pools: Vec<PoolConfig>,
    /// How an order becomes durable.
    #[serde(default)]
    pub durability: Durability,
    /// How services prove to each other who they are.
    #[serde(default)]
    pub sign_by: SignBy,
    /// The payment provider.
    pub provider_url: String,
    /// The carrier.
    pub carrier_url: String,
    /// The page of the age checker that customers are sent to.
    pub age_check_url: String,
    /// The OpenTelemetry collector (OTLP over HTTP, such as `http://localhost:4318`), where there is one.
    #[serde(default)]
    pub otlp_url: Option<String>,
    /// Whether operators may listen to the region's events ([`crate::listener`]): then each goes to one more queue. Never
    /// in production.
    #[serde(default)]
    pub event_listener: bool,
    /// Whether services write their business metrics ([`crate::metrics`]) to standard output.
    #[serde(default)]
    pub metrics: bool,
    /// How it is known that a region lives.
    #[serde(default)]
    pub heard: Heard,
    /// Time between two heartbeats, or between two questions of somebody who waits, milliseconds.
    pub heartbeat_ms: u64,
    /// A region is suspected after this much silence, or where it does not answer for so long, milliseconds.
    pub suspect_after_ms: u64,
    /// Keys.
    pub secrets: Secrets,
}

/// The configuration cannot be used; every fault is named.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {cause}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is not what a configuration looks like.
    #[error("{path}: {cause}")]
    Malformed {
        /// The file.
        path: String,
        /// Where and why.
        cause: serde_json::Error,
    },
    /// The parts do not fit.
    #[error("configuration: {}", .0.join("; "))]
    Invalid(Vec<String>),
}

impl Config {
    /// Reads a JSON file.
    ///
    /// # Errors
    /// When the file cannot be read or the configuration cannot be used.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ConfigError::Unreadable { path: shown.clone(), cause })?;
        let config: Config =
            serde_json::from_str(&text).map_err(|cause| ConfigError::Malformed { path: shown, cause })?;
        config.validate()?;
        Ok(config)
    }

    /// Checks that the parts fit each other.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with every fault.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut faults = Vec::new();
        let known = |region: &Region| self.regions.iter().any(|known| known.name == *region);
        if !known(&self.region) {
            faults.push(format!("region: {} is not among regions", self.region));
        }
        if self.continents.len() != 3 {
            faults.push(format!("continents: {} given, the journal needs 3", self.continents.len()));
        }
        for continent in &self.continents {
            for region in continent.successors.iter().chain([&continent.journal_region]) {
                if !known(region) {
                    faults.push(format!("continents.{}: {region} is not among regions", continent.id));
                }
            }
            if continent.successors.is_empty() {
                faults.push(format!("continents.{}.successors: empty", continent.id));
            }
        }
        for warehouse in self.warehouses.iter().filter(|warehouse| !known(&warehouse.region)) {
            faults.push(format!("warehouses.{}: {} is not among regions", warehouse.id, warehouse.region));
        }
        if self.shards == 0 || self.shards > 100 {
            faults.push(format!("shards: {} is not 1 to 100", self.shards));
        }
        if self.event_listener && self.env == PRODUCTION {
            faults.push(format!("event_listener: nobody listens to events in {PRODUCTION}"));
        }
        if self.heartbeat_ms == 0 || self.suspect_after_ms <= self.heartbeat_ms {
            faults.push("suspect_after_ms: must be longer than heartbeat_ms, which must not be 0".into());
        }
        if faults.is_empty() { Ok(()) } else { Err(ConfigError::Invalid(faults)) }
    }

    /// The continent that a region lies on.
    pub fn continent_of(&self, region: &Region) -> Option<&Continent> {
        self.regions.iter().find(|known| known.name == *region).map(|known| &known.continent)
    }

    /// All regions but this process's own.
    pub fn other_regions(&self) -> impl Iterator<Item = &Region> {
        self.regions.iter().map(|region| &region.name).filter(|name| **name != self.region)
    }

    /// The journal regions, in the order of the continents.
    pub fn journal_regions(&self) -> impl Iterator<Item = &Region> {
        self.continents.iter().map(|continent| &continent.journal_region)
    }

    /// A continent by id.
    pub fn continent(&self, id: &Continent) -> Option<&ContinentConfig> {
        self.continents.iter().find(|continent| continent.id == *id)
    }

    /// A warehouse by id.
    pub fn warehouse(&self, id: &WarehouseId) -> Option<&WarehouseConfig> {
        self.warehouses.iter().find(|warehouse| warehouse.id == *id)
    }

    /// The addresses of the regions by name, with `{service}` in place of the service.
    pub fn urls(&self) -> BTreeMap<Region, String> {
        self.regions.iter().map(|region| (region.name.clone(), region.url.clone())).collect()
    }
}
