//! P1 to P4: what the payment provider did, against what the orders say.

use super::Tally;
use super::case::{CapturePolicy, CarrierEntry, ProviderEntry};
use super::records::{Records, all_items, never_left_review, order_in};
use contracts::ids::OrderId;
use contracts::journal::EntryValue;
use contracts::keys;
use contracts::order::{Order, OrderStatus};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that took effect at the provider, by order and by token.
pub(super) struct ProviderBook<'c> {
    pub(super) by_order: BTreeMap<OrderId, Vec<&'c ProviderEntry>>,
    pub(super) by_token: BTreeMap<&'c str, Vec<&'c ProviderEntry>>,
    /// The order that each token is bound to, as far as known.
    pub(super) order_of_token: BTreeMap<&'c str, OrderId>,
}

impl<'c> ProviderBook<'c> {
    /// `None` where the provider's ledger was not collected.
    pub(super) fn read(records: &Records<'c>) -> Option<Self> {
        let entries = records.case.provider.as_ref()?;
        let bound = bindings(records);
        let mut book = ProviderBook {
            by_order: BTreeMap::new(),
            by_token: BTreeMap::new(),
            order_of_token: BTreeMap::new(),
        };
        for entry in entries.iter().filter(|entry| entry.ok && !entry.replayed) {
            let order_id = order_of_entry(entry, &bound);
            book.by_token.entry(&entry.token).or_default().push(entry);
            if let Some(order_id) = order_id {
                book.by_order.entry(order_id).or_default().push(entry);
                book.order_of_token.entry(&entry.token).or_insert(order_id);
            }
        }
        Some(book)
    }

    /// The sum of one kind of operation for an order, minor units.
    pub(super) fn sum(&self, order_id: &OrderId, operation: &str) -> i64 {
        of_kind(self.by_order.get(order_id), operation).map(|entry| entry.amount).sum()
    }
}

fn of_kind<'a, 'c: 'a>(
    entries: Option<&'a Vec<&'c ProviderEntry>>,
    operation: &'a str,
) -> impl Iterator<Item = &'c ProviderEntry> + 'a {
    entries.into_iter().flatten().copied().filter(move |entry| entry.operation == operation)
}

fn order_of_entry(entry: &ProviderEntry, bound: &BTreeMap<String, OrderId>) -> Option<OrderId> {
    let named = entry.key.as_deref().and_then(order_in);
    named.or_else(|| bound.get(&keys::token_hash(&entry.token)).copied())
}

/// Token hashes with the order that they pay, from the journal and from the bindings beside it.
fn bindings(records: &Records<'_>) -> BTreeMap<String, OrderId> {
    let mut bound = BTreeMap::new();
    for (_, item) in all_items(records.case.last(), "orders.tokens") {
        let hash = item["tokenHash"].as_str();
        let order = item["orderId"].as_str().and_then(|id| id.parse().ok());
        bound.extend(hash.map(str::to_owned).zip(order));
    }
    for order_id in records.last.journal.keys() {
        bound.extend(journalled_token(records, order_id).map(|hash| (hash, *order_id)));
    }
    bound
}

/// The hash of the token that an order was accepted with.
pub(super) fn journalled_token(records: &Records<'_>, order_id: &OrderId) -> Option<String> {
    match &records.last.decided(order_id)?.value {
        EntryValue::Order { token_hash, .. } => Some(token_hash.clone()),
        _ => None,
    }
}

const NO_PROVIDER: &str = "the provider's ledger was not collected";

/// P1: captured at most once per order, and never more than authorised.
pub(super) fn captured_once(records: &Records<'_>, tally: &mut Tally) {
    let Some(book) = ProviderBook::read(records) else { return tally.absent(NO_PROVIDER) };
    for (order_id, entries) in &book.by_order {
        let captures = of_kind(Some(entries), "capture").count();
        if captures > 0 {
            tally.demand(captures == 1, order_id, || format!("the money was taken {captures} times"));
        }
    }
    for (token, entries) in &book.by_token {
        if let Some((taken, authorised)) = overdrawn(entries) {
            let who = book.order_of_token.get(token).map_or("(no order)".to_owned(), OrderId::to_string);
            tally.broken(format!("{taken} was taken, {authorised} was authorised"), [who]);
        }
    }
}

/// Where more was captured by one token than it was authorised for at that moment: both amounts.
fn overdrawn(entries: &[&ProviderEntry]) -> Option<(i64, i64)> {
    let (mut authorised, mut captured) = (0, 0);
    for entry in entries {
        match entry.operation.as_str() {
            "preauth" | "update" => authorised = entry.amount,
            "capture" => captured += entry.amount,
            _ => {}
        }
        if captured > authorised {
            return Some((captured, authorised));
        }
    }
    None
}

/// P2: what was captured is the order's total at that moment; every total is the sum of its lines.
pub(super) fn captured_total(records: &Records<'_>, tally: &mut Tally) {
    let Some(book) = ProviderBook::read(records) else { return tally.absent(NO_PROVIDER) };
    let published = published_totals(records);
    for row in records.last.winners() {
        let order = &row.order;
        let sum = Order::computed_total(&order.products, order.delivery_price);
        tally.demand(sum == Some(order.total), order.order_id, || {
            format!("the total is {}, its lines and delivery come to {sum:?}", order.total)
        });
        for capture in of_kind(book.by_order.get(&order.order_id), "capture") {
            if never_left_review(order) {
                tally.broken("paid, and its customer's age was never known", [order.order_id]);
            }
            let refunded = book.sum(&order.order_id, "refund");
            let reduced_later = capture.amount == order.total + refunded;
            let was_total =
                published.get(&order.order_id).is_some_and(|totals| totals.contains(&capture.amount));
            let right = capture.amount == order.total || reduced_later || (refunded > 0 && was_total);
            tally.demand(right, order.order_id, || {
                format!("{} was taken for a total of {}", capture.amount, order.total)
            });
        }
    }
}

