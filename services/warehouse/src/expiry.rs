//! Reservations that nobody committed in time. Before one ends, the order's owner is asked: an order that
//! was acknowledged keeps its goods.

use crate::{
    clients,
    domain::reservation::when_expired,
    error::WarehouseError,
    store::{ReservationItem, Store},
};
use contracts::{OrderId, bodies::warehouse::ReservationStep};
use platform::Worker;
use std::{collections::BTreeMap, time::Duration};

/// How often a look is taken.
const PAUSE: Duration = Duration::from_secs(5);

/// The worker that looks for reservations whose time is up.
pub(crate) fn worker(store: &Store) -> Worker {
    let store = store.clone();
    let step = move || {
        let store = store.clone();
        async move { expire(&store).await }
    };
    Worker::new("warehouse expiry", PAUSE, step)
}

async fn expire(store: &Store) -> Result<(), WarehouseError> {
    let expired = store.expired_reservations().await?;
    let allocations: BTreeMap<(OrderId, u32), ReservationItem> = expired
        .into_iter()
        .map(|item| ((item.reservation.order_id, item.reservation.allocation), item))
        .collect();
    for item in allocations.into_values() {
        if let Err(cause) = settle(store, &item).await {
            let order = item.reservation.order_id;
            tracing::warn!(%order, %cause, "an expired reservation stays for now");
        }
    }
    Ok(())
}

/// Commits what an order needs and releases the rest.
async fn settle(store: &Store, item: &ReservationItem) -> Result<(), WarehouseError> {
    let reservation = &item.reservation;
    let order = clients::order(&store.platform, reservation.order_id).await?;
    let command = ReservationStep {
        warehouse_id: reservation.warehouse_id.clone(),
        allocation: reservation.allocation,
        // Nobody's command: it goes as far as the last owner's that had a say.
        epoch: item.owner_epoch,
    };
    store.step(reservation.order_id, when_expired(reservation, order.as_ref()), &command).await
}
