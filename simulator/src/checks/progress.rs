//! G1 to G3: orders come to an end, by legal steps, without a person.

use super::Tally;
use super::case::Outcome;
use super::orders::promised_id;
use super::records::Records;
use super::shipping;
use super::stock::Shelves;
use contracts::ids::OrderId;
use contracts::order::{Order, OrderStatus};
use contracts::states::{BEGINNINGS, may_follow};
use std::collections::BTreeSet;

/// G1: within the time allowed every order is settled, or waits in a status that allows it.
pub(super) fn settled(records: &Records<'_>, tally: &mut Tally) {
    let Some(settling) = records.case.settling else {
        return tally.absent("the run was not given time to settle");
    };
    if !settling.robots_worked {
        return tally.absent("nobody packed and delivered");
    }
    let in_time = settling.dumped_ms - settling.began_ms < settling.allowed_ms;
    let shelves = Shelves::read(records);
    for order_id in due(records) {
        match unsettled(records, &order_id, &shelves) {
            None => tally.looked(),
            Some(_) if in_time => {
                tally.cannot_tell();
                tally.absent("the run ended before every order had its time");
            }
            Some(why) => {
                tally.looked();
                tally.broken(why, [order_id]);
            }
        }
    }
}

/// Every order that exists, and every one that was promised.
fn due(records: &Records<'_>) -> BTreeSet<OrderId> {
    let promised = records.case.attempts.iter().filter(|attempt| attempt.outcome == Outcome::Acknowledged);
    records.last.existing().chain(promised.map(promised_id)).collect()
}

fn unsettled(records: &Records<'_>, order_id: &OrderId, shelves: &Shelves) -> Option<String> {
    let Some(row) = records.last.winner(order_id) else {
        return Some("nothing became of the order: it has no row in any region".to_owned());
    };
    let order = &row.order;
    if order.status == OrderStatus::AgeReview && shipping::age_is_known(records, order) {
        return Some("it waits for a proof of age, and the verdict is there".to_owned());
    }
    if order.status == OrderStatus::ReturnRequested && shipping::came_back(records, order_id).is_some() {
        return Some("it waits for goods that are back".to_owned());
    }
    if order.status == OrderStatus::Backordered
        && let Some(warehouse) = shelves.serving(order)
    {
        return Some(format!("it waits for goods that lie in {warehouse}"));
    }
    let fine = order.settled() || order.status.may_wait();
    (!fine).then(|| {
        let (status, payment, stock) = (order.status, order.payment_state, order.stock_state);
        format!("not settled: {status}, payment {payment}, stock {stock}")
    })
}

/// G2: along the winning branch the history is a path, versions are 1..n, epochs never decrease.
pub(super) fn legal_history(records: &Records<'_>, tally: &mut Tally) {
    records.last.report_unreadable("orders", tally);
    for row in records.last.winners() {
        let fault = history_fault(&row.order);
        tally.demand(fault.is_none(), row.order.order_id, || fault.unwrap_or_default());
    }
}

fn history_fault(order: &Order) -> Option<String> {
    let Some(first) = order.history.first() else { return Some("the history is empty".to_owned()) };
    if !BEGINNINGS.contains(&first.status) {
        return Some(format!("the history begins with {}", first.status));
    }
    for (step, version) in order.history.iter().zip(1..) {
        if step.version != version {
            return Some(format!("version {} stands where {version} should", step.version));
        }
    }
    for pair in order.history.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        if !may_follow(before.status, after.status) {
            return Some(format!("{} was followed by {}", before.status, after.status));
        }
        if after.epoch < before.epoch {
            return Some(format!("epoch {} was followed by {}", before.epoch, after.epoch));
        }
    }
    end_fault(order)
}

fn end_fault(order: &Order) -> Option<String> {
    let last = order.history.last()?;
    match () {
        () if last.version != order.version => {
            Some(format!("the order is at version {}, its history at {}", order.version, last.version))
        }
        () if last.status != order.status => {
            Some(format!("the order is {}, its history says {}", order.status, last.status))
        }
        () if order.epoch < last.epoch => {
            Some(format!("the order is of epoch {}, its last step of {}", order.epoch, last.epoch))
        }
        () => None,
    }
}

/// G3: no order needs a person, and no event is parked, unless the plan of faults meant it.
pub(super) fn no_attention(records: &Records<'_>, tally: &mut Tally) {
    let planned = records.case.rules.attention_planned;
    let mut note = |trouble: bool, id: String, message: &str| match trouble && planned {
        true => tally.cannot_tell(),
        false => tally.demand(!trouble, id, || message.to_owned()),
    };
    for row in records.last.winners() {
        note(row.order.attention, row.order.order_id.to_string(), "the order needs a person");
    }
    for event in records.case.parked.iter().flatten() {
        let message = format!("an event for {} is parked in {}", event.consumer, event.region);
        note(true, event.event_id.clone(), &message);
    }
}
