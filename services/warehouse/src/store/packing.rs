//! What pickers do: begin, put units in the package, finish, give up.

use super::{
    Packaging, Store, TRIES, happened,
    packaging::{Header, Line},
    reservations::{Allocation, Change},
    steps::must_exist,
};
use crate::{
    domain::{
        packaging::{self, Decision, NOTHING_PACKED},
        reservation::{Step, next},
    },
    error::WarehouseError,
};
use contracts::{
    OrderId, ProductId,
    bodies::warehouse::PackagingStatus,
    events::Happening,
    stock::{Movement, ReservationState},
};
use platform::tables::Transaction;

/// Nobody has asked for the order's package.
pub(crate) const NO_REQUEST: WarehouseError =
    WarehouseError::NotFound("there is no packaging request for this order");

/// What a picker did to a request.
#[derive(Clone, Debug)]
pub(crate) enum Picked {
    /// Begins.
    Start,
    /// The package is ready.
    Complete,
    /// Gives up, for this reason.
    Fail(String),
}

impl Picked {
    fn decide(&self, held: &Packaging) -> Result<Decision, packaging::NotNow> {
        let header = &held.header;
        match self {
            Picked::Start => packaging::start(header.status),
            Picked::Complete => {
                packaging::complete(header.status, header.reason.as_deref(), &held.contents())
            }
            Picked::Fail(_) => packaging::fail(header.status),
        }
    }
}

impl Store {
    /// Does what a picker did, once: a repeat is a success without another event.
    pub(crate) async fn picked(&self, order_id: OrderId, what: &Picked) -> Result<(), WarehouseError> {
        for tried in 0..TRIES {
            self.pause(tried).await;
            let held = self.workable(order_id).await?;
            let Decision::Go(status) = what.decide(&held)? else { return Ok(()) };
            if self.write_picked(&held, status, what).await? {
                return Ok(());
            }
        }
        Err(WarehouseError::Contended)
    }

    /// The request, where it may be worked on here.
    async fn workable(&self, order_id: OrderId) -> Result<Packaging, WarehouseError> {
        let held = self.packaging(order_id).await?.ok_or(NO_REQUEST)?;
        self.must_be_home(&held.header.warehouse_id)?;
        if held.header.withdrawn {
            return Err(WarehouseError::Refused("the order no longer wants to be packed".into()));
        }
        Ok(held)
    }

    async fn write_picked(
        &self,
        held: &Packaging,
        status: PackagingStatus,
        what: &Picked,
    ) -> Result<bool, WarehouseError> {
        let mut header = held.header.changed(status);
        header.reason = reason(status, what);
        let happening = happening(held, &header);
        self.tell(&mut header, happening);
        let mut writes = self.put_header(self.begin(), &held.header, &header)?;
        let (mut changes, mut _guards) = (Vec::new(), Vec::new());
        if status == PackagingStatus::Completed {
            _guards = self.locks.take(held.lines.iter().map(|line| line.line.product_id)).await;
            (changes, writes) = self.pick(writes, held).await?;
        }
        let done = happened(writes.commit().await)?;
        if done {
            self.packaging_outbox.notify(self.header_key(&header), &mut header.pending);
            self.relay_reservations(changes.into_iter().map(|change| change.after));
        }
        Ok(done)
    }

    /// Adds to a transaction that the package's goods are picked, and that what is short goes back.
    async fn pick(
        &self,
        mut writes: Transaction,
        held: &Packaging,
    ) -> Result<(Vec<Change>, Transaction), WarehouseError> {
        let header = &held.header;
        let allocation = Allocation {
            order_id: header.order_id,
            warehouse_id: &header.warehouse_id,
            number: header.allocation,
        };
        let reference = format!("{}:{}", header.order_id, header.allocation);
        let mut changes = Vec::with_capacity(held.lines.len());
        for row in self.reservations(allocation).await? {
            let kept = row.reservation.quantity;
            let packed = held.line(row.reservation.product_id).map_or(0, |line| line.line.packaged_quantity);
            let packed = packed.min(kept);
            let step = if packed == 0 { Step::Release } else { Step::Pick };
            let state = next(row.reservation.state, step)?.unwrap_or(row.reservation.state);
            // A released row says what it had kept; a picked one what lies in the package.
            let quantity = if state == ReservationState::Released { kept } else { packed };
            let back = kept - packed;
            if back > 0 {
                let level = must_exist(self.level(row.reservation.product_id, &header.warehouse_id).await?)?;
                writes = self.movement(writes, &level, Movement::Release, back.into(), &reference)?;
            }
            changes.push(Change { after: row.changed(state, quantity, 0), held: row, back });
        }
        let writes = self.put_changes(writes, allocation, &mut changes)?;
        Ok((changes, writes))
    }

    /// Puts units of a product in the package; the number replaces the one before.
    pub(crate) async fn put_in_package(
        &self,
        order_id: OrderId,
        product_id: ProductId,
        quantity: u32,
    ) -> Result<(), WarehouseError> {
        for tried in 0..TRIES {
            self.pause(tried).await;
            let held = self.workable(order_id).await?;
            let line =
                held.line(product_id).ok_or(WarehouseError::NotFound("the order has no such product"))?;
            if line.line.packaged_quantity == quantity {
                return Ok(());
            }
            may_change(&held.header, line, quantity)?;
            let mut after = line.clone();
            after.version += 1;
            after.line.packaged_quantity = quantity;
            let writes = self.header_unchanged(self.begin(), &held.header)?;
            if happened(self.put_line(writes, &after)?.commit().await)? {
                return Ok(());
            }
        }
        Err(WarehouseError::Contended)
    }
}

fn may_change(header: &Header, line: &Line, quantity: u32) -> Result<(), WarehouseError> {
    if header.status != PackagingStatus::InProgress {
        return Err(packaging::NotNow(header.status).into());
    }
    if quantity > line.line.quantity {
        let text = format!("must be at most the {} units ordered", line.line.quantity);
        return Err(WarehouseError::invalid("quantity", "MAXIMUM", &text));
    }
    Ok(())
}

fn reason(status: PackagingStatus, what: &Picked) -> Option<String> {
    match (status, what) {
        (PackagingStatus::Failed, Picked::Fail(reason)) => Some(reason.clone()),
        (PackagingStatus::Failed, _) => Some(NOTHING_PACKED.into()),
        _ => None,
    }
}

/// What the others are told. A package's products are its lines, never the header.
fn happening(held: &Packaging, after: &Header) -> Happening {
    let (order_id, warehouse_id) = (after.order_id, after.warehouse_id.clone());
    let allocation = after.allocation;
    match after.status {
        PackagingStatus::Completed => {
            let lines = held.contents();
            let (products, shortages) = (packaging::packed(&lines), packaging::shortages(&lines));
            Happening::PackageCreated { order_id, warehouse_id, allocation, products, shortages }
        }
        PackagingStatus::Failed => {
            let reason = after.reason.clone().unwrap_or_default();
            Happening::PackagingFailed { order_id, warehouse_id, allocation, reason }
        }
        PackagingStatus::New | PackagingStatus::InProgress => {
            Happening::PackagingStarted { order_id, warehouse_id, allocation }
        }
    }
}
