//! All regions of a plan in this one process, side by side: no distance between them, no edges, nothing breaks.
//! For tests and benches that want the whole platform, and no disaster.

use super::{
    people::People,
    plan::{Addresses, Plan},
    regions::{Control, Standing},
    settle, stage,
};
use crate::{
    region::Running,
    robots::{Ground, Place},
    serving::Serving,
    sockets::{self, Listener},
    third_parties::{carrier::Carrier, payment_3p::Provider},
};
use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use contracts::{
    bodies::orders::CreateOrderRequest,
    ids::{Continent, Region},
    order::Order,
};
use futures::future::try_join_all;
use loadtests::{
    Customer,
    accounts::SignedIn,
    basket::{self, CatalogueItem},
    client::{self, OrderAnswer, Reply, Request},
    clock::RunClock,
    dice::dice,
};
use platform::{network::Network, watch};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use tokio::{task::JoinSet, time::Instant};

/// One request is answered within this time, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often regions are asked whether they are there yet.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// The regions, and who stands outside of them.
pub struct Neighbours {
    /// What they were made from.
    pub plan: Plan,
    /// The payment provider.
    pub provider: Provider,
    /// The carrier.
    pub carrier: Carrier,
    regions: BTreeMap<Region, Neighbour>,
    catalogue: Vec<CatalogueItem>,
    provider_url: String,
    network: Network,
    _third_parties: [Serving; 2],
}

struct Neighbour {
    address: SocketAddr,
    control: Control,
    standing: watch::Sender<Standing>,
    _door: Serving,
    _tasks: JoinSet<&'static str>,
}

impl Neighbours {
    /// Starts everything, and waits until every region hears every other one.
    ///
    /// # Errors
    /// When something does not come up.
    pub async fn start(plan: Plan) -> anyhow::Result<Neighbours> {
        let (provider, carrier) = stage::third_parties(&plan, RunClock::start());
        let third_parties =
            [Serving::start(provider.router()).await?, Serving::start(carrier.router()).await?];
        let provider_url = third_parties[0].url();
        let mut listeners = BTreeMap::new();
        for region in &plan.scenario.topology.regions {
            listeners.insert(region.name.clone(), Listener::bind(0).await?);
        }
        let addresses = addresses(&listeners, &provider_url, third_parties[1].url());
        let regions = listeners.into_iter().map(|(name, listener)| open(&plan, &addresses, name, listener));
        let regions = try_join_all(regions).await?.into_iter().collect();
        let catalogue = products::catalogue()?.iter().map(CatalogueItem::from).collect();
        let network = sockets::network(None);
        let neighbours = Neighbours {
            plan,
            provider,
            carrier,
            regions,
            catalogue,
            provider_url,
            network,
            _third_parties: third_parties,
        };
        neighbours.until_together().await?;
        Ok(neighbours)
    }

    /// Signs everybody in.
    ///
    /// # Errors
    /// The first sign-in that does not succeed.
    pub async fn people(&self) -> anyhow::Result<People> {
        let endpoint = |home: &Continent| {
            let place = self.plan.scenario.topology.continent(home)?;
            Some(format!("http://{}/", self.regions.get(&place.journal_region)?.address))
        };
        People::sign_in(&self.plan, endpoint).await
    }

    /// The regions as robots see them.
    pub fn ground(&self) -> Ground {
        let topology = &self.plan.scenario.topology;
        let place = |(name, region): (&Region, &Neighbour)| {
            let (continent, standing) = (topology.continent_of(name)?.clone(), region.standing.subscribe());
            Some(Place::at(name.clone(), continent, region.address, standing))
        };
        Ground::new(self.regions.iter().filter_map(place).collect())
    }

    /// A region's control routes.
    pub fn control(&self, region: &Region) -> Option<&Control> {
        self.regions.get(region).map(|region| &region.control)
    }

    /// Where a region listens: all of its doors, those that customers never see included.
    pub fn address(&self, region: &Region) -> Option<SocketAddr> {
        self.regions.get(region).map(|region| region.address)
    }

    /// Sends a request straight to a region's public door, and gives status and body.
    ///
    /// # Errors
    /// When there is no such region, or no answer.
    pub async fn ask(&self, region: &Region, request: Request) -> anyhow::Result<(u16, Bytes)> {
        let region = self.regions.get(region).with_context(|| format!("there is no region {region}"))?;
        self.exchange(&format!("http://{}/frontend-api", region.address), request).await
    }

