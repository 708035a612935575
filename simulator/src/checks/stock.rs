//! S1, S4 and S5: stock is never negative, orders hold what they should, and what left was packed. What lies on the shelves
//! at the end.

use super::Tally;
use super::case::Attempt;
use super::records::{
    Branch, Records, all_items, branch_of, has_table, never_left_review, order_in, order_of, parse,
};
use contracts::ids::{OrderId, ProductId, WarehouseId};
use contracts::order::{Order, OrderStatus};
use contracts::stock::{Movement, Reservation, ReservationState, StockLedgerRow, StockLevel};
use std::collections::{BTreeMap, BTreeSet};

/// A product in a warehouse.
pub(super) type Place = (WarehouseId, ProductId);

/// The stock as its readers see it: the highest (epoch, version) of each product and warehouse.
pub(super) fn levels(records: &Records<'_>) -> BTreeMap<Place, StockLevel> {
    let mut levels: BTreeMap<Place, (u64, StockLevel)> = BTreeMap::new();
    for (_, item) in all_items(records.case.last(), "warehouse.stock") {
        let Ok(level) = parse::<StockLevel>(item) else { continue };
        let epoch = branch_of(item).map_or(0, |branch| branch.epoch);
        let place = (level.warehouse_id.clone(), level.product_id);
        match levels.get(&place) {
            Some((e, l)) if (*e, l.version) >= (epoch, level.version) => {}
            _ => drop(levels.insert(place, (epoch, level))),
        }
    }
    levels.into_iter().map(|(place, (_, level))| (place, level)).collect()
}

/// The reservations as their readers see them.
pub(super) fn reservations(records: &Records<'_>) -> Vec<Reservation> {
    let mut winners: BTreeMap<_, (u64, Reservation)> = BTreeMap::new();
    for (_, item) in all_items(records.case.last(), "warehouse.reservations") {
        let Ok(row) = parse::<Reservation>(item) else { continue };
        let epoch = branch_of(item).map_or(0, |branch| branch.epoch);
        let key = (row.order_id, row.product_id, row.warehouse_id.clone(), row.allocation);
        match winners.get(&key) {
            Some((e, r)) if (*e, r.version) >= (epoch, row.version) => {}
            _ => drop(winners.insert(key, (epoch, row))),
        }
    }
    winners.into_values().map(|(_, row)| row).collect()
}

/// The ledger rows of each product and warehouse, by number, merged over regions.
pub(super) fn ledger(records: &Records<'_>) -> BTreeMap<Place, BTreeMap<u64, StockLedgerRow>> {
    let mut ledger: BTreeMap<Place, BTreeMap<u64, StockLedgerRow>> = BTreeMap::new();
    for (_, item) in all_items(records.case.last(), "warehouse.ledger") {
        if let Ok(row) = parse::<StockLedgerRow>(item) {
            let place = (row.warehouse_id.clone(), row.product_id);
            ledger.entry(place).or_default().insert(row.seq, row);
        }
    }
    ledger
}

/// S1: nothing is negative and no more is reserved than lies there, in every row of every region.
pub(super) fn never_negative(records: &Records<'_>, tally: &mut Tally) {
    let dumps = records.case.last();
    if !has_table(dumps, "warehouse.ledger") {
        return tally.absent("the stock ledger was not dumped");
    }
    let sound = |on_hand: i64, reserved: i64| on_hand >= 0 && reserved >= 0 && reserved <= on_hand;
    for (_, item) in all_items(dumps, "warehouse.ledger") {
        match parse::<StockLedgerRow>(item) {
            Ok(row) => tally.demand(sound(row.on_hand_after, row.reserved_after), row.product_id, || {
                let (on_hand, reserved) = (row.on_hand_after, row.reserved_after);
                format!("{} at movement {}: {on_hand} there, {reserved} reserved", row.warehouse_id, row.seq)
            }),
            Err(why) => tally.broken(format!("a row of the stock ledger cannot be read: {why}"), ["ledger"]),
        }
    }
    for (_, item) in all_items(dumps, "warehouse.stock") {
        match parse::<StockLevel>(item) {
            Ok(level) => tally.demand(sound(level.on_hand, level.reserved), level.product_id, || {
                format!("{}: {} there, {} reserved", level.warehouse_id, level.on_hand, level.reserved)
            }),
            Err(why) => tally.broken(format!("a row of the stock cannot be read: {why}"), ["stock"]),
        }
    }
    denied_only_what_ran_out(records, tally);
}

