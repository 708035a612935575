//! The standing world: third parties, regions, the links between them, and the customers' edges.

use super::{
    plan::{Addresses, Plan},
    regions::{RegionProcess, Standing},
};
use crate::{
    edge::{Edge, EdgeConfig},
    links::Mesh,
    process::Processes,
    region::Report,
    robots::{Ground, Place, Receipts, Returns},
    serving::Serving,
    third_parties::{
        Clock,
        age_check::{AgeCheckConfig, AgeChecker},
        carrier::{Carrier, CarrierConfig},
        payment_3p::{Provider, ProviderConfig},
    },
};
use anyhow::{Context as _, bail};
use contracts::ids::{Continent, Region};
use futures::future::{join_all, select_all, try_join_all};
use loadtests::clock::RunClock;
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

/// Regions that serve hear each other, and have what was written at the start, within this time.
const TOGETHER_LIMIT: Duration = Duration::from_secs(20);

/// The same where their clouds are not embedded: each write is one of an emulator's then.
const TOGETHER_ELSEWHERE_LIMIT: Duration = Duration::from_secs(120);

/// Which ports to use; 0 for any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// The edge of the first customers; further edges and the regions follow it.
    pub first: u16,
}

/// Everything that stands while a run goes on.
pub struct Stage {
    /// What it was made from.
    pub plan: Arc<Plan>,
    /// Counts from the start of the run.
    pub clock: RunClock,
    /// The payment provider.
    pub provider: Provider,
    /// Where it is reached.
    pub provider_url: String,
    /// The carrier.
    pub carrier: Carrier,
    /// The age checker.
    pub age_checker: AgeChecker,
    /// Where customers leave what they send back.
    pub returns: Returns,
    /// What comes to the warehouses.
    pub receipts: Receipts,
    /// The links between the regions.
    pub mesh: Mesh,
    /// The regions.
    pub regions: BTreeMap<Region, RegionProcess>,
    /// The edges, by their customers.
    pub edges: BTreeMap<String, Edge>,
    _third_parties: [Serving; 3],
}

impl Stage {
    /// Starts everything and waits until it stands. Must run on the main thread: see [`Processes::start`].
    ///
    /// # Errors
    /// When something does not come up.
    pub async fn raise(
        plan: Arc<Plan>,
        processes: &Processes,
        logs: &Path,
        ports: Ports,
    ) -> anyhow::Result<Stage> {
        let clock = RunClock::start();
        let regions = start_regions(&plan, processes, logs, ports).await?;
        Stage::around(plan, clock, regions, ports).await
    }

    /// Puts everything else around regions that wait to be told what they are.
    ///
    /// # Errors
    /// As [`Stage::raise`].
    pub async fn around(
        plan: Arc<Plan>,
        clock: RunClock,
        mut regions: BTreeMap<Region, RegionProcess>,
        ports: Ports,
    ) -> anyhow::Result<Stage> {
        let (provider, carrier) = third_parties(&plan, clock);
        let provider_door = Serving::start(provider.router()).await.context("the payment provider")?;
        let carrier_door = Serving::start(carrier.router()).await.context("the carrier")?;
        let age_checker = age_checker(&plan, clock, ground(&plan, &regions));
        let age_checker_door = Serving::start(age_checker.router()).await.context("the age checker")?;
        let mesh = Mesh::start(&plan.scenario.topology, plan.scenario.seed).await.context("the links")?;
        let page = format!("{}/verify", age_checker_door.url());
        let addresses = addresses(&plan, &mesh, [provider_door.url(), carrier_door.url(), page]);
        for region in regions.values() {
            mesh.set_target(&region.name, region.address);
        }
        for region in regions.values_mut() {
            region.describe(&plan, &addresses).await?;
        }
        try_join_all(regions.values_mut().map(RegionProcess::until_ready)).await?;
        until_together(&regions, plan.upstreams.is_empty()).await?;
        let edges = start_edges(&plan, &mesh, &regions, ports).await?;
        let provider_url = provider_door.url();
        let receipts = Receipts::of(plan.scarce.iter().copied());
        Ok(Stage {
            plan,
            clock,
            provider,
            provider_url,
            carrier,
            age_checker,
            returns: Returns::default(),
            receipts,
            mesh,
            regions,
            edges,
            _third_parties: [provider_door, carrier_door, age_checker_door],
        })
    }

