//! Where robots reach the regions: straight at their doors, as long as these are reachable.

use crate::{engine::regions::Standing, sockets};
use contracts::ids::{Continent, Region};
use platform::{network::Network, watch};
use std::{net::SocketAddr, sync::Arc};

/// Where a region's process has its public door, below its own address.
const DOOR: &str = "frontend-api/graphql";

/// A region as robots see it.
#[derive(Clone)]
pub struct Place {
    /// Which.
    pub region: Region,
    /// The continent that it stands on.
    pub continent: Continent,
    /// Below it each service is found under its own name.
    pub base: String,
    /// Where GraphQL is asked.
    pub graphql: String,
    /// How it stands.
    pub standing: watch::Receiver<Standing>,
}

impl Place {
    /// A region whose process listens at an address.
    pub fn at(
        region: Region,
        continent: Continent,
        address: SocketAddr,
        standing: watch::Receiver<Standing>,
    ) -> Place {
        let base = format!("http://{address}");
        Place { region, continent, graphql: format!("{base}/{DOOR}"), base, standing }
    }
}

/// All regions, and the way there.
#[derive(Clone)]
pub struct Ground {
    places: Arc<Vec<Place>>,
    pub(crate) network: Network,
}

impl Ground {
    /// The regions, in the order in which they are tried.
    pub fn new(places: Vec<Place>) -> Self {
        Ground::over(sockets::network(None), places)
    }

    /// The same over a network that leads out of this machine.
    pub fn over(network: Network, places: Vec<Place>) -> Self {
        Ground { places: Arc::new(places), network }
    }

    /// How a region stands; one that is not there is dead.
    pub(super) fn standing(&self, region: &Region) -> Standing {
        let place = self.places.iter().find(|place| place.region == *region);
        place.map_or(Standing::Dead, |place| *place.standing.borrow())
    }

    /// The base URL of a region, where it can be reached. A frozen one can, it only never answers.
    pub(crate) fn base(&self, region: &Region) -> Option<String> {
        Some(self.reachable_place(region)?.base.clone())
    }

    /// Where a region is asked by GraphQL, where it can be reached.
    pub(super) fn graphql(&self, region: &Region) -> Option<String> {
        Some(self.reachable_place(region)?.graphql.clone())
    }

    fn reachable_place(&self, region: &Region) -> Option<&Place> {
        let place = self.places.iter().find(|place| place.region == *region)?;
        matches!(*place.standing.borrow(), Standing::Up | Standing::Frozen).then_some(place)
    }

    /// Where to report: the own region first, then every other one that can be reached.
    pub(super) fn reports(&self, own: &Region) -> Vec<Region> {
        let reachable = |region: &&Region| self.base(region).is_some();
        let others = self.places.iter().map(|place| &place.region).filter(|region| *region != own);
        std::iter::once(own).chain(others).filter(reachable).cloned().collect()
    }

    /// Every region that can be reached.
    pub(crate) fn reachable(&self) -> Vec<Region> {
        let names = self.places.iter().map(|place| &place.region);
        names.filter(|region| self.base(region).is_some()).cloned().collect()
    }
}
