//! The way to a third party, added where its requests are handled.

use crate::links::{Delay, Way};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The distance, the same from every region.
#[derive(Debug)]
pub(super) struct Network(Mutex<Delay>);

impl Network {
    pub(super) fn new(rtt: Duration, jitter_pct: f32, seed: u64) -> Self {
        Network(Mutex::new(Delay::new(rtt / 2, jitter_pct, seed)))
    }

    /// One way of it.
    pub(super) async fn cross(&self) {
        let time = self.0.lock().unwrap_or_else(PoisonError::into_inner).draw(Way::default());
        tokio::time::sleep(time).await;
    }
}
