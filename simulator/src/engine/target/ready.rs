//! Everything that must be so before the first request of the load is sent. Whatever is not is told at once.

use super::{ask::Asker, people::People};
use crate::{
    edge::{Distance, Edge, EdgeConfig, EdgeRegion},
    links::Condition,
    scenario::Scenario,
    target::{Accounts, Target, TargetRegion},
    topology::CustomerContinent,
};
use anyhow::{Context as _, ensure};
use bytes::Bytes;
use contracts::ids::{OrderId, Region, UserId};
use futures::future::try_join_all;
use loadtests::{accounts::SignedIn, basket::CatalogueItem, client};
use platform::{network::Network, watch};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// A region says whether it may be asked within this time.
const READY_LIMIT: Duration = Duration::from_secs(5);
/// How often it is asked: the first time pays for the connection.
const READY_ASKED: usize = 4;
/// Products on a page, and pages that are read.
const PRODUCTS: u32 = 100;
const PAGES_MAX: usize = 20;
/// Orders that a customer remembers from before: enough to know them again in a list, newest first.
const REMEMBERED: u32 = 20;
/// Minor units that are authorised to see whether the provider knows the shop.
const TRIAL_AMOUNT: i64 = 100;

/// A deployment that answers, and everybody who needs a token with one.
pub(super) struct Ready {
    pub(super) network: Network,
    pub(super) edges: BTreeMap<String, Edge>,
    /// By where customers live, the region that is asked first.
    pub(super) nearest: BTreeMap<String, Region>,
    pub(super) people: People,
    pub(super) catalogue: Vec<CatalogueItem>,
    /// Orders that customers had before, the newest ones.
    pub(super) before: BTreeMap<UserId, BTreeSet<OrderId>>,
    pub(super) asker: Asker,
}

impl Ready {
    /// Asks everybody for everything.
    ///
    /// # Errors
    /// The first thing that is not as it must be: a region, a pool or the provider that does not answer, a wrong
    /// password, an empty catalogue.
    pub(super) async fn make(
        target: &Target,
        accounts: &Accounts,
        scenario: &Scenario,
    ) -> anyhow::Result<Ready> {
        let network = target.network().context("this machine trusts nobody by TLS")?;
        let times = try_join_all(target.regions.iter().map(|region| round_trip(&network, region))).await?;
        let times: BTreeMap<Region, Duration> =
            target.regions.iter().map(|region| region.name.clone()).zip(times).collect();
        let so_many = scenario.load.customers as usize;
        let people = People::sign_in(&network, target, accounts, &scenario.topology, so_many).await?;
        let mut edges = BTreeMap::new();
        let mut nearest = BTreeMap::new();
        for customers in &scenario.topology.customers {
            let config = edge(customers, target, &times, &network);
            let first = config.regions.first();
            let first = first.with_context(|| format!("{} have no region to ask", customers.id))?;
            nearest.insert(customers.id.clone(), first.name.clone());
            let edge = Edge::start(config).await;
            edges.insert(customers.id.clone(), edge.context("no edge can be opened on this machine")?);
        }
        let asker = Asker::new(network.clone(), &edges, scenario.load.open_loop_rps);
        let first = people.customers.first().context("there are no customers")?;
        trial_payment(&asker, target, accounts, first).await?;
        let catalogue = catalogue(&asker, first).await.context("the catalogue cannot be read")?;
        let before = remembered(&asker, &people.customers).await?;
        Ok(Ready { network, edges, nearest, people, catalogue, before, asker })
    }
}

/// How far a region is from here, once a connection is open.
async fn round_trip(network: &Network, region: &TargetRegion) -> anyhow::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..READY_ASKED {
        let asked = Instant::now();
        let answer = ready(network, region).await;
        answer.with_context(|| format!("{} does not answer at {}", region.name, region.base_url()))?;
        times.push(asked.elapsed());
    }
    Ok(times.into_iter().min().unwrap_or_default())
}

async fn ready(network: &Network, region: &TargetRegion) -> anyhow::Result<()> {
    let request = http::Request::get(format!("{}/readyz", region.base_url())).body(Bytes::new())?;
    let answer = timeout(READY_LIMIT, network.send(request)).await.context("no answer in time")??;
    ensure!(answer.status().is_success(), "/readyz says {}", answer.status());
    Ok(())
}

/// The edge of some customers: the regions in the order of their distance from these customers, as far away as they are
/// from this machine.
fn edge(
    customers: &CustomerContinent,
    target: &Target,
    times: &BTreeMap<Region, Duration>,
    network: &Network,
) -> EdgeConfig {
    let nearest_first = customers.nearest_first();
    let regions = nearest_first.iter().filter_map(|(name, _)| target.region(name)).map(|region| EdgeRegion {
        name: region.name.clone(),
        continent: region.continent.clone(),
        base_url: region.base_url().to_owned(),
        rtt: times.get(&region.name).copied().unwrap_or_default(),
        condition: watch::channel(Condition::up()).1,
    });
    EdgeConfig {
        name: customers.id.clone(),
        regions: regions.collect(),
        distance: Distance::Real(network.clone()),
        hedge_after: Duration::from_millis(u64::from(customers.hedge_after_ms)),
        jitter_pct: 0.0,
        seed: 0,
        max_in_flight: 2_048,
        warm_connections: 8,
    }
}

/// A wrong key at the provider would leave out every order, one by one.
async fn trial_payment(
    asker: &Asker,
    target: &Target,
    accounts: &Accounts,
    payer: &SignedIn,
) -> anyhow::Result<()> {
    let request = client::pre_authorise(&accounts.provider_key, &payer.customer, TRIAL_AMOUNT, "USD");
    let paid = asker.at(&target.provider, request, client::pre_authorised).await;
    paid.map(drop).with_context(|| format!("the provider at {} authorises nothing", target.provider))
}

/// What can be bought and does not run out soon.
async fn catalogue(asker: &Asker, customer: &SignedIn) -> anyhow::Result<Vec<CatalogueItem>> {
    let mut items: Vec<CatalogueItem> = Vec::new();
    let mut next = None;
    for _ in 0..PAGES_MAX {
        let request = client::products(&customer.token, next.as_deref(), PRODUCTS);
        let page = asker.customer(customer, request, client::products_seen).await?;
        items.extend(page.products);
        next = page.next_token;
        if next.is_none() {
            break;
        }
    }
    items.retain(|item| matches!(item.availability.as_deref(), None | Some("IN_STOCK")));
    ensure!(!items.is_empty(), "nothing is in stock");
    Ok(items)
}

/// Customers' newest orders before the load.
async fn remembered(
    asker: &Asker,
    customers: &[SignedIn],
) -> anyhow::Result<BTreeMap<UserId, BTreeSet<OrderId>>> {
    let newest = try_join_all(customers.iter().map(|one| newest(asker, one))).await?;
    Ok(customers.iter().map(|one| one.customer.sub.clone()).zip(newest).collect())
}

async fn newest(asker: &Asker, one: &SignedIn) -> anyhow::Result<BTreeSet<OrderId>> {
    let request = client::orders(&one.token, REMEMBERED);
    let orders = asker.customer(one, request, client::orders_seen).await;
    let orders = orders.with_context(|| format!("{} is not shown any orders", one.customer.username))?;
    Ok(orders.into_iter().map(|order| order.order_id).collect())
}
