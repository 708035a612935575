//! Calls to other services.

use crate::NAME;
use contracts::{Code, Order, OrderId, Region, events::Event};
use platform::{
    Deadline, Platform,
    calls::{CallError, Credential},
};
use std::time::Duration;

/// How long the orders service may take to say whether an order exists.
const ORDER_LIMIT: Duration = Duration::from_secs(2);

/// How long an event may take on its way to the region of its goods.
const FORWARD_LIMIT: Duration = Duration::from_secs(3);

/// Hands an event on to the warehouse service of another region.
pub(crate) async fn forward(platform: &Platform, home: &Region, event: &Event) -> Result<(), CallError> {
    let call = platform.calls.in_region(home, NAME);
    let deadline = Deadline::within(FORWARD_LIMIT);
    call.post(Credential::Service(NAME), "/backend/events", event, deadline).await
}

/// Asks this region's orders service for an order. Nothing, where it says that there is none.
pub(crate) async fn order(platform: &Platform, order_id: OrderId) -> Result<Option<Order>, CallError> {
    let deadline = Deadline::within(ORDER_LIMIT);
    let path = format!("/backend/{order_id}");
    match platform.calls.here("orders").get(Credential::Service(NAME), &path, deadline).await {
        Ok(order) => Ok(Some(order)),
        Err(error) if error.code() == Some(Code::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
