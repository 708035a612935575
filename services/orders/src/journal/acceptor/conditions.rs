//! The protocol's rules as what the table checks in the step that writes.

use contracts::{
    OrderId,
    journal::{Ballot, Entry, EntryState, Incarnations, SettleEntry},
};
use platform::tables::{Condition, number, text};
use std::collections::{BTreeMap, BTreeSet};

/// Gives an entry its mark; one that is closed leaves the index.
pub(super) fn mark(state: EntryState) -> &'static str {
    match state {
        EntryState::Closed => "SET #state = :to REMOVE unclosed",
        _ => "SET #state = :to",
    }
}

/// [`crate::journal::rules::mark`] as a condition.
pub(super) fn may_mark(entry: &SettleEntry, state: EntryState) -> Condition {
    let before = if state == EntryState::Chosen { EntryState::Open } else { EntryState::Chosen };
    Condition::default()
        .and("valueHash = :hash AND (#state = :before OR #state = :to)")
        .name("#state", "state")
        .value(":hash", text(&entry.value_hash))
        .value(":before", text(state_word(before)))
        .value(":to", text(state_word(state)))
}

/// The copy counts these incarnations.
pub(super) fn counts(incarnations: &Incarnations) -> Condition {
    Condition::default().and(COUNTED).value(":counted", text(incarnations.to_string()))
}

pub(super) const PROMISE: &str = "SET promised = :ballot";
pub(super) const PROMISE_AND_LEARN: &str = "SET promised = :ballot, counted = :newest";
/// [`crate::journal::rules::heed`] as a condition.
pub(super) const COUNTED: &str = "counted = :counted";

/// [`crate::journal::rules::may_promise`] as a condition. A ballot's text begins with its epoch and `#`.
pub(super) fn newer_epoch(ballot: &Ballot) -> Condition {
    Condition::default()
        .and("attribute_not_exists(promised) OR promised = :ballot OR promised < :epoch")
        .value(":ballot", text(ballot.to_string()))
        .value(":epoch", text(format!("{:012}#", ballot.epoch)))
}

/// The copy has promised nothing higher.
pub(super) fn not_outranked(ballot: &Ballot) -> Condition {
    Condition::default()
        .and("attribute_not_exists(promised) OR promised <= :ballot")
        .value(":ballot", text(ballot.to_string()))
}

/// Writes an entry; one that is known to be chosen or closed stays so. A closed one that is written once more, by a call that
/// comes late or twice, is in the index again: takeovers read it and leave it out, unless somebody closes it again.
pub(super) const WRITE: &str = "SET ballot = :ballot, #state = if_not_exists(#state, :open), valueHash = :hash, \
                     #value = :value, orderId = :order, writtenAt = if_not_exists(writtenAt, :now), \
                     unclosed = if_not_exists(unclosed, :now)";

/// [`crate::journal::rules::judge`] as a condition: nothing here, or this value, or an open entry of a lower ballot.
pub(super) fn may_write(entry: &Entry, now: i64) -> Condition {
    Condition::default()
        .and("attribute_not_exists(#shard) OR valueHash = :hash OR (#state = :open AND ballot < :ballot)")
        .name("#shard", "shard")
        .name("#state", "state")
        .name("#value", "value")
        .value(":open", text("open"))
        .value(":hash", text(&entry.value_hash))
        .value(":ballot", text(entry.ballot.to_string()))
        .value(":value", text(serde_json::to_string(&entry.value).unwrap_or_default()))
        .value(":order", text(entry.value.order_id().to_string()))
        .value(":now", number(now))
}

/// The token is bound to no other order.
pub(super) fn free_token(order_id: OrderId) -> Condition {
    Condition::default()
        .and("attribute_not_exists(tokenHash) OR orderId = :order")
        .value(":order", text(order_id.to_string()))
}

/// Whether entries can be stored in one transaction: it cannot touch an item twice.
pub(super) fn share_no_item(entries: &[Entry]) -> bool {
    let mut keys = BTreeSet::new();
    let mut tokens = BTreeSet::new();
    let mut epochs = BTreeMap::new();
    entries.iter().all(|entry| {
        let token = entry.value.token().map(|(token_hash, _)| token_hash);
        let place = entry.value.warehouse();
        keys.insert(&entry.key_hash)
            && token.is_none_or(|token| tokens.insert(token))
            && place.is_none_or(|(warehouse, epoch)| *epochs.entry(warehouse).or_insert(epoch) == epoch)
    })
}

/// The warehouse has no newer epoch.
pub(super) fn not_moved(epoch: u64) -> Condition {
    Condition::default().and("attribute_not_exists(epoch) OR epoch <= :epoch").value(":epoch", number(epoch))
}

pub(super) fn state_word(state: EntryState) -> &'static str {
    match state {
        EntryState::Open => "open",
        EntryState::Chosen => "chosen",
        EntryState::Closed => "closed",
    }
}
