//! A cloud that is not embedded: the region's door stays ours, and behind it stands an AWS-compatible endpoint.
//!
//! Faults of the door, throttling, metering and tripwires act as ever; then the call goes to the upstream, signed for the
//! region, and its answer comes back. Tables, bus, queues and rules are made there when the region starts.
//!
//! **Replication** stays the simulator's own, as no emulator has it as AWS does. It is fed at the door and not from
//! DynamoDB's streams, which do not say who wrote: a write that came from another region would come back as one of
//! this region's own, without the stamp that it must lose or win by. Every write of a region passes its door. It is
//! carried out while its items are held, then they are read again, and what changed goes into the log: what travels
//! is what the upstream has, whatever expression wrote it. What is written past the door is not replicated.

mod events;
mod link;
mod pools;
mod queues;
mod resources;
mod tables;

use std::sync::{Arc, Mutex};

use anyhow::{Context as _, anyhow};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::Region;
use super::door::Call;
use super::dump::{Dump, QueueDepth};
use super::faults::Service;
use super::reply::{Refusal, Reply};
use super::{Clock, PlainItem, lock};
use crate::sockets;
use link::{CallError, Link};
use tables::Held;

pub use pools::PoolMade;

/// Where a region's cloud really is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamSpec {
    /// Scheme, host and port, nothing behind them.
    pub url: String,
    /// The region in the signatures' scope.
    pub region: String,
    /// The account, 12 digits, which emulators take from the key's id.
    pub account: String,
    /// The user pools that were made there; where there is none, the embedded ones sign in.
    #[serde(default)]
    pub pools: Vec<PoolName>,
}

/// A user pool of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolName {
    /// Its id.
    pub id: String,
    /// Its one app client.
    pub client_id: String,
}

/// An upstream as a region's cloud, or whoever prepares it, uses it.
pub struct Upstream {
    link: Link,
    env: String,
    held: Held,
    /// Writes under way. A write goes on to its end, whether its caller waits for it or not.
    writes: Mutex<JoinSet<()>>,
}

impl Upstream {
    /// The way to an upstream. Nothing is asked yet.
    ///
    /// # Errors
    /// An `https` address, on a machine that trusts no certificates.
    pub fn new(spec: UpstreamSpec, env: &str, clock: Clock) -> anyhow::Result<Upstream> {
        let network = sockets::to_names(spec.url.starts_with("https:"));
        let network = network.with_context(|| format!("{} cannot be trusted", spec.url))?;
        let link = Link::new(spec, network, clock);
        Ok(Upstream { link, env: env.to_owned(), held: Held::default(), writes: Mutex::default() })
    }

    /// Whether something answers that speaks DynamoDB.
    ///
    /// # Errors
    /// Nothing does; the address is named.
    pub async fn check(&self) -> anyhow::Result<()> {
        let answer = self.link.call("DynamoDB_20120810.ListTables", serde_json::json!({ "Limit": 1 })).await;
        answer
            .map(drop)
            .map_err(|cause| anyhow!("{cause}; start something LocalStack-compatible there, or name another"))
    }

    /// Answers one operation, as the embedded engines would. `None` where an embedded engine is to answer.
    pub(super) async fn answer(
        &self,
        region: &Arc<Region>,
        service: Service,
        operation: &str,
        call: &Call<'_>,
        body: &str,
    ) -> Option<Reply> {
        let answer = match service {
            Service::DynamoDb => self.table_call(region, call.target, operation, body).await,
            Service::EventBridge => self.bus_call(region, call.target, operation, body).await,
            Service::Sqs => self.queue_call(region, call, operation, body).await,
            Service::Cognito if self.link.spec.pools.is_empty() => return None,
            Service::Cognito => self.pool_call(region, call.target, operation, body).await,
        };
        Some(answer.unwrap_or_else(|cause| unanswered(&cause)))
    }

    /// Everything the upstream holds of the region.
    pub(super) async fn dump(&self, region: &Region) -> anyhow::Result<Dump<PlainItem>> {
        Ok(Dump { tables: self.all_items(&region.dynamo).await?, queues: self.depths(region).await? })
    }
}

/// What a caller hears where the upstream says nothing: an error that clients try again.
fn unanswered(cause: &CallError) -> Reply {
    tracing::warn!(%cause, "a call without an answer");
    let mut reply = Reply::refused(&Refusal::new("InternalServerError", cause.to_string()));
    reply.status = 500;
    reply
}
