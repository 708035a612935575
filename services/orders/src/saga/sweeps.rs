//! How the owner comes upon its orders by itself: those that are under way, those that only wait, and those that wait for
//! what has just happened.

use super::{AGAIN_AFTER, STEP_LIMIT, Saga, SagaError, take::reservation};
use crate::{
    domain::{
        destinations,
        life::Trigger,
        steps::{self, Step},
    },
    store::{self, OrderRecord},
};
use contracts::{
    Code, Order, OrderId, OrderStatus, ProductId, ShardId, UserId, WarehouseId,
    bodies::warehouse::ReservationStep,
};
use platform::{Deadline, config::WarehouseConfig};
use std::{
    collections::BTreeSet,
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

/// A shard in which nothing was open is not looked at again sooner, unless one of its orders changes here meanwhile.
const RESTS_FOR: Duration = Duration::from_secs(10);
/// Waiting orders that one event moves at most; the sweep finds the others.
const MOVED_BY_ONE_EVENT_MAX: usize = 50;
/// Abandoned branches that are kept in mind at most.
const TIDIED_MAX: usize = 100_000;
/// No further order is offered them after this time.
const SUPPLY_LIMIT: Duration = Duration::from_secs(2);

impl Saga {
    /// The shards held here whose former owners' entries are read. Lazily: a takeover may come in between.
    fn shards(&self) -> impl Iterator<Item = ShardId> + '_ {
        self.owner.held().into_iter().filter(|shard| self.owner.recovered(shard))
    }

    /// Looks at every order that is not settled in the shards held here.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn sweep(&self) -> Result<(), SagaError> {
        let lost = self.store.lost_warehouses().await?;
        let now = self.platform.world.instant();
        self.resting().retain(|_, at| now.saturating_duration_since(*at) < RESTS_FOR);
        for shard in self.shards() {
            if !self.rests(&shard) {
                self.sweep_shard(&shard, &lost).await?;
            }
        }
        let now = self.platform.world.instant();
        self.tried().retain(|_, tried| now.saturating_duration_since(tried.heard) < AGAIN_AFTER * 4);
        Ok(())
    }

    /// Looks at the orders that only wait, in the shards held here: their time may be up, or what they wait for be there.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn sweep_waiting(&self) -> Result<(), SagaError> {
        let lost = self.store.lost_warehouses().await?;
        for shard in self.shards() {
            for record in self.store.waiting_in(&shard).await? {
                self.try_to_look_after(record.order.order_id, Some(&record), &lost).await;
            }
        }
        Ok(())
    }

    /// Goods came into a warehouse: offers them to the orders held here that wait for them, the oldest first and one
    /// after the other, as far as they go. Whom this misses the sweep of those that wait finds.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn supply(
        &self,
        product_id: ProductId,
        warehouse_id: &WarehouseId,
        mut available: i64,
    ) -> Result<(), SagaError> {
        let Some(warehouse) = self.platform.config.warehouse(warehouse_id) else { return Ok(()) };
        let began = self.platform.world.instant();
        let waits = |order: &Order| order.status == OrderStatus::Backordered && wanted(order, product_id) > 0;
        for OrderRecord { order, .. } in self.waiting(waits).await? {
            let wanted = wanted(&order, product_id);
            if wanted > available {
                continue;
            }
            if self.platform.world.instant().saturating_duration_since(began) > SUPPLY_LIMIT {
                break;
            }
            let order_id = order.order_id;
            match self.offer(order_id, warehouse).await {
                Ok(true) => available -= wanted,
                Ok(false) => {}
                Err(cause) => tracing::debug!(%order_id, %cause, "an order is offered the goods again later"),
            }
        }
        Ok(())
    }

    /// A customer's age was found out: looks at those of their orders held here that wait for it. Whom this misses the
    /// sweep of those that wait finds.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn review(&self, user_id: &UserId) -> Result<(), SagaError> {
        let lost = self.store.lost_warehouses().await?;
        let waits = |order: &Order| order.status == OrderStatus::AgeReview && order.user_id == *user_id;
        for record in self.waiting(waits).await? {
            self.try_to_look_after(record.order.order_id, Some(&record), &lost).await;
        }
        Ok(())
    }

    /// The orders held here that wait for something, oldest first, as many as one event is for.
    async fn waiting(&self, waits: impl Fn(&Order) -> bool) -> Result<Vec<OrderRecord>, SagaError> {
        let mut waiting = Vec::new();
        for shard in self.shards() {
            let here = self.store.waiting_in(&shard).await?;
            waiting.extend(here.into_iter().filter(|record| waits(&record.order)));
        }
        waiting.sort_by_key(|record| (record.order.created_date, record.order.order_id));
        waiting.truncate(MOVED_BY_ONE_EVENT_MAX);
        Ok(waiting)
    }

    /// Whether an order that waits for goods is served from a warehouse now.
    async fn offer(&self, order_id: OrderId, warehouse: &WarehouseConfig) -> Result<bool, SagaError> {
        let record = self.own(order_id).await?;
        let (order, now) = (&record.order, self.platform.world.now());
        let waits = order.status == OrderStatus::Backordered
            && steps::next(order, now) == Some(Step::Reallocate)
            && destinations::refusal(&order.address, now).is_none();
        if !waits || !self.reserved_in(order, warehouse).await? {
            return Ok(false);
        }
        self.serve_from(record, warehouse.id.clone()).await
    }

    /// One order that cannot be looked after now does not stand in the way of the others.
    async fn try_to_look_after(
        &self,
        order_id: OrderId,
        row: Option<&OrderRecord>,
        lost: &BTreeSet<WarehouseId>,
    ) {
        if let Err(cause) = self.look_after(order_id, row, lost).await {
            tracing::debug!(%order_id, %cause, "an order is looked at again later");
        }
    }

    fn rests(&self, shard: &ShardId) -> bool {
        let epoch = self.owner.epoch(shard);
        epoch.is_some_and(|epoch| self.resting().contains_key(&(shard.clone(), epoch)))
    }

    async fn sweep_shard(&self, shard: &ShardId, lost: &BTreeSet<WarehouseId>) -> Result<(), SagaError> {
        let mut open = self.store.open_in(shard).await?;
        open.retain(|branch| !self.tidied().contains(&name_of(branch)));
        let rows = store::newest(open);
        let orders: BTreeSet<OrderId> = rows.keys().copied().chain(self.owner.left.waiting(shard)).collect();
        if let (true, Some(epoch)) = (orders.is_empty(), self.owner.epoch(shard)) {
            self.resting().insert((shard.clone(), epoch), self.platform.world.instant());
        }
        for order_id in orders {
            self.try_to_look_after(order_id, rows.get(&order_id), lost).await;
        }
        Ok(())
    }

    /// Makes an order this owner's where it is not yet, tells it what is known of its warehouse, and takes its step.
    async fn look_after(
        &self,
        order_id: OrderId,
        row: Option<&OrderRecord>,
        lost: &BTreeSet<WarehouseId>,
    ) -> Result<(), SagaError> {
        let ours =
            |row: &&OrderRecord| self.writer_of(row).is_ok_and(|writer| self.store.is_of(row, &writer));
        let record = match row.filter(ours) {
            Some(row) => row.clone(),
            None => self.adopt(order_id).await?,
        };
        if let Some(abandoned) = row.filter(|row| row.branch != record.branch)
            && record.order.settled()
        {
            return self.tidy_up(abandoned, &record.order).await;
        }
        let warehouse_id = record.order.warehouse_id.clone();
        if lost.contains(&warehouse_id) {
            self.apply(record.clone(), &Trigger::WarehouseLost { warehouse_id }, None).await?;
        }
        self.notify(record);
        Ok(())
    }
}

