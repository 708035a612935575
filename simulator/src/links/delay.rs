//! How long packets are under way.

use super::Way;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::time::Duration;
use tokio::time::Instant;

/// A lost packet is noticed and sent again after this, beside the way itself: TCP's shortest timeout.
const RETRANSMIT: Duration = Duration::from_millis(200);

/// Draws delays and keeps packets in order.
#[derive(Debug)]
pub(crate) struct Delay {
    one_way: Duration,
    jitter_pct: f32,
    rng: StdRng,
    last_due: Option<Instant>,
    lost: bool,
}

impl Delay {
    pub(crate) fn new(one_way: Duration, jitter_pct: f32, seed: u64) -> Self {
        Delay { one_way, jitter_pct, rng: StdRng::seed_from_u64(seed), last_due: None, lost: false }
    }

    /// When a packet that leaves at `now` arrives, not before the one that left ahead of it.
    pub(crate) fn due(&mut self, now: Instant, way: Way) -> Instant {
        let arrives = now + self.draw(way);
        let due = self.last_due.map_or(arrives, |last| last.max(arrives));
        self.last_due = Some(due);
        due
    }

    /// Whether the packet drawn last was lost once.
    pub(crate) fn lost(&self) -> bool {
        self.lost
    }

    /// One packet's time under way.
    pub(crate) fn draw(&mut self, way: Way) -> Duration {
        let spread = f64::from(self.jitter_pct) / 100.0;
        let factor = 1.0 + spread * self.rng.random_range(-1.0..=1.0);
        let travel = (self.one_way + way.extra).mul_f64(factor.max(0.0));
        self.lost = way.stall_pct > 0.0 && self.rng.random_bool(f64::from(way.stall_pct.min(100.0)) / 100.0);
        if self.lost { travel + RETRANSMIT + 2 * self.one_way } else { travel }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn packets_take_the_distance_and_stay_in_order() {
        let mut delay = Delay::new(Duration::from_millis(100), 10.0, 7);
        let start = Instant::now();
        let mut last = start;
        for i in 0..1_000 {
            let now = start + Duration::from_micros(i);
            let due = delay.due(now, Way::default());
            assert!(due >= last && due - now >= Duration::from_millis(90));
            assert!(due - now <= Duration::from_millis(111));
            last = due;
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_delays() {
        let draw = || {
            let mut delay = Delay::new(Duration::from_millis(50), 20.0, 42);
            (0..50).map(|_| delay.draw(Way { stall_pct: 5.0, ..Way::default() })).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
        assert!(draw().iter().any(|time| *time > Duration::from_millis(200)), "a loss is a stall");
    }
}