    /// The regions that work.
    pub fn survivors(&self) -> impl Iterator<Item = &RegionProcess> {
        self.regions.values().filter(|region| region.standing() == Standing::Up)
    }

    /// The regions as robots see them.
    pub fn ground(&self) -> Ground {
        ground(&self.plan, &self.regions)
    }

    /// Whether somebody outside of the regions has something under way that will move an order.
    pub fn is_busy_outside(&self) -> bool {
        let works =
            |region: &Region| self.regions.get(region).is_some_and(|one| one.standing() == Standing::Up);
        let goods = self.returns.under_way() + self.receipts.under_way(works);
        self.age_checker.under_way() > 0 || goods > 0
    }

    /// The region that signs a continent's people in while nothing is lost, as an endpoint.
    pub fn pool_endpoint(&self, home: &Continent) -> Option<String> {
        let place = self.plan.scenario.topology.continent(home)?;
        Some(format!("http://{}/", self.regions.get(&place.journal_region)?.address))
    }

    /// Brings back the regions that only lost their power. Says whether there were any.
    ///
    /// # Errors
    /// When one does not come up again.
    pub async fn power_up(&self) -> anyhow::Result<bool> {
        let dark = self.regions.values().filter(|region| region.standing() == Standing::Dark);
        let dark: Vec<&RegionProcess> = dark.collect();
        for region in &dark {
            self.mesh.set_dark(&region.name, false);
            region.restore_power().await?;
        }
        Ok(!dark.is_empty())
    }

    /// Ends all regions.
    ///
    /// # Errors
    /// When a process does not end.
    pub async fn lower(&self, processes: &Processes) -> anyhow::Result<()> {
        self.regions.values().for_each(RegionProcess::expect_end);
        Ok(processes.end_all().await?)
    }

    /// Customers' requests that are under way to some regions now.
    pub fn under_way(&self, regions: &[Region]) -> u64 {
        let counters = self.edges.values().map(Edge::counters);
        let open = |counters: crate::edge::EdgeCounters| {
            regions.iter().filter_map(|region| counters.regions.get(region)).map(|one| one.open).sum::<u64>()
        };
        counters.map(open).sum()
    }

    /// Waits until a region ends that nobody killed; says which.
    pub async fn until_unplanned_end(&self) -> String {
        let ends = self.regions.values().map(|region| Box::pin(region.until_unplanned_end()));
        select_all(ends).await.0
    }
}

fn ground(plan: &Plan, regions: &BTreeMap<Region, RegionProcess>) -> Ground {
    let topology = &plan.scenario.topology;
    let place = |region: &RegionProcess| {
        let continent = topology.continent_of(&region.name)?.clone();
        Some(Place::at(region.name.clone(), continent, region.address, region.watch()))
    };
    Ground::new(regions.values().filter_map(place).collect())
}

/// The age checker is as far away as the payment provider.
fn age_checker(plan: &Plan, clock: RunClock, shop: Ground) -> AgeChecker {
    let topology = &plan.scenario.topology;
    let config = AgeCheckConfig {
        key: plan.secrets.age_check_key.clone(),
        rtt: Duration::from_millis(u64::from(topology.provider_rtt_ms)),
        jitter_pct: topology.jitter_pct,
        shop,
    };
    let wall: Clock = Arc::new(move || clock.wall_ms_at(clock.now_us()));
    AgeChecker::new(plan.scenario.seed, wall, config)
}

