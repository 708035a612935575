//! S2 and S3: the books of each warehouse add up, movement by movement.

use super::Tally;
use super::case::Receipt;
use super::records::{Records, has_table};
use super::stock::{Place, ledger, levels, reservations};
use contracts::stock::{Movement, StockLedgerRow, StockLevel};
use std::collections::{BTreeMap, BTreeSet};

/// S2: what lies there is what came in less what went out, at every movement and at the end.
pub(super) fn on_hand_adds_up(records: &Records<'_>, tally: &mut Tally) {
    if !has_table(records.case.last(), "warehouse.ledger") {
        return tally.absent("the stock ledger was not dumped");
    }
    let initial = initial(records);
    let ledger = ledger(records);
    let levels = levels(records);
    for place in places(&levels, &initial, &ledger) {
        if is_unaccountable(records, place) {
            tally.cannot_tell();
            continue;
        }
        let rows = ledger.get(place);
        let fault = on_hand_fault(levels.get(place), initial.get(place).copied(), rows);
        tally.looked_at(rows.map_or(1, BTreeMap::len));
        if let Some(fault) = fault {
            tally.broken(format!("{}: {fault}", place.0), [place.1]);
        }
    }
    receipts_are_booked(records, &ledger, tally);
}

/// Rows of the ledger that book goods which came in, by where and by the document that came with them.
type Booked<'l> = BTreeMap<(Place, &'l str), Vec<&'l StockLedgerRow>>;

/// Whatever a storekeeper was told to be booked is booked once, as it came, and nothing is booked that nobody brought.
fn receipts_are_booked(
    records: &Records<'_>,
    ledger: &BTreeMap<Place, BTreeMap<u64, StockLedgerRow>>,
    tally: &mut Tally,
) {
    let Some(receipts) = &records.case.receipts else { return };
    let mut booked = Booked::new();
    for (place, rows) in ledger.iter().filter(|(place, _)| !is_unaccountable(records, place)) {
        for row in rows.values().filter(|row| row.movement == Movement::Receipt) {
            booked.entry((place.clone(), &row.reference)).or_default().push(row);
        }
    }
    for receipt in receipts {
        let place = (receipt.warehouse_id.clone(), receipt.product_id);
        if is_unaccountable(records, &place) {
            tally.cannot_tell();
            continue;
        }
        let rows = booked.remove(&(place, &*receipt.reference));
        let fault = receipt_fault(receipt, rows.as_deref().unwrap_or_default());
        tally.demand(fault.is_none(), &receipt.reference, || fault.unwrap_or_default());
    }
    for (place, reference) in booked.keys() {
        tally.broken(format!("{}: goods are booked that nobody brought", place.0), [reference]);
    }
}

fn receipt_fault(receipt: &Receipt, rows: &[&StockLedgerRow]) -> Option<String> {
    match rows {
        [] if receipt.booked => {
            Some("goods were told as booked, and no row of the ledger has them".to_owned())
        }
        [row] if row.quantity != receipt.quantity => {
            Some(format!("{} units came, and {} are booked", receipt.quantity, row.quantity))
        }
        [] | [_] => None,
        several => Some(format!("goods that came once are booked {} times", several.len())),
    }
}

fn places<'a>(
    levels: &'a BTreeMap<Place, StockLevel>,
    initial: &'a BTreeMap<Place, i64>,
    ledger: &'a BTreeMap<Place, BTreeMap<u64, StockLedgerRow>>,
) -> BTreeSet<&'a Place> {
    levels.keys().chain(initial.keys()).chain(ledger.keys()).collect()
}

fn is_unaccountable(records: &Records<'_>, place: &Place) -> bool {
    records.case.unaccountable_warehouses().contains(&place.0)
}

fn initial(records: &Records<'_>) -> BTreeMap<Place, i64> {
    let levels = records.case.initial_stock.iter().flatten();
    levels.map(|level| ((level.warehouse_id.clone(), level.product_id), level.on_hand)).collect()
}

