//! The payment provider: authorises cards, captures, refunds, and keeps an append-only ledger.
//!
//! It behaves as real ones do. It captures a token more than once when asked with another key, up to what was
//! authorised: to ask once is the caller's duty, and the checker reads the ledger. It never deletes a token, answers a
//! repeated idempotency key with the first answer, and keeps no card number, only the last four digits and a
//! keyed hash.

mod book;
mod http;
#[cfg(test)]
mod tests;
mod wire;

pub use wire::{
    ByKey, CheckAnswer, CheckRequest, LedgerEntry, MoveAnswer, MoveRequest, Operation, PreauthAnswer,
    PreauthRequest, TokenState, TokenView,
};

use super::{Clock, network::Network};
use axum::Router;
use book::{Book, Token};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What a provider is told at its start.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// What callers must send as `x-api-key`.
    pub api_key: String,
    /// Round trip between it and any region.
    pub rtt: Duration,
    /// Random spread of that, percent, either way.
    pub jitter_pct: f32,
}

/// What goes wrong at the provider. All zero: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProviderFaults {
    /// Part of the captures that is refused, percent.
    pub refuse_pct: f32,
    /// How much longer everything takes, ms.
    pub slow_ms: u32,
    /// Part of the captures, voids and refunds that takes effect and is never answered, percent.
    pub answer_lost_pct: f32,
}

/// The provider. Clones are the same provider.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    api_key: String,
    clock: Clock,
    network: Network,
    faults: Mutex<ProviderFaults>,
    book: Mutex<Book>,
    rng: Mutex<StdRng>,
}

impl Provider {
    /// A provider with an empty ledger.
    pub fn new(seed: u64, clock: Clock, config: ProviderConfig) -> Self {
        Provider(Arc::new(Inner {
            api_key: config.api_key,
            clock,
            network: Network::new(config.rtt, config.jitter_pct, seed),
            faults: Mutex::default(),
            book: Mutex::new(Book::new(seed)),
            rng: Mutex::new(StdRng::seed_from_u64(seed ^ 0x5eed)),
        }))
    }

    /// Its HTTP door.
    pub fn router(&self) -> Router {
        http::router(self.clone())
    }

    /// Every operation since the start, in order.
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.book().ledger().to_vec()
    }

    /// The state of a token; `None` for one that was never issued.
    pub fn token(&self, token: uuid::Uuid) -> Option<TokenView> {
        self.book().token(token).map(Token::view)
    }

    /// Changes what goes wrong, from now on.
    pub fn set_faults(&self, faults: ProviderFaults) {
        *self.0.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// What goes wrong now.
    pub fn faults(&self) -> ProviderFaults {
        *self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        (self.0.clock)()
    }

    fn happens(&self, pct: f32) -> bool {
        pct > 0.0 && {
            let mut rng = self.0.rng.lock().unwrap_or_else(PoisonError::into_inner);
            rng.random_bool(f64::from(pct.min(100.0)) / 100.0)
        }
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("faults", &self.faults()).finish_non_exhaustive()
    }
}
