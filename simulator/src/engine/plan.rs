//! What a run is made of, before anything starts: the scenario, the people, the keys, and from these what each
//! region is told.

mod moved;

use super::clouds::{Backing, Clouds};
use crate::{
    cloud::{self, PoolConfig, PoolKey, PoolMade, PoolName, SeedUser, UpstreamSpec},
    region::{self, RegionSpec},
    replication,
    scenario::{Engine, Scenario},
    third_parties::age_check::Papers,
    topology::Topology,
};
use anyhow::Context as _;
use contracts::ids::{Continent, ProductId, Region, UserId};
use loadtests::{
    Customer,
    dice::dice,
    population::{self, Share, Staff, random_uuid},
};
use platform::config::{
    Config, ContinentConfig, Durability, Heard, PoolConfig as PublicPool, RegionConfig, Secrets, SignBy,
    WarehouseConfig,
};
use rand::RngExt as _;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The environment of a run, part of every resource's name.
pub(super) const ENV: &str = "sim";
/// The account that the emulated cloud belongs to: AWS's example account.
pub(super) const ACCOUNT: &str = "123456789012";
/// Units of each product in each warehouse at the start of a run. Nobody is to find a shelf empty by chance.
pub const STOCK_UNITS: i64 = 100_000;
/// Units of each scarce product in each warehouse at the start: it runs out at once.
const SCARCE_UNITS: i64 = 1;
/// Products that are scarce where a scenario asks for orders that wait for goods.
const SCARCE_PRODUCTS: usize = 2;
/// Of those who begin without a proof of age, the part that is too young for cigars.
const TOO_YOUNG: f64 = 0.25;
/// Requests a second of one Goose user, who thinks for 0.75 s between two steps and waits for the answers.
const GOOSE_USER_RPS: f64 = 1.2;
/// The lag of a comparison run: longer than the usual one, so that the flood finds something to strand.
pub const ASYNC_LAG_MS: u64 = 2_000;

/// A run, before anything starts.
pub struct Plan {
    /// The world, the load, the faults, the goals.
    pub scenario: Scenario,
    /// How an order becomes durable.
    pub durability: Durability,
    /// What runs it.
    pub engine: Engine,
    /// Everybody who buys.
    pub customers: Vec<Customer>,
    /// Everybody who works.
    pub staff: Vec<Staff>,
    /// The user pool of each continent.
    pub pools: BTreeMap<Continent, Pool>,
    /// Keys of this run.
    pub secrets: Secrets,
    /// Opens the regions' control routes.
    pub control_token: String,
    /// Whether operators may listen to the regions' events. Off in a run: each event would cost one delivery more.
    pub event_listener: bool,
    /// Units of each product in each warehouse at the start, but for those that are scarce.
    pub stock_units: i64,
    /// Products that run out at once; more of them comes in during the run.
    pub scarce: BTreeSet<ProductId>,
    /// Customers whose age was verified before.
    pub adults: Vec<UserId>,
    /// The others, and what their papers say.
    pub unverified: BTreeMap<UserId, Papers>,
    /// What the regions' clouds are, in a word for reports.
    pub cloud: String,
    /// What stands behind the regions' clouds; a region that is not named has its own engines.
    pub upstreams: BTreeMap<Region, UpstreamSpec>,
    /// The same as those who lose and end it have it.
    pub clouds: Clouds,
}

/// The keys of all user pools of a plan.
#[derive(Clone, Debug)]
pub struct PoolKeys(BTreeMap<Continent, PoolKey>);

impl PoolKeys {
    /// Makes new ones. They are the only thing in a plan that does not come from the seed; nothing that a run
    /// does or writes down depends on them.
    ///
    /// # Errors
    /// When a key cannot be made.
    pub fn generate(topology: &Topology) -> anyhow::Result<PoolKeys> {
        let ids = topology.continents.iter().map(|continent| continent.id.clone());
        let keys = ids.map(|id| Ok((id, cloud::generate_pool_key()?)));
        Ok(PoolKeys(keys.collect::<anyhow::Result<_>>()?))
    }
}

