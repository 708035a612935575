//! Reserving: all lines of an order or none, in one transaction beside the goods.

use super::{
    Store, TRIES, happened,
    reservations::{Allocation, ReservationItem},
    stock::{FIRST_EPOCH, StockItem},
};
use crate::error::WarehouseError;
use contracts::{
    bodies::warehouse::{ReserveRefusal, ReserveRequest, ReserveResponse, ReserveState},
    events::{Happening, ProductUnits},
    stock::{Movement, ReservationState},
};
use platform::branches::Branched;
use std::collections::BTreeSet;

/// What a try comes to.
enum Tried {
    Answer(ReserveState, Vec<ProductUnits>),
    /// Others were faster; nothing was written.
    Again,
}

impl Store {
    /// Keeps units for an order, all or none. The same order and allocation have the same answer. That nothing is kept is
    /// told as well.
    pub(crate) async fn reserve(&self, request: &ReserveRequest) -> Result<ReserveResponse, WarehouseError> {
        self.must_be_home(&request.warehouse_id)?;
        let site = self.site(&request.warehouse_id).await?;
        let epoch = site.as_ref().map_or(FIRST_EPOCH, |site| site.epoch());
        let (state, lines) = match site.is_some_and(|site| site.open) {
            true => self.reserve_from_shelf(request).await?,
            false => (ReserveState::Closed, Vec::new()),
        };
        if let Some(reason) = state.refusal() {
            let short = if reason == ReserveRefusal::Closed { &request.lines } else { &lines };
            self.refused(request, reason, short).await?;
        }
        Ok(ReserveResponse {
            state,
            warehouse_id: request.warehouse_id.clone(),
            warehouse_epoch: epoch,
            lines,
        })
    }

    async fn reserve_from_shelf(
        &self,
        request: &ReserveRequest,
    ) -> Result<(ReserveState, Vec<ProductUnits>), WarehouseError> {
        let _guards = self.locks.take(request.lines.iter().map(|line| line.product_id)).await;
        for tried in 0..TRIES {
            self.pause(tried).await;
            if let Tried::Answer(state, lines) = self.try_reserve(request, tried).await? {
                return Ok((state, lines));
            }
        }
        Err(WarehouseError::Contended)
    }

    async fn try_reserve(&self, request: &ReserveRequest, tried: u32) -> Result<Tried, WarehouseError> {
        let products = request.lines.iter().map(|line| line.product_id);
        let levels = self.levels(products, &request.warehouse_id).await?;
        let short = short(&request.lines, &levels);
        // The first try does not look for earlier reservations: where there are any, its writes do not
        // happen, and the next try looks. A shortage may be the order's own doing, so it always looks.
        let look = tried > 0 || !short.is_empty();
        let earlier = if look { self.reservations(allocation_of(request)).await? } else { Vec::new() };
        if let Some(kept) = kept(request, &earlier)? {
            return Ok(Tried::Answer(ReserveState::Reserved, kept));
        }
        if !short.is_empty() {
            let state =
                if request.allow_backorder { ReserveState::Backordered } else { ReserveState::OutOfStock };
            return Ok(Tried::Answer(state, short));
        }
        let reserved = self.write_reservation(request, &levels, &earlier).await?;
        Ok(match reserved {
            true => Tried::Answer(ReserveState::Reserved, request.lines.clone()),
            false => Tried::Again,
        })
    }

    async fn write_reservation(
        &self,
        request: &ReserveRequest,
        levels: &[Option<StockItem>],
        released: &[ReservationItem],
    ) -> Result<bool, WarehouseError> {
        let reference = format!("{}:{}", request.order_id, request.allocation);
        let mut writes = self.begin();
        let mut rows: Vec<ReservationItem> = Vec::with_capacity(request.lines.len());
        for (line, level) in request.lines.iter().zip(levels) {
            let Some(level) = level else { return Ok(false) };
            let earlier = released.iter().find(|item| item.reservation.product_id == line.product_id);
            let quantity = i64::from(line.quantity);
            writes = self.movement(writes, level, Movement::Reserve, quantity, &reference)?;
            let mut row = self.held(request, line, earlier, FIRST_EPOCH);
            if rows.is_empty() {
                // One event tells of all lines.
                self.tell_of_reservation(&mut row, reserved(request));
            }
            writes = self.put_reservation(writes, earlier, &mut row)?;
            rows.push(row);
        }
        let done = happened(writes.commit().await)?;
        if done {
            self.relay_reservations(rows);
        }
        Ok(done)
    }
}

fn reserved(request: &ReserveRequest) -> Happening {
    let ReserveRequest { order_id, allocation, ref warehouse_id, ref lines, .. } = *request;
    Happening::StockReserved {
        order_id,
        warehouse_id: warehouse_id.clone(),
        allocation,
        lines: lines.clone(),
    }
}

fn allocation_of(request: &ReserveRequest) -> Allocation<'_> {
    Allocation { order_id: request.order_id, warehouse_id: &request.warehouse_id, number: request.allocation }
}

/// What is short of each line.
fn short(lines: &[ProductUnits], levels: &[Option<StockItem>]) -> Vec<ProductUnits> {
    let missing = lines.iter().zip(levels).map(|(line, level)| {
        let available = level.as_ref().map_or(0, |item| item.level.on_hand - item.level.reserved);
        let quantity = (i64::from(line.quantity) - available).max(0) as u32;
        ProductUnits { product_id: line.product_id, quantity }
    });
    missing.filter(|missing| missing.quantity > 0).collect()
}

/// What an earlier request of the same allocation already keeps. Nothing, where there was none or all of
/// it was released.
fn kept(
    request: &ReserveRequest,
    earlier: &[ReservationItem],
) -> Result<Option<Vec<ProductUnits>>, WarehouseError> {
    let live = |item: &&ReservationItem| {
        item.reservation.state.open() || item.reservation.state == ReservationState::Consumed
    };
    let lines = earlier.iter().filter(live).map(|item| ProductUnits {
        product_id: item.reservation.product_id,
        quantity: item.reservation.quantity,
    });
    let lines: Vec<ProductUnits> = lines.collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let asked: BTreeSet<_> = request.lines.iter().map(|line| line.product_id).collect();
    let held: BTreeSet<_> = earlier.iter().map(|item| item.reservation.product_id).collect();
    if asked != held {
        return Err(WarehouseError::Refused("other goods are kept for this allocation".into()));
    }
    Ok(Some(lines))
}
