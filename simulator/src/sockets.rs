//! Sockets: the machine's own or, in code that runs inside of a simulation, simulated ones. Nothing else in the
//! simulator opens or accepts connections, so both engines run the same code above them.

mod stream;

pub use stream::Stream;

use crate::gate::Gate;
use axum::http::Uri;
use futures::future::BoxFuture;
use hyper_util::rt::TokioIo;
use platform::network::Network;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    task::{Context, Poll},
    time::Duration,
};
use tower::Service;

/// The simulated host on which everything stands that is no region. Only there are free ports asked for.
pub const OUTSIDE: &str = "outside";

/// A connection to a service is open within this time, or not at all.
const CONNECT: Duration = Duration::from_secs(2);
/// What follows a failure to accept, most likely for want of descriptors: some must be given back first.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// A network for services and for those who call them. A gate, where given, can hold all of its traffic.
pub fn network(gate: Option<Gate>) -> Network {
    Network::over(Connector { limit: CONNECT, gate })
}

/// A network to servers outside of any simulation that may have names, with TLS where that is wanted.
///
/// # Errors
/// When TLS is wanted and the machine trusts nobody.
pub fn to_names(secure: bool) -> io::Result<Network> {
    if secure { Network::secure() } else { Ok(Network::new()) }
}

/// Opens connections to addresses without names.
#[derive(Clone, Debug)]
pub struct Connector {
    /// How long that may take.
    pub limit: Duration,
    /// Holds what goes through.
    pub gate: Option<Gate>,
}

impl Connector {
    /// A connector without a gate.
    pub fn within(limit: Duration) -> Self {
        Connector { limit, gate: None }
    }

    async fn connect(self, uri: Uri) -> io::Result<TokioIo<Stream>> {
        let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let address = authority.parse().map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("{authority} is not an address and a port"))
        })?;
        let stream = tokio::time::timeout(self.limit, Stream::connect(address)).await??;
        Ok(TokioIo::new(stream.behind(self.gate)))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<TokioIo<Stream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// Accepts connections.
pub struct Listener {
    kind: Kind,
    address: SocketAddr,
    gate: Option<Gate>,
}

enum Kind {
    Machine(tokio::net::TcpListener),
    Simulated(turmoil::net::TcpListener),
}

impl Listener {
    /// Listens on a port of this side, 0 for any.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn bind(port: u16) -> io::Result<Listener> {
        if turmoil::in_simulation() {
            let listener = turmoil::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
            let address = SocketAddr::new(turmoil::lookup(OUTSIDE), listener.local_addr()?.port());
            return Ok(Listener { kind: Kind::Simulated(listener), address, gate: None });
        }
        Listener::over(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?)
    }

    /// Accepts from a port of the machine that is listened on already.
    ///
    /// # Errors
    /// When the listener does not know its address.
    pub fn over(listener: tokio::net::TcpListener) -> io::Result<Listener> {
        let address = listener.local_addr()?;
        Ok(Listener { kind: Kind::Machine(listener), address, gate: None })
    }

    /// Lets a gate hold all traffic of the connections that are accepted.
    pub fn behind(self, gate: Gate) -> Self {
        Listener { gate: Some(gate), ..self }
    }

    /// Where it is reached.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the next connection.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        let (stream, from) = match &self.kind {
            Kind::Machine(listener) => {
                let (stream, from) = listener.accept().await?;
                // Small answers must not wait for an acknowledgement; a socket that refuses is only slower.
                let _ = stream.set_nodelay(true);
                (Stream::from(stream), from)
            }
            Kind::Simulated(listener) => {
                let (stream, from) = listener.accept().await?;
                (Stream::from(stream), from)
            }
        };
        Ok((stream.behind(self.gate.clone()), from))
    }
}

impl axum::serve::Listener for Listener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            match Listener::accept(self).await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