/// A continent's user pool.
pub struct Pool {
    /// Its id, which begins with its primary region.
    pub id: String,
    /// The app client.
    pub client_id: String,
    /// The `iss` of its tokens.
    issuer: String,
    /// The keys that they verify against.
    jwks: serde_json::Value,
    /// The key that signs them; an upstream keeps its own to itself.
    key: Option<PoolKey>,
}

impl Pool {
    /// A pool of the embedded clouds.
    fn embedded(id: String, client_id: String, key: PoolKey) -> Pool {
        let region = id.split_once('_').map_or("", |(region, _)| region);
        let issuer = format!("https://cognito-idp.{region}.amazonaws.com/{id}");
        let PoolKey { kid, n, e, .. } = &key;
        let jwk = json!({ "alg": "RS256", "kty": "RSA", "use": "sig", "kid": kid, "n": n, "e": e });
        Pool { id, client_id, issuer, jwks: json!({ "keys": [jwk] }), key: Some(key) }
    }

    /// A pool that was made in an upstream.
    fn made(made: &PoolMade) -> Pool {
        let PoolName { id, client_id } = made.name.clone();
        Pool { id, client_id, issuer: made.issuer.clone(), jwks: made.jwks.clone(), key: None }
    }
}

/// Where things are reached, known once everything listens.
pub struct Addresses {
    /// The base URL of the link from one region to another.
    pub links: BTreeMap<(Region, Region), String>,
    /// The payment provider.
    pub provider_url: String,
    /// The carrier.
    pub carrier_url: String,
    /// The age checker's page.
    pub age_check_url: String,
}

impl Plan {
    /// Draws people and keys.
    ///
    /// # Errors
    /// When a key cannot be made.
    pub fn new(scenario: Scenario, durability: Durability) -> anyhow::Result<Plan> {
        let keys = PoolKeys::generate(&scenario.topology)?;
        Plan::with_keys(scenario, durability, Engine::Live, &keys)
    }

    /// Draws people and keys, but for those of the user pools.
    ///
    /// # Errors
    /// When a continent has no key.
    pub fn with_keys(
        scenario: Scenario,
        durability: Durability,
        engine: Engine,
        keys: &PoolKeys,
    ) -> anyhow::Result<Plan> {
        let (seed, topology) = (scenario.seed, &scenario.topology);
        let customers = population::generate(seed, scenario.load.customers, &shares(topology));
        let posts = topology.warehouses.iter().map(|place| (place.id.clone(), place.continent.clone()));
        let staff = population::staff(seed, &posts.collect::<Vec<_>>());
        let mut random = dice(seed, "secrets");
        let secrets = Secrets {
            service_key: random_uuid(&mut random),
            payment_key: random_uuid(&mut random),
            provider_key: random_uuid(&mut random),
            // Another stream: the token below is the one that earlier runs had.
            age_check_key: random_uuid(&mut dice(seed, "age check")),
        };
        let control_token = random_uuid(&mut random);
        let mut pools = BTreeMap::new();
        for continent in &topology.continents {
            let id = format!("{}_{}Smokes", continent.journal_region, continent.id);
            let key = keys.0.get(&continent.id).context("a continent has no pool key")?.clone();
            let client_id = format!("{}smokesclient", continent.id);
            pools.insert(continent.id.clone(), Pool::embedded(id, client_id, key));
        }
        let scarce = scarce(&scenario)?;
        let unverified = unverified(&scenario, &customers);
        let adults = customers.iter().map(|customer| &customer.sub);
        let adults = adults.filter(|sub| !unverified.contains_key(*sub)).cloned().collect();
        Ok(Plan {
            scenario,
            durability,
            engine,
            customers,
            staff,
            pools,
            secrets,
            control_token,
            event_listener: false,
            stock_units: STOCK_UNITS,
            scarce,
            adults,
            unverified,
            cloud: Backing::Embedded.word(),
            upstreams: BTreeMap::new(),
            clouds: Clouds::default(),
        })
    }

