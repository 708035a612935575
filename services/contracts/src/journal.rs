//! The words of the order journal: ballots, entries, the four messages between an owner and a copy, and those by which
//! a copy that lost everything rejoins the others.

mod ballots;
mod messages;

pub use ballots::{Ballot, BallotError, Incarnations, IncarnationsError};
pub use messages::{
    AcceptRequest, AcceptResponse, Accepted, BoundToken, FindRequest, FindResponse, HeldShards, Promise,
    PromiseRequest, PromiseResponse, ReadRequest, ReadResponse, RegisterRequest, RegisterResponse,
    SettleEntry, SettleRequest, SettleResponse, Settled, TokensRequest, TokensResponse,
};

use crate::{
    error::ErrorBody,
    events::ProductUnits,
    ids::{OrderId, ShardId, WarehouseId},
    order::Order,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

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
