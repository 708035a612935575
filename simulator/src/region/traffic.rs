//! What comes to a region's doors: how many requests are under way, which a flood finds unanswered, and what each service
//! is asked, which is paid for.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http_body::Body as _;
use platform::{Service, World};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::time::Instant;

/// Counts the requests at the doors.
#[derive(Debug)]
pub(super) struct Traffic {
    world: World,
    begun: AtomicU64,
    open: AtomicU64,
    /// By name; no other name is counted, whatever callers ask for.
    services: BTreeMap<&'static str, Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    busy_us: AtomicU64,
    bytes_out: AtomicU64,
}

/// The requests at a region's doors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficReport {
    /// All of customers and staff that came in.
    pub begun: u64,
    /// Those not answered yet.
    pub open: u64,
    /// What each service was asked, by customers, staff and other services; probes of its health are left out.
    pub services: BTreeMap<String, ServiceTraffic>,
}

/// What one service was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceTraffic {
    /// Requests that came in.
    pub requests: u64,
    /// Time between a request and its answer, added up, microseconds.
    pub busy_us: u64,
    /// Bodies of the answers, bytes; those that come piece by piece are not in it.
    pub bytes_out: u64,
}

impl Traffic {
    pub(super) fn new(world: &World, services: &[Service]) -> Self {
        let services = services.iter().map(|service| (service.name, Counters::default()));
        Traffic {
            world: world.clone(),
            begun: AtomicU64::new(0),
            open: AtomicU64::new(0),
            services: services.collect(),
        }
    }

    pub(super) fn report(&self) -> TrafficReport {
        let read = |counters: &Counters| ServiceTraffic {
            requests: counters.requests.load(Relaxed),
            busy_us: counters.busy_us.load(Relaxed),
            bytes_out: counters.bytes_out.load(Relaxed),
        };
        let services = self.services.iter().map(|(name, counters)| ((*name).to_owned(), read(counters)));
        TrafficReport {
            begun: self.begun.load(Relaxed),
            open: self.open.load(Relaxed),
            services: services.collect(),
        }
    }

    /// The service that a path leads to, but for probes.
    fn service(&self, path: &str) -> Option<&'static str> {
        let (name, rest) = path.strip_prefix('/')?.split_once('/')?;
        let (name, _) = self.services.get_key_value(name)?;
        (!matches!(rest, "readyz" | "healthz")).then_some(*name)
    }
}

/// Gives up its count also where the caller goes away and the request is dropped.
struct Open(Arc<Traffic>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

/// Adds the time that a service was busy, also where the caller goes away.
struct Busy {
    traffic: Arc<Traffic>,
    service: &'static str,
    since: Instant,
}

impl Busy {
    fn begin(traffic: &Arc<Traffic>, service: &'static str) -> Self {
        if let Some(counters) = traffic.services.get(service) {
            counters.requests.fetch_add(1, Relaxed);
        }
        Busy { traffic: traffic.clone(), service, since: traffic.world.instant() }
    }

    fn answered(&self, response: &Response) {
        if let Some(counters) = self.traffic.services.get(self.service) {
            counters.bytes_out.fetch_add(response.body().size_hint().exact().unwrap_or(0), Relaxed);
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let busy = self.traffic.world.instant().saturating_duration_since(self.since);
        if let Some(counters) = self.traffic.services.get(self.service) {
            counters.busy_us.fetch_add(busy.as_micros() as u64, Relaxed);
        }
    }
}

/// A layer that counts what services are asked, and customers' and staff's requests apart.
pub(super) async fn count(State(traffic): State<Arc<Traffic>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let Some(service) = traffic.service(path) else { return next.run(request).await };
    let open = path.starts_with("/frontend-api/graphql").then(|| {
        traffic.begun.fetch_add(1, Relaxed);
        traffic.open.fetch_add(1, Relaxed);
        Open(traffic.clone())
    });
    let busy = Busy::begin(&traffic, service);
    let response = next.run(request).await;
    busy.answered(&response);
    drop(open);
    response
}