    /// Requests a second of the open-loop driver. Goose cannot run in virtual time, as it has threads and clocks
    /// of its own: there the driver plays its share too.
    pub fn open_loop_rps(&self) -> f64 {
        let load = &self.scenario.load;
        match self.engine {
            Engine::Live => load.open_loop_rps,
            Engine::Virtual => load.open_loop_rps + f64::from(load.goose_users) * GOOSE_USER_RPS,
        }
    }

    /// Units of a product in each warehouse at the start.
    pub fn units_at_first(&self, product: &ProductId) -> i64 {
        if self.scarce.contains(product) { SCARCE_UNITS } else { self.stock_units }
    }

    /// The physical name of a table, given as in scenario files.
    pub fn table(&self, word: &str) -> String {
        let tables = region::tables();
        let table = tables.iter().find(|table| region::table_word(table) == word);
        table.map(|table| table.physical_name(ENV)).unwrap_or_default()
    }

    /// How late writes leave their region at the start.
    pub fn replication(&self) -> replication::Settings {
        let spec = self.scenario.replication;
        let lag_ms = match self.durability {
            Durability::Journal => u64::from(spec.lag_ms),
            Durability::Async => ASYNC_LAG_MS.max(u64::from(spec.lag_ms)),
        };
        replication::Settings { lag_ms, jitter_pct: spec.jitter_pct, paused: false }
    }

    /// What one region is told.
    pub fn region(&self, name: &Region, addresses: &Addresses) -> RegionSpec {
        let others = self.scenario.topology.regions.iter().filter(|other| other.name != *name);
        let link = |to: &Region| addresses.links.get(&(name.clone(), to.clone())).cloned();
        let peers = others.filter_map(|other| Some((other.name.clone(), link(&other.name)?)));
        RegionSpec {
            peers: peers.collect(),
            platform: self.platform_config(name, addresses),
            pools: self.pools_in(name),
            upstream: self.upstreams.get(name).cloned(),
            account: ACCOUNT.to_owned(),
            seed: region_seed(self.scenario.seed, name),
            control_token: self.control_token.clone(),
            replication: self.replication(),
            first: self.scenario.topology.regions.first().is_some_and(|first| first.name == *name),
            lost: false,
            stock_units: self.stock_units,
            scarce: self.scarce.clone(),
            scarce_units: SCARCE_UNITS,
            adults: self.adults.clone(),
        }
    }

    fn platform_config(&self, here: &Region, addresses: &Addresses) -> Config {
        let topology = &self.scenario.topology;
        let url = |to: &Region| match addresses.links.get(&(here.clone(), to.clone())) {
            Some(base) => format!("{base}/{{service}}"),
            None => format!("http://{to}.local/{{service}}"), // the region itself: mounted in its process
        };
        let regions = topology.regions.iter().map(|region| RegionConfig {
            name: region.name.clone(),
            continent: region.continent.clone(),
            url: url(&region.name),
        });
        let continents = topology.continents.iter().map(|continent| ContinentConfig {
            id: continent.id.clone(),
            journal_region: continent.journal_region.clone(),
            successors: continent.successors.clone(),
        });
        let warehouses = topology.warehouses.iter().map(|place| WarehouseConfig {
            id: place.id.clone(),
            region: place.region.clone(),
            continent: place.continent.clone(),
        });
        Config {
            env: ENV.to_owned(),
            region: here.clone(),
            // The client that goes there is in process and looks at no host.
            aws_endpoint: Some(format!("http://aws.{here}.local")),
            regions: regions.collect(),
            continents: continents.collect(),
            shards: topology.shards_per_continent,
            warehouses: warehouses.collect(),
            pools: self.pools.iter().map(|(continent, pool)| public_keys(continent, pool)).collect(),
            durability: self.durability,
            sign_by: SignBy::Keys,
            provider_url: addresses.provider_url.clone(),
            carrier_url: addresses.carrier_url.clone(),
            age_check_url: addresses.age_check_url.clone(),
            otlp_url: None,
            event_listener: self.event_listener,
            metrics: false,
            heard: Heard::Streams,
            heartbeat_ms: u64::from(topology.heartbeat_ms),
            suspect_after_ms: u64::from(topology.suspect_after_ms),
            secrets: self.secrets.clone(),
        }
    }

