//! D1 to D4 and D6: what was promised is there, once.

use super::Tally;
use super::case::{Attempt, Case, FaultFelt, Outcome};
use super::commands;
use super::orders::promised_id;
use super::records::{Copy, OrderBook, Records, origin};
use contracts::ids::{Continent, OrderId, Region, UserId};
use contracts::journal::EntryValue;
use contracts::order::{Order, OrderStatus};
use std::collections::{BTreeMap, BTreeSet};

fn acknowledged<'r>(records: &'r Records<'_>) -> impl Iterator<Item = &'r Attempt> {
    records.case.attempts.iter().filter(|attempt| attempt.outcome == Outcome::Acknowledged)
}

/// D1: each acknowledged order exists in a survivor with the acknowledged lines, address, prices and owner.
pub(super) fn kept(records: &Records<'_>, tally: &mut Tally) {
    if records.case.before_heal.is_empty() {
        return tally.absent("no region was dumped");
    }
    for attempt in acknowledged(records) {
        tally.looked();
        let order_id = promised_id(attempt);
        let journalled = records.survivors.journalled(&order_id);
        let row = records.survivors.winner(&order_id).map(|row| &row.order);
        if journalled.is_none() && row.is_none() {
            tally.broken("acknowledged, and in no surviving region", [order_id]);
        }
        if let Some(difference) = journalled.and_then(|order| journal_difference(attempt, order)) {
            tally.broken(format!("journalled with another {difference} than acknowledged"), [order_id]);
        }
        if let Some(difference) = row.and_then(|order| row_difference(attempt, order)) {
            tally.broken(format!("stored with another {difference} than acknowledged"), [order_id]);
        }
    }
    commands::kept(records, tally);
}

/// What of the promise the journal has otherwise. It holds version 1, so everything must be the same.
fn journal_difference(attempt: &Attempt, order: &Order) -> Option<&'static str> {
    let promised: BTreeSet<_> = attempt.lines.iter().map(|l| (l.product_id, l.quantity, l.price)).collect();
    let stored: BTreeSet<_> = order.products.iter().map(|l| (l.product_id, l.quantity, l.price)).collect();
    match () {
        () if promised != stored => Some("set of lines"),
        () if attempt.total != order.total => Some("total"),
        () => terms_difference(attempt, order),
    }
}

/// What of the promise a later version has otherwise. A smaller package may have shrunk the lines.
fn row_difference(attempt: &Attempt, order: &Order) -> Option<&'static str> {
    let packed = order.history.iter().any(|step| step.status == OrderStatus::Packaged);
    if !packed {
        return journal_difference(attempt, order);
    }
    let promised: BTreeMap<_, _> =
        attempt.lines.iter().map(|l| (l.product_id, (l.quantity, l.price))).collect();
    let within = order.products.iter().all(|line| {
        promised
            .get(&line.product_id)
            .is_some_and(|(units, price)| line.quantity <= *units && line.price == *price)
    });
    if within { terms_difference(attempt, order) } else { Some("set of lines") }
}

fn terms_difference(attempt: &Attempt, order: &Order) -> Option<&'static str> {
    let same_country = attempt.country.eq_ignore_ascii_case(&order.address.country);
    match () {
        () if attempt.user_id != order.user_id => Some("owner"),
        () if !same_country => Some("address"),
        () if attempt.delivery_price != order.delivery_price => Some("delivery price"),
        () if attempt.currency != order.currency => Some("currency"),
        () => None,
    }
}

/// D2: each acknowledged order, and each acknowledged command to one, has journal copies on two continents at the moment of the answer, or one
/// that survived where a continent was lost since. Where the lost copy is back it has the order too; one that only had
/// no power has kept its own.
pub(super) fn copied(records: &Records<'_>, tally: &mut Tally) {
    let dumps = records.case.last();
    if !super::records::has_table(dumps, "orders.journal") {
        return tally.absent("the order journal was not dumped");
    }
    records.last.report_unreadable("orders.journal", tally);
    for (order_id, attempts) in &records.attempts {
        let promised = attempts.iter().filter(|attempt| attempt.outcome == Outcome::Acknowledged);
        // The first promise counts; whoever asks again only hears of it again.
        let Some(answered_ms) = promised.filter_map(|attempt| attempt.answered_ms).min() else { continue };
        let sent_ms = attempts.iter().map(|attempt| attempt.sent_ms).min();
        let promise = Promise { order_id: *order_id, sent_ms, answered_ms };
        judge_promise(records.case, &promise, &copies_of_order(&records.last, order_id), tally);
    }
    let mut copies: BTreeMap<&str, Vec<&Copy>> = BTreeMap::new();
    let given = |copy: &&Copy| matches!(copy.value, EntryValue::Command { .. });
    for copy in records.last.commands.iter().filter(given) {
        copies.entry(&*copy.key_hash).or_default().push(copy);
    }
    for (key, (order_id, sent_ms, answered_ms)) in commands::promised(records) {
        let promise = Promise { order_id, sent_ms: Some(sent_ms), answered_ms };
        judge_promise(records.case, &promise, copies.get(&*key).map_or(&[], Vec::as_slice), tally);
    }
}