pub(super) fn third_parties(plan: &Plan, clock: RunClock) -> (Provider, Carrier) {
    let topology = &plan.scenario.topology;
    let wall: Clock = Arc::new(move || clock.wall_ms_at(clock.now_us()));
    let rtt = |ms: u32| Duration::from_millis(u64::from(ms));
    let provider = ProviderConfig {
        api_key: plan.secrets.provider_key.clone(),
        rtt: rtt(topology.provider_rtt_ms),
        jitter_pct: topology.jitter_pct,
    };
    let carrier = CarrierConfig { rtt: rtt(topology.carrier_rtt_ms), jitter_pct: topology.jitter_pct };
    let seed = plan.scenario.seed;
    (Provider::new(seed, wall.clone(), provider), Carrier::new(seed, wall, carrier))
}

async fn start_regions(
    plan: &Plan,
    processes: &Processes,
    logs: &Path,
    ports: Ports,
) -> anyhow::Result<BTreeMap<Region, RegionProcess>> {
    let topology = &plan.scenario.topology;
    let mut regions = BTreeMap::new();
    for (name, place) in topology.regions.iter().map(|region| &region.name).zip(topology.customers.len()..) {
        let port = ports.at(place)?;
        let region =
            RegionProcess::start(processes, name, port, logs, &plan.control_token, plan.clouds.clone())
                .await?;
        regions.insert(name.clone(), region);
    }
    Ok(regions)
}

impl Ports {
    fn at(self, place: usize) -> anyhow::Result<u16> {
        if self.first == 0 {
            return Ok(0);
        }
        let port = u16::try_from(place).ok().and_then(|place| self.first.checked_add(place));
        port.with_context(|| format!("ports from {} on: not enough of them", self.first))
    }
}

/// `outside`: the payment provider, the carrier, the age checker.
fn addresses(plan: &Plan, mesh: &Mesh, outside: [String; 3]) -> Addresses {
    let names: Vec<&Region> = plan.scenario.topology.regions.iter().map(|region| &region.name).collect();
    let mut links = BTreeMap::new();
    for from in &names {
        for to in &names {
            if let Some(address) = mesh.address(from, to) {
                links.insert(((*from).clone(), (*to).clone()), format!("http://{address}"));
            }
        }
    }
    let [provider_url, carrier_url, age_check_url] = outside;
    Addresses { links, provider_url, carrier_url, age_check_url }
}

/// Waits until every region hears every other one, and all have what was written at the start.
async fn until_together(regions: &BTreeMap<Region, RegionProcess>, embedded: bool) -> anyhow::Result<()> {
    let limit = if embedded { TOGETHER_LIMIT } else { TOGETHER_ELSEWHERE_LIMIT };
    let together = async {
        loop {
            let reports = join_all(regions.values().map(|region| region.control().report())).await;
            let ready = |report: &Report| report.suspected.is_empty() && report.replication.copied();
            if reports.iter().all(|report| report.as_ref().is_ok_and(ready)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    match tokio::time::timeout(limit, together).await {
        Ok(()) => Ok(()),
        Err(_) => bail!("the regions do not come together within {} s", limit.as_secs()),
    }
}

async fn start_edges(
    plan: &Plan,
    mesh: &Mesh,
    regions: &BTreeMap<Region, RegionProcess>,
    ports: Ports,
) -> anyhow::Result<BTreeMap<String, Edge>> {
    let topology = &plan.scenario.topology;
    let base = |region: &RegionProcess| format!("http://{}/frontend-api", region.address);
    let base_urls = regions.iter().map(|(name, region)| (name.clone(), base(region))).collect();
    let mut edges = BTreeMap::new();
    for (place, customers) in topology.customers.iter().enumerate() {
        let seed = plan.scenario.seed.wrapping_add(place as u64);
        let port = ports.at(place)?;
        let config = EdgeConfig::of(customers, topology, mesh, &base_urls, seed);
        let edge = Edge::start_on(config, port).await;
        let edge =
            edge.with_context(|| format!("the edge of {} cannot listen on port {port}", customers.id))?;
        edges.insert(customers.id.clone(), edge);
    }
    Ok(edges)
}
