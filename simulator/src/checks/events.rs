//! E1 to E4: every change was published, well formed, and took effect once.

use super::Tally;
use super::case::RegionDump;
use super::payment::text;
use super::records::{OrderRow, Records, all_items, branch_of, has_table, order_in, parse};
use super::schemas;
use super::stock;
use super::told::told;
use contracts::Timestamp;
use contracts::events::{Event, Happening, source};
use contracts::ids::{OrderId, Region};
use contracts::keys;
use contracts::order::Order;
use contracts::stock::Movement;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const NO_TAP: &str = "no tap listened to the bus";

/// A version of an order on one branch. Version 1 is the journalled order whoever writes it.
type Version = (OrderId, u64, u64);

fn version(order_id: OrderId, epoch: u64, version: u64) -> Version {
    (order_id, if version == 1 { 0 } else { epoch }, version)
}

fn envelopes<'r>(records: &'r Records<'_>) -> impl Iterator<Item = &'r Value> {
    records.events.iter().map(|(envelope, _)| *envelope)
}

/// The events of orders that can be read, each once however often it was seen.
fn order_events<'r>(records: &'r Records<'_>) -> BTreeMap<(Version, String), &'r Event> {
    let events = records.events.iter().filter_map(|(_, event)| event.as_ref().ok());
    let events = events.filter(|event| event.happening.source() == source::ORDERS);
    let named = events.filter_map(|event| {
        let order_id = event.metadata.aggregate_id.parse().ok()?;
        let version = version(order_id, event.metadata.epoch, event.metadata.aggregate_version);
        Some(((version, event.metadata.event_id.0.to_string()), event))
    });
    named.collect()
}

/// E1: for every committed version the tap saw an event with its id, and no event is without a commit; and other rows that
/// tell of something have told it.
pub(super) fn published(records: &Records<'_>, tally: &mut Tally) {
    let Some(taps) = &records.case.taps else { return tally.absent(NO_TAP) };
    let dropped = taps.iter().any(|tap| tap.dropped > 0);
    let events = order_events(records);
    let seen: BTreeSet<Version> = events.keys().map(|(version, _)| *version).collect();
    for row in records.last.winners() {
        for step in &row.order.history {
            let published = seen.contains(&version(row.order.order_id, step.epoch, step.version));
            match published {
                true => tally.looked(),
                false if dropped || may_have_died(records, step.at) => tally.cannot_tell(),
                false => {
                    tally.looked();
                    tally.broken(
                        format!("version {} was never published", step.version),
                        [row.order.order_id],
                    );
                }
            }
        }
    }
    committed(records, &events, tally);
    told(records, dropped, tally);
}

/// What a region says of the moments before its loss may have been on its way for so long.
const ON_ITS_WAY_MS: i64 = 2_000;

/// Whether a change is so old that a lost region's own tap may have been the one that saw it.
fn may_have_died(records: &Records<'_>, at: Timestamp) -> bool {
    let mut losses = records.case.faults.iter().filter(|fault| fault.loses_data());
    losses.any(|loss| at.0 <= loss.at_ms + ON_ITS_WAY_MS + records.case.clocks_off_ms())
}

/// Whether a region has lost its data since a moment, and with it what it had committed then. What it commits after it
/// came back is judged like everybody's.
fn died_since(records: &Records<'_>, region: &Region, at: Timestamp) -> bool {
    let mut losses = records.case.losses_of(region);
    let doubt_ms = ON_ITS_WAY_MS + records.case.clocks_off_ms();
    losses.any(|loss| loss.ended_ms.is_none() || at.0 <= loss.at_ms + doubt_ms)
}

/// No event is without a commit, and each has the id that its content gives it.
fn committed(records: &Records<'_>, events: &BTreeMap<(Version, String), &Event>, tally: &mut Tally) {
    let commits: BTreeSet<Version> = records.last.rows.values().flatten().flat_map(commits_of).collect();
    for ((version, event_id), event) in events {
        let metadata = &event.metadata;
        let expected = keys::event_id(
            &metadata.aggregate,
            &metadata.aggregate_id,
            metadata.epoch,
            metadata.aggregate_version,
            event.happening.detail_type(),
        );
        tally.demand(expected == metadata.event_id, event_id, || {
            format!("{} has another id than its content gives it", event.happening.detail_type())
        });
        match commits.contains(version) {
            true => tally.looked(),
            false if died_since(records, &metadata.home_region, metadata.produced_at) => tally.cannot_tell(),
            false => {
                tally.looked();
                tally.broken(format!("version {} was published and never committed", version.2), [version.0]);
            }
        }
    }
}

fn commits_of(row: &OrderRow) -> impl Iterator<Item = Version> {
    row.order.history.iter().map(|step| version(row.order.order_id, step.epoch, step.version))
}

