//! Everything random in a cloud, from one seed.

use std::ops::RangeInclusive;
use std::sync::Mutex;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use uuid::Uuid;

use super::lock;

pub(super) struct Dice(Mutex<StdRng>);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Dice(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// True with the given probability; draws nothing when it cannot be true, so that a fault that is off
    /// does not change what comes after.
    pub(super) fn chance(&self, probability: f64) -> bool {
        probability > 0.0 && lock(&self.0).random::<f64>() < probability
    }

    pub(super) fn between(&self, range: RangeInclusive<u64>) -> u64 {
        lock(&self.0).random_range(range)
    }

    pub(super) fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    pub(super) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        lock(&self.0).fill(&mut bytes[..]);
        bytes
    }
}
