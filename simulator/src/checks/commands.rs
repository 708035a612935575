//! What customers asked of orders that were there: their part of D1 to D4 and of H1. Whoever was told that it is done
//! can rely on it as on the order itself.

use super::Tally;
use super::case::Outcome;
use super::records::{OrderBook, Records};
use contracts::ids::OrderId;
use contracts::order::{Order, OrderStatus, StatusChange};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One request about an order, as the customer saw it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Command {
    /// What was asked.
    pub kind: CommandKind,
    /// Of which order.
    pub order_id: OrderId,
    /// The key of the request.
    pub idempotency_key: String,
    /// The reason that the customer gave. It names the key, and ends the reason of the step that the command made.
    pub reason: String,
    /// When it was sent.
    pub sent_ms: i64,
    /// When the answer was complete.
    pub answered_ms: Option<i64>,
    /// What the answer means.
    pub outcome: Outcome,
    /// The status of the order in the answer.
    pub order_status: Option<OrderStatus>,
    /// The version of the order in the answer.
    pub order_version: Option<u64>,
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandKind {
    /// To cancel the order; once it is being packed, only to let the shop know of the wish.
    Cancel,
    /// To send goods back.
    Return,
}

impl fmt::Display for CommandKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CommandKind::Cancel => "cancellation",
            CommandKind::Return => "return",
        })
    }
}

impl Command {
    /// The key of its journal entry.
    pub(super) fn journal_key(&self) -> String {
        format!("{}#command:{}", self.order_id, self.idempotency_key)
    }

    fn acknowledged(&self) -> bool {
        self.outcome == Outcome::Acknowledged
    }

    /// Whether the customer was told that the order is cancelled, and not only that the shop knows of the wish.
    pub(super) fn told_cancelled(&self) -> bool {
        let over = matches!(self.order_status, Some(OrderStatus::Cancelling | OrderStatus::Cancelled));
        self.kind == CommandKind::Cancel && self.acknowledged() && over
    }

    /// The steps that it made.
    fn steps<'o>(&self, order: &'o Order) -> impl Iterator<Item = &'o StatusChange> {
        let made = |step: &&StatusChange| step.reason.as_ref().is_some_and(|why| why.ends_with(&self.reason));
        order.history.iter().filter(made)
    }

    /// How many steps it made in the order as its readers see it.
    fn effects(&self, book: &OrderBook) -> usize {
        book.winner(&self.order_id).map_or(0, |row| self.steps(&row.order).count())
    }
}

/// D1: each acknowledged command is done in a survivor, and stands.
pub(super) fn kept(records: &Records<'_>, tally: &mut Tally) {
    for command in records.case.commands.iter().filter(|command| command.acknowledged()) {
        let fault = match records.survivors.winner(&command.order_id) {
            None => {
                Some(format!("a {} was acknowledged, and its order is in no surviving region", command.kind))
            }
            Some(row) => undone(command, &row.order),
        };
        tally.demand(fault.is_none(), command.order_id, || fault.unwrap_or_default());
    }
}

/// What is missing of an acknowledged command.
fn undone(command: &Command, order: &Order) -> Option<String> {
    let kind = command.kind;
    let Some(step) = command.steps(order).next() else {
        return Some(format!("a {kind} was acknowledged, and the order does not show it"));
    };
    let cancelled = step.status == OrderStatus::Cancelling || command.told_cancelled();
    let stands = matches!(order.status, OrderStatus::Cancelling | OrderStatus::Cancelled);
    match kind {
        CommandKind::Cancel if cancelled && !stands => {
            Some(format!("a cancellation was acknowledged, and the order went on to {}", order.status))
        }
        CommandKind::Return if step.status != OrderStatus::ReturnRequested => {
            Some(format!("a return was acknowledged, and the order was {}", step.status))
        }
        _ => None,
    }
}

/// D2: the moments by which the copies of each acknowledged command are judged: when it was sent first, and when it was
/// acknowledged first.
pub(super) fn promised(records: &Records<'_>) -> BTreeMap<String, (OrderId, i64, i64)> {
    let mut promised: BTreeMap<String, (OrderId, i64, i64)> = BTreeMap::new();
    for command in records.case.commands.iter().filter(|command| command.acknowledged()) {
        let Some(answered_ms) = command.answered_ms else { continue };
        let first =
            promised.entry(command.journal_key()).or_insert((command.order_id, command.sent_ms, answered_ms));
        *first = (first.0, first.1.min(command.sent_ms), first.2.min(answered_ms));
    }
    promised
}

/// D3: a refused command did nothing, and nothing that was asked again under its key.
pub(super) fn refused_means_undone(records: &Records<'_>, tally: &mut Tally) {
    let commands = &records.case.commands;
    for refused in commands.iter().filter(|command| command.outcome == Outcome::Refused) {
        let done = refused.effects(&records.last) > 0;
        tally.demand(!done, refused.order_id, || {
            format!("a {} was refused, and the order shows it", refused.kind)
        });
    }
}

/// D4: no command was done twice, however often it was sent.
pub(super) fn done_once(records: &Records<'_>, tally: &mut Tally) {
    for command in &records.case.commands {
        let times = command.effects(&records.last);
        tally.demand(times <= 1, command.order_id, || format!("a {} was done {times} times", command.kind));
    }
}

/// H1: whether the customer was told that the order is cancelled.
pub(super) fn told_cancelled(records: &Records<'_>, order_id: &OrderId) -> bool {
    records.case.commands.iter().any(|command| command.order_id == *order_id && command.told_cancelled())
}
