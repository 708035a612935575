//! The words of the order journal: ballots, entries, and the four messages between an owner and a copy.

use crate::{
    events::ProductUnits,
    ids::{OrderId, Region, ShardId, WarehouseId},
    order::Order,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Who may write to a shard: compared by epoch, then region, then process incarnation. Every start of an
/// owner takes a new one, so no two processes ever share a ballot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ballot {
    /// Rises with every takeover.
    pub epoch: u64,
    /// The owner's region.
    pub region: Region,
    /// The owner's process, unique for each start.
    pub incarnation: String,
}

impl fmt::Display for Ballot {
    /// Text that sorts as ballots do: the epoch has a fixed width.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}#{}#{}", self.epoch, self.region, self.incarnation)
    }
}

/// The text is not a ballot.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a ballot is epoch#region#incarnation")]
pub struct BallotError;

impl FromStr for Ballot {
    type Err = BallotError;
    fn from_str(text: &str) -> Result<Self, BallotError> {
        let mut parts = text.splitn(3, '#');
        let epoch = parts.next().and_then(|epoch| epoch.parse().ok()).ok_or(BallotError)?;
        let region = parts.next().filter(|region| !region.is_empty()).ok_or(BallotError)?.into();
        let incarnation = parts.next().ok_or(BallotError)?.to_owned();
        Ok(Ballot { epoch, region, incarnation })
    }
}

impl Serialize for Ballot {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ballot {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How far an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryState {
    /// Written here; nobody knows yet whether a majority has it.
    Open,
    /// Known to be on a majority: never superseded, beats any ballot.
    Chosen,
    /// Chosen on a majority, and its order is stored on a second continent: a takeover need not read it.
    Closed,
}

/// An effect that cannot be undone, journalled before it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum EffectKind {
    Capture,
    Void,
    Refund,
    Dispatch,
}

impl fmt::Display for EffectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// What an entry decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum EntryValue {
    /// The key makes this order.
    Order {
        /// Version 1, whole.
        order: Box<Order>,
        /// The payment token, sealed so that only the payment service can open it.
        payment_ref: String,
        /// The hash under which the token is bound to this order.
        token_hash: String,
        /// The epoch of the warehouse that reserved the goods.
        warehouse_epoch: u64,
        /// What was reserved there.
        lines: Vec<ProductUnits>,
    },
    /// The key makes no order, ever.
    Refused {
        /// The order that it would have made.
        order_id: OrderId,
        /// The hash of the refused body.
        request_hash: String,
        /// Why.
        reason: String,
    },
    /// An effect may have been tried under this key.
    Intent {
        /// The order.
        order_id: OrderId,
        /// What.
        effect: EffectKind,
        /// The key that provider or carrier sees, such as `{orderId}:capture:1`.
        effect_key: String,
        /// Minor units; 0 for a dispatch.
        amount: i64,
        /// The order as it was when the effect was decided: a new owner goes on from here.
        order: Box<Order>,
        /// The sealed payment token.
        payment_ref: String,
    },
}

impl EntryValue {
    /// The order concerned.
    pub fn order_id(&self) -> OrderId {
        match self {
            EntryValue::Order { order, .. } => order.order_id,
            EntryValue::Refused { order_id, .. } | EntryValue::Intent { order_id, .. } => *order_id,
        }
    }

    /// The warehouse named, with its epoch.
    pub fn warehouse(&self) -> Option<(&WarehouseId, u64)> {
        match self {
            EntryValue::Order { order, warehouse_epoch, .. } => Some((&order.warehouse_id, *warehouse_epoch)),
            _ => None,
        }
    }
}

/// One entry of the journal, as a copy holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The shard.
    pub shard: ShardId,
    /// The key within the shard: `hash(user, idempotency key)` or `{orderId}#{effect key}`.
    pub key_hash: String,
    /// The ballot under which it was written.
    pub ballot: Ballot,
    /// How far it is.
    pub state: EntryState,
    /// The hash of `value`.
    pub value_hash: String,
    /// What it decides.
    pub value: EntryValue,
}

impl Entry {
    /// A new open entry.
    pub fn open(shard: ShardId, key_hash: String, ballot: Ballot, value: EntryValue) -> Self {
        let value_hash = crate::keys::canonical_hash(&value);
        Entry { shard, key_hash, ballot, state: EntryState::Open, value_hash, value }
    }
}

/// `POST /backend/journal/promise`: let this ballot own these shards.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromiseRequest {
    /// The new ballot, and the shards it wants.
    pub ballot: Ballot,
    /// The shards.
    pub shards: Vec<ShardId>,
    /// Regions that told the candidate that they do not drive these shards: nobody keeps to them.
    #[serde(default)]
    pub disowned: Vec<Region>,
}

/// One shard's answer to a promise.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Promise {
    /// The copy will take nothing lower any more; here is every entry that is not closed.
    Promised {
        /// Unclosed orders, refusals and intents.
        entries: Vec<Entry>,
    },
    /// The copy has promised a higher ballot.
    Refused {
        /// That ballot.
        promised: Ballot,
    },
}

/// The answer to a promise: one for each shard asked for, in the same order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PromiseResponse {
    /// By shard.
    pub shards: Vec<Promise>,
}

/// `POST /backend/journal/accept`: store these entries of one shard.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AcceptRequest {
    /// The owner's ballot.
    pub ballot: Ballot,
    /// The shard.
    pub shard: ShardId,
    /// The entries.
    pub entries: Vec<Entry>,
}

/// One entry's answer to an accept.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
}

/// The answer to an accept: one for each entry, in the same order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AcceptResponse {
    /// By entry.
    pub entries: Vec<Accepted>,
}

/// `POST /backend/journal/choose` and `/close`: these entries are chosen, or closed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettleRequest {
    /// Key and value hash of each entry.
    pub entries: Vec<SettleEntry>,
}

/// One entry to mark.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    /// The copy holds the entry, marked.
    pub marked: bool,
    /// The copy's region stores that version (or a later one) of the order, read consistently.
    pub stored: bool,
}

/// The answer to choose and close: one for each entry, in the same order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SettleResponse {
    /// By entry.
    pub entries: Vec<Settled>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ballot(epoch: u64, region: &str, incarnation: &str) -> Ballot {
        Ballot { epoch, region: region.into(), incarnation: incarnation.into() }
    }

    #[test]
    fn the_text_of_ballots_sorts_as_ballots_do() {
        let mut ballots = [
            ballot(10, "ap-southeast-1", "a"),
            ballot(9, "us-east-1", "z"),
            ballot(10, "eu-west-1", "a"),
            ballot(10, "ap-southeast-1", "b"),
        ];
        let mut texts: Vec<String> = ballots.iter().map(Ballot::to_string).collect();
        ballots.sort();
        texts.sort();
        assert_eq!(texts, ballots.iter().map(Ballot::to_string).collect::<Vec<_>>());
    }

    #[test]
    fn a_ballot_reads_back_as_written() {
        let ballot = ballot(3, "eu-west-1", "0193-x");
        assert_eq!(ballot.to_string().parse(), Ok(ballot));
        assert_eq!("nonsense".parse::<Ballot>(), Err(BallotError));
    }
}
