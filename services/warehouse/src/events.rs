//! What the warehouse listens to: orders that are to be packed here, and orders that no longer are.

use crate::{
    NAME, clients,
    domain::packaging,
    store::{Store, Supply},
};
use contracts::{
    Order, OrderId, Region, WarehouseId,
    events::{Event, Happening, ProductUnits, source},
    resources::{Interest, Subscription},
};
use futures::future::BoxFuture;
use platform::{
    consumer::{Consumer, NotApplied},
    inbox::Inbox,
    tables::{TransactError, Transaction},
};
use std::sync::Arc;

/// The events that the service's queue receives.
pub const SUBSCRIPTION: Option<Subscription> = Some(Subscription {
    consumer: NAME,
    events: &[
        Interest::all(source::ORDERS, &["OrderCreated", "OrderCancelled"]),
        // As in `packaging::asked_for`.
        Interest::only(source::ORDERS, &["OrderModified"], &["new", "status"], &["NEW"]),
        Interest::only(source::ORDERS, &["OrderModified"], &["changed"], &["warehouseId"]),
        Interest::all(source::DELIVERY, &["ReturnReceived"]),
    ],
});

/// How often an event is tried again at once when others were faster on the same rows.
const TRIES: usize = 5;
/// Why an event comes again where that did not help.
const TOO_BUSY: &str = "others were faster on the same rows";

/// Whether an event is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recorded {
    /// By this transaction.
    Now,
    /// By an earlier one.
    Before,
    /// Others were faster on the same rows.
    Not,
}

/// Applies events, here or in the region where the goods lie.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) store: Store,
    inbox: Inbox,
}

impl Listener {
    pub(crate) fn new(store: &Store) -> Self {
        Listener { store: store.clone(), inbox: Inbox::new(&store.platform, NAME) }
    }

    /// The consumer of the service's queue.
    pub(crate) fn consumer(&self) -> Consumer {
        let listener = self.clone();
        let handler = move |event: Event| -> BoxFuture<'static, Result<(), NotApplied>> {
            let listener = listener.clone();
            Box::pin(async move { listener.apply(&event).await })
        };
        Consumer::new(&self.store.platform, NAME, Arc::new(handler))
    }

    /// Applies an event of this region's bus. An order's owner and its goods may be in two regions: then the
    /// event goes on to where the goods lie.
    async fn apply(&self, event: &Event) -> Result<(), NotApplied> {
        let Some(warehouse_id) = concerned(event) else { return self.apply_here(event).await };
        let config = &self.store.platform.config;
        match config.warehouse(warehouse_id).map(|known| &known.region) {
            Some(home) if *home != config.region => self.forward(event, warehouse_id, home).await,
            _ => self.apply_here(event).await,
        }
    }

    async fn forward(
        &self,
        event: &Event,
        warehouse_id: &WarehouseId,
        home: &Region,
    ) -> Result<(), NotApplied> {
        let lost = self.store.site(warehouse_id).await?.is_some_and(|site| site.lost);
        if lost {
            // Nothing is left to pack there, and nothing comes back to it: the order's owner looks for another one.
            return Ok(());
        }
        clients::forward(&self.store.platform, home, event).await?;
        Ok(())
    }

    /// Applies an event whose goods lie here, once.
    pub(crate) async fn apply_here(&self, event: &Event) -> Result<(), NotApplied> {
        match &event.happening {
            Happening::OrderCancelled { order_id, .. } => self.withdraw(event, *order_id).await,
            Happening::ReturnReceived { order_id, warehouse_id, lines, resaleable: true }
                if self.store.is_home(warehouse_id) =>
            {
                self.restock(event, *order_id, warehouse_id, lines).await
            }
            _ => match to_pack(event) {
                Some(order) if self.store.is_home(&order.warehouse_id) => self.pack(event, order).await,
                _ => Ok(()),
            },
        }
    }

    async fn pack(&self, event: &Event, order: &Order) -> Result<(), NotApplied> {
        let lines = packaging::lines_of(order);
        for _ in 0..TRIES {
            let begun = self.store.begin();
            let (supply, writes) = self.store.ask_for_package(begun, order, &lines).await?;
            if matches!(supply, Supply::NothingKept) {
                // The order was cancelled in the meantime, or its goods went to another allocation.
                tracing::warn!(order = %order.order_id, allocation = order.allocation, "nothing is kept for it");
            }
            match (self.recorded(writes, event).await?, supply) {
                (Recorded::Now, Supply::New(committed)) => {
                    self.store.relay_reservations(committed);
                    return Ok(());
                }
                (Recorded::Now | Recorded::Before, _) => return Ok(()),
                (Recorded::Not, _) => {}
            }
        }
        Err(NotApplied(TOO_BUSY.into()))
    }

    /// Puts what came back on the shelf again.
    async fn restock(
        &self,
        event: &Event,
        order_id: OrderId,
        warehouse_id: &WarehouseId,
        lines: &[ProductUnits],
    ) -> Result<(), NotApplied> {
        let reference = format!("{order_id}:return");
        for _ in 0..TRIES {
            let writes = self.store.begin();
            let (shelved, writes) = self.store.restock(writes, warehouse_id, lines, &reference).await?;
            match self.recorded(writes, event).await? {
                Recorded::Now => {
                    self.store.shelved(shelved);
                    return Ok(());
                }
                Recorded::Before => return Ok(()),
                Recorded::Not => {}
            }
        }
        Err(NotApplied(TOO_BUSY.into()))
    }

    /// Withdraws a request that no picker began. What is begun is withdrawn by the order's owner, who
    /// releases the goods.
    async fn withdraw(&self, event: &Event, order_id: OrderId) -> Result<(), NotApplied> {
        for _ in 0..TRIES {
            let writes = self.store.withdraw_unstarted(self.store.begin(), order_id).await?;
            if self.recorded(writes, event).await? != Recorded::Not {
                return Ok(());
            }
        }
        Err(NotApplied(TOO_BUSY.into()))
    }

    /// Commits an effect together with the row that remembers the event.
    async fn recorded(&self, writes: Transaction, event: &Event) -> Result<Recorded, NotApplied> {
        match self.inbox.record(writes, event)?.commit().await {
            Ok(()) => Ok(Recorded::Now),
            // The inbox's row is the last one.
            Err(TransactError::Cancelled(rows)) if rows.last().is_some_and(|row| row.failed) => {
                Ok(Recorded::Before)
            }
            Err(TransactError::Cancelled(_) | TransactError::Busy) => Ok(Recorded::Not),
            Err(error) => Err(error.into()),
        }
    }
}

/// The warehouse whose goods an event is about.
fn concerned(event: &Event) -> Option<&WarehouseId> {
    match &event.happening {
        Happening::ReturnReceived { warehouse_id, .. } => Some(warehouse_id),
        _ => to_pack(event).map(|order| &order.warehouse_id),
    }
}

/// The order that is to be packed, where the event says that one is.
fn to_pack(event: &Event) -> Option<&Order> {
    match &event.happening {
        Happening::OrderCreated(order) if packaging::asked_for(order, &[]) => Some(order),
        Happening::OrderModified { new, changed, .. } if packaging::asked_for(new, changed) => Some(new),
        _ => None,
    }
}
