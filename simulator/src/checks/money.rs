//! P5 to P7: what customers paid in the end, which token paid what, and whether the books agree.

use super::Tally;
use super::case::ProviderEntry;
use super::payment::{ProviderBook, journalled_token, text};
use super::records::{Records, all_items, has_table, order_in};
use super::shipping;
use contracts::ids::OrderId;
use contracts::order::{Order, OrderStatus};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const NO_PROVIDER: &str = "the provider's ledger was not collected";

/// P5: net money by how the order ended.
pub(super) fn net(records: &Records<'_>, tally: &mut Tally) {
    let Some(book) = ProviderBook::read(records) else { return tally.absent(NO_PROVIDER) };
    for order in records.last.winners().map(|row| &row.order).filter(|order| at_rest(order)) {
        let net = book.sum(&order.order_id, "capture") - book.sum(&order.order_id, "refund");
        match due(order) {
            Some(due) => tally.demand(net == due, order.order_id, || {
                format!("{} with {net} paid in the end instead of {due}", order.status)
            }),
            None => tally.cannot_tell(),
        }
        if order.status == OrderStatus::Returned {
            as_came_back(records, order, tally);
        }
    }
}

/// What an order says that came back is what a courier brought.
fn as_came_back(records: &Records<'_>, order: &Order, tally: &mut Tally) {
    match shipping::came_back(records, &order.order_id) {
        Some(brought) => tally.demand(brought == order.returned, order.order_id, || {
            "the money is back for other goods than came back".to_owned()
        }),
        // The region to which the courier reported may be lost with what it knew.
        None if records.lost_data() => tally.cannot_tell(),
        None => tally.broken("returned, and no courier brought anything back", [order.order_id]),
    }
}

/// Whether no money moves any more, unless something comes back.
fn at_rest(order: &Order) -> bool {
    let waits = order.status == OrderStatus::ReturnRequested && order.payment_state.is_final();
    order.settled() || waits
}

/// What must have been paid in the end, minor units, where the status alone tells.
fn due(order: &Order) -> Option<i64> {
    match order.status {
        // Nothing is paid back for goods that have not come back.
        OrderStatus::Fulfilled | OrderStatus::ReturnRequested => Some(order.total),
        OrderStatus::Cancelled | OrderStatus::PackagingFailed | OrderStatus::DeliveryFailed => Some(0),
        OrderStatus::Returned => Some(order.total - order.returned_value()),
        _ => None,
    }
}

/// P6: a token pays one order; no authorisation is left on a settled order.
pub(super) fn tokens(records: &Records<'_>, tally: &mut Tally) {
    let Some(book) = ProviderBook::read(records) else { return tally.absent(NO_PROVIDER) };
    for orders in orders_by_token(records, &book).values() {
        tally.looked();
        if orders.len() > 1 {
            tally.broken("one payment token pays several orders", orders);
        }
    }
    for (token, entries) in &book.by_token {
        let Some(order_id) = book.order_of_token.get(token) else { continue };
        let settled = records.last.winner(order_id).is_some_and(|row| row.order.settled());
        if settled {
            let over = entries.iter().any(|entry| matches!(entry.operation.as_str(), "capture" | "void"));
            tally.demand(over, order_id, || "settled, and money is still held on the card".to_owned());
        }
    }
}

/// The existing orders of each token: by the journal, by the bindings and by what the provider was asked.
fn orders_by_token(records: &Records<'_>, book: &ProviderBook<'_>) -> BTreeMap<String, BTreeSet<OrderId>> {
    let mut by_token: BTreeMap<String, BTreeSet<OrderId>> = BTreeMap::new();
    for order_id in records.last.journal.keys().filter(|id| records.last.journalled(id).is_some()) {
        if let Some(hash) = journalled_token(records, order_id) {
            by_token.entry(hash).or_default().insert(*order_id);
        }
    }
    for (_, item) in all_items(records.case.last(), "orders.tokens") {
        let order_id = text(item, "orderId").parse::<OrderId>().ok();
        // A binding of an order that was never made says nothing: its entry lost to another.
        if let Some(order_id) = order_id.filter(|id| records.last.rows.contains_key(id)) {
            by_token.entry(text(item, "tokenHash").to_owned()).or_default().insert(order_id);
        }
    }
    for (token, entries) in &book.by_token {
        let named = entries.iter().filter_map(|entry| order_in(entry.key.as_deref()?));
        by_token.entry(contracts::keys::token_hash(token)).or_default().extend(named);
    }
    by_token
}

