//! One change of an order at a time, in this process.

use contracts::OrderId;
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Orders share turns where their ids fall together: that only makes them wait a little.
const TURNS: usize = 256;

/// Lets the changes of an order come one after the other. Clones are the same.
#[derive(Clone)]
pub struct Turns(Arc<[Arc<Mutex<()>>]>);

impl Default for Turns {
    fn default() -> Self {
        Turns((0..TURNS).map(|_| Arc::default()).collect())
    }
}

impl Turns {
    /// Waits for the order's turn; it is over when the guard is dropped.
    pub async fn take(&self, order_id: OrderId) -> OwnedMutexGuard<()> {
        let turn = (order_id.0.as_u128() % TURNS as u128) as usize;
        self.0[turn].clone().lock_owned().await
    }
}
