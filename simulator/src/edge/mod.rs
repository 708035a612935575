//! The customers' door: one per customer continent, outside of all regions, so it survives what they do not.
//!
//! It sends each request to the nearest healthy region over warm connections, asks another continent as well when no
//! answer comes, and never lets a customer wait longer than its own limit. It stands for a content delivery network or an
//! accelerator with retries; that these retry orders at all is what the idempotency key makes safe.

mod answer;
mod config;
mod counters;
mod health;
mod http;
mod path;
mod race;
#[cfg(test)]
mod tests;

pub use config::{Distance, EdgeConfig, EdgeRegion};
pub use counters::{EdgeCounters, RegionCounters};
pub use health::{Transition, Why};

use crate::serving::Serving;
use axum::{Router, routing};
use contracts::ids::Region;
use counters::Counters;
use health::HealthBook;
use path::{Path, Way};
use std::{io, sync::Arc};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Duration, Instant},
};

/// A running edge; it stops when this is dropped.
#[derive(Debug)]
pub struct Edge {
    /// Where customers send their requests: `{url}/graphql`.
    pub url: String,
    inner: Arc<Inner>,
    _serving: Serving,
    _probes: JoinSet<()>,
}

/// What every request of an edge needs.
#[derive(Debug)]
pub(crate) struct Inner {
    /// Nearest first.
    paths: Vec<Arc<Path>>,
    health: HealthBook,
    counters: Counters,
    hedge_after: Duration,
    probe_every: Duration,
    room: Semaphore,
}

impl Edge {
    /// Warms connections to every region, begins to watch them, and opens the door.
    ///
    /// # Errors
    /// When no port can be bound or no region is given.
    pub async fn start(config: EdgeConfig) -> io::Result<Edge> {
        Edge::start_on(config, 0).await
    }

    /// The same on a given port of 127.0.0.1, 0 for any.
    ///
    /// # Errors
    /// As [`Edge::start`].
    pub async fn start_on(config: EdgeConfig, port: u16) -> io::Result<Edge> {
        if config.regions.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "an edge needs a region"));
        }
        let inner = Arc::new(Inner::new(config));
        futures::future::join_all(inner.paths.iter().map(|path| path.warm())).await;
        let mut probes = JoinSet::new();
        for index in 0..inner.paths.len() {
            probes.spawn(health::watch(Arc::clone(&inner), index));
        }
        let router = Router::new()
            .route("/graphql", routing::post(http::handle).get(http::handle))
            .route("/graphiql", routing::get(http::handle))
            .with_state(Arc::clone(&inner));
        let serving = Serving::start_on(router, port).await?;
        Ok(Edge { url: serving.url(), inner, _serving: serving, _probes: probes })
    }

    /// What it did so far.
    pub fn counters(&self) -> EdgeCounters {
        self.inner.counters.snapshot(&self.inner.paths)
    }

    /// When regions were found healthy or not; the oldest thousand.
    pub fn health_log(&self) -> Vec<Transition> {
        self.inner.health.log()
    }

    /// The regions that it holds for healthy now, nearest first.
    pub fn healthy(&self) -> Vec<Region> {
        let healthy = self.inner.paths.iter().enumerate().filter(|(i, _)| self.inner.health.healthy(*i));
        healthy.map(|(_, path)| path.name.clone()).collect()
    }
}

impl Inner {
    fn new(mut config: EdgeConfig) -> Self {
        let probe_every = match config.distance {
            Distance::Simulated => {
                config.regions.sort_by(|a, b| (a.rtt, &a.name).cmp(&(b.rtt, &b.name)));
                health::PROBE_EVERY
            }
            Distance::Real(_) => health::PROBE_AFAR_EVERY,
        };
        let names: Vec<Region> = config.regions.iter().map(|region| region.name.clone()).collect();
        let paths = config.regions.into_iter().enumerate().map(|(i, region)| {
            let seed = config.seed.wrapping_add(i as u64);
            let way = match &config.distance {
                Distance::Simulated => Way::Simulated { jitter_pct: config.jitter_pct, seed },
                Distance::Real(network) => Way::Real(network.clone()),
            };
            Arc::new(Path::new(region, way, config.warm_connections))
        });
        Inner {
            paths: paths.collect(),
            health: HealthBook::new(names, Instant::now()),
            counters: Counters::default(),
            hedge_after: config.hedge_after,
            probe_every,
            room: Semaphore::new(config.max_in_flight),
        }
    }
}
