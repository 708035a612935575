//! How each step is carried out, and what its answer says about the order.

use super::{STEP_LIMIT, Saga, SagaError, newness};
use crate::{
    create::RESERVATION_MS,
    domain::{
        create::{self, Age},
        destinations,
        life::Trigger,
        steps::Step,
    },
    error::OrdersError,
    journal::owner::Outcome as Proposed,
    store::OrderRecord,
};
use contracts::{
    Code, Order, OrderStatus, PaymentState, StockState, WarehouseId,
    bodies::{
        delivery::{DeliveryStatus, DeliveryView, ReleaseRequest, ReturnReport},
        payment::{EffectRequest, PaymentView},
        warehouse::{PackageView, PackagingStatus, ReservationStep, ReserveRequest, ReserveState},
    },
    journal::{EffectKind, EntryValue},
};
use platform::{
    Deadline,
    config::{Durability, WarehouseConfig},
    planted::Planted,
};

impl Saga {
    /// Carries a step out. Some outcomes come back as events, others at once as a trigger.
    pub(super) async fn take(&self, record: &OrderRecord, step: &Step) -> Result<Option<Trigger>, SagaError> {
        match step {
            Step::Pay { effect, amount, effect_key } => self.pay(record, *effect, *amount, effect_key).await,
            Step::Release { effect_key } => match self.intend_dispatch(record, effect_key).await? {
                true => self.release_delivery(record).await,
                false => Ok(None),
            },
            Step::Erase => self.erase(&record.order).await,
            Step::FollowPackage => self.follow_package(&record.order).await,
            Step::FollowDelivery => self.release_delivery(record).await,
            Step::ConsumeStock => self.consume(&record.order).await,
            Step::ReleaseStock => self.release_stock(&record.order).await,
            Step::Reallocate => self.reallocate(&record.order).await,
            Step::Wind => Ok(Some(Trigger::Wound)),
            Step::CheckAge => self.check_age(&record.order).await,
            Step::TimeUp => Ok(Some(Trigger::TimeUp)),
        }
    }

    /// Journals a dispatch, unless the order was cancelled meanwhile.
    async fn intend_dispatch(&self, record: &OrderRecord, effect_key: &str) -> Result<bool, SagaError> {
        let order = &record.order;
        let _turn = self.turns.take(order.order_id).await;
        let newest = self.tried().get(&order.order_id).is_some_and(|tried| tried.newest == newness(order));
        if newest {
            self.intend(record, EffectKind::Dispatch, 0, effect_key).await?;
        }
        Ok(newest)
    }

    /// Journals an effect before it is tried, so that no later owner can miss that it may have happened.
    async fn intend(
        &self,
        record: &OrderRecord,
        effect: EffectKind,
        amount: i64,
        effect_key: &str,
    ) -> Result<(), SagaError> {
        if self.platform.config.durability == Durability::Async {
            return Ok(());
        }
        let value = EntryValue::Intent {
            order_id: record.order.order_id,
            effect,
            effect_key: effect_key.to_owned(),
            amount,
            order: Box::new(record.order.clone()),
            payment_ref: record.payment_ref.clone(),
        };
        let key = intent_key(&record.order, effect_key);
        let mut proposal = self.owner.propose(&record.order.shard, &key, value)?;
        let outcome = proposal.wait_for(Option::is_some).await.map_err(|_| OrdersError::NotDurable)?;
        match &*outcome {
            Some(Proposed::Chosen(_) | Proposed::Decided(_)) => Ok(()),
            _ => Err(OrdersError::NotDurable.into()),
        }
    }

