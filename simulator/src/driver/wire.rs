//! The customers' side of the connections: kept open, warmed, and never waited for longer than a customer
//! would.

use crate::sockets::Connector;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use loadtests::client::{EdgeNotes, Reply, Request};
use platform::network::Network;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// After so long an answer counts as not given. The edges answer, or give up, well before.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Larger answers are not read.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The connections to one authority.
type Pool = Client<Connector, Full<Bytes>>;

/// Connection pools for everything that the driver talks to.
#[derive(Clone, Default)]
pub(super) struct Wire {
    /// By authority, in order: connections that end together do so in one order.
    pools: Arc<Mutex<BTreeMap<String, Pool>>>,
    /// For those who stand on no address of this machine.
    world: Option<Network>,
}

/// What came back, or why nothing did.
pub(super) struct Exchange {
    pub(super) sent: Instant,
    pub(super) ended: Instant,
    pub(super) answer: Result<Answer, String>,
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) edge: EdgeNotes,
    body: Bytes,
}

impl Answer {
    pub(super) fn reply(&self) -> Reply<'_> {
        Reply { status: self.status, body: &self.body }
    }
}

impl Exchange {
    pub(super) fn reply(&self) -> Result<Reply<'_>, &str> {
        self.answer.as_ref().map(Answer::reply).map_err(String::as_str)
    }
}

impl Wire {
    pub(super) fn over(world: Option<Network>) -> Wire {
        Wire { world, ..Wire::default() }
    }

    fn pool(&self, authority: &str) -> Pool {
        let new_pool = || {
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(Duration::from_secs(90))
                .pool_max_idle_per_host(256)
                .build(Connector::within(PATIENCE))
        };
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.entry(authority.to_owned()).or_insert_with(new_pool).clone()
    }

    /// Sends a request and waits for the last byte of the answer, or until the customer gives up.
    pub(super) async fn exchange(&self, base: &str, request: Request) -> Exchange {
        let sent = Instant::now();
        let answer = match timeout(PATIENCE, self.whole(base, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} ms", PATIENCE.as_millis())),
        };
        Exchange { sent, ended: Instant::now(), answer }
    }

    async fn whole(&self, base: &str, request: Request) -> Result<Answer, String> {
        let uri = format!("{}{}", base.trim_end_matches('/'), request.path);
        let builder = request
            .headers
            .into_iter()
            .fold(http::Request::post(uri), |builder, (name, value)| builder.header(name, value));
        let request = builder.body(Bytes::from(request.body)).map_err(|fault| fault.to_string())?;
        let authority = request.uri().authority().map(|authority| authority.as_str()).unwrap_or_default();
        let response = match &self.world {
            Some(world) if authority.parse::<SocketAddr>().is_err() => {
                world.send(request).await.map_err(|fault| fault.to_string())?
            }
            _ => near(self.pool(authority), request).await?,
        };
        let edge = EdgeNotes::read(|name| response.headers().get(name)?.to_str().ok());
        Ok(Answer { status: response.status().as_u16(), edge, body: response.into_body() })
    }
}

/// To an address of this machine.
async fn near(pool: Pool, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, String> {
    let response = pool.request(request.map(Full::new)).await.map_err(|fault| with_cause(&fault))?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
    let body = body.map_err(|fault| format!("the answer broke off: {fault}"))?.to_bytes();
    Ok(http::Response::from_parts(parts, body))
}

/// hyper's own words are too few to tell a refused connection from a reset one.
fn with_cause(fault: &(dyn std::error::Error + 'static)) -> String {
    match fault.source() {
        Some(cause) => format!("{fault}: {}", with_cause(cause)),
        None => fault.to_string(),
    }
}
