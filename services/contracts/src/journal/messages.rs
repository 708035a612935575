//! The messages between an owner and a copy, and those by which a copy that lost everything rejoins the others.

use super::{Ballot, Entry, Incarnations};
use crate::ids::{OrderId, Region, ShardId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `POST /backend/journal/promise`: let this ballot own these shards.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromiseRequest {
    /// The new ballot, and the shards it wants.
    pub ballot: Ballot,
    /// The shards.
    pub shards: Vec<ShardId>,
    /// Regions that told the candidate that they do not drive these shards: nobody keeps to them.
    #[serde(default)]
    pub disowned: Vec<Region>,
    /// The incarnations of the copies, as far as the candidate knows them: a copy learns of newer ones.
    pub incarnations: Incarnations,
}

/// One shard's answer to a promise.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Promise {
    /// The copy will take nothing lower any more; here is every entry that is not closed.
    Promised {
        /// Unclosed orders, refusals and intents.
        entries: Vec<Entry>,
        /// The incarnations that the copy knows.
        incarnations: Incarnations,
    },
    /// The copy has promised a higher ballot.
    Refused {
        /// That ballot.
        promised: Ballot,
    },
    /// The copy lost what it held and does not vote yet.
    Returning,
}

/// The answer to a promise: one for each shard asked for, in the same order.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PromiseResponse {
    /// By shard.
    pub shards: Vec<Promise>,
}

/// `POST /backend/journal/accept`: store these entries of one shard.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcceptRequest {
    /// The owner's ballot.
    pub ballot: Ballot,
    /// The shard.
    pub shard: ShardId,
    /// The entries.
    pub entries: Vec<Entry>,
    /// The incarnations of the copies that the owner counts.
    pub incarnations: Incarnations,
}

/// One entry's answer to an accept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Accepted {
    /// Stored (now or before).
    Stored,
    /// The copy has promised a higher ballot.
    Outranked {
        /// That ballot.
        promised: Ballot,
    },
    /// The copy holds another value that may not be superseded.
    Held {
        /// What it holds.
        entry: Box<Entry>,
    },
    /// The payment token is bound to another order.
    TokenBound {
        /// That order.
        order_id: OrderId,
    },
    /// The warehouse that reserved the goods has a newer epoch.
    WarehouseMoved,
    /// The copy knows of a newer incarnation than one that the request counts.
    Miscounted {
        /// The incarnations to count.
        incarnations: Incarnations,
    },
}

/// The answer to an accept: one for each entry, in the same order.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AcceptResponse {
    /// By entry.
    pub entries: Vec<Accepted>,
}

/// `POST /backend/journal/find`: what a copy has under this key.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindRequest {
    /// The shard.
    pub shard: ShardId,
    /// The key within it.
    pub key_hash: String,
}

/// The answer of a copy that votes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FindResponse {
    /// The entry, however far it is.
    pub entry: Option<Entry>,
}

/// `POST /backend/journal/choose` and `/close`: these entries are chosen, or closed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettleRequest {
    /// Key and value hash of each entry.
    pub entries: Vec<SettleEntry>,
    /// The incarnations of the copies that the owner counts.
    pub incarnations: Incarnations,
}

/// One entry to mark.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettleEntry {
    /// The entry's shard.
    pub shard: ShardId,
    /// The entry's key.
    pub key_hash: String,
    /// The hash of the value that was chosen.
    pub value_hash: String,
    /// The order concerned.
    pub order_id: OrderId,
    /// The version of the order that must be stored on a second continent before the entry may be closed.
    pub version: u64,
    /// Whether W copies are known to have it marked as chosen: then only `stored` is asked.
    #[serde(default)]
    pub marked: bool,
}

/// One entry's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    /// The copy holds the entry, marked.
    pub marked: bool,
    /// The copy's region stores that version (or a later one) of the order, read consistently.
    pub stored: bool,
}

/// The answer to choose and close: one for each entry, in the same order.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SettleResponse {
    /// By entry.
    pub entries: Vec<Settled>,
    /// The incarnations to count, where the copy knows of a newer one than the request counts: then nothing was marked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub miscounted: Option<Incarnations>,
}

/// `POST /backend/journal/register`: from now on a copy is another incarnation, which holds nothing yet.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisterRequest {
    /// The copy that lost what it held.
    pub copy: Region,
    /// Its incarnation; 0 only asks which ones are known.
    pub incarnation: u64,
    /// The shards in which it does not vote.
    pub shards: Vec<ShardId>,
}

/// The answer to a registration.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RegisterResponse {
    /// The incarnations known here, the newest over all shards.
    pub incarnations: Incarnations,
}

/// `POST /backend/journal/read`: what a copy holds of one shard, closed entries too, page by page.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadRequest {
    /// The copy that reads.
    pub copy: Region,
    /// The incarnation under which it registered here.
    pub incarnation: u64,
    /// The shard.
    pub shard: ShardId,
    /// Where the last page ended.
    #[serde(default)]
    pub after: Option<String>,
}

/// One page of a shard.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadResponse {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The highest ballot promised, read after the entries.
    pub promised: Option<Ballot>,
    /// The incarnations known here.
    pub incarnations: Incarnations,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// `POST /backend/journal/tokens`: which order each payment token is bound to on a copy, page by page.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokensRequest {
    /// Where the last page ended.
    #[serde(default)]
    pub after: Option<String>,
}

/// One page of bindings.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokensResponse {
    /// The bindings.
    pub tokens: Vec<BoundToken>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// `GET /backend/journal/shards`: the shards that a region drives.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldShards {
    /// The shards.
    pub shards: Vec<ShardId>,
}

/// A payment token that backs an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BoundToken {
    /// The hash of the token.
    pub token_hash: String,
    /// The order.
    pub order_id: OrderId,
}