/// Whoever was told that goods have run out asked for more than what some warehouse had left at its lowest.
fn denied_only_what_ran_out(records: &Records<'_>, tally: &mut Tally) {
    let denied = records.case.attempts.iter().filter(|attempt| attempt.sold_out);
    let denied: Vec<&Attempt> = denied.collect();
    if denied.is_empty() {
        return;
    }
    let (lowest, lost) = (lowest(records), records.case.unaccountable_warehouses());
    for attempt in denied {
        let short = attempt.lines.iter().any(|line| {
            let least = lowest.get(&line.product_id).copied().unwrap_or(i64::MAX);
            i64::from(line.quantity) > least
        });
        match short || lost.is_empty() {
            true => tally.demand(short, order_of(attempt), || {
                "refused for want of goods, and no warehouse ever lacked them".to_owned()
            }),
            // It may have been one of those whose books are lost.
            false => tally.cannot_tell(),
        }
    }
}

/// The fewest units of each product that were to be had in any one warehouse, ever.
fn lowest(records: &Records<'_>) -> BTreeMap<ProductId, i64> {
    let initial = records.case.initial_stock.iter().flatten().map(|level| (level.product_id, level.on_hand));
    let moved = ledger(records).into_values().flat_map(BTreeMap::into_values);
    let moved = moved.map(|row| (row.product_id, row.on_hand_after - row.reserved_after));
    initial.chain(moved).fold(BTreeMap::new(), |mut lowest, (product_id, units)| {
        lowest.entry(product_id).and_modify(|least: &mut i64| *least = units.min(*least)).or_insert(units);
        lowest
    })
}

/// What is to be had at the end, in the warehouses whose books can be judged.
pub(super) struct Shelves(BTreeMap<WarehouseId, BTreeMap<ProductId, i64>>);

impl Shelves {
    pub(super) fn read(records: &Records<'_>) -> Self {
        let lost = records.case.unaccountable_warehouses();
        let mut shelves: BTreeMap<WarehouseId, BTreeMap<ProductId, i64>> = BTreeMap::new();
        for ((warehouse, product), level) in
            levels(records).into_iter().filter(|(at, _)| !lost.contains(&at.0))
        {
            shelves.entry(warehouse).or_default().insert(product, level.on_hand - level.reserved);
        }
        Shelves(shelves)
    }

    /// A warehouse from which the whole order could be served.
    pub(super) fn serving(&self, order: &Order) -> Option<&WarehouseId> {
        let lines = units(order.products.iter().map(|line| (line.product_id, line.quantity)));
        let serves = |shelf: &BTreeMap<ProductId, i64>| {
            lines.iter().all(|(id, wanted)| shelf.get(id).is_some_and(|there| *there >= i64::from(*wanted)))
        };
        self.0.iter().find(|(_, shelf)| serves(shelf)).map(|(warehouse, _)| warehouse)
    }
}

/// S4: settled orders hold no reservation, working ones exactly their lines, waiting ones none.
pub(super) fn held_for_orders(records: &Records<'_>, tally: &mut Tally) {
    if !has_table(records.case.last(), "warehouse.reservations") {
        return tally.absent("the reservations were not dumped");
    }
    let unaccountable = records.case.unaccountable_warehouses();
    let mut open: BTreeMap<OrderId, Vec<Reservation>> = BTreeMap::new();
    let mut beyond: BTreeSet<OrderId> = BTreeSet::new();
    let ending = ending_later(records);
    for row in reservations(records).into_iter().filter(|row| row.state.open()) {
        match unaccountable.contains(&row.warehouse_id) || left_over(records, &row, &ending) {
            true => drop(beyond.insert(row.order_id)),
            false => open.entry(row.order_id).or_default().push(row),
        }
    }
    (0..beyond.len()).for_each(|_| tally.cannot_tell());
    for order in records.last.winners().map(|row| &row.order) {
        if unaccountable.contains(&order.warehouse_id) && !order.settled() {
            tally.cannot_tell();
            continue;
        }
        let fault = holding_fault(order, open.get(&order.order_id).map_or(&[], Vec::as_slice));
        tally.demand(fault.is_none(), order.order_id, || fault.unwrap_or_default());
    }
    let unknown = open.keys().filter(|order_id| !records.last.exists(order_id));
    for order_id in unknown.filter(|order_id| !expected_to_expire(records, order_id)) {
        tally.broken("stock is reserved for an order that does not exist", [order_id]);
    }
}

