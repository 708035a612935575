//! Reservation rows: what is kept for which order, and the news of it, which waits in a row that is written anyway.

use super::{Store, branch, tables::EXPIRING_INDEX, unchanged};
use contracts::{
    OrderId, ProductId, WarehouseId,
    bodies::warehouse::ReserveRequest,
    events::{Happening, ProductUnits},
    stock::{Reservation, ReservationState},
};
use platform::{
    bus::{self, Aggregate},
    outbox::Pending,
    tables::{Query, TableError, Transaction, number, text},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows of one order at the most: lines times allocations times branches.
const ROWS_MAX: usize = 3_000;
/// Expired reservations that one look takes up at the most.
const EXPIRED_MAX: usize = 50;

/// A row of the reservations table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReservationItem {
    /// `productId#warehouseId#allocation#epoch#region`.
    sk: String,
    #[serde(flatten)]
    pub(crate) reservation: Reservation,
    /// The highest epoch of an order's owner that had a say.
    #[serde(rename = "ownerEpoch", default)]
    pub(crate) owner_epoch: u64,
    /// Whose look finds it when its time is up; only while it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    /// When it ends unless it is committed, Unix milliseconds; only while it is held.
    #[serde(rename = "expiresAt", default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    #[serde(flatten)]
    pending: Pending,
}

/// A row that a step changes.
pub(super) struct Change {
    pub(super) held: ReservationItem,
    pub(super) after: ReservationItem,
    /// Units that go back to the shelf.
    pub(super) back: u32,
}

/// Which of an order's reservations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocation<'a> {
    pub(crate) order_id: OrderId,
    pub(crate) warehouse_id: &'a WarehouseId,
    pub(crate) number: u32,
}

impl Allocation<'_> {
    fn released(self, lines: Vec<ProductUnits>) -> Happening {
        let (warehouse_id, allocation) = (self.warehouse_id.clone(), self.number);
        Happening::StockReleased { order_id: self.order_id, warehouse_id, allocation, lines }
    }
}

impl ReservationItem {
    /// The same row, one version later.
    pub(super) fn changed(&self, state: ReservationState, quantity: u32, owner_epoch: u64) -> Self {
        let mut changed = self.clone();
        changed.reservation.state = state;
        changed.reservation.quantity = quantity;
        changed.reservation.version += 1;
        changed.owner_epoch = owner_epoch.max(self.owner_epoch);
        if state != ReservationState::Held {
            (changed.shard, changed.expires_at) = (None, None);
        }
        changed
    }

    fn epoch(&self) -> u64 {
        let mut parts = self.sk.rsplit('#');
        parts.nth(1).map_or(0, branch::epoch)
    }
}

impl Store {
    /// The reservations of one allocation of an order, a row for each product.
    pub(super) async fn reservations(
        &self,
        allocation: Allocation<'_>,
    ) -> Result<Vec<ReservationItem>, TableError> {
        let query = Query::partition("orderId", text(allocation.order_id.to_string())).consistent();
        let items: Vec<ReservationItem> = self.reservations.query_all(query, ROWS_MAX).await?;
        let mut highest: BTreeMap<ProductId, ReservationItem> = BTreeMap::new();
        for item in items {
            let row = &item.reservation;
            if row.allocation != allocation.number || row.warehouse_id != *allocation.warehouse_id {
                continue;
            }
            let rank = |item: &ReservationItem| (item.epoch(), item.reservation.version);
            match highest.get(&row.product_id) {
                Some(held) if rank(held) >= rank(&item) => {}
                _ => drop(highest.insert(row.product_id, item)),
            }
        }
        Ok(highest.into_values().collect())
    }

    /// Reservations of this region whose time is up.
    pub(crate) async fn expired_reservations(&self) -> Result<Vec<ReservationItem>, TableError> {
        let query = Query::partition("shard", text(self.platform.config.region.as_str()))
            .index(EXPIRING_INDEX)
            .at_most("expiresAt", number(self.platform.world.now().0))
            .limit(EXPIRED_MAX);
        Ok(self.reservations.query(query).await?.items)
    }

    /// The row of a line that is kept from now on: a new one, or one that was released, again.
    pub(super) fn held(
        &self,
        request: &ReserveRequest,
        line: &ProductUnits,
        released: Option<&ReservationItem>,
        epoch: u64,
    ) -> ReservationItem {
        let mut item = self.held_item(request, line, epoch);
        if let Some(released) = released {
            item.sk.clone_from(&released.sk);
            item.owner_epoch = released.owner_epoch;
            item.reservation.version = released.reservation.version + 1;
            item.pending.clone_from(&released.pending);
        }
        item
    }

