//! Writes on their way to the copies: one lane a shard and copy, one group commit in flight on each.

use super::copies::Copies;
use contracts::{
    Region, ShardId,
    journal::{AcceptRequest, Accepted, Entry, Incarnations},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::oneshot;

/// Entries in one group at most: with their tokens, warehouses and the lease they fit one transaction.
const GROUP_MAX: usize = 30;
/// Entries that wait in one lane at most.
const QUEUE_MAX: usize = 1000;
/// One write to one copy at most. The farthest pair of regions is 329 ms apart.
const WRITE_LIMIT: Duration = Duration::from_millis(800);

/// What a copy said, or nothing where it could not be reached.
pub type Answer = Option<Accepted>;

/// An entry on its way.
struct Waiting {
    entry: Entry,
    incarnations: Incarnations,
    sender: oneshot::Sender<Answer>,
}

#[derive(Default)]
struct Lane {
    waiting: Mutex<VecDeque<Waiting>>,
    /// Held by whoever carries the next group.
    carrier: tokio::sync::Mutex<()>,
}

type ByShardAndCopy = HashMap<(ShardId, Region), Arc<Lane>>;

/// All lanes of this region.
#[derive(Clone)]
pub struct Lanes {
    copies: Copies,
    lanes: Arc<Mutex<ByShardAndCopy>>,
}

impl Lanes {
    /// No lanes yet; they come with their first entry.
    pub fn new(copies: &Copies) -> Self {
        Lanes { copies: copies.clone(), lanes: Arc::default() }
    }

    /// Takes an entry to one copy, for an owner that counts these incarnations. Whoever finds the lane free carries all
    /// that wait; the others get their answers from it.
    pub async fn write(&self, copy: &Region, entry: Entry, incarnations: Incarnations) -> Answer {
        let lane = self.lane(&entry.shard, copy);
        let (sender, mut answer) = oneshot::channel();
        {
            let mut waiting = lane.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() >= QUEUE_MAX {
                return None;
            }
            waiting.push_back(Waiting { entry, incarnations, sender });
        }
        let _carrier = lane.carrier.lock().await;
        loop {
            match answer.try_recv() {
                Ok(answered) => return answered,
                Err(oneshot::error::TryRecvError::Closed) => return None,
                Err(oneshot::error::TryRecvError::Empty) => self.carry(copy, &lane).await,
            }
        }
    }

    /// Carries one group.
    async fn carry(&self, copy: &Region, lane: &Lane) {
        let group: Vec<Waiting> = {
            let mut waiting = lane.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let sameness = |one: &Waiting| (one.entry.ballot.clone(), one.incarnations.clone());
            let first = waiting.front().map(sameness);
            let same = waiting.iter().take_while(|one| Some(sameness(one)) == first).count();
            waiting.drain(..same.min(GROUP_MAX)).collect()
        };
        let Some(first) = group.first() else { return };
        let request = AcceptRequest {
            ballot: first.entry.ballot.clone(),
            shard: first.entry.shard.clone(),
            entries: group.iter().map(|one| one.entry.clone()).collect(),
            incarnations: first.incarnations.clone(),
        };
        let answer = self.copies.accept(copy, &request, WRITE_LIMIT).await;
        let answered = answer.into_iter().flat_map(|answer| answer.entries);
        let mut answers: VecDeque<Answer> = answered.map(Some).collect();
        for Waiting { sender, .. } in group {
            // Nobody waits any more where the proposal was decided without this copy.
            let _ = sender.send(answers.pop_front().flatten());
        }
    }

    fn lane(&self, shard: &ShardId, copy: &Region) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.entry((shard.clone(), copy.clone())).or_default().clone()
    }
}
