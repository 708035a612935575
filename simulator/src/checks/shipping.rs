//! H1 to H3: one parcel an order, to an adult, where it may go.

use super::Tally;
use super::case::CarrierEntry;
use super::commands;
use super::payment::text;
use super::records::{Branch, Records, all_items, branch_of, has_table, order_in, parse};
use contracts::bodies::delivery::{DeliveryStatus, DeliveryView};
use contracts::events::ProductUnits;
use contracts::ids::OrderId;
use contracts::order::{Order, OrderStatus};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const NO_CARRIER: &str = "the carrier's ledger was not collected";

fn dispatches(carrier: &[CarrierEntry]) -> impl Iterator<Item = (OrderId, &CarrierEntry)> {
    let dispatched = carrier.iter().filter(|entry| entry.kind == "dispatched");
    dispatched.filter_map(|entry| Some((entry.order_id.or_else(|| order_in(&entry.key))?, entry)))
}

/// H1: at most one parcel per order, and none for an order that was called off, or of which its customer was told so.
pub(super) fn dispatched_once(records: &Records<'_>, tally: &mut Tally) {
    let Some(carrier) = &records.case.carrier else { return tally.absent(NO_CARRIER) };
    let mut parcels: BTreeMap<OrderId, u32> = BTreeMap::new();
    for (order_id, _) in dispatches(carrier) {
        *parcels.entry(order_id).or_default() += 1;
    }
    for (order_id, parcels) in parcels {
        tally.demand(parcels == 1, order_id, || format!("{parcels} parcels left"));
        if commands::told_cancelled(records, &order_id) {
            tally.broken("a parcel left, and the customer was told that the order is cancelled", [order_id]);
        }
        let status = records.last.winner(&order_id).map(|row| row.order.status);
        match status {
            Some(OrderStatus::Cancelling | OrderStatus::Cancelled | OrderStatus::PackagingFailed) => {
                tally.broken("a parcel left, and the order is called off", [order_id]);
            }
            None => tally.broken("a parcel left for an order that does not exist", [order_id]),
            Some(_) => {}
        }
    }
    ended_as_told(records, carrier, tally);
}

/// What the customer is told of a parcel's end is what the carrier knows.
fn ended_as_told(records: &Records<'_>, carrier: &[CarrierEntry], tally: &mut Tally) {
    for entry in carrier {
        let Some(order_id) = entry.order_id else { continue };
        let status = records.last.winner(&order_id).map(|row| row.order.status);
        match (entry.kind.as_str(), status) {
            ("returned", Some(OrderStatus::Fulfilled)) => {
                tally.broken("the parcel was brought back, and the order is fulfilled", [order_id]);
            }
            ("delivered", Some(OrderStatus::DeliveryFailed)) => {
                tally.broken("the parcel was handed over, and the order says that it was not", [order_id]);
            }
            _ => {}
        }
    }
}

/// H2: every parcel went to a customer of age, to a country that its warehouse may ship to.
pub(super) fn allowed(records: &Records<'_>, tally: &mut Tally) {
    let Some(carrier) = &records.case.carrier else { return tally.absent(NO_CARRIER) };
    let verdicts = age_verdicts(records);
    for (order_id, dispatch) in dispatches(carrier) {
        let Some(order) = records.last.winner(&order_id).map(|row| &row.order) else {
            tally.cannot_tell();
            continue;
        };
        let country = dispatch.country.as_deref().unwrap_or(&order.address.country);
        let origin = dispatch.warehouse_id.as_ref().unwrap_or(&order.warehouse_id);
        let place = records.case.places.warehouses.iter().find(|place| place.id == *origin);
        let may_ship = place.is_some_and(|place| {
            place.ships_to.is_empty() || place.ships_to.iter().any(|to| to.eq_ignore_ascii_case(country))
        });
        tally.demand(may_ship, order_id, || format!("{origin} may not ship to {country}"));
        match verdicts.get(order.user_id.as_str()) {
            Some(verdict) => tally.demand(verdict.at(dispatch.at_ms), order_id, || {
                "the parcel left without a valid proof of age".to_owned()
            }),
            None => tally.cannot_tell(),
        }
    }
}