    async fn pay(
        &self,
        record: &OrderRecord,
        effect: EffectKind,
        amount: i64,
        effect_key: &str,
    ) -> Result<Option<Trigger>, SagaError> {
        let mut effect_key = effect_key.to_owned();
        if self.platform.world.has(Planted::FreshKey) {
            effect_key.push_str(&format!(":{}", self.platform.world.random_u64()));
        }
        self.intend(record, effect, amount, &effect_key).await?;
        let order = &record.order;
        let request = EffectRequest {
            amount,
            currency: order.currency.clone(),
            epoch: order.epoch,
            home_region: order.home_region.clone(),
            attempt: order.payment_attempt,
            effect_key,
            payment_ref: record.payment_ref.clone(),
        };
        // The payment service tells the outcome as an event too. Where an earlier owner's region took that
        // event with it, only the answer brings it.
        let paid = self.clients.pay(order.order_id, effect, &request, Deadline::within(STEP_LIMIT)).await;
        match paid {
            Ok(view) => Ok(outcome_of(order, &view)),
            Err(refused) if refused.code() == Some(Code::PaymentRefused) => {
                let attempt = order.payment_attempt;
                Ok(Some(Trigger::PaymentFailed { attempt, reason: "the provider refused".into() }))
            }
            // The capture came before the void, or a refund of which a lost region took the news with it.
            Err(refused)
                if matches!(effect, EffectKind::Void | EffectKind::Refund)
                    && refused.code() == Some(Code::Conflict) =>
            {
                let view = self.clients.payment(order.order_id, Deadline::within(STEP_LIMIT)).await?;
                Ok(outcome_of(order, &view))
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn check_age(&self, order: &Order) -> Result<Option<Trigger>, SagaError> {
        match self.clients.find_age(&order.user_id, Deadline::within(STEP_LIMIT)).await {
            Ok(Age::Verified) => Ok(Some(Trigger::AgeVerified { passed: true })),
            Ok(Age::InReview) => Ok(None),
            Err(refused) if refused.code() == Code::AgeNotVerified => {
                Ok(Some(Trigger::AgeVerified { passed: false }))
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn follow_package(&self, order: &Order) -> Result<Option<Trigger>, SagaError> {
        if self.store.is_lost(&order.warehouse_id).await? {
            return Ok(None); // the sweep tells the order
        }
        let package = self.clients.package(order, Deadline::within(STEP_LIMIT)).await?;
        Ok(package.and_then(|package| packed_of(order, package)))
    }

    async fn release_delivery(&self, record: &OrderRecord) -> Result<Option<Trigger>, SagaError> {
        let order = &record.order;
        let request = ReleaseRequest {
            epoch: order.epoch,
            home_region: order.home_region.clone(),
            address: order.address.clone(),
            lines: create::units(&order.products),
            warehouse_id: order.warehouse_id.clone(),
            dispatchable: !self.store.is_lost(&order.warehouse_id).await?,
            requires_adult_signature: true,
        };
        let deadline = Deadline::within(STEP_LIMIT);
        let delivery = self.clients.release_delivery(order.order_id, &request, deadline).await?;
        Ok(progress_of(order, delivery))
    }

    async fn consume(&self, order: &Order) -> Result<Option<Trigger>, SagaError> {
        if !self.store.is_lost(&order.warehouse_id).await? {
            let deadline = Deadline::within(STEP_LIMIT);
            self.clients.consume_stock(order.order_id, &reservation(order), deadline).await?;
        }
        Ok(Some(Trigger::StockConsumed))
    }

    async fn release_stock(&self, order: &Order) -> Result<Option<Trigger>, SagaError> {
        if !self.store.is_lost(&order.warehouse_id).await? {
            let deadline = Deadline::within(STEP_LIMIT);
            self.clients.release_stock(order.order_id, &reservation(order), deadline).await?;
        }
        Ok(Some(Trigger::StockReleased))
    }

    /// Has every region forget whose an order was, once nobody writes an entry of it again.
    async fn erase(&self, order: &Order) -> Result<Option<Trigger>, SagaError> {
        if !self.owner.is_closed(&order.shard, order.order_id) {
            return Ok(None);
        }
        let nothing_left = self.eraser.everywhere(order, Deadline::within(STEP_LIMIT)).await?;
        Ok(nothing_left.then_some(Trigger::Erased))
    }

    /// Rows 6 and 25: a warehouse that has the goods, with the destination checked again by the law of today: the
    /// goods go out only now.
    async fn reallocate(&self, order: &Order) -> Result<Option<Trigger>, SagaError> {
        if destinations::refusal(&order.address, self.platform.world.now()).is_some() {
            return Ok(Some(Trigger::NoWarehouse));
        }
        for warehouse in &self.platform.config.warehouses {
            if self.reserved_in(order, warehouse).await? {
                return Ok(Some(Trigger::Reallocated { warehouse_id: warehouse.id.clone() }));
            }
        }
        Ok(Some(Trigger::NoWarehouse))
    }

    /// Whether a warehouse that the order has not left keeps its goods for it.
    pub(super) async fn reserved_in(
        &self,
        order: &Order,
        warehouse: &WarehouseConfig,
    ) -> Result<bool, SagaError> {
        let suspected = self.platform.liveness.suspected(&warehouse.region);
        let left = order.status == OrderStatus::Reallocating && warehouse.id == order.warehouse_id;
        if left || suspected || self.store.is_lost(&warehouse.id).await? {
            return Ok(false);
        }
        let request = ReserveRequest {
            order_id: order.order_id,
            allocation: order.allocation + 1,
            lines: create::units(&order.products),
            warehouse_id: warehouse.id.clone(),
            allow_backorder: order.allow_backorder,
            expires_at: self.platform.world.now().plus_ms(RESERVATION_MS),
        };
        // A later owner may try warehouses in another order: a reservation that no order follows ends.
        let answer = self.clients.reserve(&request, Deadline::within(STEP_LIMIT)).await?;
        Ok(answer.state == ReserveState::Reserved)
    }

    /// Has an order served from a warehouse that keeps its goods by now. Says whether it is: where it was cancelled, or
    /// served from another one meanwhile, the goods go back to the shelf, as others may wait for them.
    pub(super) async fn serve_from(
        &self,
        record: OrderRecord,
        warehouse_id: WarehouseId,
    ) -> Result<bool, SagaError> {
        let (order_id, epoch) = (record.order.order_id, record.order.epoch);
        let kept = ReservationStep { warehouse_id, allocation: record.order.allocation + 1, epoch };
        let served = Trigger::Reallocated { warehouse_id: kept.warehouse_id.clone() };
        self.apply(record, &served, None).await?;
        let order = self.latest(order_id).await?.order;
        let used = uses(&order, &kept);
        if !used {
            // Where this fails, the reservation ends by itself.
            self.clients.release_stock(order_id, &kept, Deadline::within(STEP_LIMIT)).await?;
        }
        Ok(used)
    }
}

/// What the payment service's answer says about the order.
fn outcome_of(order: &Order, view: &PaymentView) -> Option<Trigger> {
    match view.state {
        PaymentState::Captured | PaymentState::PartiallyRefunded
            if order.payment_state != PaymentState::RefundPending =>
        {
            Some(Trigger::PaymentCaptured { amount: view.captured })
        }
        PaymentState::Voided => Some(Trigger::PaymentVoided { attempt: order.payment_attempt }),
        PaymentState::Refunded | PaymentState::PartiallyRefunded => {
            Some(Trigger::PaymentRefunded { total: view.refunded })
        }
        _ => None,
    }
}

/// What the warehouse's answer says about the order: one step at a time.
fn packed_of(order: &Order, package: PackageView) -> Option<Trigger> {
    let PackageView { allocation, status, packed, reason, .. } = package;
    match (order.status, status) {
        (_, PackagingStatus::New) => None,
        (OrderStatus::New, _) => Some(Trigger::PackagingStarted { allocation }),
        (_, PackagingStatus::Completed) => Some(Trigger::PackageCreated { allocation, products: packed }),
        (_, PackagingStatus::Failed) => {
            Some(Trigger::PackagingFailed { allocation, reason: reason.unwrap_or_default() })
        }
        (_, PackagingStatus::InProgress) => None,
    }
}

/// What the delivery service's answer says about the order: one step at a time.
fn progress_of(order: &Order, delivery: DeliveryView) -> Option<Trigger> {
    if order.status == OrderStatus::ReturnRequested {
        let ReturnReport { lines, resaleable } = delivery.came_back?;
        return Some(Trigger::ReturnReceived { lines, resaleable });
    }
    let shipped = order.status == OrderStatus::Shipped;
    match (delivery.status, delivery.tracking_id) {
        (DeliveryStatus::Voided, _) => Some(Trigger::DispatchVoided),
        (DeliveryStatus::Completed, _) if shipped => Some(Trigger::DeliveryCompleted),
        (DeliveryStatus::Failed, _) => Some(Trigger::DeliveryFailed { reason: "the carrier failed".into() }),
        (DeliveryStatus::InProgress | DeliveryStatus::Completed, Some(tracking_id)) if !shipped => {
            Some(Trigger::DeliveryStarted { tracking_id })
        }
        _ => None,
    }
}

/// The journal's key of the intent of an effect.
pub fn intent_key(order: &Order, effect_key: &str) -> String {
    format!("{}#{effect_key}", order.order_id)
}

/// Whether an order has come to what is kept, or beyond it, and has not given it back.
fn uses(order: &Order, kept: &ReservationStep) -> bool {
    let there = order.allocation == kept.allocation && order.warehouse_id == kept.warehouse_id;
    let given_back = matches!(order.stock_state, StockState::ReleasePending | StockState::Released);
    (there && !given_back) || order.allocation > kept.allocation
}

pub(super) fn reservation(order: &Order) -> ReservationStep {
    ReservationStep {
        warehouse_id: order.warehouse_id.clone(),
        allocation: order.allocation,
        epoch: order.epoch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::order;

    fn package(status: PackagingStatus) -> PackageView {
        PackageView { order_id: order().order_id, allocation: 1, status, packed: Vec::new(), reason: None }
    }

    #[test]
    fn what_is_kept_for_a_move_that_did_not_come_about_is_not_used() {
        let kept = |warehouse: &str, allocation| ReservationStep {
            warehouse_id: warehouse.into(),
            allocation,
            epoch: 1,
        };
        let moved = Order { allocation: 2, warehouse_id: "wh-eu".into(), ..order() };
        assert!(uses(&moved, &kept("wh-eu", 2)));
        assert!(uses(&moved, &kept("wh-ap", 1)), "it has gone on since");
        assert!(!uses(&moved, &kept("wh-ap", 2)), "another warehouse was faster");
        assert!(!uses(&moved, &kept("wh-eu", 3)), "it was cancelled before it heard of it");
        for given_back in [StockState::ReleasePending, StockState::Released] {
            let cancelled = Order { stock_state: given_back, ..moved.clone() };
            assert!(!uses(&cancelled, &kept("wh-eu", 2)), "it was cancelled after it had it");
        }
    }

    #[test]
    fn a_package_moves_its_order_one_step_at_a_time() {
        let new = order();
        let begun = Order { status: OrderStatus::Packaging, ..new.clone() };
        let started = Some(Trigger::PackagingStarted { allocation: 1 });
        let created = Some(Trigger::PackageCreated { allocation: 1, products: Vec::new() });
        let failed = Some(Trigger::PackagingFailed { allocation: 1, reason: String::new() });
        let steps = [
            (PackagingStatus::New, None, None),
            (PackagingStatus::InProgress, started.clone(), None),
            (PackagingStatus::Completed, started.clone(), created),
            (PackagingStatus::Failed, started, failed),
        ];
        for (status, of_new, of_begun) in steps {
            assert_eq!(packed_of(&new, package(status)), of_new);
            assert_eq!(packed_of(&begun, package(status)), of_begun);
        }
    }
}
