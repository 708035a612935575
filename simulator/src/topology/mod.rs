//! The world of a run: regions, continents, customers, warehouses, and how far apart they are.

mod budget;
mod read;
mod round_trips;

pub use budget::{BUDGET_LIMIT_MS, BudgetLine, BudgetPart, budget};
pub(crate) use read::read;
pub use round_trips::round_trip_ms;

use contracts::ids::{Continent as ContinentId, Region as RegionId, WarehouseId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// Everything that has a place, and the distances between the places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Topology {
    /// The regions that run the services.
    pub regions: Vec<Region>,
    /// The three continents that hold copies of the order journal.
    pub continents: Vec<Continent>,
    /// Where customers live; each has an edge of its own.
    pub customers: Vec<CustomerContinent>,
    /// Where the goods are.
    pub warehouses: Vec<Warehouse>,
    /// Round trip from any region to the payment provider, ms.
    pub provider_rtt_ms: u32,
    /// Round trip from any region to the carrier, ms.
    pub carrier_rtt_ms: u32,
    /// Time that the services themselves take for an order, ms; part of the latency budget.
    pub services_ms: u32,
    /// Random spread of every network delay, percent of it, either way.
    pub jitter_pct: f32,
    /// How often a region tells the others that it lives, ms.
    pub heartbeat_ms: u32,
    /// Silence after which an owner of orders is taken for lost, ms.
    pub suspect_after_ms: u32,
    /// Shards into which the orders of each continent are divided.
    pub shards_per_continent: u16,
}

/// One region of the cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Its name, such as `us-east-1`.
    pub name: RegionId,
    /// The continent it stands on.
    pub continent: ContinentId,
}

/// A continent, the unit that may be lost at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continent {
    /// `am`, `eu` or `ap`.
    pub id: ContinentId,
    /// The region that holds the continent's copy of the order journal.
    pub journal_region: RegionId,
    /// Who owns the shards whose home is here: the first of these that stands.
    pub successors: Vec<RegionId>,
    /// The region on another continent that signs this continent's customers in when it is lost.
    pub pool_secondary: RegionId,
}

/// Customers who live together, and their edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomerContinent {
    /// A name, such as `south-america`.
    pub id: String,
    /// The continent on which their orders and accounts are at home.
    pub home: ContinentId,
    /// Their part of all customers, 0 to 1; all parts add up to 1.
    pub share: f32,
    /// Round trip to each region, last mile included, ms.
    pub rtt_ms: BTreeMap<RegionId, u32>,
    /// How long the edge waits for a first answer before it asks another continent as well, ms.
    pub hedge_after_ms: u32,
    /// Where they have things sent, ISO 3166-1 alpha-2.
    pub countries: Vec<String>,
}

/// A warehouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warehouse {
    /// Its id, such as `wh-eu`.
    pub id: WarehouseId,
    /// The region that owns its stock.
    pub region: RegionId,
    /// The continent it stands on, and is lost with.
    pub continent: ContinentId,
    /// Countries it may ship to; empty for all that the law allows.
    pub ships_to: Vec<String>,
}

impl Topology {
    /// The region called `name`.
    pub fn region(&self, name: &RegionId) -> Option<&Region> {
        self.regions.iter().find(|region| region.name == *name)
    }

    /// The continent called `id`.
    pub fn continent(&self, id: &ContinentId) -> Option<&Continent> {
        self.continents.iter().find(|continent| continent.id == *id)
    }

    /// The continent on which a region stands.
    pub fn continent_of(&self, region: &RegionId) -> Option<&ContinentId> {
        self.region(region).map(|region| &region.continent)
    }

    /// The regions of a continent.
    pub fn regions_of<'a>(&'a self, continent: &'a ContinentId) -> impl Iterator<Item = &'a RegionId> {
        self.regions.iter().filter(move |region| region.continent == *continent).map(|region| &region.name)
    }

    /// The customers called `id`.
    pub fn customers_of(&self, id: &str) -> Option<&CustomerContinent> {
        self.customers.iter().find(|customers| customers.id == id)
    }

    /// One direction of the way between two regions of this topology.
    pub fn one_way(&self, from: &RegionId, to: &RegionId) -> Duration {
        // Unknown pairs were refused when the file was loaded.
        Duration::from_micros(u64::from(round_trip_ms(from, to).unwrap_or(0)) * 500)
    }
}

impl CustomerContinent {
    /// The regions, nearest first; equal distances by name.
    pub fn nearest_first(&self) -> Vec<(&RegionId, u32)> {
        let mut regions: Vec<_> = self.rtt_ms.iter().map(|(region, rtt)| (region, *rtt)).collect();
        regions.sort_by_key(|(region, rtt)| (*rtt, *region));
        regions
    }
}