/// Whether a region knows the age of an order's customer.
pub(super) fn age_is_known(records: &Records<'_>, order: &Order) -> bool {
    let mut profiles = all_items(records.case.last(), "users.profiles");
    profiles.any(|(_, item)| {
        item["userId"] == order.user_id.as_str() && matches!(text(item, "ageVerdict"), "PASSED" | "FAILED")
    })
}

/// What is known about a customer's age.
struct AgeVerdict {
    passed: bool,
    valid_until_ms: Option<i64>,
}

impl AgeVerdict {
    fn at(&self, moment_ms: i64) -> bool {
        self.passed && self.valid_until_ms.is_none_or(|until| moment_ms <= until)
    }
}

fn age_verdicts<'c>(records: &Records<'c>) -> BTreeMap<&'c str, AgeVerdict> {
    let profiles = all_items(records.case.last(), "users.profiles");
    let verdicts = profiles.filter_map(|(_, item)| {
        let until = &item["validUntil"];
        let until_ms =
            until.as_i64().or_else(|| Some(until.as_str()?.parse::<contracts::Timestamp>().ok()?.0));
        let passed = text(item, "ageVerdict") == "PASSED";
        Some((item["userId"].as_str()?, AgeVerdict { passed, valid_until_ms: until_ms }))
    });
    verdicts.collect()
}

/// H3: an adult signed for every delivery that needs it.
pub(super) fn signed(records: &Records<'_>, tally: &mut Tally) {
    if !has_table(records.case.last(), "delivery") {
        return tally.absent("the deliveries were not dumped");
    }
    let signatures = signatures(records);
    for (delivery, item) in deliveries(records).values() {
        if delivery.status == DeliveryStatus::Completed && delivery.requires_adult_signature {
            let signed = has_evidence(item) || signatures.contains(&delivery.order_id);
            tally.demand(signed, delivery.order_id, || "delivered, and no adult signed".to_owned());
        }
    }
}

/// What a courier brought back of an order.
pub(super) fn came_back(records: &Records<'_>, order_id: &OrderId) -> Option<Vec<ProductUnits>> {
    let items = all_items(records.case.last(), "delivery").map(|(_, item)| item);
    let mut brought = items.filter(|item| text(item, "orderId").parse::<OrderId>().ok() == Some(*order_id));
    brought.find_map(|item| serde_json::from_value(item["cameBack"]["lines"].clone()).ok())
}

/// The deliveries as their readers see them.
fn deliveries<'c>(records: &Records<'c>) -> BTreeMap<OrderId, (DeliveryView, &'c Value)> {
    let mut winners: BTreeMap<OrderId, (Option<Branch>, DeliveryView, &Value)> = BTreeMap::new();
    for (_, item) in all_items(records.case.last(), "delivery") {
        let Ok(view) = parse::<DeliveryView>(item) else { continue };
        let branch = branch_of(item);
        let epoch = |branch: &Option<Branch>| branch.as_ref().map_or(0, |branch| branch.epoch);
        match winners.get(&view.order_id) {
            Some((held, other, _)) if (epoch(held), other.version) >= (epoch(&branch), view.version) => {}
            _ => drop(winners.insert(view.order_id, (branch, view, item))),
        }
    }
    winners.into_iter().map(|(order_id, (_, view, item))| (order_id, (view, item))).collect()
}

fn has_evidence(item: &Value) -> bool {
    let given =
        |value: &Value| value.as_bool() == Some(true) || value.as_str().is_some_and(|t| !t.is_empty());
    given(&item["adultSignature"]) || given(&item["evidence"]) || given(&item["evidence"]["adultSignature"])
}

/// Orders for which the carrier or an event says that an adult signed.
fn signatures(records: &Records<'_>) -> BTreeSet<OrderId> {
    let carrier = records.case.carrier.iter().flatten().filter(|entry| entry.adult_signature == Some(true));
    let by_carrier = carrier.filter(|entry| entry.kind == "delivered");
    let by_carrier = by_carrier.filter_map(|entry| entry.order_id.or_else(|| order_in(&entry.key)));
    let events = records.case.taps.iter().flatten().flat_map(|tap| &tap.events);
    let completed = events.filter(|event| event["detail-type"] == "DeliveryCompleted");
    let signed = completed.filter(|event| event["detail"]["adultSignature"] == true);
    let by_event = signed.filter_map(|event| text(&event["detail"], "orderId").parse().ok());
    by_carrier.chain(by_event).collect()
}
