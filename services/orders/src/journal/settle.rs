//! The end of an entry: chosen is made known to W copies, and closed once the order is stored on a second
//! continent too. Closing in one step could lose an acknowledged order.

use super::{
    W,
    owner::{Owner, Unclosed},
    rules,
};
use crate::NAME;
use contracts::{
    Region, ShardId,
    journal::{SettleEntry, SettleRequest, SettleResponse},
};
use futures::future::join_all;
use platform::{Deadline, Platform, calls::Credential};
use std::time::Duration;

/// Entries of one shard in one round at most.
const BATCH: usize = 25;
/// One call at most.
const LIMIT: Duration = Duration::from_millis(1500);

/// Moves entries to their end.
#[derive(Clone)]
pub struct Settler {
    platform: Platform,
    owner: Owner,
}

impl Settler {
    /// For the shards of `owner`.
    pub fn new(platform: &Platform, owner: &Owner) -> Self {
        Settler { platform: platform.clone(), owner: owner.clone() }
    }

    /// One round over every shard held here.
    ///
    /// # Errors
    /// Never: what could not be reached is asked again in the next round.
    pub async fn round(&self) -> Result<(), std::convert::Infallible> {
        let shards = self.owner.held();
        for group in shards.chunks(8) {
            join_all(group.iter().map(|shard| self.shard(shard))).await;
        }
        Ok(())
    }

    async fn shard(&self, shard: &ShardId) {
        let entries = self.owner.unclosed(shard, BATCH);
        if entries.is_empty() {
            return;
        }
        let answers = self.ask(shard, "choose", &entries).await;
        let mut ready = Vec::new();
        for (index, unclosed) in entries.into_iter().enumerate() {
            let marked = answers.iter().filter(|(_, answer)| answer.entries[index].marked).count();
            if marked < W {
                continue;
            }
            self.owner.marked(shard, &unclosed.entry.key_hash);
            if rules::may_close(marked, W, self.stored_elsewhere(&answers, index)) {
                ready.push(unclosed);
            }
        }
        if !ready.is_empty() {
            self.close(shard, ready).await;
        }
    }

    /// Whether the order is stored on a continent other than this region's.
    fn stored_elsewhere(&self, answers: &[(Region, SettleResponse)], index: usize) -> bool {
        let config = &self.platform.config;
        let here = config.continent_of(&config.region);
        answers.iter().any(|(copy, answer)| config.continent_of(copy) != here && answer.entries[index].stored)
    }

    async fn close(&self, shard: &ShardId, ready: Vec<Unclosed>) {
        let answers = self.ask(shard, "close", &ready).await;
        for (index, unclosed) in ready.iter().enumerate() {
            let closed = answers.iter().filter(|(_, answer)| answer.entries[index].marked).count();
            if closed >= W {
                self.owner.closed(shard, &unclosed.entry.key_hash);
            }
        }
    }

    async fn ask(&self, shard: &ShardId, verb: &str, entries: &[Unclosed]) -> Vec<(Region, SettleResponse)> {
        let request = SettleRequest {
            shard: shard.clone(),
            entries: entries.iter().map(wire).collect(),
            incarnations: self.owner.known_incarnations(),
        };
        let copies: Vec<Region> = self.platform.config.journal_regions().cloned().collect();
        let calls = copies.into_iter().map(|copy| {
            let request = &request;
            async move {
                let path = format!("/backend/journal/{verb}");
                let call = self.platform.calls.in_region(&copy, NAME);
                let deadline = Deadline::within(LIMIT);
                let answer: Result<SettleResponse, _> =
                    call.post(Credential::Service(NAME), &path, request, deadline).await;
                answer
                    .ok()
                    .filter(|answer| answer.entries.len() == request.entries.len())
                    .map(|answer| (copy, answer))
            }
        });
        let answers: Vec<(Region, SettleResponse)> = join_all(calls).await.into_iter().flatten().collect();
        // Marks that were made before one copy told of a newer incarnation stay where they are; they are not counted.
        answers
            .iter()
            .filter_map(|(_, answer)| answer.miscounted.as_ref())
            .for_each(|newest| self.owner.learn(newest));
        answers
    }
}

fn wire(unclosed: &Unclosed) -> SettleEntry {
    SettleEntry {
        key_hash: unclosed.entry.key_hash.clone(),
        value_hash: unclosed.entry.value_hash.clone(),
        order_id: unclosed.entry.value.order_id(),
        version: unclosed.version,
        marked: unclosed.marked,
    }
}
