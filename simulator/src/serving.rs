//! A router on a free loopback port, for everything that stands outside the regions.

use crate::sockets::Listener;
use axum::Router;
use std::{io, net::SocketAddr};
use tokio::task::JoinHandle;

/// A router that is being served; it stops when this is dropped.
#[derive(Debug)]
pub struct Serving {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Serving {
    /// Serves `router` on a free port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(router: Router) -> io::Result<Serving> {
        Serving::start_on(router, 0).await
    }

    /// Serves `router` on a port, 0 for any.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn start_on(router: Router, port: u16) -> io::Result<Serving> {
        Ok(Serving::over(Listener::bind(port).await?, router))
    }

    /// Serves `router` on a port that is listened on already.
    pub fn over(listener: Listener, router: Router) -> Serving {
        let addr = listener.address();
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, %addr, "stopped serving");
            }
        });
        Serving { addr, task }
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
