//! SQS: a queue for each consumer with a dead-letter queue behind it.

mod api;
mod queue;
mod shelf;

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::resources;

use super::dump::QueueDepth;
use super::{Clock, CloudConfig};
pub(super) use queue::Queue;

/// All queues of a region.
pub(super) struct Queues {
    region: String,
    account: String,
    env: String,
    by_name: BTreeMap<String, Arc<Queue>>,
}

impl Queues {
    pub(super) fn create(config: &CloudConfig) -> Self {
        let mut by_name = BTreeMap::new();
        for subscription in &config.subscriptions {
            let [queue, dead] = pair(&config.env, subscription.consumer, &config.clock);
            by_name.insert(queue.name.clone(), queue);
            by_name.insert(dead.name.clone(), dead);
        }
        Queues {
            region: config.region.clone(),
            account: config.account.clone(),
            env: config.env.clone(),
            by_name,
        }
    }

    pub(super) fn named(&self, name: &str) -> Option<&Arc<Queue>> {
        self.by_name.get(name)
    }

    pub(super) fn depths(&self) -> BTreeMap<String, QueueDepth> {
        self.by_name.iter().map(|(name, queue)| (name.clone(), queue.depth())).collect()
    }

    /// Moves all dead letters back; says how many.
    pub(super) fn redrive_all(&self) -> usize {
        self.by_name.values().map(|queue| queue.redrive()).sum()
    }

    /// Moves a consumer's dead letters back; `None` if there is no such consumer.
    pub(super) fn redrive(&self, consumer: &str) -> Option<usize> {
        self.named(&resources::queue_name(&self.env, consumer)).map(|queue| queue.redrive())
    }
}

fn pair(env: &str, consumer: &str, clock: &Clock) -> [Arc<Queue>; 2] {
    let dead = Arc::new(Queue::new(resources::dead_letter_queue_name(env, consumer), None, clock.clone()));
    let queue = Queue::new(resources::queue_name(env, consumer), Some(dead.clone()), clock.clone());
    [Arc::new(queue), dead]
}
