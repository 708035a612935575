//! The steps of an order's reservation: commit, release, consume. Each happens once, however often it is
//! asked for.

use super::{
    Store, TRIES, happened,
    reservations::{Allocation, Change, ReservationItem},
    stock::StockItem,
};
use crate::{
    domain::reservation::{Step, next},
    error::WarehouseError,
};
use contracts::{
    OrderId,
    bodies::warehouse::ReservationStep,
    stock::{Movement, ReservationState},
};
use platform::tables::Transaction;
use tokio::sync::OwnedMutexGuard;

impl Change {
    /// Whether units move, or only the row's owner.
    fn moves(&self) -> bool {
        self.held.reservation.state != self.after.reservation.state
    }
}

impl Store {
    /// Makes a step of all of an allocation's reservations.
    pub(crate) async fn step(
        &self,
        order_id: OrderId,
        step: Step,
        command: &ReservationStep,
    ) -> Result<(), WarehouseError> {
        self.must_be_home(&command.warehouse_id)?;
        let allocation =
            Allocation { order_id, warehouse_id: &command.warehouse_id, number: command.allocation };
        for tried in 0..TRIES {
            self.pause(tried).await;
            let rows = self.reservations(allocation).await?;
            if rows.is_empty() && step != Step::Release {
                return Err(WarehouseError::NotFound("nothing is kept for this order"));
            }
            let changes = changes(rows, step, command.epoch)?;
            if changes.is_empty() || self.write_step(allocation, step, changes).await? {
                return Ok(());
            }
        }
        Err(WarehouseError::Contended)
    }

    async fn write_step(
        &self,
        allocation: Allocation<'_>,
        step: Step,
        mut changes: Vec<Change>,
    ) -> Result<bool, WarehouseError> {
        let writes = self.put_changes(self.begin(), allocation, &mut changes)?;
        let (writes, _turns) = match step.movement() {
            Some(movement) => self.move_stock(writes, allocation, movement, &changes).await?,
            None => (writes, Vec::new()),
        };
        let writes = match step {
            Step::Release => self.withdraw_package(writes, allocation).await?,
            _ => writes,
        };
        let done = happened(writes.commit().await)?;
        if done {
            self.relay_reservations(changes.into_iter().map(|change| change.after));
        }
        Ok(done)
    }

    /// Adds the movements that changes mean to a transaction. The goods' turn is kept until it is committed.
    async fn move_stock(
        &self,
        mut writes: Transaction,
        allocation: Allocation<'_>,
        movement: Movement,
        changes: &[Change],
    ) -> Result<(Transaction, Vec<OwnedMutexGuard<()>>), WarehouseError> {
        let reference = format!("{}:{}", allocation.order_id, allocation.number);
        let moving = || changes.iter().filter(|change| change.moves());
        let products = || moving().map(|change| change.held.reservation.product_id);
        let turns = self.locks.take(products()).await;
        let levels = self.levels(products(), allocation.warehouse_id).await?;
        for (change, level) in moving().zip(levels) {
            let level = must_exist(level)?;
            let quantity = i64::from(change.held.reservation.quantity);
            writes = self.movement(writes, &level, movement, quantity, &reference)?;
        }
        Ok((writes, turns))
    }
}

/// The changes that a step makes; none, where it was made before.
fn changes(rows: Vec<ReservationItem>, step: Step, epoch: u64) -> Result<Vec<Change>, WarehouseError> {
    if let Some(row) = rows.iter().find(|row| row.owner_epoch > epoch) {
        return Err(WarehouseError::StaleEpoch(row.owner_epoch));
    }
    // A line that was released because it could not be packed is no longer part of the rest.
    let live = rows.iter().any(|row| row.reservation.state != ReservationState::Released);
    let rows = rows.into_iter().filter(|row| !live || row.reservation.state != ReservationState::Released);
    let mut changes = Vec::new();
    for held in rows {
        let state = held.reservation.state;
        let after = held.changed(next(state, step)?.unwrap_or(state), held.reservation.quantity, epoch);
        // Also where nothing else changes, the row remembers a new owner: the former one is refused then.
        if after.reservation.state != state || after.owner_epoch != held.owner_epoch {
            let released = after.reservation.state != state && step == Step::Release;
            let back = if released { held.reservation.quantity } else { 0 };
            changes.push(Change { held, after, back });
        }
    }
    Ok(changes)
}

pub(super) fn must_exist(level: Option<StockItem>) -> Result<StockItem, WarehouseError> {
    level.ok_or(WarehouseError::NotFound("the goods have no stock row"))
}
