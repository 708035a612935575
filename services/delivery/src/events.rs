//! The events of deliveries. The service listens to none: orders tells it what to do, and couriers do it.

use crate::domain::Delivery;
use contracts::{
    OrderId,
    bodies::delivery::{DeliveryStatus, ReturnReport},
    events::{Event, Happening},
    resources::Subscription,
};
use platform::{
    Platform,
    bus::{self, Aggregate},
};

/// Deliveries react to no events.
pub const SUBSCRIPTION: Option<Subscription> = None;

/// What others hear when a delivery comes to this status.
pub(crate) fn of(order_id: OrderId, delivery: &Delivery) -> Option<Happening> {
    if let Some(ReturnReport { lines, resaleable }) = delivery.came_back.clone() {
        let warehouse_id = delivery.warehouse_id.clone();
        return Some(Happening::ReturnReceived { order_id, warehouse_id, lines, resaleable });
    }
    match delivery.status {
        DeliveryStatus::New | DeliveryStatus::Voided => None,
        DeliveryStatus::InProgress => Some(Happening::DeliveryStarted {
            order_id,
            tracking_id: delivery.tracking_id.clone().unwrap_or_default(),
        }),
        DeliveryStatus::Completed => Some(Happening::DeliveryCompleted {
            order_id,
            address: delivery.address.clone(),
            adult_signature: delivery.adult_signature,
        }),
        DeliveryStatus::Failed => Some(Happening::DeliveryFailed {
            order_id,
            address: delivery.address.clone(),
            reason: delivery.reason.clone().unwrap_or_default(),
            returned: delivery.lines.clone(),
        }),
    }
}

/// The event of a change made here and now.
pub(crate) fn event(
    platform: &Platform,
    order_id: OrderId,
    epoch: u64,
    version: u64,
    happening: Happening,
) -> Event {
    let id = order_id.to_string();
    bus::event(platform, Aggregate { kind: "delivery", id: &id, version, epoch }, &id, happening)
}
