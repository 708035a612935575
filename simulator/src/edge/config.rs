//! What an edge is told at its start.

use crate::{
    links::{Condition, Mesh},
    topology::{CustomerContinent, Topology},
};
use contracts::ids::{Continent, Region};
use platform::{network::Network, watch};
use std::{collections::BTreeMap, time::Duration};

/// An edge and the regions behind it.
#[derive(Debug)]
pub struct EdgeConfig {
    /// Whose edge it is, such as `south-america`.
    pub name: String,
    /// The regions; in any order, where their distances are simulated, else in the order in which they are asked.
    pub regions: Vec<EdgeRegion>,
    /// Whether the regions are as far away as they are said to be.
    pub distance: Distance,
    /// How long to wait for a first answer before another continent is asked as well.
    pub hedge_after: Duration,
    /// Random spread of the round trips, percent, either way.
    pub jitter_pct: f32,
    /// Where the spread comes from.
    pub seed: u64,
    /// Requests at a time; more are refused at once.
    pub max_in_flight: usize,
    /// Connections to each region that are opened at the start.
    pub warm_connections: usize,
}

/// How far regions are from an edge.
#[derive(Clone, Debug)]
pub enum Distance {
    /// They stand on this machine: the edge adds each round trip.
    Simulated,
    /// They are where they are, and reached over this network.
    Real(Network),
}

/// A region as seen from an edge.
#[derive(Debug)]
pub struct EdgeRegion {
    /// Its name.
    pub name: Region,
    /// The continent it stands on.
    pub continent: Continent,
    /// Where its public door is, without a slash at the end: `{base_url}/graphql`, `{base_url}/readyz`.
    pub base_url: String,
    /// The round trip to it: the customers', or the edge's own where that is real.
    pub rtt: Duration,
    /// The state of the way there.
    pub condition: watch::Receiver<Condition>,
}

impl EdgeConfig {
    /// The edge of some customers, with the ways of a mesh. Regions without a URL or a way are left out.
    pub fn of(
        customers: &CustomerContinent,
        topology: &Topology,
        mesh: &Mesh,
        base_urls: &BTreeMap<Region, String>,
        seed: u64,
    ) -> Self {
        let regions = customers.rtt_ms.iter().filter_map(|(name, rtt_ms)| {
            Some(EdgeRegion {
                name: name.clone(),
                continent: topology.continent_of(name)?.clone(),
                base_url: base_urls.get(name)?.clone(),
                rtt: Duration::from_millis(u64::from(*rtt_ms)),
                condition: mesh.outside(name)?,
            })
        });
        EdgeConfig {
            name: customers.id.clone(),
            regions: regions.collect(),
            distance: Distance::Simulated,
            hedge_after: Duration::from_millis(u64::from(customers.hedge_after_ms)),
            jitter_pct: topology.jitter_pct,
            seed,
            max_in_flight: 2_048,
            warm_connections: 8,
        }
    }
}
