//! What an edge is told at its start.

use crate::{
    links::{Condition, Mesh},
    topology::{CustomerContinent, Topology},
};
use contracts::ids::{Continent, Region};
use platform::watch;
use std::{collections::BTreeMap, time::Duration};

/// An edge and the regions behind it.
#[derive(Debug)]
pub struct EdgeConfig {
    /// Whose edge it is, such as `south-america`.
    pub name: String,
    /// The regions, in any order.
    pub regions: Vec<EdgeRegion>,
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

/// A region as seen from an edge.
#[derive(Debug)]
pub struct EdgeRegion {
    /// Its name.
    pub name: Region,
    /// The continent it stands on.
    pub continent: Continent,
    /// Where its public door is, without a slash at the end: `{base_url}/graphql`, `{base_url}/readyz`.
    pub base_url: String,
    /// The customers' round trip to it; the edge adds it, the socket is local.
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
            hedge_after: Duration::from_millis(u64::from(customers.hedge_after_ms)),
            jitter_pct: topology.jitter_pct,
            seed,
            max_in_flight: 2_048,
            warm_connections: 8,
        }
    }
}
