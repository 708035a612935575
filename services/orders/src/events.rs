//! What the orders service listens to.

use crate::{
    NAME,
    domain::life::Trigger,
    error::OrdersError,
    journal::owner::{Owner, Route},
    saga::{Saga, SagaError},
    store::{OrderRecord, Store},
};
use contracts::{
    OrderId, Region,
    events::{Event, Happening, source},
    resources::{Interest, Subscription},
};
use futures::future::join_all;
use platform::{
    Deadline, Platform,
    calls::{CallError, Credential},
    consumer::{Consumer, NotApplied},
};
use std::{sync::Arc, time::Duration};

/// The rule on the bus.
pub const SUBSCRIPTION: Option<Subscription> = Some(Subscription {
    consumer: NAME,
    events: &[
        Interest::all(
            source::WAREHOUSE,
            &["PackagingStarted", "PackageCreated", "PackagingFailed", "WarehouseClosed", "StockReplenished"],
        ),
        Interest::all(
            source::PAYMENT,
            &["PaymentCaptured", "PaymentFailed", "PaymentUnknown", "PaymentVoided", "PaymentRefunded"],
        ),
        Interest::all(
            source::DELIVERY,
            &["DeliveryStarted", "DeliveryCompleted", "DeliveryFailed", "ReturnReceived"],
        ),
        Interest::all(source::USERS, &["AgeVerificationCompleted"]),
    ],
});

/// Regions that are asked at most whether they drive an event's order.
const OWNERS_ASKED: usize = 3;
/// How long an event may take on its way to the owner in another region.
const FORWARD_LIMIT: Duration = Duration::from_secs(3);

/// Applies events to orders, here or at their owner's.
#[derive(Clone)]
pub struct Events {
    platform: Platform,
    store: Store,
    owner: Owner,
    saga: Saga,
}

impl Events {
    /// For this region.
    pub fn new(platform: &Platform, store: &Store, owner: &Owner, saga: &Saga) -> Self {
        Events { platform: platform.clone(), store: store.clone(), owner: owner.clone(), saga: saga.clone() }
    }

    /// The consumer of the queue.
    pub fn consumer(&self) -> Consumer {
        let events = self.clone();
        let handler = move |event: Event| -> futures::future::BoxFuture<'static, Result<(), NotApplied>> {
            let events = events.clone();
            Box::pin(async move { events.receive(event).await })
        };
        Consumer::new(&self.platform, NAME, Arc::new(handler))
    }

    async fn receive(&self, event: Event) -> Result<(), NotApplied> {
        if let Happening::WarehouseClosed { warehouse_id, reason, .. } = &event.happening {
            if reason.starts_with("lost") {
                self.store.warehouse_lost(warehouse_id, reason).await?;
            }
            return Ok(()); // the sweep tells the orders concerned
        }
        if is_awaited(&event.happening) {
            return self.tell_all(&event).await;
        }
        let Some((order_id, _)) = trigger(&event.happening) else { return Ok(()) };
        let record = self.saga.latest(order_id).await?;
        for _ in 0..OWNERS_ASKED {
            let shard = &record.order.shard;
            match self.owner.route(&record.order.home, shard) {
                Route::Here => return Ok(self.apply_to(record, &event).await?),
                Route::There(region) => match self.forward(&region, &event).await {
                    // A region that was the owner once: this one has not heard of its successor.
                    Err(refused) if refused.code() == Some(OrdersError::NotOwner.code()) => {
                        self.owner.disown(shard, &region);
                    }
                    done => return Ok(done?),
                },
            }
        }
        Err(SagaError::NotOwner.into())
    }

    async fn forward(&self, region: &Region, event: &Event) -> Result<(), CallError> {
        let call = self.platform.calls.in_region(region, NAME);
        let (credential, deadline) = (Credential::Service(NAME), Deadline::within(FORWARD_LIMIT));
        call.post::<serde_json::Value>(credential, "/backend/events", event, deadline).await.map(drop)
    }

    /// Orders that wait for what happened may be driven in any region, so each looks at its own. A region that does not
    /// hear of it finds out by its sweep.
    async fn tell_all(&self, event: &Event) -> Result<(), NotApplied> {
        let others = self.platform.config.other_regions();
        let others = others.filter(|name| !self.platform.liveness.suspected(name));
        let told = others.map(async |region| (region, self.forward(region, event).await));
        let (told, applied) = futures::join!(join_all(told), self.apply(event));
        for (region, failed) in told {
            if let Err(cause) = failed {
                tracing::debug!(%region, %cause, "a region is not told what its orders wait for");
            }
        }
        Ok(applied?)
    }

    /// Applies an event to an order that this region drives, or to those that wait for what it tells of.
    ///
    /// # Errors
    /// When it must come again later.
    pub async fn apply(&self, event: &Event) -> Result<(), SagaError> {
        match &event.happening {
            Happening::StockReplenished { product_id, warehouse_id, available } => {
                return self.saga.supply(*product_id, warehouse_id, *available).await;
            }
            Happening::AgeVerificationCompleted { user_id, .. } => return self.saga.review(user_id).await,
            _ => {}
        }
        let Some((order_id, _)) = trigger(&event.happening) else { return Ok(()) };
        let record = self.store.get(order_id).await?.ok_or(SagaError::Unknown)?;
        self.apply_to(record, event).await
    }

    async fn apply_to(&self, record: OrderRecord, event: &Event) -> Result<(), SagaError> {
        match trigger(&event.happening) {
            Some((_, trigger)) => self.saga.apply(record, &trigger, Some(event)).await,
            None => Ok(()),
        }
    }
}

