//! What is done to whole hosts. Only the loop that steps the simulation can do it, between two steps.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::oneshot;

/// Takes orders from inside of the simulation. Clones are the same conductor.
#[derive(Clone, Debug, Default)]
pub(super) struct Conductor(Arc<Mutex<VecDeque<Order>>>);

#[derive(Debug)]
struct Order {
    host: String,
    what: What,
    done: oneshot::Sender<()>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Crash,
    Restart,
}

impl Conductor {
    /// Ends everything that runs on a host, at once.
    pub(super) async fn crash(&self, host: &str) {
        self.order(host, What::Crash).await;
    }

    /// Starts a host's software anew.
    pub(super) async fn restart(&self, host: &str) {
        self.order(host, What::Restart).await;
    }

    async fn order(&self, host: &str, what: What) {
        let (done, carried_out) = oneshot::channel();
        self.orders().push_back(Order { host: host.to_owned(), what, done });
        let _ = carried_out.await; // the loop that would do it has ended, and this with it
    }

    /// Does what was ordered since the last step.
    pub(super) fn carry_out(&self, sim: &mut turmoil::Sim<'_>) {
        loop {
            // The lock is not held while hosts end: what ends with them may give orders too.
            let Some(order) = self.orders().pop_front() else { return };
            match order.what {
                What::Crash => sim.crash(order.host.as_str()),
                What::Restart => sim.bounce(order.host.as_str()),
            }
            let _ = order.done.send(()); // whoever ordered it may have gone with the host
        }
    }

    fn orders(&self) -> std::sync::MutexGuard<'_, VecDeque<Order>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
