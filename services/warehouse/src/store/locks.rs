//! Keeps this process's own requests for the same goods from cancelling each other's transactions.

use contracts::ProductId;
use std::{collections::BTreeSet, sync::Arc};
use tokio::sync::{Mutex, OwnedMutexGuard};

const STRIPES: usize = 64;

/// A fixed number of locks, shared by all products.
pub(super) struct Locks([Arc<Mutex<()>>; STRIPES]);

impl Default for Locks {
    fn default() -> Self {
        Locks(std::array::from_fn(|_| Arc::default()))
    }
}

impl Locks {
    /// Waits for the goods. Locks are taken in order, so that nobody waits in a circle.
    pub(super) async fn take(&self, products: impl Iterator<Item = ProductId>) -> Vec<OwnedMutexGuard<()>> {
        let stripes: BTreeSet<usize> = products.map(stripe).collect();
        let mut guards = Vec::with_capacity(stripes.len());
        for stripe in stripes {
            guards.push(self.0[stripe].clone().lock_owned().await);
        }
        guards
    }
}

fn stripe(product: ProductId) -> usize {
    (product.0.as_u128() % STRIPES as u128) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn the_same_goods_wait_and_other_goods_do_not() {
        let locks = Locks::default();
        let product = |number| ProductId(uuid::Uuid::from_u128(number));
        let held = locks.take([product(1), product(2), product(1)].into_iter()).await;
        assert_eq!(held.len(), 2);
        assert!(locks.take([product(2)].into_iter()).now_or_never().is_none());
        assert!(locks.take([product(3)].into_iter()).now_or_never().is_some());
        drop(held);
        assert!(locks.take([product(2), product(1)].into_iter()).now_or_never().is_some());
    }
}