/// Something that a customer was told: an order, or a command to one.
struct Promise {
    order_id: OrderId,
    /// When it was asked for first.
    sent_ms: Option<i64>,
    /// When it was promised first.
    answered_ms: i64,
}

fn judge_promise(case: &Case, promise: &Promise, copies: &[&Copy], tally: &mut Tally) {
    let gone = case.gone_regions();
    let least = if gone.is_empty() { 2 } else { 1 };
    let before_loss = case.last_loss_ms().zip(promise.sent_ms).is_some_and(|(loss, sent)| sent <= loss);
    let must_have = before_loss.then(|| AfterLoss { least, back: back_since(case, &gone, promise.sent_ms) });
    match judge_copies(copies, promise.answered_ms, must_have.as_ref(), case.clocks_off_ms() > 0) {
        Copies::Enough => tally.looked(),
        Copies::Timeless => tally.cannot_tell(),
        Copies::TooFew(why) => {
            tally.looked();
            tally.broken(why, [promise.order_id]);
        }
    }
}

/// The copies that there must be of what was sent before data was lost.
struct AfterLoss<'c> {
    /// Their number.
    least: usize,
    /// The continents whose copy was lost after that and came back: it read all that the others held.
    back: BTreeSet<&'c Continent>,
}

fn back_since<'c>(case: &'c Case, gone: &BTreeSet<Region>, sent_ms: Option<i64>) -> BTreeSet<&'c Continent> {
    let lost = |loss: &FaultFelt| sent_ms.is_some_and(|sent_ms| sent_ms <= loss.at_ms);
    let back = |region: &&Region| !gone.contains(*region) && case.losses_of(region).any(lost);
    case.places.journal.iter().filter(back).filter_map(|region| case.places.regions.get(region)).collect()
}

fn copies_of_order<'b>(book: &'b OrderBook, order_id: &OrderId) -> Vec<&'b Copy> {
    let copies = book.journal.get(order_id).into_iter().flatten();
    copies.filter(|copy| matches!(copy.value, EntryValue::Order { .. })).collect()
}

enum Copies {
    Enough,
    /// A takeover wrote them again, or a region's clock was off, so that their time does not tell.
    Timeless,
    TooFew(String),
}

/// `after_loss` says which copies there must be now, where data was lost after the order was sent.
fn judge_copies(
    copies: &[&Copy],
    answered_ms: i64,
    after_loss: Option<&AfterLoss<'_>>,
    clocks_off: bool,
) -> Copies {
    let all = continents(copies.iter().copied());
    if let Some(AfterLoss { least, back }) = after_loss {
        return match all.len() {
            0 => Copies::TooFew("no copy in the journal survived".to_owned()),
            few if few < *least || !back.is_subset(&all) => {
                Copies::TooFew("the copy that came back does not have it again".to_owned())
            }
            _ => Copies::Enough,
        };
    }
    if clocks_off && all.len() >= 2 {
        return Copies::Timeless;
    }
    let in_time = |copy: &&Copy| copy.written_ms.is_some_and(|written| written <= answered_ms);
    let timely = continents(copies.iter().copied().filter(in_time));
    if timely.len() >= 2 {
        return Copies::Enough;
    }
    let rewritten =
        copies.iter().any(|copy| first_epoch(copy).is_some_and(|first| copy.ballot.epoch > first));
    match all.len() >= 2 && rewritten {
        true => Copies::Timeless,
        false => Copies::TooFew(format!(
            "continents with a copy when it was acknowledged: {}, now: {}",
            timely.len(),
            all.len()
        )),
    }
}

fn continents<'a>(copies: impl Iterator<Item = &'a Copy>) -> BTreeSet<&'a Continent> {
    copies.map(|copy| &copy.continent).collect()
}

/// The epoch in which the order was first accepted, or the command given.
fn first_epoch(copy: &Copy) -> Option<u64> {
    match &copy.value {
        EntryValue::Order { order, .. } | EntryValue::Command { order, .. } => Some(order.epoch),
        _ => None,
    }
}

