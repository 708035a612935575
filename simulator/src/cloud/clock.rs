//! Write stamps: a hybrid clock that never repeats and never falls behind what it has seen.
//!
//! Last-writer-wins needs stamps that are unique in a region and later than any write, local or remote, that
//! the writer could have read. DynamoDB's own stamps behave so; a bare wall clock does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::Clock;

/// The stamps of one region, in microseconds since the Unix epoch.
#[derive(Clone)]
pub(super) struct Stamps {
    wall_ms: Clock,
    last_us: Arc<AtomicI64>,
}

impl Stamps {
    pub(super) fn new(wall_ms: Clock) -> Self {
        Stamps { wall_ms, last_us: Arc::new(AtomicI64::new(0)) }
    }

    /// The wall clock, in milliseconds.
    pub(super) fn now_ms(&self) -> i64 {
        (self.wall_ms)()
    }

    /// A stamp later than every one given or observed before.
    pub(super) fn next_us(&self) -> i64 {
        let wall_us = self.now_ms().saturating_mul(1000);
        let next = |last: i64| wall_us.max(last + 1);
        let before = self.last_us.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(next(last)));
        next(before.unwrap_or_else(|last| last))
    }

    /// Takes note of a stamp from another region: later local writes must win over it.
    pub(super) fn observe(&self, stamp_us: i64) {
        self.last_us.fetch_max(stamp_us, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_rise_while_the_wall_stands_still_and_pass_what_was_observed() {
        let stamps = Stamps::new(Arc::new(|| 1_790_000_000_000));
        let mut last = 0;
        for _ in 0..50_000 {
            let next = stamps.next_us();
            assert!(next > last, "{next} after {last}");
            last = next;
        }
        stamps.observe(last + 5_000_000);
        assert_eq!(stamps.next_us(), last + 5_000_001);
    }
}
