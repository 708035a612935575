//! A router on a free loopback port, for everything that stands outside the regions.

use axum::{Router, serve::ListenerExt};
use std::{io, net::SocketAddr};
use tokio::{net::TcpListener, task::JoinHandle};

/// A router that is being served; it stops when this is dropped.
#[derive(Debug)]
pub struct Serving {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Serving {
    /// Serves `router` on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(router: Router) -> io::Result<Serving> {
        Serving::start_on(router, 0).await
    }

    /// Serves `router` on a port of 127.0.0.1, 0 for any.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn start_on(router: Router, port: u16) -> io::Result<Serving> {
        Serving::over(TcpListener::bind(("127.0.0.1", port)).await?, router)
    }

    /// Serves `router` on a port that is listened on already.
    ///
    /// # Errors
    /// When the listener does not know its address.
    pub fn over(listener: TcpListener, router: Router) -> io::Result<Serving> {
        let addr = listener.local_addr()?;
        let listener = listener.tap_io(|stream| {
            // Small answers must not wait for an acknowledgement; a socket that refuses is only slower.
            let _ = stream.set_nodelay(true);
        });
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, %addr, "stopped serving");
            }
        });
        Ok(Serving { addr, task })
    }

    /// The address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address as a URL without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}