/// Whether orders may be waiting for it whose ids the event does not know.
fn is_awaited(happening: &Happening) -> bool {
    matches!(happening, Happening::StockReplenished { .. } | Happening::AgeVerificationCompleted { .. })
}

/// Which order an event moves, and how.
fn trigger(happening: &Happening) -> Option<(OrderId, Trigger)> {
    match happening.clone() {
        Happening::PackagingStarted { order_id, allocation, .. } => {
            Some((order_id, Trigger::PackagingStarted { allocation }))
        }
        Happening::PackageCreated { order_id, allocation, products, .. } => {
            Some((order_id, Trigger::PackageCreated { allocation, products }))
        }
        Happening::PackagingFailed { order_id, allocation, reason, .. } => {
            Some((order_id, Trigger::PackagingFailed { allocation, reason }))
        }
        Happening::PaymentCaptured(paid) => {
            Some((paid.order_id, Trigger::PaymentCaptured { amount: paid.amount }))
        }
        Happening::PaymentFailed(failed) => {
            let reason = failed.reason.unwrap_or_else(|| "refused".into());
            Some((failed.order_id, Trigger::PaymentFailed { attempt: failed.attempt, reason }))
        }
        Happening::PaymentUnknown(unknown) => {
            Some((unknown.order_id, Trigger::PaymentUnknown { attempt: unknown.attempt }))
        }
        Happening::PaymentVoided(voided) => {
            Some((voided.order_id, Trigger::PaymentVoided { attempt: voided.attempt }))
        }
        Happening::PaymentRefunded(refunded) => {
            // One that names no sum may be any of the order's refunds: the effect's answer tells.
            let total = refunded.refunded_total?;
            Some((refunded.outcome.order_id, Trigger::PaymentRefunded { total }))
        }
        Happening::DeliveryStarted { order_id, tracking_id } => {
            Some((order_id, Trigger::DeliveryStarted { tracking_id }))
        }
        Happening::DeliveryCompleted { order_id, .. } => Some((order_id, Trigger::DeliveryCompleted)),
        Happening::DeliveryFailed { order_id, reason, .. } => {
            Some((order_id, Trigger::DeliveryFailed { reason }))
        }
        Happening::ReturnReceived { order_id, lines, resaleable, .. } => {
            Some((order_id, Trigger::ReturnReceived { lines, resaleable }))
        }
        _ => None,
    }
}
