//! How many requests a region has under way: what a flood finds unanswered.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// Counts the requests at the public door.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    begun: AtomicU64,
    open: AtomicU64,
}

/// The requests at a region's public door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficReport {
    /// All that came in.
    pub begun: u64,
    /// Those not answered yet.
    pub open: u64,
}

impl Traffic {
    pub(super) fn report(&self) -> TrafficReport {
        TrafficReport { begun: self.begun.load(Relaxed), open: self.open.load(Relaxed) }
    }
}

/// Gives up its count also where the caller goes away and the request is dropped.
struct Open(Arc<Traffic>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

/// A layer that counts customers' and staff's requests, not the probes of their health.
pub(super) async fn count(State(traffic): State<Arc<Traffic>>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/frontend-api/graphql") {
        return next.run(request).await;
    }
    traffic.begun.fetch_add(1, Relaxed);
    traffic.open.fetch_add(1, Relaxed);
    let _open = Open(traffic);
    next.run(request).await
}