/// E2: no event took effect twice: per consumer, and per key at the owner of each effect.
pub(super) fn applied_once(records: &Records<'_>, tally: &mut Tally) {
    let dumps = records.case.last();
    if !has_table(dumps, "platform.inbox") && !has_table(dumps, "warehouse.ledger") {
        return tally.absent("neither inboxes nor ledgers were dumped");
    }
    let causes = causes(records);
    for dump in dumps {
        inbox_once(dump, tally);
        inbox_with_effect(dump, &causes, tally);
    }
    effects_once(records, tally);
    reserved_once(records, tally);
}

fn inbox_once(dump: &RegionDump, tally: &mut Tally) {
    let mut rows: BTreeMap<String, u32> = BTreeMap::new();
    for item in super::records::items(dump, "platform.inbox") {
        *rows.entry(inbox_key(item)).or_default() += 1;
    }
    for (key, count) in rows {
        tally.demand(count == 1, &key, || format!("applied {count} times in {}", dump.region));
    }
}

/// An event that orders noted as applied has changed its order: both are written in one step.
fn inbox_with_effect(dump: &RegionDump, causes: &Causes, tally: &mut Tally) {
    let keys = super::records::items(dump, "platform.inbox").map(inbox_key);
    for event_id in keys.filter_map(|key| key.strip_prefix("orders#").map(str::to_owned)) {
        match causes.known.contains(&event_id) {
            false if causes.incomplete => tally.cannot_tell(),
            changed => tally.demand(changed, &event_id, || {
                format!("is noted as applied in {} and changed no order", dump.region)
            }),
        }
    }
}

/// What changed orders, by what was published and what still waits to be.
struct Causes {
    known: BTreeSet<String>,
    /// Events were let go before anybody could look at them.
    incomplete: bool,
}

fn causes(records: &Records<'_>) -> Causes {
    let published = envelopes(records).filter(|envelope| envelope["source"] == source::ORDERS);
    let published = published.map(|envelope| text(&envelope["detail"]["metadata"], "causationId").to_owned());
    let rows = all_items(records.case.last(), "orders").filter_map(|(_, item)| item["pending"].as_object());
    let waiting = rows.flat_map(|pending| pending.values()).filter_map(|event| {
        let event: Value = serde_json::from_str(event.as_str()?).ok()?;
        Some(text(&event["metadata"], "causationId").to_owned())
    });
    let incomplete = records.case.taps.as_ref().is_none_or(|taps| taps.iter().any(|tap| tap.dropped > 0));
    Causes { known: published.chain(waiting).collect(), incomplete }
}

fn inbox_key(item: &Value) -> String {
    let named = ["id", "pk"].iter().find_map(|name| item[*name].as_str());
    named.map_or_else(|| format!("{}#{}", text(item, "consumer"), text(item, "eventId")), str::to_owned)
}

/// Money and parcels: one effect per key, whoever asked and however often.
fn effects_once(records: &Records<'_>, tally: &mut Tally) {
    let paid = records.case.provider.iter().flatten().filter(|entry| entry.ok && !entry.replayed);
    let paid = paid.filter(|entry| matches!(entry.operation.as_str(), "capture" | "void" | "refund"));
    let sent = records.case.carrier.iter().flatten().filter(|entry| entry.kind == "dispatched");
    let keys = paid.filter_map(|entry| entry.key.as_deref()).chain(sent.map(|entry| entry.key.as_str()));
    let mut effects: BTreeMap<&str, u32> = BTreeMap::new();
    for key in keys {
        *effects.entry(key).or_default() += 1;
    }
    for (key, count) in effects {
        tally.demand(count == 1, key, || format!("took effect {count} times"));
    }
}

/// Stock: what is reserved for an order, less what was given back, and what was taken, once for each of its
/// reservations.
fn reserved_once(records: &Records<'_>, tally: &mut Tally) {
    let mut allocations: BTreeMap<(OrderId, stock::Place), i64> = BTreeMap::new();
    for row in stock::reservations(records) {
        *allocations.entry((row.order_id, (row.warehouse_id, row.product_id))).or_default() += 1;
    }
    for (place, rows) in stock::ledger(records) {
        let mut movements: BTreeMap<(OrderId, &str), i64> = BTreeMap::new();
        for row in rows.values() {
            let (word, step) = match row.movement {
                Movement::Reserve => ("reserved", 1),
                // A reservation that was released may be made again.
                Movement::Release => ("reserved", -1),
                Movement::Consume => ("taken", 1),
                _ => continue,
            };
            if let Some(order_id) = order_in(&row.reference) {
                *movements.entry((order_id, word)).or_default() += step;
            }
        }
        for ((order_id, word), count) in movements {
            let allowed = allocations.get(&(order_id, place.clone())).copied().unwrap_or(1);
            tally.demand(count <= allowed, order_id, || format!("its stock was {word} {count} times"));
        }
    }
}