/// What tells one reservation from another.
type ReservationKey = (OrderId, ProductId, WarehouseId, u32);

fn key_of(row: &Reservation) -> ReservationKey {
    (row.order_id, row.product_id, row.warehouse_id.clone(), row.allocation)
}

/// Reservations that end by themselves, but only after the last look at them.
fn ending_later(records: &Records<'_>) -> BTreeSet<ReservationKey> {
    let looked_ms = records.case.settling.map_or(i64::MAX, |settling| settling.dumped_ms);
    let items = all_items(records.case.last(), "warehouse.reservations");
    let ending = items.filter_map(|(_, item)| {
        let row = parse::<Reservation>(item).ok()?;
        (item["expiresAt"].as_i64()? > looked_ms).then(|| key_of(&row))
    });
    ending.collect()
}

/// Whether a region had reserved goods for an order and was cut off before it could promise it, or have it served from
/// there, so that another one promised it from another warehouse or cancelled it: what the first had reserved ends by its
/// own expiry.
fn left_over(records: &Records<'_>, row: &Reservation, ending: &BTreeSet<ReservationKey>) -> bool {
    let order = records.last.winner(&row.order_id).map(|winner| &winner.order);
    let elsewhere = order.is_some_and(|order| order.warehouse_id != row.warehouse_id);
    let cut_off = !records.case.faults.is_empty();
    let never_moved = cut_off && order.is_some_and(|order| order.allocation < row.allocation);
    (elsewhere || never_moved) && row.state == ReservationState::Held && ending.contains(&key_of(row))
}

/// A reservation of an attempt whose fate was never known ends by its own expiry.
fn expected_to_expire(records: &Records<'_>, order_id: &OrderId) -> bool {
    records.attempts.contains_key(order_id)
}

fn holding_fault(order: &Order, open: &[Reservation]) -> Option<String> {
    use OrderStatus::{AgeReview, Backordered, New, Packaged, Packaging, Paid, Reallocating};
    let held: BTreeMap<ProductId, u32> = units(open.iter().map(|row| (row.product_id, row.quantity)));
    let lines = units(order.products.iter().map(|line| (line.product_id, line.quantity)));
    match order.status {
        _ if order.settled() && !held.is_empty() => {
            Some(format!("{}, and stock is still reserved for it: {}", order.status, described(open)))
        }
        New | AgeReview | Packaging | Packaged | Paid if held != lines => {
            Some(format!("{} and holds {} of {} units", order.status, total(&held), total(&lines)))
        }
        Backordered | Reallocating if !held.is_empty() => Some(format!("{} and holds stock", order.status)),
        _ => None,
    }
}

/// Reservations, for a person to read.
fn described(rows: &[Reservation]) -> String {
    let row = |row: &Reservation| {
        let Reservation { quantity, state, warehouse_id, allocation, .. } = row;
        format!("{quantity} {state:?} in {warehouse_id} (allocation {allocation})")
    };
    rows.iter().map(row).collect::<Vec<_>>().join(", ")
}

fn units(rows: impl Iterator<Item = (ProductId, u32)>) -> BTreeMap<ProductId, u32> {
    rows.fold(BTreeMap::new(), |mut sum, (product, quantity)| {
        *sum.entry(product).or_default() += quantity;
        sum
    })
}

fn total(units: &BTreeMap<ProductId, u32>) -> u32 {
    units.values().sum()
}

