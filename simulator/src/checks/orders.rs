//! Counts of orders, for goals and the report.

use super::case::{Attempt, Case, Outcome};
use super::records::{Records, order_of};
use contracts::ids::OrderId;
use contracts::order::{Order, OrderStatus};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of the attempts to order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderCounts {
    /// Attempts made.
    pub attempted: u64,
    /// Distinct orders that were promised to a customer.
    pub acknowledged: u64,
    /// Attempts that were refused.
    pub refused: u64,
    /// Attempts whose fate the customer could not know.
    pub ambiguous: u64,
    /// Orders that were promised and that no survivor has.
    pub lost: u64,
    /// Orders too many: more than one for the same customer and key.
    pub duplicated: u64,
    /// Orders that were promised before the first loss of data and that no survivor has.
    pub lost_at_disaster: u64,
    /// Orders that waited for goods which had run out.
    pub backordered: u64,
    /// Of these, orders for which goods came in.
    pub served_later: u64,
}

impl OrderCounts {
    /// Counts the attempts, and of the promised orders those that are `lost`.
    pub(super) fn of(case: &Case, lost: impl Fn(&OrderId) -> bool) -> OrderCounts {
        let with = |outcome: Outcome| case.attempts.iter().filter(move |attempt| attempt.outcome == outcome);
        // By when the first customer was told.
        let mut promised: BTreeMap<OrderId, i64> = BTreeMap::new();
        for attempt in with(Outcome::Acknowledged) {
            let told_ms = attempt.answered_ms.unwrap_or(i64::MAX);
            promised
                .entry(promised_id(attempt))
                .and_modify(|first| *first = told_ms.min(*first))
                .or_insert(told_ms);
        }
        let lost: Vec<i64> =
            promised.iter().filter(|(id, _)| lost(id)).map(|(_, told_ms)| *told_ms).collect();
        let loss_ms = case.first_loss_ms();
        let before_loss = |told_ms: &&i64| loss_ms.is_some_and(|loss_ms| **told_ms <= loss_ms);
        OrderCounts {
            attempted: case.attempts.len() as u64,
            acknowledged: promised.len() as u64,
            refused: with(Outcome::Refused).count() as u64,
            ambiguous: with(Outcome::Ambiguous).count() as u64,
            lost: lost.len() as u64,
            lost_at_disaster: lost.iter().filter(before_loss).count() as u64,
            ..OrderCounts::default()
        }
    }
}

/// The order that a customer was promised.
pub(super) fn promised_id(attempt: &Attempt) -> OrderId {
    attempt.order_id.unwrap_or_else(|| order_of(attempt))
}

/// Counts the attempts, and the orders that were lost or doubled.
pub fn count_orders(case: &Case) -> OrderCounts {
    let records = Records::read(case);
    let backordered = records.last.winners().map(|row| &row.order).filter(|order| waited(order));
    let backordered: Vec<&Order> = backordered.collect();
    OrderCounts {
        duplicated: duplicates(&records),
        backordered: backordered.len() as u64,
        served_later: backordered.iter().filter(|order| served_later(order)).count() as u64,
        ..OrderCounts::of(case, |id| !records.survivors.exists(id))
    }
}

fn waited(order: &Order) -> bool {
    order.history.iter().any(|step| step.status == OrderStatus::Backordered)
}

/// Whether an order that waited for goods went on when they were there.
fn served_later(order: &Order) -> bool {
    let served = (OrderStatus::Backordered, OrderStatus::New);
    order.history.windows(2).any(|pair| (pair[0].status, pair[1].status) == served)
}

/// Orders beyond the first of each customer and key.
fn duplicates(records: &Records<'_>) -> u64 {
    let by_origin = super::durability::orders_by_origin(&records.last);
    by_origin.values().map(|orders| orders.len() as u64 - 1).sum()
}