    fn held_item(&self, request: &ReserveRequest, line: &ProductUnits, epoch: u64) -> ReservationItem {
        let (product, warehouse) = (line.product_id, &request.warehouse_id);
        let branch = self.own_branch(epoch);
        let reservation = Reservation {
            order_id: request.order_id,
            product_id: product,
            warehouse_id: warehouse.clone(),
            allocation: request.allocation,
            quantity: line.quantity,
            state: ReservationState::Held,
            version: 1,
        };
        ReservationItem {
            sk: format!("{product}#{warehouse}#{:03}#{branch}", request.allocation),
            reservation,
            owner_epoch: 0,
            shard: Some(self.platform.config.region.0.clone()),
            expires_at: Some(request.expires_at.0),
            pending: Pending::default(),
        }
    }

    /// Adds a reservation's next row to a transaction, without those events that the bus has.
    pub(super) fn put_reservation(
        &self,
        transaction: Transaction,
        before: Option<&ReservationItem>,
        after: &mut ReservationItem,
    ) -> Result<Transaction, TableError> {
        self.reservations_outbox.leave_out(&mut after.pending);
        let condition = unchanged("orderId", before.map(|before| before.reservation.version));
        transaction.put(&self.reservations, after, condition)
    }

    /// Adds changes of an allocation's rows to a transaction, and has it told what goes back to the shelf.
    pub(super) fn put_changes(
        &self,
        mut transaction: Transaction,
        allocation: Allocation<'_>,
        changes: &mut [Change],
    ) -> Result<Transaction, TableError> {
        let lines = given_back(changes);
        if let Some(first) = changes.iter_mut().find(|change| change.back > 0) {
            self.tell_of_reservation(&mut first.after, allocation.released(lines));
        }
        for Change { held, after, .. } in changes {
            transaction = self.put_reservation(transaction, Some(held), after)?;
        }
        Ok(transaction)
    }

    /// Adds an event of an allocation to one of its rows. The row's key and version name it: each version of a row keeps
    /// goods or gives them back once.
    pub(super) fn tell_of_reservation(&self, row: &mut ReservationItem, happening: Happening) {
        let Reservation { order_id, product_id, allocation, ref warehouse_id, version, .. } = row.reservation;
        let cause = format!("{order_id}:{allocation}");
        let id = format!("{cause}:{warehouse_id}:{product_id}");
        let aggregate = Aggregate { kind: "reservation", id: &id, version, epoch: row.epoch() };
        let mut event = bus::event(&self.platform, aggregate, &cause, happening);
        event.metadata.correlation_id = order_id.to_string();
        self.reservations_outbox.add(&mut row.pending, &event);
    }

    /// Has told what rows say that were committed.
    pub(crate) fn relay_reservations(&self, rows: impl IntoIterator<Item = ReservationItem>) {
        for mut row in rows {
            let key = self.reservations.key(row.reservation.order_id.to_string(), Some(text(&row.sk)));
            self.reservations_outbox.notify(key, &mut row.pending);
        }
    }
}

fn given_back(changes: &[Change]) -> Vec<ProductUnits> {
    let back = changes.iter().filter(|change| change.back > 0);
    let line = |change: &Change| ProductUnits {
        product_id: change.held.reservation.product_id,
        quantity: change.back,
    };
    back.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_committed_reservation_no_longer_expires() {
        let held = ReservationItem {
            sk: "p#wh#001#000000000007#eu-west-1".into(),
            reservation: Reservation {
                order_id: OrderId(uuid::Uuid::from_u128(1)),
                product_id: ProductId(uuid::Uuid::from_u128(2)),
                warehouse_id: "wh".into(),
                allocation: 1,
                quantity: 3,
                state: ReservationState::Held,
                version: 1,
            },
            owner_epoch: 4,
            shard: Some("eu-west-1".into()),
            expires_at: Some(9),
            pending: Pending::default(),
        };
        let committed = held.changed(ReservationState::Committed, 3, 2);
        assert_eq!((committed.shard.clone(), committed.expires_at), (None, None));
        assert_eq!((committed.reservation.version, committed.owner_epoch, committed.epoch()), (2, 4, 7));
    }
}
