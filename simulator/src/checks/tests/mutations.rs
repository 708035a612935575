//! For each invariant at least one corruption that it must find.

use super::edits::*;
use super::world::{backordered, calm, commanded, flood, returned, reviewed};
use crate::checks::{Attempt, CarrierEntry, Case, Outcome, check, invariants};
use contracts::OrderStatus;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The invariant, what is corrupted, what the check must say, a sound run, and the corruption.
type Mutation = (&'static str, &'static str, &'static str, fn() -> Case, fn(&mut Case));

const MUTATIONS: &[Mutation] = &[
    (
        "D1",
        "an acknowledged order is nowhere",
        "in no surviving region",
        flood,
        forget_everything_about_one_order,
    ),
    ("D1", "the journal has another quantity", "another set of lines", flood, |case| {
        edit_journal(case, "\"quantity\":1", "\"quantity\":7")
    }),
    ("D1", "it goes to another country", "another address", calm, |case| {
        edit(case, "orders", |row| row["address"]["country"] = json!("FR"))
    }),
    ("D1", "it belongs to somebody else", "another owner", calm, |case| {
        case.attempts[1].user_id = "eve".into()
    }),
    ("D1", "an acknowledged command is not done", "the order does not show it", commanded, |case| {
        edit_commanded_step(case, |step| step["reason"] = Value::Null)
    }),
    ("D1", "an order went on after it was cancelled", "the order went on to FULFILLED", commanded, |case| {
        status(case, "FULFILLED")
    }),
    ("D1", "a wish was told as a cancellation", "the order went on to FULFILLED", commanded, |case| {
        case.commands[2].order_status = Some(OrderStatus::Cancelling)
    }),
    ("D1", "a return is not waited for", "acknowledged, and the order was FULFILLED", commanded, |case| {
        status(case, "FULFILLED")
    }),
    ("D1", "the order of a command is nowhere", "its order is in no surviving region", commanded, |case| {
        retain(case, "orders", |_| false)
    }),
    ("D2", "one continent has a copy of a command", "acknowledged: 1, now: 1", commanded, |case| {
        forget_commands(case, "ap-southeast-1")
    }),
    ("D2", "no copy of a command is left", "acknowledged: 0, now: 0", commanded, |case| {
        forget_commands(case, "ap-southeast-1");
        forget_commands(case, "eu-west-1");
    }),
    ("D3", "a refused cancellation was done", "was refused, and the order shows it", commanded, |case| {
        case.commands[1].outcome = Outcome::Refused
    }),
    ("D3", "a refused return was begun", "was refused, and the order shows it", commanded, |case| {
        case.commands[0].outcome = Outcome::Refused
    }),
    (
        "D3",
        "a refused return was begun under its key",
        "was refused, and the order shows it",
        commanded,
        |case| {
            let again = case.commands[0].clone();
            case.commands[0].outcome = Outcome::Refused;
            case.commands.push(again);
        },
    ),
    ("D4", "a command was done twice", "was done 2 times", commanded, done_twice),
    ("D4", "the journal chose two commands for one key", "chose two values", commanded, |case| {
        edit_in(case, "eu-west-1", "orders.journal", |row| {
            if row["keyHash"].to_string().contains("#command:") {
                row["valueHash"] = json!("other");
            }
        })
    }),
    ("D2", "one continent has a copy", "acknowledged: 1, now: 1", calm, |case| {
        clear(case, "ap-southeast-1", "orders.journal")
    }),
    ("D2", "no copy survived", "no copy in the journal survived", flood, |case| {
        clear(case, "eu-west-1", "orders.journal")
    }),
    ("D2", "a copy came back without an order", "does not have it again", returned, |case| {
        clear(case, "us-east-1", "orders.journal");
        clear(case, "ap-southeast-1", "orders.journal");
    }),
    ("D2", "a copy came back without what both others hold", "does not have it again", returned, |case| {
        clear(case, "us-east-1", "orders.journal");
    }),
    ("D5", "a region came back with other rows", "has a row that", returned, |case| {
        healed(case, 0).get_mut("orders").expect("orders")[0]["total"] = json!(1);
    }),
    ("D2", "the copies came after the answer", "acknowledged: 0, now: 2", calm, |case| {
        edit(case, "orders.journal", |row| row["writtenAt"] = json!(i64::MAX))
    }),
    ("D2", "a copy cannot be read", "cannot be read", calm, |case| {
        edit(case, "orders.journal", |row| row["ballot"] = json!("none"))
    }),
    ("D3", "a refused order exists", "and yet the order exists", calm, |case| {
        case.attempts[1].outcome = Outcome::Refused
    }),
    ("D3", "an unknown attempt made two orders", "made 2 orders", calm, |case| {
        case.attempts[1].outcome = Outcome::Ambiguous;
        second_order_of_the_same_key(case);
    }),
    ("D4", "one key made two orders", "made several orders", calm, second_order_of_the_same_key),
    ("D4", "two bodies under one key succeeded", "under one key were both acknowledged", calm, |case| {
        let again = Attempt { body_hash: "other".into(), ..case.attempts[1].clone() };
        case.attempts.push(again);
    }),
    ("D4", "the journal chose twice", "chose two values", calm, |case| {
        edit_in(case, "eu-west-1", "orders.journal", |row| row["valueHash"] = json!("other"))
    }),
    ("D4", "a ballot wrote twice", "two values were written under ballot", calm, |case| {
        edit_in(case, "eu-west-1", "orders.journal", |row| {
            row["valueHash"] = json!("other");
            row["state"] = json!("open");
        })
    }),
    ("D5", "a region differs", "has a row that ap-southeast-1 has not", calm, |case| {
        healed(case, 2).get_mut("orders").expect("orders")[0]["total"] = json!(1);
    }),
    ("D6", "nobody asked for an order", "nobody asked for it", calm, |case| drop(case.attempts.remove(1))),
    ("G1", "an order is stuck", "not settled: PACKAGED", calm, |case| status(case, "PACKAGED")),
    ("G1", "a verdict moved nothing", "the verdict is there", reviewed, |case| {
        edit(case, "users.profiles", |row| row["userId"] = json!("yan"))
    }),
    ("G1", "goods that came back moved nothing", "it waits for goods that are back", reviewed, |case| {
        status(case, "RETURN_REQUESTED")
    }),
    ("G1", "goods that came in moved nothing", "it waits for goods that lie in wh-eu", backordered, |case| {
        edit_in(case, "eu-west-1", "warehouse.stock", |row| {
            if row["warehouseId"] == "wh-eu" {
                (row["onHand"], row["version"]) = (json!(500), json!(99));
            }
        })
    }),
    ("G1", "an order is in the journal only", "it has no row in any region", flood, |case| {
        for_all(case, |tables| drop(tables.remove("orders")))
    }),
    ("G2", "a step is illegal", "NEW was followed by RETURNED", calm, |case| {
        edit(case, "orders", |row| row["history"][1]["status"] = json!("RETURNED"))
    }),
    ("G2", "a version is missing", "version 3 stands where 2 should", calm, |case| {
        edit(case, "orders", |row| drop(row["history"].as_array_mut().expect("list").remove(1)))
    }),
    ("G2", "an epoch went back", "epoch 9 was followed by", flood, |case| {
        edit(case, "orders", |row| row["history"][0]["epoch"] = json!(9))
    }),
    ("G2", "a row cannot be read", "a row of orders cannot be read", calm, |case| {
        edit(case, "orders", |row| row["total"] = json!("much"))
    }),
    ("G3", "an order needs a person", "needs a person", calm, |case| {
        edit(case, "orders", |row| row["attention"] = json!(true))
    }),
    ("G3", "an event is parked", "is parked in eu-west-1", calm, |case| case.parked = Some(vec![parked()])),
    ("P1", "captured twice", "taken 2 times", calm, |case| {
        again(case, "capture", |entry| entry.key = entry.key.as_ref().map(|key| key.replace(":1", ":2")))
    }),
    ("P1", "captured more than authorised", "3501 was taken, 3500 was authorised", calm, |case| {
        first(case, "capture", |entry| entry.amount += 1)
    }),
    ("P2", "captured less than the total", "3499 was taken for a total of 3500", calm, |case| {
        first(case, "capture", |entry| entry.amount -= 1)
    }),
    ("P2", "paid under review", "its customer's age was never known", reviewed, never_verified),
    ("P2", "the total is not the sum", "its lines and delivery come to", calm, |case| {
        edit(case, "orders", |row| row["deliveryPrice"] = json!(5))
    }),
    ("P3", "refunded more than captured", "3501 was refunded of 3500", calm, |case| {
        again(case, "capture", |entry| {
            entry.operation = "refund".into();
            entry.amount += 1;
        })
    }),
    ("P3", "voided and captured", "voided, and 3500 taken", calm, |case| {
        again(case, "capture", |entry| entry.operation = "void".into())
    }),
    ("P4", "shipped before it was paid", "before the money was taken", calm, |case| {
        case.carrier.as_mut().expect("given")[0].at_ms -= 5_000
    }),
    ("P4", "shipped and never paid", "the money was never taken", calm, |case| {
        case.provider.as_mut().expect("given").retain(|entry| entry.operation != "capture")
    }),
    ("P5", "fulfilled and refunded", "FULFILLED with 0 paid", calm, |case| {
        again(case, "capture", |entry| entry.operation = "refund".into())
    }),
    ("P5", "paid back before anything came back", "RETURN_REQUESTED with 0 paid", commanded, |case| {
        again(case, "capture", |entry| entry.operation = "refund".into())
    }),
    ("P5", "refunded for less than came back", "RETURNED with 2251 paid", reviewed, |case| {
        first(case, "refund", |entry| entry.amount -= 1)
    }),
    ("P5", "refunded for other goods than came back", "for other goods than came back", reviewed, |case| {
        edit(case, "delivery", |row| {
            row.pointer_mut("/cameBack/lines/0/quantity").into_iter().for_each(|units| *units = json!(2))
        })
    }),
    ("P5", "refunded and nothing came back", "no courier brought anything back", reviewed, |case| {
        edit(case, "delivery", |row| row["cameBack"] = Value::Null)
    }),
    ("P6", "money is still held", "still held on the card", calm, |case| {
        case.provider.as_mut().expect("given").retain(|entry| entry.operation != "void")
    }),
    ("P6", "a token pays two orders", "one payment token pays several orders", calm, |case| {
        edit_journal(case, &hash_of("token-eva"), &hash_of("token-max"))
    }),
    ("P7", "the provider has more", "that our ledger has not", calm, |case| {
        again(case, "void", |entry| entry.reference = Some("other".into()))
    }),
    ("P7", "we have more", "that the provider has not", calm, |case| {
        case.provider.as_mut().expect("given").retain(|entry| entry.operation != "void")
    }),
    ("S1", "more is reserved than there is", "101 reserved", calm, |case| {
        edit(case, "warehouse.ledger", |row| row["reservedAfter"] = json!(101))
    }),
    ("S1", "stock is negative", "-1 there", calm, |case| {
        edit(case, "warehouse.stock", |row| row["onHand"] = json!(-1))
    }),
    ("S1", "goods were denied that lay there", "no warehouse ever lacked them", backordered, |case| {
        case.attempts.iter_mut().filter(|attempt| attempt.sold_out).for_each(|one| one.lines[0].quantity = 4)
    }),
    ("S2", "goods that came in are in no row", "and no row of the ledger has them", backordered, |case| {
        first_receipt(case, |receipt| receipt.reference = "another document".into())
    }),
    ("S2", "goods that came in are booked twice", "are booked 2 times", backordered, booked_twice),
    ("S2", "other units are booked than came in", "6 units came, and 5 are booked", backordered, |case| {
        first_receipt(case, |receipt| receipt.quantity += 1)
    }),
    ("S2", "goods are booked that nobody brought", "that nobody brought", backordered, |case| {
        case.receipts = Some(Vec::new())
    }),
    ("S2", "a unit is gone", "50 there, the movements come to 98", calm, |case| {
        edit(case, "warehouse.stock", |row| row["onHand"] = json!(50))
    }),
    ("S2", "a movement is missing", "98 there, the movements come to 100", calm, |case| {
        retain(case, "warehouse.ledger", |row| row["seq"] != 2)
    }),
    ("S2", "a movement did otherwise", "were 100 instead of 102", calm, |case| {
        edit(case, "warehouse.ledger", |row| row["movement"] = json!("RECEIPT"))
    }),
    ("S2", "an adjustment did otherwise", "were 100 instead of 102", calm, |case| {
        edit(case, "warehouse.ledger", |row| row["movement"] = json!("ADJUSTMENT"))
    }),
    ("S3", "a reservation stayed open", "the open reservations come to 2", calm, |case| {
        edit(case, "warehouse.reservations", |row| row["state"] = json!("HELD"))
    }),
    ("S3", "a movement reserved otherwise", "changed the reserved units by 0", calm, |case| {
        edit(case, "warehouse.ledger", |row| row["reservedAfter"] = json!(4))
    }),
    ("S4", "a settled order holds stock", "stock is still reserved", calm, |case| {
        edit(case, "warehouse.reservations", |row| row["state"] = json!("COMMITTED"))
    }),
    ("S4", "a settled order's own goods wait for an expiry", "stock is still reserved", calm, |case| {
        edit(case, "warehouse.reservations", |row| row["state"] = json!("HELD"))
    }),
    ("S4", "what another region had reserved for it did not end", "stock is still reserved", calm, |case| {
        left_elsewhere(case, 0)
    }),
    ("S4", "a new order holds nothing", "NEW and holds 0 of 2 units", calm, |case| status(case, "NEW")),
    ("S4", "an order under review holds nothing", "AGE_REVIEW and holds 0 of 2", reviewed, |case| {
        retain(case, "warehouse.reservations", |row| row["state"] != "HELD")
    }),
    ("S4", "an order that waits for goods holds some", "BACKORDERED and holds stock", backordered, |case| {
        edit(case, "warehouse.reservations", |row| row["state"] = json!("HELD"));
        status(case, "BACKORDERED");
    }),
    (
        "S4",
        "goods are kept for a move that never was",
        "stock is still reserved",
        backordered,
        kept_for_later,
    ),
    ("S5", "packed under review", "its customer's age was never known", reviewed, never_verified),
    ("S5", "the package holds less", "1 in the package", calm, |case| {
        edit(case, "warehouse", |row| row["packagedQuantity"] = json!(1))
    }),
    ("S5", "more was taken than ordered", "9 units taken, 2 ordered", calm, |case| {
        edit(case, "warehouse.ledger", |row| row["quantity"] = json!(9))
    }),
    ("H1", "two parcels", "2 parcels left", calm, |case| {
        let parcel = case.carrier.as_ref().expect("given")[0].clone();
        case.carrier.as_mut().expect("given").push(parcel);
    }),
    ("H1", "a parcel of a cancelled order", "the order is called off", calm, |case| {
        status(case, "CANCELLED")
    }),
    ("H1", "a parcel left after all", "told that the order is cancelled", commanded, |case| {
        parcel_of_commanded(case, 1)
    }),
    ("H1", "a parcel of an order that is being cancelled", "the order is called off", calm, |case| {
        status(case, "CANCELLING")
    }),
    (
        "H1",
        "a parcel came back, and is fulfilled",
        "brought back, and the order is fulfilled",
        calm,
        |case| {
            let parcels = case.carrier.as_mut().expect("given");
            let back = CarrierEntry { kind: "returned".into(), ..parcels[0].clone() };
            parcels.push(back);
        },
    ),
    ("H1", "a parcel arrived, and is not told so", "the order says that it was not", calm, |case| {
        status(case, "DELIVERY_FAILED");
        let parcels = case.carrier.as_mut().expect("given");
        let arrived = CarrierEntry { kind: "delivered".into(), ..parcels[0].clone() };
        parcels.push(arrived);
    }),
    ("H2", "not of age", "valid proof of age", calm, |case| {
        edit(case, "users.profiles", |row| row["ageVerdict"] = json!("FAILED"))
    }),
    ("H2", "not to this country", "may not ship to US", calm, |case| {
        case.carrier.as_mut().expect("given").iter_mut().for_each(|entry| entry.country = Some("US".into()))
    }),
    ("H3", "nobody signed", "no adult signed", calm, |case| {
        case.carrier.as_mut().expect("given").iter_mut().for_each(|entry| entry.adult_signature = None)
    }),
    ("E1", "a change was not published", "version 2 was never published", calm, |case| {
        drop(events(case).remove(1))
    }),
    ("E1", "an authorisation was not published", "PaymentAuthorised was never published", calm, |case| {
        for tap in case.taps.iter_mut().flatten() {
            tap.events.retain(|event| event["detail-type"] != "PaymentAuthorised");
        }
    }),
    ("E1", "a sign-up was not published", "UserCreated was never published", calm, |case| {
        edit(case, "users.profiles", |row| row["createdAt"] = json!("2026-01-01T00:00:00.000Z"))
    }),
    ("E1", "what was kept was not published", "StockReserved was never published", calm, |case| {
        for tap in case.taps.iter_mut().flatten() {
            tap.events.retain(|event| event["detail-type"] != "StockReserved");
        }
    }),
    ("E1", "what went back was not published", "StockReleased was never published", calm, |case| {
        edit(case, "warehouse.reservations", |row| row["state"] = json!("RELEASED"))
    }),
    ("E1", "a refusal was not published", "StockReservationFailed was never published", calm, |case| {
        for_all(case, |tables| {
            let order = tables["orders"][0]["orderId"].clone();
            let row = json!({ "orderId": order, "allocation": 1, "warehouseId": "wh-eu", "pending": {} });
            tables.insert("warehouse.refusals".into(), vec![row]);
        })
    }),
    ("E1", "an event has no commit", "published and never committed", calm, |case| {
        edit(case, "orders", |row| drop(row["history"].as_array_mut().expect("list").pop()))
    }),
    ("E1", "who is back published without a commit", "published and never committed", returned, |case| {
        edit(case, "orders", |row| drop(row["history"].as_array_mut().expect("list").pop()));
        for event in case.taps.iter_mut().flatten().flat_map(|tap| &mut tap.events) {
            event["detail"]["metadata"]["homeRegion"] = json!("us-east-1");
            event["detail"]["metadata"]["producedAt"] = json!("2099-01-01T00:00:00.000Z");
        }
    }),
    ("E1", "an event has a wrong id", "another id", calm, |case| {
        events(case)[0]["detail"]["metadata"]["eventId"] = json!(uuid::Uuid::nil())
    }),
    ("E2", "an inbox has an event twice", "applied 2 times", calm, |case| {
        for_all(case, |tables| {
            if let Some(rows) = tables.get_mut("platform.inbox") {
                rows.push(rows[0].clone());
            }
        })
    }),
    ("E2", "an event is noted and had no effect", "changed no order", calm, |case| {
        for_all(case, |tables| {
            if let Some(rows) = tables.get_mut("platform.inbox") {
                rows.push(json!({ "id": "orders#e1", "appliedAt": 1 }));
            }
        })
    }),
    ("E2", "stock was reserved twice", "reserved 2 times", calm, |case| {
        edit(case, "warehouse.ledger", |row| row["movement"] = json!("RESERVE"))
    }),
    ("E2", "an effect key took effect twice", "took effect 2 times", calm, |case| {
        again(case, "void", |_| {})
    }),
    ("E3", "an event names another schema", "names the schema other/1", calm, |case| {
        events(case)[0]["detail"]["metadata"]["schema"] = json!("other/1")
    }),
    ("E3", "an event lacks a field", "not an event of ours", calm, |case| {
        events(case)[0]["detail"]["total"] = Value::Null
    }),
    ("E3", "an event lacks a field of its schema", "detail/metadata: lacks causationId", calm, |case| {
        let metadata = &mut events(case)[0]["detail"]["metadata"];
        drop(metadata.as_object_mut().expect("an object").remove("causationId"))
    }),
    ("E3", "a field of an event is of another type", "detail/total: is not of type integer", calm, |case| {
        events(case)[0]["detail"]["total"] = json!("a lot")
    }),
    ("E3", "a moment is none to the schema alone", "detail/createdDate: does not match", calm, |case| {
        events(case)[0]["detail"]["createdDate"] = json!("2026-01-01T00:00:00Z")
    }),
    ("E3", "an event of a type without a schema", "its type has no schema", calm, |case| {
        events(case)[0]["detail-type"] = json!("OrderDreamt")
    }),
    ("E3", "old is not what new was", "otherwise than it was published", calm, |case| {
        events(case)[1]["detail"]["old"]["total"] = json!(7)
    }),
    ("E4", "an event waits", "an event has waited", calm, |case| {
        edit(case, "orders", |row| row["pending"] = json!({"e1": "{}"}))
    }),
    ("E4", "an event waits with who is back", "an event has waited", returned, |case| {
        edit(case, "orders", |row| {
            row["branch"] = json!("000000000001#us-east-1");
            row["pending"] = json!({"e1": "{}"});
        })
    }),
    ("R1", "two regions act in one epoch", "ap-southeast-1 and eu-west-1 acted for it", calm, |case| {
        for_all(case, |tables| {
            let rows = tables.get_mut("orders").expect("orders");
            let mut row = rows[0].clone();
            row["branch"] = json!("000000000001#ap-southeast-1");
            rows.push(row);
        });
    }),
    ("R1", "two regions publish in one epoch", "eu-west-1 and us-east-1 acted for it", calm, |case| {
        events(case)[1]["detail"]["metadata"]["homeRegion"] = json!("us-east-1")
    }),
    ("R1", "one version has two contents", "the same version with other content", calm, |case| {
        edit_in(case, "eu-west-1", "orders", |row| row["total"] = json!(7))
    }),
    ("R1", "a replaced owner wrote on", "after epoch 2 had begun", flood, |case| {
        edit(case, "orders", |row| row["branch"] = json!("000000000000#us-east-1"))
    }),
    ("R2", "recovery took too long", "10600 ms", flood, |case| {
        case.attempts
            .iter_mut()
            .filter(|attempt| attempt.home.as_str() == "am")
            .for_each(|attempt| attempt.answered_ms = attempt.answered_ms.map(|at| at + 9_000))
    }),
    ("R2", "no recovery at all", "was ever confirmed again", flood, |case| {
        case.attempts.retain(|attempt| attempt.home.as_str() != "am")
    }),
    ("L1", "an answer is late", "after 1001 ms", calm, |case| {
        answer(case, |answer| answer.answered_ms = Some(answer.planned_ms + 1_001))
    }),
    ("L1", "an answer never came", "never answered", calm, |case| {
        answer(case, |answer| answer.answered_ms = None)
    }),
    ("L2", "too many failed", "99.800 %", calm, |case| {
        case.answers.as_mut().expect("given")[..3].iter_mut().for_each(|answer| answer.wanted = false)
    }),
    ("L3", "overload was refused late", "after 201 ms", calm, |case| {
        answer(case, |answer| answer.answered_ms = Some(answer.planned_ms + 201))
    }),
    ("X1", "a card number in a table", "in a table", calm, |case| {
        edit(case, "payment", |row| row["note"] = json!("4000056655123456"))
    }),
    ("X1", "a card number in an event", "in an event", calm, |case| {
        events(case)[0]["detail"]["card"] = json!("4000056655123456")
    }),
    ("X1", "a log that cannot be read", "cannot be searched", calm, |case| {
        case.logs.push("/nonexistent/region.log".into())
    }),
    ("X2", "a stranger reads an order", "wanted a refusal", calm, |case| {
        case.probes.as_mut().expect("given")[0].passed = false
    }),
    ("X3", "a negative quantity passes", "wanted a refusal", calm, |case| {
        case.probes.as_mut().expect("given")[1].passed = false
    }),
    ("X3", "a tampered order was accepted", "a tampered order was accepted", calm, |case| {
        case.attempts[0].planned_refusal = true
    }),
];

#[test]
fn every_mutation_is_found_for_what_it_is() {
    for (id, what, says, sound, mutate) in MUTATIONS {
        let mut case = sound();
        mutate(&mut case);
        let result = check(&case).into_iter().find(|result| result.id == *id).expect("listed");
        let found = result.violations.iter().any(|violation| violation.message.contains(says));
        assert!(found, "{id}: {what}: {:?}", result.violations);
    }
}

#[test]
fn no_invariant_lacks_a_mutation() {
    let all: BTreeSet<&str> = invariants::ALL.iter().map(|invariant| invariant.id).collect();
    let mutated: BTreeSet<&str> = MUTATIONS.iter().map(|(id, ..)| *id).collect();
    assert_eq!(mutated, all);
}

#[test]
fn a_card_number_is_found_in_a_log_even_across_pieces() {
    let path = std::env::temp_dir().join(format!("card-canary-{}.log", std::process::id()));
    let text = format!("{}4000056655123456", "x".repeat(64 * 1024 - 4));
    std::fs::write(&path, text).expect("a temporary file");
    let mut case = calm();
    case.logs.push(path.clone());
    let found = check(&case).into_iter().find(|result| result.id == "X1").expect("listed");
    std::fs::remove_file(path).expect("just written");
    assert_eq!(found.violations.len(), 1);
}

#[test]
fn a_breach_names_what_it_concerns() {
    let mut case = flood();
    forget_everything_about_one_order(&mut case);
    let lost = case.attempts.iter().find(|attempt| attempt.user_id.as_str() == "joe").expect("joe ordered");
    let id = lost.order_id.expect("acknowledged").to_string();
    let results = check(&case);
    let breach = &results.iter().find(|result| result.id == "D1").expect("listed").violations[0];
    assert_eq!((breach.invariant, breach.ids.as_slice()), ("D1", [id].as_slice()));
}
