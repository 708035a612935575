//! The carrier: takes parcels, delivers them, and keeps an append-only ledger.
//!
//! A dispatch is done once for each key. A key can be voided as long as nothing was dispatched with it; then it never
//! dispatches. So whoever takes over can find out, and settle, what a lost owner may have done.

mod book;
mod http;
#[cfg(test)]
mod tests;
mod wire;

pub use wire::{
    DeliveredRequest, Dispatch, DispatchRequest, Dispatched, Event, LedgerEntry, ReturnedRequest,
};

use super::{Clock, network::Network};
use axum::Router;
use book::Book;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What a carrier is told at its start.
#[derive(Clone, Debug)]
pub struct CarrierConfig {
    /// Round trip between it and any region.
    pub rtt: Duration,
    /// Random spread of that, percent, either way.
    pub jitter_pct: f32,
}

/// The carrier. Clones are the same carrier.
#[derive(Clone)]
pub struct Carrier(Arc<Inner>);

struct Inner {
    clock: Clock,
    network: Network,
    book: Mutex<Book>,
}

impl Carrier {
    /// A carrier with an empty ledger.
    pub fn new(seed: u64, clock: Clock, config: CarrierConfig) -> Self {
        Carrier(Arc::new(Inner {
            clock,
            network: Network::new(config.rtt, config.jitter_pct, seed),
            book: Mutex::new(Book::new(seed)),
        }))
    }

    /// Its HTTP door.
    pub fn router(&self) -> Router {
        http::router(self.clone())
    }

    /// Everything that happened since the start, in order.
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.book().ledger().to_vec()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        (self.0.clock)()
    }
}

impl std::fmt::Debug for Carrier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Carrier").finish_non_exhaustive()
    }
}