    /// A basket of the customer, priced and paid for; `draw` decides what is in it.
    ///
    /// # Errors
    /// When the price or the payment cannot be had.
    pub async fn basket(
        &self,
        region: &Region,
        buyer: &SignedIn,
        draw: u64,
    ) -> anyhow::Result<CreateOrderRequest> {
        let products = basket::choose(&self.catalogue, &mut dice(draw, "basket"));
        let mut order = basket::draft(products, &buyer.customer.address);
        let request = client::delivery_price(&buyer.token, &order.products, &order.address);
        let (status, body) = self.ask(region, request).await?;
        let price = client::delivery_priced(Reply { status, body: &body })?;
        (order.delivery_price, order.currency) = (price.pricing, price.currency);
        order.payment_token = self.pay(&buyer.customer, &order).await?;
        Ok(order)
    }

    /// A token for the order's total.
    ///
    /// # Errors
    /// When the provider does not authorise it.
    pub async fn pay(&self, customer: &Customer, order: &CreateOrderRequest) -> anyhow::Result<String> {
        let total = Order::computed_total(&order.products, order.delivery_price);
        let total = total.context("the total is too large")?;
        let key = &self.plan.secrets.provider_key;
        let currency = order.currency.as_deref().unwrap_or("USD");
        let request = client::pre_authorise(key, customer, total, currency);
        let (status, body) = self.exchange(&self.provider_url, request).await?;
        Ok(client::pre_authorised(Reply { status, body: &body })?.payment_token)
    }

    /// Orders, and says what the answer means.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn buy(
        &self,
        region: &Region,
        buyer: &SignedIn,
        order: &CreateOrderRequest,
        key: &str,
    ) -> anyhow::Result<OrderAnswer> {
        let (status, body) = self.ask(region, client::create_order(&buyer.token, order, key)).await?;
        Ok(client::order_answer(Ok(Reply { status, body: &body })))
    }

    /// Waits until no order is left with anything to do.
    ///
    /// # Errors
    /// When that is not so in time, with what is still open.
    pub async fn until_at_rest(&self, within: Duration) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let reports = try_join_all(self.regions.values().map(|region| region.control.orders())).await?;
            match settle::at_rest(&reports, &self.regions.keys().collect::<Vec<_>>()) {
                true => return Ok(()),
                false if begun.elapsed() > within => bail!("not at rest: {reports:?}"),
                false => tokio::time::sleep(ASK_EVERY).await,
            }
        }
    }

    async fn until_together(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let reports = try_join_all(self.regions.values().map(|region| region.control.report())).await?;
            match reports.iter().all(|report| report.suspected.is_empty() && report.replication.copied()) {
                true => return Ok(()),
                false if begun.elapsed() > PATIENCE => bail!("the regions do not come together"),
                false => tokio::time::sleep(ASK_EVERY).await,
            }
        }
    }

    async fn exchange(&self, base: &str, request: Request) -> anyhow::Result<(u16, Bytes)> {
        let builder = http::Request::post(format!("{base}{}", request.path));
        let headers = request.headers.into_iter();
        let builder = headers.fold(builder, |builder, (name, value)| builder.header(name, value));
        let request = builder.body(Bytes::from(request.body))?;
        let answer = tokio::time::timeout(PATIENCE, self.network.send(request)).await;
        let answer = answer.map_err(|_| anyhow!("no answer in time"))??;
        Ok((answer.status().as_u16(), answer.into_body()))
    }
}

fn addresses(listeners: &BTreeMap<Region, Listener>, provider_url: &str, carrier_url: String) -> Addresses {
    let mut links = BTreeMap::new();
    for (to, listener) in listeners {
        let url = format!("http://{}", listener.address());
        for from in listeners.keys().filter(|from| *from != to) {
            links.insert((from.clone(), to.clone()), url.clone());
        }
    }
    // Whoever buys here comes verified: nobody goes there.
    let age_check_url = "http://age-check.local".to_owned();
    Addresses { links, provider_url: provider_url.to_owned(), carrier_url, age_check_url }
}

async fn open(
    plan: &Plan,
    addresses: &Addresses,
    name: Region,
    listener: Listener,
) -> anyhow::Result<(Region, Neighbour)> {
    let Running { router, tasks, .. } = Running::start(plan.region(&name, addresses)).await?;
    let address = listener.address();
    let control = Control::new(name.clone(), address, &plan.control_token);
    let (standing, _door) = (watch::Sender::new(Standing::Up), Serving::over(listener, router));
    Ok((name, Neighbour { address, control, standing, _door, _tasks: tasks }))
}