/// P7: our payment ledger and the provider's agree entry by entry.
pub(super) fn books_agree(records: &Records<'_>, tally: &mut Tally) {
    let dumps = records.case.last();
    if !has_table(dumps, "payment.ledger") {
        return tally.absent("the payment ledger was not dumped");
    }
    let Some(provider) = &records.case.provider else { return tally.absent(NO_PROVIDER) };
    let theirs: Vec<&ProviderEntry> = provider.iter().filter(|entry| entry.ok && !entry.replayed).collect();
    let ours: BTreeSet<Line> =
        all_items(dumps, "payment.ledger").filter_map(|(_, row)| confirmed(row)).collect();
    ours_are_theirs(&ours, &theirs, tally);
    theirs_are_ours(records, &ours, &theirs, tally);
}

/// An effect in either ledger: key, operation, amount and the provider's reference.
type Line = (String, String, i64, String);

/// A row of ours that the provider confirmed: it took effect and has the provider's reference.
fn confirmed(row: &Value) -> Option<Line> {
    if text(row, "outcome") == "REFUSED" {
        return None;
    }
    let reference = row["reference"].as_str().filter(|reference| !reference.is_empty())?;
    let amount = row["amount"].as_i64().unwrap_or_default();
    Some((text(row, "key").to_owned(), text(row, "operation").to_lowercase(), amount, reference.to_owned()))
}

fn line(entry: &ProviderEntry) -> Line {
    let key = entry.key.clone().unwrap_or_default();
    (key, entry.operation.clone(), entry.amount, entry.reference.clone().unwrap_or_default())
}

fn ours_are_theirs(ours: &BTreeSet<Line>, theirs: &[&ProviderEntry], tally: &mut Tally) {
    let theirs: BTreeSet<Line> = theirs.iter().map(|entry| line(entry)).collect();
    for line in ours {
        tally.demand(theirs.contains(line), &line.0, || {
            format!("our ledger has a {} of {} that the provider has not, or has otherwise", line.1, line.2)
        });
    }
}

/// Effects with a key are ours to account for; authorisations are made by customers, without one.
fn theirs_are_ours(
    records: &Records<'_>,
    ours: &BTreeSet<Line>,
    theirs: &[&ProviderEntry],
    tally: &mut Tally,
) {
    let effects =
        theirs.iter().filter(|entry| matches!(entry.operation.as_str(), "capture" | "void" | "refund"));
    for entry in effects {
        let line = line(entry);
        match ours.contains(&line) {
            true => tally.looked(),
            // The row may have died with its region; the provider's own line is what remains.
            false if records.lost_data() && known_before_loss(records, entry) => tally.cannot_tell(),
            false => {
                tally.looked();
                let message = format!("the provider has a {} of {} that our ledger has not", line.1, line.2);
                tally.broken(message, [line.0]);
            }
        }
    }
}

/// Whether an effect happened before data was lost, with some seconds for answers on their way.
fn known_before_loss(records: &Records<'_>, entry: &ProviderEntry) -> bool {
    const ON_THEIR_WAY_MS: i64 = 2_000;
    let last_loss =
        records.case.faults.iter().filter(|fault| fault.loses_data()).map(|fault| fault.at_ms).max();
    last_loss.is_some_and(|loss| entry.at_ms <= loss + ON_THEIR_WAY_MS)
}
