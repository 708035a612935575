//! createOrder end to end: four regions in this process, real HTTP and the real SDK between their parts, no
//! distance between them. What is left is what the platform itself costs.
//!
//! Beside it stands the floor: one transaction of three items through the same SDK and cloud. An accepted order
//! needs at least two of them, one on each of two continents.
#![allow(missing_docs)] // criterion's macros

use anyhow::Context as _;
use benches::shelf::Shelf;
use contracts::{Region, bodies::orders::CreateOrderRequest};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loadtests::{accounts::SignedIn, client::OrderAnswer};
use platform::config::Durability;
use simulator::{
    engine::{Neighbours, Plan, people::People},
    process::cpu_seconds,
    robots::Robots,
    scenario,
};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::{runtime::Runtime, time::Instant};

/// Orders of the batch whose processor time is told.
const BATCH: u64 = 200;
const REST_LIMIT: Duration = Duration::from_secs(120);

struct Shop {
    neighbours: Neighbours,
    people: People,
    region: Region,
    next: AtomicU64,
}

impl Shop {
    async fn open() -> anyhow::Result<Shop> {
        let mut scenario = scenario::load(&scenario::find("calm")?)?;
        // This process does the work of all regions: a slow answer is no reason to take shards over.
        scenario.topology.suspect_after_ms = 5_000;
        let region = scenario.topology.regions.first().context("a region")?.name.clone();
        let neighbours = Neighbours::start(Plan::new(scenario, Durability::Journal)?).await?;
        let people = neighbours.people().await?;
        Ok(Shop { neighbours, people, region, next: AtomicU64::new(0) })
    }

    /// A customer at home in America, with a basket that is paid for.
    async fn paid(&self) -> anyhow::Result<(SignedIn, CreateOrderRequest, String)> {
        let draw = self.next.fetch_add(1, Ordering::Relaxed);
        let home: Vec<_> = self.people.customers.iter().filter(|one| one.customer.home.0 == "am").collect();
        let buyer = home[draw as usize % home.len()].clone();
        let order = self.neighbours.basket(&self.region, &buyer, draw).await?;
        Ok((buyer, order, format!("bench-{draw}")))
    }

    async fn buy(&self, (buyer, order, key): (SignedIn, CreateOrderRequest, String)) -> anyhow::Result<()> {
        match self.neighbours.buy(&self.region, &buyer, &order, &key).await? {
            OrderAnswer::Acknowledged(_) => Ok(()),
            other => anyhow::bail!("{other:?}"),
        }
    }

    /// Times orders, one after the other; baskets and payments before them are not counted.
    async fn time(&self, orders: u64) -> anyhow::Result<Duration> {
        let mut took = Duration::ZERO;
        for _ in 0..orders {
            let paid = self.paid().await?;
            let began = Instant::now();
            self.buy(paid).await?;
            took += began.elapsed();
        }
        Ok(took)
    }
}

fn create_order(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut shop = runtime.block_on(Shop::open()).expect("a shop");
    let shelf = runtime.block_on(Shelf::start());
    let mut group = criterion.benchmark_group("createOrder");
    group.throughput(Throughput::Elements(1));
    group.bench_function("acknowledged on two continents", |bencher| {
        bencher.iter_custom(|orders| runtime.block_on(shop.time(orders)).expect("orders"));
    });
    group.bench_function("floor: a transaction of 3", |bencher| {
        bencher.to_async(&runtime).iter(|| shelf.transact());
    });
    group.finish();
    runtime.block_on(tell_cpu(&mut shop)).expect("a batch");
}

/// Processor time of a batch: until all are acknowledged, and until all are delivered.
#[allow(clippy::print_stdout)] // this text is the bench's output
async fn tell_cpu(shop: &mut Shop) -> anyhow::Result<()> {
    let cpu = || cpu_seconds(std::process::id()).context("the system does not tell processor time");
    let robots = Robots::start(std::mem::take(&mut shop.people.crew), shop.neighbours.ground());
    shop.neighbours.until_at_rest(REST_LIMIT).await?;
    let before = cpu()?;
    for _ in 0..BATCH {
        let paid = shop.paid().await?;
        shop.buy(paid).await?;
    }
    let acknowledged = cpu()?;
    shop.neighbours.until_at_rest(REST_LIMIT).await?;
    let delivered = cpu()?;
    let counts = robots.stop().await;
    let each = |from: f64, to: f64| (to - from) * 1e3 / BATCH as f64;
    println!(
        "CPU per order, {BATCH} orders in a row: {:.1} ms until acknowledged (basket and payment included), \
         {:.1} ms until delivered, everything in four regions counted ({} parcels handed over)",
        each(before, acknowledged),
        each(before, delivered),
        counts.delivered
    );
    Ok(())
}

criterion_group!(benches, create_order);
criterion_main!(benches);
