//! All services of three regions on three continents in this one process, without a socket, in paused time: what waits
//! for minutes takes none, and nothing is slow.

mod errands;

pub(crate) use errands::{Bought, Staff};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use contracts::Region;
use loadtests::basket::CatalogueItem;
use platform::config::Durability;
use platform::consumer::Consumer;
use platform::network::Network;
use platform::{Platform, Service, World, regions};
use simulator::cloud::{Cloud, ReplicatedBatch};
use simulator::engine::plan::Addresses;
use simulator::engine::{Engine, Plan, PoolKeys};
use simulator::region::{self, RegionSpec};
use simulator::replication::{self, Replication};
use simulator::scenario;
use simulator::third_parties::carrier::{Carrier, CarrierConfig};
use simulator::third_parties::payment_3p::{Provider, ProviderConfig};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::saga::Harms;
use crate::support::NOW_MS;

/// The region of everybody who buys.
pub(crate) const HOME: &str = "us-east-1";
/// The warehouse that serves them.
pub(crate) const WAREHOUSE: &str = "wh-am";
/// Not needed: there is a region of its own for each continent.
const LEFT_OUT: &str = "sa-east-1";

/// Regions hear each other, and orders come to rest, within this time.
const TOGETHER_LIMIT: Duration = Duration::from_secs(30);
/// How often anything is looked at that happens by itself.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The round trip to a third party.
const OUTSIDE_RTT: Duration = Duration::from_millis(10);

type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How the shop is to be.
pub(crate) struct Setup {
    /// Everybody who buys.
    pub(crate) customers: u32,
    /// Whether their age is known.
    pub(crate) adults: bool,
    /// Units of each product in each warehouse.
    pub(crate) stock_units: i64,
    /// What befalls the calls of the region at home.
    pub(crate) harms: Option<Harms>,
    /// Who brings events from the queues to the consumers.
    pub(crate) events: Events,
}

/// Who brings events from the queues to the consumers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Events {
    /// The consumers fetch them, as in production.
    Fetched,
    /// The test does.
    ByHand,
}

impl Default for Setup {
    fn default() -> Self {
        Setup { customers: 1, adults: true, stock_units: 1_000, harms: None, events: Events::Fetched }
    }
}

/// The shop at work.
pub(crate) struct Paused {
    pub(crate) plan: Plan,
    pub(crate) provider: Provider,
    pub(crate) carrier: Carrier,
    pub(crate) places: BTreeMap<Region, Place>,
    pub(crate) catalogue: Vec<CatalogueItem>,
    /// Of the staff who signed in.
    tokens: Mutex<BTreeMap<Staff, String>>,
    network: Network,
    clock: Clock,
}

/// One region.
pub(crate) struct Place {
    pub(crate) cloud: Cloud,
    pub(crate) platform: Platform,
    /// The consumers of its queues, where the test brings them their events.
    pub(crate) consumers: Vec<Consumer>,
    doors: Router,
    replication: Replication,
    _tasks: JoinSet<&'static str>,
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.network.unmount_all();
    }
}

impl Paused {
    pub(crate) async fn open(setup: Setup) -> Paused {
        // The AWS SDK draws the jitter of its retries from this generator, which belongs to the thread.
        fastrand::seed(1);
        let plan = plan(&setup);
        let (network, addresses, clock) = (Network::new(), addresses(&plan), clock());
        let (provider, carrier) = third_parties(&plan, &clock);
        let outside = |router| match &setup.harms {
            Some(harms) => harms.third_party(router),
            None => router,
        };
        network.mount(&authority_of(&addresses.provider_url), outside(provider.router()));
        network.mount(&authority_of(&addresses.carrier_url), outside(carrier.router()));
        // Whoever opens later is already reached, and says nothing yet.
        plan.scenario.topology.regions.iter().for_each(|one| network.mount(&authority(&one.name), closed()));
        let mut places = BTreeMap::new();
        for region in plan.scenario.topology.regions.iter().map(|region| &region.name) {
            let spec = plan.region(region, &addresses);
            places.insert(region.clone(), Place::open(spec, &network, &clock, &setup).await);
        }
        let catalogue = products::catalogue().unwrap().iter().map(CatalogueItem::from).collect();
        let tokens = Mutex::default();
        let shop = Paused { plan, provider, carrier, places, catalogue, tokens, network, clock };
        shop.until("the regions hear each other", TOGETHER_LIMIT, async || shop.together()).await;
        shop
    }

