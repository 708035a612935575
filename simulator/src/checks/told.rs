//! E1 beyond orders: rows that tell of something as soon as they are stored: a customer, an authorisation, a refusal, goods
//! that are kept and goods that went back.

use super::Tally;
use super::payment::text;
use super::records::{Records, all_items};
use contracts::events::Happening;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A detail type, and what names the one event that is meant.
type Told = (&'static str, String);
/// What a row tells of.
type Tells = fn(&Value) -> Option<Told>;

const ROWS: [(&str, Tells); 5] = [
    ("users.profiles", customer),
    ("payment", authorisation),
    ("warehouse.refusals", refusal),
    ("warehouse.reservations", kept),
    ("warehouse.reservations", given_back),
];

/// For every such row the tap saw the event. One that still waits in its row is E4's to judge.
pub(super) fn told(records: &Records<'_>, dropped: bool, tally: &mut Tally) {
    let readable = records.events.iter().filter_map(|(_, event)| event.as_ref().ok());
    let seen: BTreeSet<Told> = readable.filter_map(|event| told_by(&event.happening)).collect();
    for ((detail_type, of), waits) in owed(records) {
        match seen.contains(&(detail_type, of.clone())) {
            true => tally.looked(),
            false if dropped || waits || records.lost_data() => tally.cannot_tell(),
            false => {
                tally.looked();
                tally.broken(format!("{detail_type} was never published"), [of]);
            }
        }
    }
}

/// What the rows owe, and whether it still waits in one of them.
fn owed(records: &Records<'_>) -> BTreeMap<Told, bool> {
    let mut owed = BTreeMap::new();
    for (table, tells) in ROWS {
        for (_, item) in all_items(records.case.last(), table) {
            let Some(told) = tells(item) else { continue };
            let waits = item["pending"].as_object().is_some_and(|pending| !pending.is_empty());
            *owed.entry(told).or_insert(false) |= waits;
        }
    }
    owed
}

fn told_by(happening: &Happening) -> Option<Told> {
    let of = match happening {
        Happening::UserCreated { user_id, .. } => user_id.to_string(),
        Happening::PaymentAuthorised(outcome) => format!("{}:{}", outcome.order_id, outcome.attempt),
        Happening::StockReserved { order_id, warehouse_id, allocation, .. }
        | Happening::StockReleased { order_id, warehouse_id, allocation, .. }
        | Happening::StockReservationFailed { order_id, warehouse_id, allocation, .. } => {
            format!("{order_id}:{allocation}:{warehouse_id}")
        }
        _ => return None,
    };
    Some((happening.detail_type(), of))
}

fn customer(profile: &Value) -> Option<Told> {
    let signed_up = !profile["createdAt"].is_null();
    signed_up.then(|| ("UserCreated", text(profile, "userId").to_owned()))
}

fn authorisation(payment: &Value) -> Option<Told> {
    let authorised = payment["authorised"].as_i64().is_some_and(|amount| amount > 0);
    authorised.then(|| ("PaymentAuthorised", format!("{}:{}", text(payment, "orderId"), payment["attempt"])))
}

fn refusal(row: &Value) -> Option<Told> {
    Some(("StockReservationFailed", allocation(row)))
}

fn kept(row: &Value) -> Option<Told> {
    Some(("StockReserved", allocation(row)))
}

fn given_back(row: &Value) -> Option<Told> {
    (text(row, "state") == "RELEASED").then(|| ("StockReleased", allocation(row)))
}

fn allocation(row: &Value) -> String {
    format!("{}:{}:{}", text(row, "orderId"), row["allocation"], text(row, "warehouseId"))
}