/// S5: units consumed for an order are the units packaged, and no more than were ordered.
pub(super) fn shipped_what_was_packed(records: &Records<'_>, tally: &mut Tally) {
    if !has_table(records.case.last(), "warehouse.ledger") || !has_table(records.case.last(), "warehouse") {
        return tally.absent("the warehouse was not dumped");
    }
    let unaccountable = records.case.unaccountable_warehouses();
    let packed = packed(records);
    nothing_packed_under_review(records, &packed, tally);
    for ((order_id, product_id), consumed) in consumed(records) {
        let Some(ordered) = ordered(records, &order_id, &product_id) else {
            tally.broken("units were taken for an order that does not have the product", [order_id]);
            continue;
        };
        tally.demand(consumed <= ordered, order_id, || format!("{consumed} units taken, {ordered} ordered"));
        let lost =
            records.last.winner(&order_id).is_some_and(|row| unaccountable.contains(&row.order.warehouse_id));
        match packed.get(&(order_id, product_id)) {
            Some(packed) => tally.demand(consumed == *packed, order_id, || {
                format!("{consumed} units taken, {packed} in the package")
            }),
            None if lost => tally.cannot_tell(),
            None => tally.broken("units were taken that no package holds", [order_id]),
        }
    }
}

/// Nothing goes into a package for a customer whose age was never known.
fn nothing_packed_under_review(
    records: &Records<'_>,
    packed: &BTreeMap<(OrderId, ProductId), i64>,
    tally: &mut Tally,
) {
    let orders_packed: BTreeSet<&OrderId> =
        packed.iter().filter(|(_, units)| **units > 0).map(|((order_id, _), _)| order_id).collect();
    for order in records.last.winners().map(|row| &row.order).filter(|order| never_left_review(order)) {
        tally.demand(!orders_packed.contains(&order.order_id), order.order_id, || {
            "packed, and its customer's age was never known".to_owned()
        });
    }
}

fn consumed(records: &Records<'_>) -> BTreeMap<(OrderId, ProductId), i64> {
    let mut units = BTreeMap::new();
    let rows = ledger(records).into_values().flat_map(BTreeMap::into_values);
    for row in rows.filter(|row| row.movement == Movement::Consume) {
        if let Some(order_id) = order_in(&row.reference) {
            *units.entry((order_id, row.product_id)).or_default() += row.quantity;
        }
    }
    units
}

/// Packaged units along each order's winning branch of packaging rows.
fn packed(records: &Records<'_>) -> BTreeMap<(OrderId, ProductId), i64> {
    let mut packed: BTreeMap<(OrderId, ProductId), (Branch, i64)> = BTreeMap::new();
    for (_, item) in all_items(records.case.last(), "warehouse") {
        let order_id = item["orderId"].as_str().and_then(|id| id.parse().ok());
        let product_id = item["productId"].as_str().and_then(|id| id.parse().ok());
        let units = item["packagedQuantity"].as_i64();
        let Some((((order_id, product_id), units), branch)) =
            order_id.zip(product_id).zip(units).zip(branch_of(item))
        else {
            continue;
        };
        match packed.get(&(order_id, product_id)) {
            Some((held, most)) if (held.epoch, *most) >= (branch.epoch, units) => {}
            _ => drop(packed.insert((order_id, product_id), (branch, units))),
        }
    }
    packed.into_iter().map(|(key, (_, units))| (key, units)).collect()
}

/// Units ordered, by the journal or by the customer's own attempt.
fn ordered(records: &Records<'_>, order_id: &OrderId, product_id: &ProductId) -> Option<i64> {
    let journalled = records.last.journalled(order_id).map(|order| {
        order
            .products
            .iter()
            .filter(|line| line.product_id == *product_id)
            .map(|line| line.quantity)
            .sum::<u32>()
    });
    let asked = || {
        let attempt = records.attempts.get(order_id)?.first()?;
        Some(
            attempt
                .lines
                .iter()
                .filter(|line| line.product_id == *product_id)
                .map(|line| line.quantity)
                .sum(),
        )
    };
    journalled.or_else(asked).filter(|units| *units > 0).map(i64::from)
}