impl Saga {
    /// A former owner went on for a moment before it heard of its successor, and its branch says so for ever. The order is
    /// over: what that owner had kept for it in another warehouse goes back to the shelf, picked or not.
    async fn tidy_up(&self, abandoned: &OrderRecord, order: &Order) -> Result<(), SagaError> {
        let ReservationStep { warehouse_id, allocation, .. } = reservation(&abandoned.order);
        let elsewhere = (&warehouse_id, allocation) != (&order.warehouse_id, order.allocation);
        if elsewhere && !self.store.is_lost(&warehouse_id).await? {
            let home = self.platform.config.warehouse(&warehouse_id).map(|warehouse| &warehouse.region);
            if home.is_some_and(|region| self.platform.liveness.suspected(region)) {
                return Ok(()); // no order waits behind it; it is met again
            }
            let kept = ReservationStep { warehouse_id, allocation, epoch: order.epoch };
            let released =
                self.clients.release_stock(order.order_id, &kept, Deadline::within(STEP_LIMIT)).await;
            match released {
                Err(refused) if refused.code() == Some(Code::Conflict) => {
                    tracing::warn!(order = %order.order_id, %refused, "what a former owner kept is not there any more");
                }
                released => released?,
            }
        }
        let mut tidied = self.tidied();
        if tidied.len() >= TIDIED_MAX {
            tidied.clear(); // each is looked at once more
        }
        tidied.insert(name_of(abandoned));
        Ok(())
    }

    fn tidied(&self) -> MutexGuard<'_, BTreeSet<(OrderId, String)>> {
        self.tidied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which branch of which order it is.
fn name_of(branch: &OrderRecord) -> (OrderId, String) {
    (branch.order.order_id, branch.branch.clone())
}

/// Units of a product that an order wants.
fn wanted(order: &Order, product_id: ProductId) -> i64 {
    let lines = order.products.iter().filter(|line| line.product_id == product_id);
    lines.map(|line| i64::from(line.quantity)).sum()
}
