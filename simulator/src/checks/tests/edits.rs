//! Ways to corrupt a run.

use crate::checks::{AfterHeal, Case, ParkedEvent, ProviderEntry, Receipt, RegionDump};
use contracts::order::OrderStatus;
use serde_json::{Value, json};

/// Takes the failed-over order out of every table.
pub(super) fn forget_everything_about_one_order(case: &mut Case) {
    let joe = case.attempts.iter().find(|attempt| attempt.user_id.as_str() == "joe").expect("joe ordered");
    let id = joe.order_id.expect("acknowledged").to_string();
    for_all(case, |tables| {
        tables.values_mut().for_each(|rows| rows.retain(|row| !row.to_string().contains(&id)));
    });
}

pub(super) type Tables = std::collections::BTreeMap<String, Vec<Value>>;

/// Every dump.
pub(super) fn dumps(case: &mut Case) -> impl Iterator<Item = &mut RegionDump> {
    let after = match &mut case.after_heal {
        AfterHeal::Dumped(dumps) => &mut dumps[..],
        AfterHeal::Unknown | AfterHeal::AsBefore => &mut [],
    };
    case.before_heal.iter_mut().chain(after)
}

/// The tables that a region holds after the heal.
pub(super) fn healed(case: &mut Case, region: usize) -> &mut Tables {
    let dumps = match &mut case.after_heal {
        AfterHeal::Dumped(dumps) => dumps,
        AfterHeal::AsBefore => &mut case.before_heal,
        AfterHeal::Unknown => panic!("a region is away"),
    };
    &mut dumps[region].tables
}

pub(super) fn for_all(case: &mut Case, mut change: impl FnMut(&mut Tables)) {
    dumps(case).for_each(|dump| change(&mut dump.tables));
}

pub(super) fn edit(case: &mut Case, table: &str, change: fn(&mut Value)) {
    for_all(case, |tables| tables.get_mut(table).into_iter().flatten().for_each(change));
}

pub(super) fn edit_in(case: &mut Case, region: &str, table: &str, change: fn(&mut Value)) {
    for dump in dumps(case).filter(|dump| dump.region == region) {
        dump.tables.get_mut(table).into_iter().flatten().for_each(change);
    }
}

/// Makes reservations those of a region that was cut off before it could promise the order. They end at a moment.
pub(super) fn left_elsewhere(case: &mut Case, ends_ms: i64) {
    edit(case, "warehouse.reservations", |row| {
        (row["state"], row["warehouseId"]) = (json!("HELD"), json!("wh-elsewhere"));
    });
    for_all(case, |tables| {
        let rows = tables.get_mut("warehouse.reservations").into_iter().flatten();
        rows.for_each(|row| row["expiresAt"] = json!(ends_ms));
    });
}

/// Makes reservations those of an allocation that their orders never came to. They end long after the run.
pub(super) fn kept_for_later(case: &mut Case) {
    edit(case, "warehouse.reservations", |row| {
        row["allocation"] = json!(row["allocation"].as_u64().unwrap_or_default() + 1);
        (row["state"], row["expiresAt"]) = (json!("HELD"), json!(i64::MAX));
    });
}

pub(super) fn clear(case: &mut Case, region: &str, table: &str) {
    dumps(case)
        .filter(|dump| dump.region == region)
        .for_each(|dump| drop(dump.tables.insert(table.into(), Vec::new())));
}

pub(super) fn retain(case: &mut Case, table: &str, keep: fn(&Value) -> bool) {
    for_all(case, |tables| tables.get_mut(table).into_iter().for_each(|rows| rows.retain(keep)));
}

/// Rewrites the values of the journal's entries, which are texts inside texts.
pub(super) fn edit_journal(case: &mut Case, from: &str, to: &str) {
    for_all(case, |tables| {
        for row in tables.get_mut("orders.journal").into_iter().flatten() {
            row["value"] = json!(row["value"].as_str().expect("text").replace(from, to));
        }
    });
}

/// Leaves an open entry of a refused attempt on one copy. It was paid with the token of an order that exists.
pub(super) fn left_open_with_anothers_token(case: &mut Case, region: &str) {
    let refused = case.attempts.iter().find(|attempt| attempt.planned_refusal).expect("one is tampered with");
    let id = contracts::keys::order_id(&refused.user_id, &refused.idempotency_key).to_string();
    let dump = dumps(case).find(|dump| dump.region == region).expect("known region");
    let journal = dump.tables.get_mut("orders.journal").expect("a copy");
    let of_another = journal[0]["value"].as_str().expect("text").to_owned();
    let value: Value = serde_json::from_str(&of_another).expect("an entry");
    let another = value["order"]["orderId"].as_str().expect("an order").to_owned();
    let mut left = journal[0].clone();
    left["value"] = json!(of_another.replace(&another, &id));
    (left["state"], left["keyHash"], left["valueHash"]) = (json!("open"), json!("left"), json!("left"));
    journal.push(left);
}

