//! The words of the order journal: ballots, entries, the four messages between an owner and a copy, and those by which
//! a copy that lost everything rejoins the others.

use crate::{
    error::ErrorBody,
    events::ProductUnits,
    ids::{OrderId, Region, ShardId, WarehouseId},
    order::Order,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

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

/// The incarnation of each copy, by region. A copy that lost what it held comes back under a higher number, so that
/// nobody counts what the lost one had said as if it were still there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Incarnations(BTreeMap<Region, u64>);

impl Incarnations {
    /// Of copies that never lost anything.
    pub fn first<'a>(copies: impl IntoIterator<Item = &'a Region>) -> Self {
        Incarnations(copies.into_iter().map(|copy| (copy.clone(), 1)).collect())
    }

    /// The incarnation of one copy; 0 where it is not known.
    pub fn of(&self, copy: &Region) -> u64 {
        self.0.get(copy).copied().unwrap_or(0)
    }

    /// The same with at least this incarnation of a copy.
    pub fn with(mut self, copy: Region, incarnation: u64) -> Self {
        let known = self.0.entry(copy).or_default();
        *known = incarnation.max(*known);
        self
    }

    /// The newest of each copy.
    pub fn newest(&self, other: &Incarnations) -> Self {
        let others = other.0.iter().map(|(copy, incarnation)| (copy.clone(), *incarnation));
        others.fold(self.clone(), |newest, (copy, incarnation)| newest.with(copy, incarnation))
    }
}

impl fmt::Display for Incarnations {
    /// One text for equal incarnations, so that a table can compare them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> = self.0.iter().map(|(copy, number)| format!("{copy}={number}")).collect();
        f.write_str(&each.join(","))
    }
}

/// The text does not name incarnations.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("incarnations are region=number, separated by commas")]
pub struct IncarnationsError;

impl FromStr for Incarnations {
    type Err = IncarnationsError;
    fn from_str(text: &str) -> Result<Self, IncarnationsError> {
        let each = text.split(',').filter(|part| !part.is_empty()).map(|part| {
            let (copy, number) = part.split_once('=').ok_or(IncarnationsError)?;
            Ok((Region::from(copy), number.parse().map_err(|_| IncarnationsError)?))
        });
        Ok(Incarnations(each.collect::<Result<_, _>>()?))
    }
}

impl Serialize for Incarnations {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Incarnations {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How far an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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

/// What a person asks of an order that is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Command {
    /// To cancel it.
    Cancel {
        /// Whether staff of the shop ask.
        by_staff: bool,
        /// Why.
        reason: String,
    },
    /// To pay with another token.
    ReplacePayment {
        /// The hash under which the token is bound to the order.
        token_hash: String,
    },
    /// To forget whose order it was.
    Erase,
    /// To send goods back.
    Return {
        /// Which.
        lines: Vec<ProductUnits>,
        /// Why.
        reason: String,
    },
}

impl Command {
    fn forget_person(&mut self) {
        match self {
            Command::Cancel { reason, .. } | Command::Return { reason, .. } => reason.clear(),
            Command::ReplacePayment { .. } | Command::Erase => {}
        }
    }
}

/// What an entry decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
        /// What the customer was told.
        answer: ErrorBody,
    },
    /// Somebody asked for this under this key, and was told that it is done.
    Command {
        /// The order.
        order_id: OrderId,
        /// What.
        command: Command,
        /// The order to which it was done: a new owner does it to the same version again.
        order: Box<Order>,
        /// The sealed payment token: the new one, where the command brings one.
        payment_ref: String,
    },
    /// Somebody asked for this under this key, and was told that it is not done. It never will be.
    CommandRefused {
        /// The order.
        order_id: OrderId,
        /// What.
        command: Command,
        /// What they were told.
        answer: ErrorBody,
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
            EntryValue::Refused { order_id, .. }
            | EntryValue::Command { order_id, .. }
            | EntryValue::CommandRefused { order_id, .. }
            | EntryValue::Intent { order_id, .. } => *order_id,
        }
    }

    /// Forgets the person of whom it tells. What it decided stays, and its hash is the one that it had.
    pub fn forget_person(&mut self) {
        match self {
            EntryValue::Order { order, .. } | EntryValue::Intent { order, .. } => order.forget_person(),
            EntryValue::Command { order, command, .. } => {
                order.forget_person();
                command.forget_person();
            }
            EntryValue::CommandRefused { command, .. } => command.forget_person(),
            EntryValue::Refused { .. } => {}
        }
    }

    /// The hash of the payment token that it binds, and the order to which.
    pub fn token(&self) -> Option<(&str, OrderId)> {
        match self {
            EntryValue::Order { token_hash, order, .. } => Some((token_hash, order.order_id)),
            EntryValue::Command { command: Command::ReplacePayment { token_hash }, order_id, .. } => {
                Some((token_hash, *order_id))
            }
            _ => None,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    fn incarnations_read_back_as_written_and_the_newest_of_each_wins() {
        let (us, eu): (Region, Region) = ("us-east-1".into(), "eu-west-1".into());
        let first = Incarnations::first([&us, &eu]);
        let later = first.clone().with(eu.clone(), 2);
        assert_eq!(later.to_string(), "eu-west-1=2,us-east-1=1");
        assert_eq!(later.to_string().parse(), Ok(later.clone()));
        assert_eq!(String::new().parse(), Ok(Incarnations::default()));
        assert_eq!("eu-west-1".parse::<Incarnations>(), Err(IncarnationsError));
        assert_eq!(first.newest(&later), later);
        assert_eq!(later.newest(&first.clone().with(us.clone(), 3)), later.clone().with(us.clone(), 3));
        assert_eq!((later.of(&eu), later.of(&"ap-southeast-1".into())), (2, 0));
    }

    #[test]
    fn a_ballot_reads_back_as_written() {
        let ballot = ballot(3, "eu-west-1", "0193-x");
        assert_eq!(ballot.to_string().parse(), Ok(ballot));
        assert_eq!("nonsense".parse::<Ballot>(), Err(BallotError));
    }
}
