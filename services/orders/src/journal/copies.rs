//! The copies of the journal as an owner reaches them: this region's own at once, the others by a call.

use super::acceptor::{Acceptor, AcceptorError};
use crate::NAME;
use contracts::{
    Region,
    journal::{
        AcceptRequest, AcceptResponse, EntryState, FindRequest, FindResponse, PromiseRequest,
        PromiseResponse, SettleRequest, SettleResponse,
    },
};
use platform::{Deadline, Platform, calls::Credential};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Display, time::Duration};

/// Asks copies. No answer is an answer: the copy could not be reached, or did not do its part.
#[derive(Clone)]
pub struct Copies {
    platform: Platform,
    /// This region's own copy, where it has one.
    pub own: Acceptor,
}

impl Copies {
    /// As seen from this region.
    pub fn new(platform: &Platform) -> Self {
        Copies { platform: platform.clone(), own: Acceptor::new(platform) }
    }

    /// All regions that hold a copy.
    pub fn regions(&self) -> Vec<Region> {
        self.platform.config.journal_regions().cloned().collect()
    }

    /// Asks a copy to promise shards.
    pub async fn promise(
        &self,
        copy: &Region,
        request: &PromiseRequest,
        limit: Duration,
    ) -> Option<PromiseResponse> {
        let answer = self.ask(copy, "promise", request, limit, self.own.promise(request)).await?;
        (answer.shards.len() == request.shards.len()).then_some(answer)
    }

    /// Asks a copy to store entries.
    pub async fn accept(
        &self,
        copy: &Region,
        request: &AcceptRequest,
        limit: Duration,
    ) -> Option<AcceptResponse> {
        self.ask(copy, "accept", request, limit, self.own.accept(request)).await
    }

    /// Asks a copy what it has under a key.
    pub async fn find(&self, copy: &Region, request: &FindRequest, limit: Duration) -> Option<FindResponse> {
        self.ask(copy, "find", request, limit, self.own.find(request)).await
    }

    /// Tells a copy that entries are chosen, or closed.
    pub async fn mark(
        &self,
        copy: &Region,
        state: EntryState,
        request: &SettleRequest,
        limit: Duration,
    ) -> Option<SettleResponse> {
        let verb = if state == EntryState::Closed { "close" } else { "choose" };
        let answer = self.ask(copy, verb, request, limit, self.own.mark(request, state)).await?;
        (answer.entries.len() == request.entries.len()).then_some(answer)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        copy: &Region,
        verb: &str,
        request: &impl Serialize,
        limit: Duration,
        own: impl Future<Output = Result<T, AcceptorError>>,
    ) -> Option<T> {
        let deadline = Deadline::within(limit);
        let silent = |cause: &dyn Display| tracing::debug!(%copy, verb, %cause, "a copy did not answer");
        if *copy == self.platform.config.region {
            let answer = deadline.bound(own).await.inspect_err(|cause| silent(cause)).ok()?;
            return answer.inspect_err(|cause| silent(cause)).ok();
        }
        let call = self.platform.calls.in_region(copy, NAME);
        let path = format!("/backend/journal/{verb}");
        let answer = call.post(Credential::Service(NAME), &path, request, deadline).await;
        answer.inspect_err(|cause| silent(cause)).ok()
    }
}
