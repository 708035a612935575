//! The clock of a run: times are counted from the run's start and can be told as wall time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Counts microseconds since the start of a run.
#[derive(Clone, Copy, Debug)]
pub struct RunClock {
    origin: Instant,
    origin_wall_ms: i64,
}

impl RunClock {
    /// A run that starts now.
    pub fn start() -> Self {
        RunClock { origin: Instant::now(), origin_wall_ms: wall_ms() }
    }

    /// A run that starts now, where now is this wall time, ms since the Unix epoch: in a simulation.
    pub fn starting_at(origin_wall_ms: i64) -> Self {
        RunClock { origin: Instant::now(), origin_wall_ms }
    }

    /// The clock of a run that another process on this machine started at this wall time. Both agree to
    /// within a millisecond, as long as nobody sets the machine's clock in between.
    pub fn of_run(origin_wall_ms: i64) -> Self {
        let age = u64::try_from(wall_ms() - origin_wall_ms).unwrap_or(0);
        let now = Instant::now();
        match now.checked_sub(Duration::from_millis(age)) {
            Some(origin) => RunClock { origin, origin_wall_ms },
            None => RunClock { origin: now, origin_wall_ms: wall_ms() },
        }
    }

    /// The wall time of the run's start, ms since the Unix epoch.
    pub fn origin_wall_ms(&self) -> i64 {
        self.origin_wall_ms
    }

    /// Microseconds since the run's start.
    pub fn now_us(&self) -> u64 {
        self.us_at(Instant::now())
    }

    /// The same for another moment; 0 for one before the start.
    pub fn us_at(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.origin).as_micros()).unwrap_or(u64::MAX)
    }

    /// The moment that lies so many microseconds after the start.
    pub fn at_us(&self, us: u64) -> Instant {
        self.origin + Duration::from_micros(us)
    }

    /// The wall time of a moment of the run, ms since the Unix epoch.
    pub fn wall_ms_at(&self, us: u64) -> i64 {
        self.origin_wall_ms.saturating_add(i64::try_from(us / 1_000).unwrap_or(i64::MAX))
    }
}

#[allow(clippy::disallowed_methods)] // the one place of this crate that reads the wall clock
fn wall_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
