//! All links between the regions of a topology, and the state of every direction between two of them.

use super::{Condition, Link, LinkConfig, LinkCounters, Way};
use crate::topology::Topology;
use contracts::ids::Region;
use platform::watch;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

/// The links of every directed pair of regions. A connection from A to B carries packets of both directions, so the
/// state of a direction is kept here, and the links of both pairs follow it.
#[derive(Debug)]
pub struct Mesh {
    pub(super) links: BTreeMap<(Region, Region), Link>,
    ways: Mutex<BTreeMap<(Region, Region), Way>>,
    /// The way between a region and the rest of the world: customers and third parties.
    outside: BTreeMap<Region, watch::Sender<Condition>>,
}

/// What went through the links of one directed pair.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinkReport {
    /// The region that opened the connections.
    pub from: Region,
    /// The region to which they lead.
    pub to: Region,
    /// What went through.
    pub counters: LinkCounters,
}

impl Mesh {
    /// Binds a port for every directed pair. Targets are set when the regions have started.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(topology: &Topology, seed: u64) -> io::Result<Mesh> {
        let names: Vec<&Region> = topology.regions.iter().map(|region| &region.name).collect();
        let mut links = BTreeMap::new();
        for from in &names {
            for to in names.iter().filter(|to| *to != from) {
                let config = LinkConfig {
                    name: format!("{from} to {to}"),
                    target: None,
                    one_way: topology.one_way(from, to),
                    jitter_pct: topology.jitter_pct,
                    seed: seed.wrapping_add((links.len() as u64) << 32),
                };
                links.insert(((*from).clone(), (*to).clone()), Link::start(config).await?);
            }
        }
        let outside = names.into_iter().map(|name| (name.clone(), watch::Sender::new(Condition::up())));
        Ok(Mesh { links, ways: Mutex::default(), outside: outside.collect() })
    }

    /// The address by which `from` reaches `to`; `None` for a region that is not there, or itself.
    pub fn address(&self, from: &Region, to: &Region) -> Option<SocketAddr> {
        self.links.get(&(from.clone(), to.clone())).map(|link| link.address)
    }

    /// Where a region listens, from now on.
    pub fn set_target(&self, region: &Region, target: SocketAddr) {
        for (_, link) in self.links.iter().filter(|((_, to), _)| to == region) {
            link.set_target(target);
        }
    }

    /// The state of the way between a region and everything outside of all regions.
    pub fn outside(&self, region: &Region) -> Option<watch::Receiver<Condition>> {
        self.outside.get(region).map(watch::Sender::subscribe)
    }

    /// Changes the state of packets from one region to another; other changes of theirs stay.
    pub fn change(&self, from: &Region, to: &Region, change: impl FnOnce(&mut Way)) {
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        change(ways.entry((from.clone(), to.clone())).or_default());
        self.apply(&ways, from, to);
        self.apply(&ways, to, from);
    }

    /// Makes a region unreachable for regions and customers, or reachable again.
    pub fn set_dark(&self, region: &Region, dark: bool) {
        let others: Vec<&Region> = self.outside.keys().filter(|other| *other != region).collect();
        for other in others {
            self.change(region, other, |way| way.blackhole = dark);
            self.change(other, region, |way| way.blackhole = dark);
        }
        if let Some(outside) = self.outside.get(region) {
            outside.send_replace(if dark { Condition::blackhole() } else { Condition::up() });
        }
    }

    /// What went through each link.
    pub fn reports(&self) -> Vec<LinkReport> {
        let reports = self.links.iter().map(|((from, to), link)| LinkReport {
            from: from.clone(),
            to: to.clone(),
            counters: link.counters(),
        });
        reports.collect()
    }

    fn apply(&self, ways: &BTreeMap<(Region, Region), Way>, from: &Region, to: &Region) {
        let way = |a: &Region, b: &Region| ways.get(&(a.clone(), b.clone())).copied().unwrap_or_default();
        if let Some(link) = self.links.get(&(from.clone(), to.clone())) {
            let (forward, back) = (way(from, to), way(to, from));
            link.set(Condition { forward, back, reset: forward.reset });
        }
    }
}