    /// The pools that sign in in a region: as primary its own continent's, as secondary another's.
    fn pools_in(&self, here: &Region) -> Vec<PoolConfig> {
        let continents = self.scenario.topology.continents.iter();
        let served =
            continents.filter(|place| place.journal_region == *here || place.pool_secondary == *here);
        let pools = served.filter_map(|place| {
            let pool = self.pools.get(&place.id)?;
            Some(PoolConfig {
                id: pool.id.clone(),
                client_id: pool.client_id.clone(),
                continent: place.id.0.clone(),
                primary: place.journal_region == *here,
                key: pool.key.clone()?,
                users: self.users_of(&place.id),
            })
        });
        pools.collect()
    }

    pub(super) fn users_of(&self, home: &Continent) -> Vec<SeedUser> {
        let customers = self.customers.iter().filter(|customer| customer.home == *home);
        let customers = customers.map(|customer| SeedUser {
            username: customer.username.clone(),
            password: customer.password.clone(),
            sub: customer.sub.0.clone(),
            groups: Vec::new(),
            email: customer.email.clone(),
        });
        let staff = self.staff.iter().filter(|staff| staff.home == *home).map(|staff| SeedUser {
            username: staff.username.clone(),
            password: staff.password.clone(),
            sub: staff.sub.0.clone(),
            groups: vec![staff.group.clone()],
            email: staff.email.clone(),
        });
        customers.chain(staff).collect()
    }
}

/// Who begins without a proof of age, and what their papers say. Those who play journeys are not among them: they would
/// take an order that waits for a failure.
fn unverified(scenario: &Scenario, customers: &[Customer]) -> BTreeMap<UserId, Papers> {
    let mut dice = dice(scenario.seed, "proofs of age");
    let buyers = customers.len().saturating_sub(scenario.load.goose_users as usize);
    let drawn = customers.iter().take(buyers).filter_map(|customer| {
        let unverified = dice.random_bool(scenario.load.unverified_pct / 100.0);
        let papers = if dice.random_bool(TOO_YOUNG) { Papers::TooYoung } else { Papers::OfAge };
        unverified.then(|| (customer.sub.clone(), papers))
    });
    drawn.collect()
}

/// The products that are to run out: none, where nobody is to wait for goods.
fn scarce(scenario: &Scenario) -> anyhow::Result<BTreeSet<ProductId>> {
    let mut scarce = BTreeSet::new();
    if scenario.load.backorder_pct > 0.0 {
        let catalogue = products::catalogue().context("the catalogue")?;
        let mut dice = dice(scenario.seed, "scarce goods");
        while scarce.len() < SCARCE_PRODUCTS.min(catalogue.len()) {
            scarce.insert(catalogue[dice.random_range(0..catalogue.len())].product_id);
        }
    }
    Ok(scarce)
}

/// The customers' shares of a topology.
pub fn shares(topology: &Topology) -> Vec<Share> {
    let share = |customers: &crate::topology::CustomerContinent| Share {
        continent: customers.id.clone(),
        home: customers.home.clone(),
        share: customers.share,
        countries: customers.countries.clone(),
    };
    topology.customers.iter().map(share).collect()
}

fn public_keys(continent: &Continent, pool: &Pool) -> PublicPool {
    PublicPool {
        issuer: pool.issuer.clone(),
        client_id: pool.client_id.clone(),
        continent: continent.clone(),
        jwks: pool.jwks.clone(),
    }
}

/// A seed of its own for each region, or two of them would draw the same ids.
fn region_seed(seed: u64, name: &Region) -> u64 {
    rand::Rng::next_u64(&mut dice(seed, &format!("region {name}")))
}