pub(super) fn hash_of(token: &str) -> String {
    contracts::keys::token_hash(token)
}

/// Changes what the history of every order says at the step that a command made.
pub(super) fn edit_commanded_step(case: &mut Case, change: fn(&mut Value)) {
    for_all(case, |tables| {
        let rows = tables.get_mut("orders").into_iter().flatten();
        let steps = rows.flat_map(|row| row["history"].as_array_mut().expect("list"));
        steps.filter(|step| step["reason"].is_string()).for_each(change);
    });
}

/// Has the command stand at two steps of every order.
pub(super) fn done_twice(case: &mut Case) {
    edit(case, "orders", |row| {
        let steps = row["history"].as_array().expect("list");
        let why = steps.iter().map(|step| step["reason"].clone()).find(Value::is_string);
        row["history"][0]["reason"] = why.unwrap_or_default();
    });
}

/// Takes the copies of commands out of a region's journal.
pub(super) fn forget_commands(case: &mut Case, region: &str) {
    for dump in dumps(case).filter(|dump| dump.region == region) {
        let journal = dump.tables.get_mut("orders.journal").expect("a copy");
        journal.retain(|row| !row["keyHash"].to_string().contains("#command:"));
    }
}

/// Gives the first parcel to the order of a command.
pub(super) fn parcel_of_commanded(case: &mut Case, at: usize) {
    let order_id = case.commands[at].order_id;
    case.carrier.as_mut().expect("given")[0].order_id = Some(order_id);
}

/// Sets the status of every order, in a way that the history agrees with.
pub(super) fn status(case: &mut Case, word: &'static str) {
    assert!(OrderStatus::ALL.iter().any(|status| status.to_string() == word));
    for_all(case, |tables| {
        for row in tables.get_mut("orders").into_iter().flatten() {
            let last = row["history"].as_array().expect("list").len() - 1;
            row["status"] = json!(word);
            row["history"][last]["status"] = json!(word);
        }
    });
}

/// Orders that began under review went on without having been new.
pub(super) fn never_verified(case: &mut Case) {
    edit(case, "orders", |row| {
        let steps = row["history"].as_array_mut().expect("list");
        if steps[0]["status"] == "AGE_REVIEW" && steps.len() > 1 {
            steps[1]["status"] = json!("AGE_REVIEW");
        }
    });
}

pub(super) fn second_order_of_the_same_key(case: &mut Case) {
    for_all(case, |tables| {
        let rows = tables.get_mut("orders").expect("orders");
        let of_eva = rows.iter().find(|row| row["userId"] == "eva").expect("eva ordered");
        let mut twin = of_eva.clone();
        twin["orderId"] = json!(uuid::Uuid::from_u128(99));
        rows.push(twin);
    });
}

pub(super) fn parked() -> ParkedEvent {
    ParkedEvent { region: "eu-west-1".into(), consumer: "orders".into(), event_id: "e1".into() }
}

pub(super) fn first(case: &mut Case, operation: &str, change: fn(&mut ProviderEntry)) {
    let entries = case.provider.as_mut().expect("given");
    change(entries.iter_mut().find(|entry| entry.operation == operation).expect("there is one"));
}

/// Repeats the first entry of a kind, changed.
pub(super) fn again(case: &mut Case, operation: &str, change: fn(&mut ProviderEntry)) {
    let entries = case.provider.as_mut().expect("given");
    let mut entry = entries.iter().find(|entry| entry.operation == operation).expect("there is one").clone();
    change(&mut entry);
    entries.push(entry);
}

/// The events of the first tap.
pub(super) fn events(case: &mut Case) -> &mut Vec<Value> {
    let taps = case.taps.as_mut().expect("given");
    &mut taps.iter_mut().find(|tap| tap.region == "eu-west-1").expect("a tap").events
}

/// Changes what a storekeeper knows of the first delivery.
pub(super) fn first_receipt(case: &mut Case, change: fn(&mut Receipt)) {
    change(case.receipts.as_mut().and_then(|receipts| receipts.first_mut()).expect("one came"));
}

/// Has every receipt stand in the ledger a second time, as a movement of its own.
pub(super) fn booked_twice(case: &mut Case) {
    for_all(case, |tables| {
        let rows = tables.get_mut("warehouse.ledger").expect("a ledger");
        let mut again: Vec<Value> = rows.iter().filter(|row| row["movement"] == "RECEIPT").cloned().collect();
        again.iter_mut().for_each(|row| row["seq"] = json!(1_000));
        rows.extend(again);
    });
}

/// Changes the last answer, the one that shed load.
pub(super) fn answer(case: &mut Case, change: fn(&mut crate::checks::Answer)) {
    change(case.answers.as_mut().expect("given").last_mut().expect("not empty"));
}
