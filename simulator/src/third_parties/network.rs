//! The way to a third party, added where its requests are handled.

use crate::links::{Delay, Way};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The distance, the same from every region. Clones are the same way.
#[derive(Clone, Debug)]
pub(super) struct Network(Arc<Mutex<Delay>>);

impl Network {
    pub(super) fn new(rtt: Duration, jitter_pct: f32, seed: u64) -> Self {
        Network(Arc::new(Mutex::new(Delay::new(rtt / 2, jitter_pct, seed))))
    }

    /// One way of it.
    pub(super) async fn cross(&self) {
        let time = self.0.lock().unwrap_or_else(PoisonError::into_inner).draw(Way::default());
        tokio::time::sleep(time).await;
    }
}

/// A layer: every request crosses the network, there and back.
pub(super) async fn there_and_back(State(network): State<Network>, request: Request, next: Next) -> Response {
    network.cross().await;
    let response = next.run(request).await;
    network.cross().await;
    response
}
