//! The way from an edge to one region: its distance, its state, and warm connections.

use super::{
    answer::{Answer, NoAnswer, passed_on},
    config::EdgeRegion,
    counters::count,
    health::Probe,
    race::Ask,
};
use crate::{
    links::{Condition, Delay, Way as Direction},
    sockets::Connector,
};
use axum::http::{HeaderValue, Method, Request, Uri};
use bytes::Bytes;
use contracts::ids::{Continent, Region};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use platform::{network::Network, watch};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::sleep;

/// Far more than any page; a larger answer is a defect.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// To wait longer for a socket of this machine makes no sense.
const CONNECT: Duration = Duration::from_millis(500);
const IDLE: Duration = Duration::from_secs(300);

/// A try under way. It ends also where nobody waits for it any more.
struct Open<'a>(&'a AtomicU64);

impl<'a> Open<'a> {
    fn begin(open: &'a AtomicU64) -> Self {
        count(open);
        Open(open)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// What lies between an edge and a region.
pub(super) enum Way {
    /// Nothing but this machine: the distance is added.
    Simulated { jitter_pct: f32, seed: u64 },
    /// The distance.
    Real(Network),
}

/// What opens the connections.
#[derive(Debug)]
enum Door {
    Near(Box<Client<Connector, Full<Bytes>>>),
    Afar(Network),
}

/// A region, reached over the customers' distance.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) name: Region,
    pub(super) continent: Continent,
    pub(super) rtt: Duration,
    pub(super) tries: AtomicU64,
    /// Tries that have no answer yet.
    pub(super) open: AtomicU64,
    pub(super) answered: AtomicU64,
    pub(super) swallowed: AtomicU64,
    base_url: String,
    condition: watch::Receiver<Condition>,
    delay: Mutex<Delay>,
    door: Door,
    warm_connections: usize,
}

impl Path {
    pub(super) fn new(region: EdgeRegion, way: Way, warm_connections: usize) -> Self {
        let (door, delay) = match way {
            Way::Simulated { jitter_pct, seed } => {
                (Door::near(), Delay::new(region.rtt / 2, jitter_pct, seed))
            }
            Way::Real(network) => (Door::Afar(network), Delay::new(Duration::ZERO, 0.0, 0)),
        };
        Path {
            name: region.name,
            continent: region.continent,
            rtt: region.rtt,
            tries: AtomicU64::new(0),
            open: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            swallowed: AtomicU64::new(0),
            base_url: region.base_url,
            condition: region.condition,
            delay: Mutex::new(delay),
            door,
            warm_connections,
        }
    }

    /// Opens connections that then wait in the pool. A region that is not up yet is found out by its probes.
    pub(super) async fn warm(&self) {
        let probes = (0..self.warm_connections).map(|_| tokio::time::timeout(2 * CONNECT, self.probe()));
        futures::future::join_all(probes).await;
    }

    /// Whether the region says that requests may be sent to it; hangs when it says nothing.
    pub(super) async fn probe(&self) -> Probe {
        let ask = Ask {
            method: Method::GET,
            path: "/readyz".to_owned(),
            headers: Default::default(),
            body: Bytes::new(),
        };
        match self.travel(&ask, None).await {
            Ok(answer) if answer.status.is_success() => Probe::Ready,
            Ok(_) => Probe::Refused,
            Err(_) => Probe::Missed,
        }
    }

    /// Sends a request and waits for the whole answer, both over the distance. Hangs where packets vanish.
    pub(super) async fn send(&self, ask: &Ask, budget: Duration) -> Result<Answer, NoAnswer> {
        count(&self.tries);
        let _open = Open::begin(&self.open);
        self.travel(ask, Some(budget)).await
    }

    async fn travel(&self, ask: &Ask, budget: Option<Duration>) -> Result<Answer, NoAnswer> {
        let request = self.request(ask, budget).ok_or(NoAnswer::NotSent)?;
        self.cross(|condition| condition.forward).await;
        if self.condition.borrow().reset {
            return Err(NoAnswer::NotSent);
        }
        let answered = self.door.exchange(request).await;
        self.cross(|condition| condition.back).await;
        answered
    }

    /// One way of the distance. What is under way when the way goes dark is lost with what comes after it.
    async fn cross(&self, way: impl Fn(&Condition) -> Direction) {
        let state = way(&self.condition.borrow());
        let time = self.delay.lock().unwrap_or_else(PoisonError::into_inner).draw(state);
        sleep(time).await;
        if state.blackhole || way(&self.condition.borrow()).blackhole {
            count(&self.swallowed);
            std::future::pending::<()>().await;
        }
    }

    fn request(&self, ask: &Ask, budget: Option<Duration>) -> Option<Request<Bytes>> {
        let uri: Uri = format!("{}{}", self.base_url, ask.path).parse().ok()?;
        let mut request = Request::new(ask.body.clone());
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = ask.headers.clone();
        if let Some(budget) = budget {
            let ms = u64::try_from(budget.as_millis()).unwrap_or(u64::MAX);
            request.headers_mut().insert("x-deadline-ms", HeaderValue::from(ms));
        }
        Some(request)
    }
}

impl Door {
    fn near() -> Door {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(256)
            .build(Connector::within(CONNECT));
        Door::Near(Box::new(client))
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Answer, NoAnswer> {
        let client = match self {
            Door::Near(client) => client,
            // Such a network does not tell whether a request that failed had been sent.
            Door::Afar(network) => {
                let (parts, body) = network.send(request).await.map_err(|_| NoAnswer::Broken)?.into_parts();
                return Ok(Answer { status: parts.status, headers: passed_on(&parts.headers), body });
            }
        };
        let response =
            client.request(request.map(Full::new)).await.map_err(|error| match error.is_connect() {
                true => NoAnswer::NotSent,
                false => NoAnswer::Broken,
            })?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|_| NoAnswer::Broken)?;
        Ok(Answer { status: parts.status, headers: passed_on(&parts.headers), body: body.to_bytes() })
    }
}