/// Every total that an order ever had, as far as it was journalled or published.
fn published_totals(records: &Records<'_>) -> BTreeMap<OrderId, BTreeSet<i64>> {
    let mut totals: BTreeMap<OrderId, BTreeSet<i64>> = BTreeMap::new();
    let journalled = records.last.journal.keys().filter_map(|order_id| records.last.journalled(order_id));
    for order in journalled {
        totals.entry(order.order_id).or_default().insert(order.total);
    }
    let events = records.case.taps.iter().flatten().flat_map(|tap| &tap.events);
    for snapshot in events.map(|event| &event["detail"]["new"]) {
        let order_id = snapshot["orderId"].as_str().and_then(|id| id.parse().ok());
        if let Some((order_id, total)) = order_id.zip(snapshot["total"].as_i64()) {
            totals.entry(order_id).or_default().insert(total);
        }
    }
    totals
}

/// P3: no more refunded than captured; a token both voided and captured is refunded whole.
pub(super) fn refunds_within(records: &Records<'_>, tally: &mut Tally) {
    let Some(book) = ProviderBook::read(records) else { return tally.absent(NO_PROVIDER) };
    for order_id in book.by_order.keys() {
        let (captured, refunded) = (book.sum(order_id, "capture"), book.sum(order_id, "refund"));
        tally.demand(refunded <= captured, order_id, || format!("{refunded} was refunded of {captured}"));
    }
    for (token, entries) in &book.by_token {
        let sum = |kind: &str| of_kind(Some(entries), kind).map(|entry| entry.amount).sum::<i64>();
        let voided = of_kind(Some(entries), "void").next().is_some();
        let (captured, refunded) = (sum("capture"), sum("refund"));
        if voided && captured > refunded {
            let who = book.order_of_token.get(token).map_or("(no order)".to_owned(), OrderId::to_string);
            tally.broken(format!("voided, and {captured} taken, with {refunded} given back"), [who]);
        }
    }
}

/// P4: no parcel left before its order was paid (or, where money is taken on delivery, authorised).
pub(super) fn paid_before_dispatch(records: &Records<'_>, tally: &mut Tally) {
    let Some(book) = ProviderBook::read(records) else { return tally.absent(NO_PROVIDER) };
    let Some(carrier) = &records.case.carrier else {
        return tally.absent("the carrier's ledger was not collected");
    };
    for dispatch in carrier.iter().filter(|entry| entry.kind == "dispatched") {
        let Some(order_id) = dispatch.order_id.or_else(|| order_in(&dispatch.key)) else { continue };
        let fault = match records.case.rules.capture {
            CapturePolicy::OnDispatch => unpaid(&book, &order_id, dispatch),
            CapturePolicy::OnDelivery => uncovered(records, &book, &order_id, dispatch),
        };
        tally.demand(fault.is_none(), order_id, || fault.unwrap_or_default());
    }
    for row in records.last.winners() {
        if let Some(fault) = shipped_before_paid(records.case.rules.capture, &row.order) {
            tally.broken(fault, [row.order.order_id]);
        }
    }
}

fn unpaid(book: &ProviderBook<'_>, order_id: &OrderId, dispatch: &CarrierEntry) -> Option<String> {
    let captures = of_kind(book.by_order.get(order_id), "capture");
    match captures.map(|capture| capture.at_ms).min() {
        None => Some("a parcel left, and the money was never taken".to_owned()),
        Some(at_ms) if at_ms > dispatch.at_ms => {
            Some(format!("a parcel left {} ms before the money was taken", at_ms - dispatch.at_ms))
        }
        Some(_) => None,
    }
}

/// With money on delivery: the authorisation that stood when the parcel left must cover the total.
fn uncovered(
    records: &Records<'_>,
    book: &ProviderBook<'_>,
    order_id: &OrderId,
    dispatch: &CarrierEntry,
) -> Option<String> {
    let total = records.last.winner(order_id)?.order.total;
    let mut live = 0;
    for entry in book.by_order.get(order_id).into_iter().flatten().filter(|e| e.at_ms <= dispatch.at_ms) {
        match entry.operation.as_str() {
            "preauth" | "update" => live = entry.amount,
            "void" => live = 0,
            _ => {}
        }
    }
    (live < total).then(|| format!("a parcel of {total} left with {live} authorised"))
}

/// The same by version order: PAID stands before SHIPPED.
fn shipped_before_paid(policy: CapturePolicy, order: &Order) -> Option<String> {
    let at = |status| order.history.iter().position(|step| step.status == status);
    let shipped = at(OrderStatus::Shipped)?;
    let paid = at(OrderStatus::Paid);
    let wrong = policy == CapturePolicy::OnDispatch && paid.is_none_or(|paid| paid > shipped);
    wrong.then(|| "the order was shipped before it was paid".to_owned())
}

/// A text field of an item, empty where absent.
pub(super) fn text<'v>(item: &'v Value, name: &str) -> &'v str {
    item[name].as_str().unwrap_or_default()
}
