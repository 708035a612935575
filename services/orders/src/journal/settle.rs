//! The end of an entry: chosen is made known to W copies, and closed once the order is stored on a second
//! continent too. Closing in one step could lose an acknowledged order.

use super::{
    W,
    owner::{Owner, Unclosed},
    rules,
};
use contracts::{
    Region,
    journal::{EntryState, SettleEntry, SettleRequest, SettleResponse},
};
use futures::future::{join, join_all};
use platform::Platform;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

/// Entries in one round at most: with the leases of their shards they fit one transaction.
const BATCH: usize = 45;
/// One call at most.
const LIMIT: Duration = Duration::from_millis(1500);
/// Pause before an entry is looked at again that too few copies could be told of.
const MARK_AGAIN: Duration = Duration::from_millis(500);
/// Pause before it is asked whether an order is stored elsewhere: about as long as replication takes.
const ASK_STORED: Duration = Duration::from_secs(2);

/// Moves entries to their end.
#[derive(Clone)]
pub struct Settler {
    platform: Platform,
    owner: Owner,
    /// Counts the rounds.
    rounds: Arc<AtomicUsize>,
}

impl Settler {
    /// For the shards of `owner`.
    pub fn new(platform: &Platform, owner: &Owner) -> Self {
        Settler { platform: platform.clone(), owner: owner.clone(), rounds: Arc::default() }
    }

    /// One round over the entries of all shards held here.
    ///
    /// # Errors
    /// Never: what could not be reached is asked again later.
    pub async fn round(&self) -> Result<(), std::convert::Infallible> {
        let due = self.owner.unclosed(BATCH);
        let (known, fresh): (Vec<_>, Vec<_>) = due.into_iter().partition(|unclosed| unclosed.marked >= W);
        join(self.choose(fresh), self.close(known)).await;
        Ok(())
    }

    /// Tells the copies that entries are chosen.
    async fn choose(&self, entries: Vec<Unclosed>) {
        let answers = self.ask(self.copies(), EntryState::Chosen, &entries).await;
        for (index, Unclosed { entry, .. }) in entries.iter().enumerate() {
            let marked = answers.iter().filter(|answer| answer.entries[index].marked).count();
            match marked >= W {
                true => self.owner.put_off(entry, marked, ASK_STORED),
                false => self.owner.put_off(entry, 0, MARK_AGAIN),
            }
        }
    }

    /// Closes entries whose orders are stored on another continent.
    async fn close(&self, entries: Vec<Unclosed>) {
        if entries.is_empty() {
            return;
        }
        let stored = self.ask(self.witness(), EntryState::Chosen, &entries).await;
        let (mut ready, mut early) = (Vec::new(), Vec::new());
        for (index, unclosed) in entries.into_iter().enumerate() {
            let stored = stored.iter().any(|answer| answer.entries[index].stored);
            let ended = rules::may_close(unclosed.marked, W, stored);
            if ended { ready.push(unclosed) } else { early.push(unclosed) }
        }
        let answers = self.ask(self.copies(), EntryState::Closed, &ready).await;
        for (index, unclosed) in ready.into_iter().enumerate() {
            match answers.iter().filter(|answer| answer.entries[index].marked).count() >= W {
                true => self.owner.closed(&unclosed.entry),
                false => early.push(unclosed),
            }
        }
        early.iter().for_each(|unclosed| self.owner.put_off(&unclosed.entry, unclosed.marked, ASK_STORED));
    }

    /// The copies that are told: nobody waits for one that has fallen silent, where there are enough others.
    fn copies(&self) -> Vec<Region> {
        let all = self.owner.copies.regions();
        // One that is set aside is heard, and keeps its vote.
        let heard = |copy: &&Region| self.platform.liveness.hears(copy);
        let heard: Vec<Region> = all.iter().filter(heard).cloned().collect();
        if heard.len() >= W { heard } else { all }
    }

    /// The copy of another continent that is asked whether orders are stored there: each in turn.
    fn witness(&self) -> Vec<Region> {
        let config = &self.platform.config;
        let here = config.continent_of(&config.region);
        let mut others = self.copies();
        others.retain(|copy| config.continent_of(copy) != here);
        let turn = self.rounds.fetch_add(1, Relaxed);
        others.get(turn % others.len().max(1)).cloned().into_iter().collect()
    }

    async fn ask(&self, copies: Vec<Region>, mark: EntryState, entries: &[Unclosed]) -> Vec<SettleResponse> {
        if entries.is_empty() {
            return Vec::new();
        }
        let incarnations = self.owner.known_incarnations();
        let request = SettleRequest { entries: entries.iter().map(wire).collect(), incarnations };
        let calls = copies.iter().map(|copy| self.owner.copies.mark(copy, mark, &request, LIMIT));
        let answers: Vec<SettleResponse> = join_all(calls).await.into_iter().flatten().collect();
        let miscounted = answers.iter().filter_map(|answer| answer.miscounted.as_ref());
        miscounted.for_each(|newest| self.owner.learn(newest));
        answers
    }
}

fn wire(unclosed: &Unclosed) -> SettleEntry {
    SettleEntry {
        shard: unclosed.entry.shard.clone(),
        key_hash: unclosed.entry.key_hash.clone(),
        value_hash: unclosed.entry.value_hash.clone(),
        order_id: unclosed.entry.value.order_id(),
        version: unclosed.version,
        marked: unclosed.marked >= W,
    }
}