/// D3: refused attempts made no order; ambiguous ones none or one.
pub(super) fn refused_means_none(records: &Records<'_>, tally: &mut Tally) {
    let by_origin = orders_by_origin(&records.last);
    for (order_id, attempts) in &records.attempts {
        for attempt in attempts.iter().filter(|attempt| attempt.outcome == Outcome::Refused) {
            tally.looked();
            if records.last.exists(order_id) && !made_by_another(attempt, attempts) {
                tally.broken("refused, and yet the order exists", [order_id]);
            }
        }
        for attempt in attempts.iter().filter(|attempt| attempt.outcome == Outcome::Ambiguous) {
            let origin = (attempt.user_id.clone(), attempt.idempotency_key.clone());
            let made = by_origin.get(&origin).map_or(0, BTreeSet::len);
            tally.demand(made <= 1, order_id, || format!("an ambiguous attempt made {made} orders"));
        }
    }
    commands::refused_means_undone(records, tally);
}

/// Whether an attempt with the same key and another body may have made the order.
fn made_by_another(refused: &Attempt, attempts: &[&Attempt]) -> bool {
    attempts.iter().any(|other| other.body_hash != refused.body_hash && other.outcome != Outcome::Refused)
}

/// The distinct orders of each customer and key.
pub(super) fn orders_by_origin(book: &OrderBook) -> BTreeMap<(UserId, String), BTreeSet<OrderId>> {
    let mut by_origin: BTreeMap<_, BTreeSet<OrderId>> = BTreeMap::new();
    let rows = book.rows.values().flatten().map(|row| &row.order);
    let journalled = book.journal.keys().filter_map(|order_id| book.journalled(order_id));
    for order in rows.chain(journalled) {
        by_origin.entry(origin(order)).or_default().insert(order.order_id);
    }
    by_origin
}

/// D4: at most one order for a customer and key; equal keys with different bodies never both succeed.
pub(super) fn one_per_key(records: &Records<'_>, tally: &mut Tally) {
    for orders in orders_by_origin(&records.last).values() {
        tally.looked();
        if orders.len() > 1 {
            tally.broken("one customer and key made several orders", orders);
        }
    }
    for (order_id, attempts) in &records.attempts {
        let succeeded = attempts.iter().filter(|attempt| attempt.outcome == Outcome::Acknowledged);
        let bodies: BTreeSet<&str> = succeeded.clone().map(|attempt| attempt.body_hash.as_str()).collect();
        if bodies.len() > 1 {
            tally.broken("two different bodies under one key were both acknowledged", [order_id]);
        }
        let named: BTreeSet<OrderId> = succeeded.filter_map(|attempt| attempt.order_id).collect();
        if named.len() > 1 || named.iter().any(|named| named != order_id) {
            tally.broken("the answers under one key name another order", &named);
        }
    }
    commands::done_once(records, tally);
    one_value_per_entry(records, tally);
    one_value_per_ballot(records, tally);
}

/// No two copies of a journal entry have chosen different values.
fn one_value_per_entry(records: &Records<'_>, tally: &mut Tally) {
    let settled = records.last.entries().filter(|copy| copy.settled());
    let values = values_at(settled, |copy| (&copy.shard, &copy.key_hash));
    one_value_each(values, tally, |_| "the journal chose two values for one key".to_owned());
}

/// No two copies of a journal entry hold different values under one ballot, chosen or not: whoever recovers the entry
/// takes equal ballots for equal values.
fn one_value_per_ballot(records: &Records<'_>, tally: &mut Tally) {
    let values = values_at(records.last.entries(), |copy| (&copy.shard, &copy.key_hash, &copy.ballot));
    one_value_each(values, tally, |(_, _, ballot)| format!("two values were written under ballot {ballot}"));
}

/// By where copies stand: the hashes of their values, each with its order.
type Values<'r, P> = BTreeMap<P, BTreeMap<&'r str, OrderId>>;

fn values_at<'r, P: Ord>(
    copies: impl Iterator<Item = &'r Copy>,
    place: impl Fn(&'r Copy) -> P,
) -> Values<'r, P> {
    let mut values = Values::new();
    for copy in copies {
        values.entry(place(copy)).or_default().insert(&*copy.value_hash, copy.value.order_id());
    }
    values
}

fn one_value_each<P>(values: Values<'_, P>, tally: &mut Tally, why: impl Fn(&P) -> String) {
    for (place, values) in &values {
        tally.looked();
        if values.len() > 1 {
            tally.broken(why(place), values.values());
        }
    }
}

/// D6: no order exists without a matching attempt.
pub(super) fn no_stranger(records: &Records<'_>, tally: &mut Tally) {
    for order_id in records.last.existing() {
        let known = records.attempts.contains_key(&order_id);
        tally.demand(known, order_id, || "the order exists, and nobody asked for it".to_owned());
    }
}