    /// The wall clock, Unix ms.
    pub(crate) fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    /// The region of everybody who buys.
    pub(crate) fn home(&self) -> &Place {
        &self.places[&Region::from(HOME)]
    }

    /// Lets nobody reach a region any more.
    pub(crate) fn close(&self, region: &Region) {
        self.network.mount(&authority(region), closed());
    }

    /// Lets everybody reach it again.
    pub(crate) fn open_again(&self, region: &Region) {
        self.network.mount(&authority(region), self.places[region].doors.clone());
    }

    /// Looks again and again until something is so; fails where it never is.
    pub(crate) async fn until(&self, what: &str, limit: Duration, mut look: impl AsyncFnMut() -> bool) {
        let began = Instant::now();
        while !look().await {
            assert!(began.elapsed() < limit, "waited in vain: {what}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Whether every region hears every other one and has what it wrote.
    fn together(&self) -> bool {
        let names = || self.places.keys();
        let hears = |place: &Place| !names().any(|name| place.platform.liveness.suspected(name));
        self.places.values().all(|place| hears(place) && place.replication.status().copied())
    }

    /// Whether nothing is left to do anywhere: no order goes on by itself, no event waits to be published or applied,
    /// and every region has what the others wrote.
    pub(crate) fn at_rest(&self) -> bool {
        let goes_on = |place: Option<&str>| place.is_some_and(|place| !::orders::store::only_waits_at(place));
        let settled = |place: &Place| {
            let orders = place.cloud.items("orders").unwrap();
            !orders.iter().any(|row| goes_on(row.text("openShard")))
        };
        let idle = |place: &Place| {
            let dump = place.cloud.dump();
            let waiting = dump.queues.values().map(|queue| queue.visible + queue.in_flight + queue.delayed);
            waiting.sum::<usize>() == 0
                && !dump.tables.values().flatten().any(|row| row.text("outbox").is_some())
        };
        // What costs least is looked at first.
        self.together() && self.places.values().all(settled) && self.places.values().all(idle)
    }
}

impl Place {
    async fn open(spec: RegionSpec, network: &Network, clock: &Clock, setup: &Setup) -> Place {
        let cloud = region::start_cloud(&spec, clock.clone()).await.unwrap();
        let here = spec.platform.region.clone();
        let harms = setup.harms.as_ref().filter(|_| here.as_str() == HOME);
        let http = cloud.http_client();
        let http = harms.map_or_else(|| http.clone(), |harms| harms.client(http.clone()));
        let world = World::new(clock(), spec.seed, http);
        let platform = Platform::new(world.clone(), spec.platform.clone(), network.clone()).unwrap();
        let mut tasks = JoinSet::new();
        let (peers, token) = (&spec.peers, spec.control_token.as_str());
        let among = replication::Place { here: &here, peers, token, network };
        let replication = Replication::start(&among, &cloud, &world, spec.replication, &mut tasks);
        seed(&platform, &spec).await;
        let desk = regions::Desk::new(&platform);
        let mut services = region::build(&platform);
        services.push(regions::service(&platform, &desk));
        let doors = doors(&services, &cloud);
        let doors = match harms {
            Some(harms) => harms.doors(doors),
            None => doors,
        };
        network.mount(&authority(&here), doors.clone());
        let mut consumers = Vec::new();
        if setup.events == Events::ByHand {
            consumers = services.iter_mut().filter_map(|service| service.consumer.take()).collect();
        }
        services.iter().for_each(|service| service.start(&mut tasks));
        Place { cloud, platform, consumers, doors, replication, _tasks: tasks }
    }
}

/// A calm day's world of three regions, whose customers all live on one continent.
fn plan(setup: &Setup) -> Plan {
    let mut scenario = scenario::load(&scenario::find("calm").unwrap()).unwrap();
    scenario.load.customers = setup.customers;
    scenario.load.unverified_pct = 0.0;
    let topology = &mut scenario.topology;
    topology.regions.retain(|region| region.name.as_str() != LEFT_OUT);
    topology.customers.retain(|customers| customers.countries == ["US"]);
    topology.shards_per_continent = 2;
    // Heartbeats are most of what an idle shop does, and nobody falls silent here.
    (topology.heartbeat_ms, topology.suspect_after_ms) = (500, 5_000);
    // They take a while to make: one set is enough for all tests.
    static KEYS: OnceLock<PoolKeys> = OnceLock::new();
    let keys = KEYS.get_or_init(|| PoolKeys::generate(topology).unwrap());
    let mut plan = Plan::with_keys(scenario, Durability::Journal, Engine::Virtual, keys).unwrap();
    plan.stock_units = setup.stock_units;
    if !setup.adults {
        plan.adults.clear();
    }
    plan
}

fn addresses(plan: &Plan) -> Addresses {
    let names: Vec<&Region> = plan.scenario.topology.regions.iter().map(|region| &region.name).collect();
    let pairs = names.iter().flat_map(|from| names.iter().map(move |to| (*from, *to)));
    let links = pairs.filter(|(from, to)| from != to).map(|(from, to)| {
        let url = format!("http://{}", authority(to));
        ((from.clone(), to.clone()), url)
    });
    Addresses {
        links: links.collect(),
        provider_url: "http://provider.local".to_owned(),
        carrier_url: "http://carrier.local".to_owned(),
        age_check_url: "http://age-check.local".to_owned(),
    }
}

/// Where a region is reached: as its own services know it, too.
pub(crate) fn authority(region: &Region) -> String {
    format!("{region}.local")
}

fn authority_of(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

/// The one clock of all regions and third parties.
fn clock() -> Clock {
    let began = Instant::now();
    Arc::new(move || NOW_MS + i64::try_from(began.elapsed().as_millis()).unwrap())
}

fn third_parties(plan: &Plan, clock: &Clock) -> (Provider, Carrier) {
    let seed = plan.scenario.seed;
    let api_key = plan.secrets.provider_key.clone();
    let provider = ProviderConfig { api_key, rtt: OUTSIDE_RTT, jitter_pct: 0.0 };
    let carrier = CarrierConfig { rtt: OUTSIDE_RTT, jitter_pct: 0.0 };
    (Provider::new(seed, clock.clone(), provider), Carrier::new(seed, clock.clone(), carrier))
}

/// Writes what is there when a shop opens.
async fn seed(platform: &Platform, spec: &RegionSpec) {
    use contracts::bodies::users::AgeVerdict;
    if spec.first {
        products::seed(platform).await.unwrap();
        let adults: Vec<_> = spec.adults.iter().map(|user| (user.clone(), AgeVerdict::Passed)).collect();
        users::seed(platform, &adults).await.unwrap();
    }
    let products: Vec<_> = products::catalogue().unwrap().iter().map(|product| product.product_id).collect();
    warehouse::seed(platform, &products, spec.stock_units).await.unwrap();
    orders::found(platform).await.unwrap();
}

fn closed() -> Router {
    Router::new().fallback(async || StatusCode::SERVICE_UNAVAILABLE)
}

/// A region's doors: its services, and where the others send what they wrote.
fn doors(services: &[Service], cloud: &Cloud) -> Router {
    let cloud = cloud.clone();
    let replicate = move |body: Bytes| async move {
        let batch: ReplicatedBatch = serde_json::from_slice(&body).unwrap();
        Json(cloud.apply(batch).unwrap())
    };
    platform::service::gateway(services)
        .route(replication::PATH, post(replicate).layer(DefaultBodyLimit::disable()))
}
