//! What comes onto the shelf or is corrected there: receipts, adjustments, returns. Each is booked once for its
//! reference, and says that there is more to be had where there is.

use super::{
    Store, TRIES, happened,
    stock::{StockItem, place},
};
use crate::{domain::stock, error::WarehouseError};
use contracts::{
    ProductId, WarehouseId,
    bodies::warehouse::{StockAdjustment, StockReceipt},
    events::{Happening, ProductUnits},
    stock::{Movement, StockLevel},
};
use platform::{
    branches::Branched,
    bus::{self, Aggregate},
    tables::Transaction,
};
use tokio::sync::OwnedMutexGuard;

/// A movement that is booked once.
struct Booking<'a> {
    movement: Movement,
    /// Units; fewer than none where an adjustment takes some away.
    quantity: i64,
    reference: &'a str,
    reason: Option<&'a str>,
    /// The key under which it stands in the ledger a second time.
    once: String,
}

impl<'a> Booking<'a> {
    fn receipt(receipt: &'a StockReceipt) -> Self {
        let place = place(receipt.product_id, &receipt.warehouse_id);
        Booking {
            movement: Movement::Receipt,
            quantity: receipt.quantity.into(),
            reference: &receipt.reference,
            reason: None,
            once: format!("receipt#{place}#{}", receipt.reference),
        }
    }

    fn adjustment(adjustment: &'a StockAdjustment) -> Self {
        let place = place(adjustment.product_id, &adjustment.warehouse_id);
        Booking {
            movement: Movement::Adjustment,
            quantity: adjustment.delta,
            reference: &adjustment.reference,
            reason: Some(&adjustment.reason),
            once: format!("adjustment#{place}#{}", adjustment.reference),
        }
    }
}

/// Rows that wait to be committed, with what they tell afterwards. They keep the goods' turn.
pub(crate) struct Shelved {
    items: Vec<StockItem>,
    _turns: Vec<OwnedMutexGuard<()>>,
}

impl Store {
    /// Puts goods that came in on the shelf, once for each reference.
    pub(crate) async fn receive(&self, receipt: &StockReceipt) -> Result<StockLevel, WarehouseError> {
        self.book(receipt.product_id, &receipt.warehouse_id, &Booking::receipt(receipt)).await
    }

    /// Corrects what lies there, once for each reference.
    pub(crate) async fn adjust(&self, adjustment: &StockAdjustment) -> Result<StockLevel, WarehouseError> {
        let booking = Booking::adjustment(adjustment);
        self.book(adjustment.product_id, &adjustment.warehouse_id, &booking).await
    }

    async fn book(
        &self,
        product_id: ProductId,
        warehouse_id: &WarehouseId,
        booking: &Booking<'_>,
    ) -> Result<StockLevel, WarehouseError> {
        self.must_be_home(warehouse_id)?;
        let _turns = self.locks.take([product_id].into_iter()).await;
        for tried in 0..TRIES {
            self.pause(tried).await;
            let level = self.level(product_id, warehouse_id).await?;
            let held = level.unwrap_or_else(|| self.nothing(product_id, warehouse_id));
            if self.booked_before(booking).await? {
                return Ok(held.level);
            }
            let (mut after, writes) = self.put_booking(self.begin(), &held, booking)?;
            if happened(writes.commit().await)? {
                self.relay_stock(&mut after);
                return Ok(after.level);
            }
        }
        Err(WarehouseError::Contended)
    }

    /// Adds to a transaction that goods came back, once for each reference and product.
    pub(crate) async fn restock(
        &self,
        mut writes: Transaction,
        warehouse_id: &WarehouseId,
        lines: &[ProductUnits],
        reference: &str,
    ) -> Result<(Shelved, Transaction), WarehouseError> {
        let turns = self.locks.take(lines.iter().map(|line| line.product_id)).await;
        let mut shelved = Shelved { items: Vec::with_capacity(lines.len()), _turns: turns };
        for line in lines {
            let once = format!("{reference}#{}", line.product_id);
            if self.booked(&once).await?.is_some() {
                continue;
            }
            let level = self.level(line.product_id, warehouse_id).await?;
            let held = level.unwrap_or_else(|| self.nothing(line.product_id, warehouse_id));
            let (movement, quantity) = (Movement::Restock, line.quantity.into());
            let booking = Booking { movement, quantity, reference, reason: None, once };
            let after;
            (after, writes) = self.put_booking(writes, &held, &booking)?;
            shelved.items.push(after);
        }
        Ok((shelved, writes))
    }

    /// Has what was committed told.
    pub(crate) fn shelved(&self, mut shelved: Shelved) {
        shelved.items.iter_mut().for_each(|item| self.relay_stock(item));
    }

    /// Adds a booking to a transaction: the row with its event, and the movement twice in the ledger. The second one is
    /// under a key that there is once: a repeat does not go through.
    fn put_booking(
        &self,
        writes: Transaction,
        held: &StockItem,
        booking: &Booking<'_>,
    ) -> Result<(StockItem, Transaction), WarehouseError> {
        let Booking { movement, quantity, reference, .. } = *booking;
        let mut after = self.after(held, movement, quantity)?;
        if quantity > 0 {
            self.tell_of_more(&mut after, reference);
        }
        let row = stock::ledger_row(&after.level, movement, quantity, reference);
        let reason = booking.reason.map(str::to_owned);
        let writes = self.put_level(writes, held, &after)?;
        let writes = self.put_in_ledger(writes, held.pk.clone(), row.clone(), reason.clone())?;
        let writes = self.put_in_ledger(writes, booking.once.clone(), row, reason)?;
        Ok((after, writes))
    }

    /// Whether the same was booked before.
    async fn booked_before(&self, booking: &Booking<'_>) -> Result<bool, WarehouseError> {
        match self.booked(&booking.once).await? {
            Some(row) if row.quantity == booking.quantity => Ok(true),
            Some(_) => Err(WarehouseError::Refused("the reference was used for another quantity".into())),
            None => Ok(false),
        }
    }

    fn tell_of_more(&self, after: &mut StockItem, caused_by: &str) {
        let StockLevel { product_id, ref warehouse_id, on_hand, reserved, version } = after.level;
        let warehouse_id = warehouse_id.clone();
        let happening =
            Happening::StockReplenished { product_id, warehouse_id, available: on_hand - reserved };
        let aggregate = Aggregate { kind: "stock", id: &after.pk, version, epoch: after.epoch() };
        let event = bus::event(&self.platform, aggregate, caused_by, happening);
        self.stock_outbox.add(&mut after.pending, &event);
    }

    fn relay_stock(&self, item: &mut StockItem) {
        self.stock_outbox.notify(self.stock_key(item), &mut item.pending);
    }
}
