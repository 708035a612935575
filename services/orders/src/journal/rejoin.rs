//! Brings back this region's copy of the journal where it lost what it held. It registers a new incarnation at both
//! others, reads every promise, entry and binding from both, and only then votes.

use super::{
    acceptor::{Acceptor, AcceptorError},
    returning::{ReadBack, holds_copy, other_copies},
    rules, shards,
};
use crate::NAME;
use contracts::{
    Region, ShardId,
    journal::{
        Incarnations, ReadRequest, ReadResponse, RegisterRequest, RegisterResponse, TokensRequest,
        TokensResponse,
    },
};
use futures::future::try_join_all;
use platform::{
    Deadline, Platform,
    calls::{CallError, Credential},
    config::Durability,
    planted::Planted,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

/// One call at most.
const LIMIT: Duration = Duration::from_secs(2);
/// Shards that are read at the same time.
const SHARDS_AT_ONCE: usize = 16;
/// Entries of one shard, or pages of bindings, at most.
const ENTRIES_MAX: usize = 100_000;
const PAGES_MAX: usize = 100_000;

/// Why a copy is not back yet. It tries again.
#[derive(Debug, thiserror::Error)]
pub enum RejoinError {
    /// Its own tables did not take it.
    #[error(transparent)]
    Copy(#[from] AcceptorError),
    /// One of the others did not answer. Without both nobody knows what was promised.
    #[error("{0}")]
    Other(#[from] CallError),
    /// There is more than can be read.
    #[error("more than can be read: {0}")]
    TooMuch(String),
}

/// Brings the copy back.
#[derive(Clone)]
pub struct Rejoin {
    platform: Platform,
    acceptor: Acceptor,
    /// Nothing is left to do.
    done: Arc<AtomicBool>,
}

impl Rejoin {
    /// For this region's copy.
    pub fn new(platform: &Platform) -> Self {
        Rejoin { platform: platform.clone(), acceptor: Acceptor::new(platform), done: Arc::default() }
    }

    /// Does what is left to do; nothing where the copy votes in every shard, or this region holds none.
    ///
    /// # Errors
    /// When the tables or one of the others do not answer: then the next step goes on.
    pub async fn step(&self) -> Result<(), RejoinError> {
        let config = &self.platform.config;
        if self.done.load(Relaxed) || !holds_copy(config) || config.durability == Durability::Async {
            return Ok(());
        }
        let missing = self.acceptor.not_voting(shards(config)).await?;
        if !missing.is_empty() {
            self.come_back(&missing).await?;
        }
        self.done.store(true, Relaxed);
        Ok(())
    }

    async fn come_back(&self, missing: &[ShardId]) -> Result<(), RejoinError> {
        if self.platform.world.has(Planted::EmptyVotes) {
            for shard in missing {
                self.acceptor.vote(shard, None, &Incarnations::default()).await?;
            }
            return Ok(());
        }
        let others = other_copies(&self.platform.config);
        let incarnation = self.incarnation(&others, missing).await?;
        self.register(&others, missing, incarnation).await?;
        try_join_all(others.iter().map(|other| self.read_tokens(other))).await?;
        for group in missing.chunks(SHARDS_AT_ONCE) {
            try_join_all(group.iter().map(|shard| self.shard(shard, &others, incarnation))).await?;
        }
        tracing::info!(incarnation, shards = missing.len(), "this copy of the journal votes again");
        Ok(())
    }

    /// The incarnation under which the copy comes back: one that nobody has counted yet.
    async fn incarnation(&self, others: &[Region], missing: &[ShardId]) -> Result<u64, RejoinError> {
        if let Some(begun) = self.acceptor.own_incarnation().await? {
            return Ok(begun);
        }
        let known = self.register(others, missing, 0).await?;
        let known = known.iter().map(|answer| &answer.incarnations);
        let next = rules::next_incarnation(&self.platform.config.region, known);
        Ok(self.acceptor.take_incarnation(next).await?)
    }

    async fn register(
        &self,
        others: &[Region],
        missing: &[ShardId],
        incarnation: u64,
    ) -> Result<Vec<RegisterResponse>, RejoinError> {
        let copy = self.platform.config.region.clone();
        let request = RegisterRequest { copy, incarnation, shards: missing.to_vec() };
        Ok(try_join_all(others.iter().map(|other| self.ask(other, "register", &request))).await?)
    }

    async fn read_tokens(&self, other: &Region) -> Result<(), RejoinError> {
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let page: TokensResponse = self.ask(other, "tokens", &TokensRequest { after }).await?;
            self.acceptor.keep_tokens(&page.tokens).await?;
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
        Err(RejoinError::TooMuch(format!("payment tokens in {other}")))
    }

    async fn shard(&self, shard: &ShardId, others: &[Region], incarnation: u64) -> Result<(), RejoinError> {
        let mut back = ReadBack::default();
        let reads = others.iter().map(|other| self.read(shard, other, incarnation));
        try_join_all(reads).await?.into_iter().flatten().for_each(|page| back.add(page));
        let (entries, promised, incarnations) = back.finish();
        self.acceptor.keep_entries(shard, &entries).await?;
        Ok(self.acceptor.vote(shard, promised.as_ref(), &incarnations).await?)
    }

    /// Reads all that another copy holds of a shard.
    async fn read(
        &self,
        shard: &ShardId,
        other: &Region,
        incarnation: u64,
    ) -> Result<Vec<ReadResponse>, RejoinError> {
        let copy = self.platform.config.region.clone();
        let mut request = ReadRequest { copy, incarnation, shard: shard.clone(), after: None };
        let mut pages: Vec<ReadResponse> = Vec::new();
        while pages.iter().map(|page| page.entries.len()).sum::<usize>() < ENTRIES_MAX {
            let page: ReadResponse = self.ask(other, "read", &request).await?;
            request.after = page.next.clone();
            pages.push(page);
            if request.after.is_none() {
                return Ok(pages);
            }
        }
        Err(RejoinError::TooMuch(format!("entries of {shard}")))
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        other: &Region,
        verb: &str,
        request: &impl Serialize,
    ) -> Result<T, CallError> {
        let call = self.platform.calls.in_region(other, NAME);
        let path = format!("/backend/journal/{verb}");
        call.post(Credential::Service(NAME), &path, request, Deadline::within(LIMIT)).await
    }
}
