//! HTTP to other services: through a socket, or straight into a router of this process.

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{
    client::legacy::{
        Client, Error,
        connect::{Connect, HttpConnector},
    },
    rt::{TokioExecutor, TokioTimer},
};
use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};
use tower::{ServiceExt, util::BoxCloneSyncService};

/// The largest answer that is read.
const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A connection is open within this time, or not at all.
const CONNECT: Duration = Duration::from_secs(2);

/// Why a request had no answer.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The connection could not be made or broke.
    #[error("connection failed: {0}")]
    Connection(String),
    /// The answer broke off or was too large.
    #[error("the answer could not be read: {0}")]
    Body(String),
}

/// The connections to one authority.
type Pool = BoxCloneSyncService<Request<Body>, Response<Incoming>, Error>;

/// Sends requests. Clones share connections.
#[derive(Clone)]
pub struct Network {
    new_pool: Arc<dyn Fn() -> Pool + Send + Sync>,
    /// By authority, in order: connections that end together do so in one order.
    pools: Arc<Mutex<BTreeMap<String, Pool>>>,
    local: Arc<RwLock<HashMap<String, Router>>>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

impl Default for Network {
    fn default() -> Self {
        Network::new()
    }
}

impl Network {
    /// A network over sockets.
    pub fn new() -> Self {
        Network::over(sockets())
    }

    /// A network over sockets that speaks TLS where an address says `https`, and trusts whom the machine trusts.
    ///
    /// # Errors
    /// When the machine trusts nobody: it has no root certificates.
    pub fn secure() -> io::Result<Self> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?;
        let mut sockets = sockets();
        sockets.enforce_http(false);
        Ok(Network::over(builder.https_or_http().enable_http1().wrap_connector(sockets)))
    }

    /// A network over whatever opens its connections. Idle ones stay open: a cold one costs an extra round trip.
    pub fn over(connector: impl Connect + Clone + Send + Sync + 'static) -> Self {
        let new_pool = move || {
            let client = Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(Duration::from_secs(300))
                .pool_max_idle_per_host(64)
                .build(connector.clone());
            Pool::new(client)
        };
        Network { new_pool: Arc::new(new_pool), pools: Arc::default(), local: Arc::default() }
    }

    /// Requests to `authority` go straight into `router`.
    pub fn mount(&self, authority: &str, router: Router) {
        let mut local = self.local.write().unwrap_or_else(PoisonError::into_inner);
        local.insert(authority.to_owned(), router);
    }

    /// Lets go of every router that was mounted. They hold what they stand on, and that holds this network: whoever
    /// mounted them must do so in the end, or nothing of it is ever freed.
    pub fn unmount_all(&self) {
        self.local.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Sends a request and reads the whole answer. Has no deadline of its own: callers bound it.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NetworkError> {
        let response = self.open(request).await?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, RESPONSE_BYTES_MAX).collect().await;
        let body = body.map_err(|cause| NetworkError::Body(cause.to_string()))?.to_bytes();
        Ok(Response::from_parts(parts, body))
    }

    /// Sends a request and gives the answer as soon as its headers are here.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn open(&self, request: Request<Bytes>) -> Result<Response<Body>, NetworkError> {
        let request = request.map(Body::from);
        match self.local_router(&request) {
            Some(router) => match router.oneshot(request).await {
                Ok(response) => Ok(response),
                Err(never) => match never {},
            },
            None => {
                let response = self.pool(&request).oneshot(request).await;
                let response = response.map_err(|cause| NetworkError::Connection(describe(&cause)))?;
                Ok(response.map(Body::new))
            }
        }
    }

    fn pool(&self, request: &Request<Body>) -> Pool {
        let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.entry(authority).or_insert_with(|| (self.new_pool)()).clone()
    }

    fn local_router(&self, request: &Request<Body>) -> Option<Router> {
        let authority = request.uri().authority()?.as_str();
        self.local.read().unwrap_or_else(PoisonError::into_inner).get(authority).cloned()
    }
}

fn sockets() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT));
    connector
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{io::AsyncReadExt, net::TcpListener};

    /// What a server hears first.
    async fn first_byte(scheme: &str) -> u8 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let request = Request::get(format!("{scheme}://{address}/")).body(Bytes::new()).expect("a request");
        let network = Network::secure().expect("the machine has root certificates");
        let heard = async {
            let (mut connection, _) = listener.accept().await.expect("a connection");
            connection.read_u8().await.expect("a byte")
        };
        tokio::select! {
            answered = network.send(request) => panic!("nobody answers: {answered:?}"),
            heard = heard => heard,
        }
    }

    #[tokio::test]
    async fn an_address_says_whether_tls_is_spoken() {
        assert_eq!(first_byte("http").await, b'G');
        assert_eq!(first_byte("https").await, 22, "a TLS handshake, RFC 8446 section 5.1");
    }
}