/// E3: every event is what its schema says and reads as one of the contract's, and `old` is what `new` was before.
pub(super) fn well_formed(records: &Records<'_>, tally: &mut Tally) {
    if records.case.taps.is_none() {
        return tally.absent(NO_TAP);
    }
    for (envelope, event) in &records.events {
        let id = envelope["detail"]["metadata"]["eventId"].as_str().unwrap_or("(no id)");
        match event {
            Ok(event) => tally.demand(event.metadata.schema == event.happening.schema(), id, || {
                format!("{} names the schema {}", event.happening.detail_type(), event.metadata.schema)
            }),
            Err(why) => tally.demand(false, id, || why.to_string()),
        }
        if let Err(fault) = schemas::check(envelope) {
            tally.broken(format!("does not go with its schema: {fault}"), [id]);
        }
    }
    snapshots_chain(&order_events(records), tally);
}

fn snapshots_chain(events: &BTreeMap<(Version, String), &Event>, tally: &mut Tally) {
    let mut snapshots: BTreeMap<Version, &Order> = BTreeMap::new();
    for ((version, _), event) in events {
        match &event.happening {
            Happening::OrderCreated(order) => drop(snapshots.insert(*version, order)),
            Happening::OrderModified { new, .. } => drop(snapshots.insert(*version, new)),
            _ => {}
        }
    }
    for ((at, event_id), event) in events {
        let Happening::OrderModified { old, new, .. } = &event.happening else { continue };
        let in_order = new.version == at.2 && old.version + 1 == new.version;
        tally.demand(in_order, event_id, || {
            format!("leads from version {} to {} and is called {}", old.version, new.version, at.2)
        });
        if let Some(before) = snapshots.get(&version(at.0, old.epoch, old.version)) {
            tally.demand(**before == **old, event_id, || {
                format!("says that version {} was otherwise than it was published", old.version)
            });
        }
    }
}

/// E4: no event has waited longer than allowed to be published.
pub(super) fn nothing_waiting(records: &Records<'_>, tally: &mut Tally) {
    let Some(settling) = records.case.settling else {
        return tally.absent("the moment of the dumps is not known");
    };
    let published: BTreeSet<&str> =
        envelopes(records).filter_map(|event| event["detail"]["metadata"]["eventId"].as_str()).collect();
    let gone = records.case.gone_regions();
    let tables: BTreeSet<&str> =
        records.case.last().iter().flat_map(|dump| dump.tables.keys().map(String::as_str)).collect();
    for table in tables {
        for (_, item) in all_items(records.case.last(), table) {
            let Some(pending) = item["pending"].as_object() else { continue };
            tally.looked();
            let owner = branch_of(item).map(|branch| branch.region);
            for (event_id, envelope) in pending {
                let age_ms = settling.dumped_ms - made_at(item, envelope).unwrap_or(i64::MIN / 2);
                let waiting = age_ms > records.case.rules.outbox_age_ms_max;
                match waiting && !published.contains(event_id.as_str()) {
                    // A dead owner's branch stays as it was; its successor's branch speaks for the order. An owner that
                    // is back publishes what it finds pending in its own.
                    true if is_lost(&gone, owner.as_ref()) => tally.cannot_tell(),
                    true => tally
                        .broken(format!("{table}: an event has waited for {} s", age_ms / 1_000), [event_id]),
                    false => {}
                }
            }
        }
    }
}

fn is_lost(lost: &BTreeSet<Region>, owner: Option<&Region>) -> bool {
    owner.is_some_and(|owner| lost.contains(owner))
}

/// When a pending event was made, or else when its row last changed.
fn made_at(item: &Value, envelope: &Value) -> Option<i64> {
    let parsed: Option<Value> = envelope.as_str().and_then(|json| serde_json::from_str(json).ok());
    let event = parsed.as_ref().unwrap_or(envelope);
    let metadata = [&event["metadata"], &event["detail"]["metadata"]];
    let produced = metadata.iter().find_map(|metadata| metadata["producedAt"].as_str());
    let changed = item["modifiedDate"].as_str();
    Some(produced.or(changed)?.parse::<Timestamp>().ok()?.0)
}

/// Reads the version of every readable order event, with the region that made it.
pub(super) fn makers(records: &Records<'_>) -> BTreeMap<(OrderId, u64), BTreeSet<Region>> {
    let mut makers: BTreeMap<(OrderId, u64), BTreeSet<Region>> = BTreeMap::new();
    for envelope in envelopes(records).filter(|envelope| envelope["source"] == source::ORDERS) {
        let Ok(metadata) = parse::<contracts::events::Metadata>(&envelope["detail"]["metadata"]) else {
            continue;
        };
        let Ok(order_id) = metadata.aggregate_id.parse() else { continue };
        // Whoever takes an order over may publish its first version again.
        if metadata.aggregate_version > 1 {
            makers.entry((order_id, metadata.epoch)).or_default().insert(metadata.home_region);
        }
    }
    makers
}
