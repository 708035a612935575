//! Counts of orders, for goals and the report.

use super::case::{Case, Outcome};
use super::records::{Records, order_of};
use contracts::ids::OrderId;
use contracts::order::{Order, OrderStatus};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

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

/// Counts the attempts, and the orders that were lost or doubled.
pub fn count_orders(case: &Case) -> OrderCounts {
    let records = Records::read(case);
    let with = |outcome: Outcome| case.attempts.iter().filter(move |attempt| attempt.outcome == outcome);
    let promised: BTreeSet<OrderId> = with(Outcome::Acknowledged).map(order_of).collect();
    let lost: BTreeSet<&OrderId> = promised.iter().filter(|id| !records.survivors.exists(id)).collect();
    let loss_ms = case.first_loss_ms();
    let before_loss = |id: &OrderId| {
        let answered = records.attempts[id].iter().filter_map(|attempt| attempt.answered_ms).min();
        loss_ms.is_some_and(|loss| answered.is_some_and(|answered| answered <= loss))
    };
    let backordered = records.last.winners().map(|row| &row.order).filter(|order| waited(order));
    let backordered: Vec<&Order> = backordered.collect();
    OrderCounts {
        attempted: case.attempts.len() as u64,
        acknowledged: promised.len() as u64,
        refused: with(Outcome::Refused).count() as u64,
        ambiguous: with(Outcome::Ambiguous).count() as u64,
        lost: lost.len() as u64,
        duplicated: duplicates(&records),
        lost_at_disaster: lost.iter().filter(|id| before_loss(id)).count() as u64,
        backordered: backordered.len() as u64,
        served_later: backordered.iter().filter(|order| served_later(order)).count() as u64,
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
