//! Refusals: what was asked for and could not be kept. A refusal changes no stock, so it is told from a row of its own.

use super::{Store, stock::FIRST_EPOCH};
use contracts::{
    OrderId, Timestamp, WarehouseId,
    bodies::warehouse::{ReserveRefusal, ReserveRequest},
    events::{Event, Happening, ProductUnits},
};
use platform::{
    bus::{self, Aggregate},
    outbox::Pending,
    tables::{Condition, TableError, text},
};
use serde::{Deserialize, Serialize};

/// How long a refusal is kept, milliseconds. Asked again after that, it is told again, under the same id.
const KEPT_MS: i64 = 31 * 24 * 3600 * 1000;
/// A refusal never changes.
const VERSION: u64 = 1;

/// A row of the refusals table.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    order_id: OrderId,
    /// `warehouseId#allocation#epoch#region`.
    sk: String,
    warehouse_id: WarehouseId,
    allocation: u32,
    reason: ReserveRefusal,
    refused_at: Timestamp,
    /// Unix seconds.
    ttl: i64,
    #[serde(flatten)]
    pending: Pending,
}

impl Store {
    /// Remembers that nothing was kept for an allocation, and has it told once, however often the same is asked for.
    pub(super) async fn refused(
        &self,
        request: &ReserveRequest,
        reason: ReserveRefusal,
        short: &[ProductUnits],
    ) -> Result<(), TableError> {
        let mut refusal = self.refusal(request, reason);
        let key = self.refusals.key(refusal.order_id.to_string(), Some(text(&refusal.sk)));
        // An order that waits for goods asks again and again. A read costs less than a write that is refused; where it is
        // behind, the condition decides.
        if self.refusals.peek::<Refusal>(key.clone()).await?.is_some() {
            return Ok(());
        }
        self.refusals_outbox.add(&mut refusal.pending, &self.refusal_event(request, reason, short));
        match self.refusals.put(&refusal, Condition::new_item("orderId")).await {
            Err(TableError::Conflict) => Ok(()),
            Err(other) => Err(other),
            Ok(()) => {
                self.refusals_outbox.notify(key, &mut refusal.pending);
                Ok(())
            }
        }
    }

    fn refusal(&self, request: &ReserveRequest, reason: ReserveRefusal) -> Refusal {
        let (now, branch) = (self.platform.world.now(), self.own_branch(FIRST_EPOCH));
        Refusal {
            order_id: request.order_id,
            sk: format!("{}#{:03}#{branch}", request.warehouse_id, request.allocation),
            warehouse_id: request.warehouse_id.clone(),
            allocation: request.allocation,
            reason,
            refused_at: now,
            ttl: (now.0 + KEPT_MS) / 1000,
            pending: Pending::default(),
        }
    }

    fn refusal_event(
        &self,
        request: &ReserveRequest,
        reason: ReserveRefusal,
        short: &[ProductUnits],
    ) -> Event {
        let ReserveRequest { order_id, allocation, ref warehouse_id, .. } = *request;
        let id = format!("{order_id}:{allocation}:{warehouse_id}");
        let aggregate = Aggregate { kind: "reservation", id: &id, version: VERSION, epoch: FIRST_EPOCH };
        let happening = Happening::StockReservationFailed {
            order_id,
            warehouse_id: warehouse_id.clone(),
            allocation,
            reason,
            lines: short.to_vec(),
        };
        bus::event(&self.platform, aggregate, &order_id.to_string(), happening)
    }
}