/// Walks the movements from the initial stock to the level that is stored.
fn on_hand_fault(
    level: Option<&StockLevel>,
    initial: Option<i64>,
    rows: Option<&BTreeMap<u64, StockLedgerRow>>,
) -> Option<String> {
    let Some(level) = level else { return Some("the stock has no row".to_owned()) };
    let mut on_hand = initial;
    let mut expected_seq = None;
    for row in rows.into_iter().flat_map(BTreeMap::values) {
        if expected_seq.is_some_and(|seq| seq != row.seq) {
            return Some(format!("movement {} is missing", expected_seq.unwrap_or_default()));
        }
        expected_seq = Some(row.seq + 1);
        let wanted = match row.movement {
            // The first row puts the initial stock there; nothing else may.
            Movement::Initial => Some(initial.unwrap_or(row.quantity)),
            movement => on_hand.map(|before| before + on_hand_step(movement, row.quantity)),
        };
        let wanted = wanted.unwrap_or(row.on_hand_after);
        if wanted != row.on_hand_after {
            return Some(format!(
                "after movement {} there were {} instead of {wanted}",
                row.seq, row.on_hand_after
            ));
        }
        on_hand = Some(wanted);
    }
    let expected = on_hand.unwrap_or(0);
    (expected != level.on_hand).then(|| format!("{} there, the movements come to {expected}", level.on_hand))
}

fn on_hand_step(movement: Movement, quantity: i64) -> i64 {
    match movement {
        // An adjustment goes either way: its quantity has a sign.
        Movement::Receipt | Movement::Restock | Movement::Adjustment => quantity,
        Movement::Consume | Movement::WriteOff => -quantity,
        Movement::Reserve | Movement::Release | Movement::Initial => 0,
    }
}

/// S3: what is reserved is the sum of the open reservations, and each movement changes it as it says.
pub(super) fn reserved_adds_up(records: &Records<'_>, tally: &mut Tally) {
    let dumps = records.case.last();
    if !has_table(dumps, "warehouse.stock") || !has_table(dumps, "warehouse.reservations") {
        return tally.absent("stock and reservations were not dumped");
    }
    let mut open: BTreeMap<Place, i64> = BTreeMap::new();
    for row in reservations(records).into_iter().filter(|row| row.state.open()) {
        *open.entry((row.warehouse_id.clone(), row.product_id)).or_default() += i64::from(row.quantity);
    }
    let (levels, ledger) = (levels(records), ledger(records));
    let everywhere: BTreeSet<&Place> = levels.keys().chain(open.keys()).collect();
    for place in everywhere {
        if is_unaccountable(records, place) {
            tally.cannot_tell();
            continue;
        }
        let reserved = levels.get(place).map_or(0, |level| level.reserved);
        let open = open.get(place).copied().unwrap_or(0);
        tally.demand(reserved == open, place.1, || {
            format!("{}: {reserved} reserved, the open reservations come to {open}", place.0)
        });
        if let Some(fault) = ledger.get(place).and_then(reserved_fault) {
            tally.broken(format!("{}: {fault}", place.0), [place.1]);
        }
    }
}

fn reserved_fault(rows: &BTreeMap<u64, StockLedgerRow>) -> Option<String> {
    let consecutive = rows.values().zip(rows.values().skip(1));
    for (before, after) in consecutive.filter(|(before, after)| after.seq == before.seq + 1) {
        let step = after.reserved_after - before.reserved_after;
        let right = match after.movement {
            Movement::Reserve => step == after.quantity,
            Movement::Release | Movement::Consume => step == -after.quantity,
            // Goods that are written off may or may not have been spoken for.
            Movement::WriteOff => (-after.quantity..=0).contains(&step),
            Movement::Receipt | Movement::Restock | Movement::Adjustment | Movement::Initial => step == 0,
        };
        if !right {
            return Some(format!("movement {} changed the reserved units by {step}", after.seq));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::ids::{ProductId, WarehouseId};

    /// Ten units, of which an adjustment takes three away.
    fn adjusted(left: i64) -> Option<String> {
        let (product_id, warehouse_id) = (ProductId(uuid::Uuid::from_u128(1)), WarehouseId::from("wh"));
        let row = |seq, movement, quantity, on_hand_after| StockLedgerRow {
            product_id,
            warehouse_id: warehouse_id.clone(),
            seq,
            movement,
            quantity,
            reference: "count 1".into(),
            on_hand_after,
            reserved_after: 0,
        };
        let rows = [row(1, Movement::Initial, 10, 10), row(2, Movement::Adjustment, -3, left)];
        let warehouse_id = warehouse_id.clone();
        let level = StockLevel { product_id, warehouse_id, on_hand: left, reserved: 0, version: 2 };
        on_hand_fault(Some(&level), Some(10), Some(&rows.map(|row| (row.seq, row)).into()))
    }

    #[test]
    fn an_adjustment_counts_with_its_sign() {
        assert_eq!(adjusted(7), None);
        assert_eq!(adjusted(13), Some("after movement 2 there were 13 instead of 7".into()));
    }
}
