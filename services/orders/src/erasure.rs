//! Forgetting whose an order was. Each region forgets what it wrote itself, as two regions never write one item; the
//! order's owner asks them all until nothing is left. A region that is away is waited for.

use crate::{
    clients::Clients,
    error::OrdersError,
    journal::{acceptor::AcceptorError, copies::Copies, returning::holds_copy},
    store::Store,
};
use contracts::{Order, OrderId, Region};
use futures::future::join_all;
use platform::{Deadline, Platform, TableError};

/// Forgets in this region, and has others do so.
#[derive(Clone)]
pub struct Eraser {
    platform: Platform,
    clients: Clients,
    store: Store,
    copies: Copies,
}

impl Eraser {
    /// Of this region.
    pub fn new(platform: &Platform, store: &Store, copies: &Copies) -> Self {
        Eraser {
            platform: platform.clone(),
            clients: Clients::new(platform),
            store: store.clone(),
            copies: copies.clone(),
        }
    }

    /// Has every region forget. Says whether nothing is left, as far as this region can see.
    ///
    /// # Errors
    /// When this region's own table does not answer.
    pub async fn everywhere(&self, order: &Order, deadline: Deadline) -> Result<bool, OrdersError> {
        let regions = self.platform.config.regions.iter().map(|region| &region.name);
        let answers = join_all(regions.map(|region| self.in_region(region, order.order_id, deadline))).await;
        let everything = answers.into_iter().all(|forgotten| forgotten);
        // What a region wrote may have been replicated here a moment ago, or be of one that is no more.
        Ok(everything && !self.store.tells_of_person(order.order_id).await?)
    }

    async fn in_region(&self, region: &Region, order_id: OrderId, deadline: Deadline) -> bool {
        if self.platform.liveness.suspected(region) {
            return false; // it need not be waited for again each time
        }
        let answer = match *region == self.platform.config.region {
            true => self.here(order_id, deadline).await,
            false => self.clients.forget_in(region, order_id, deadline).await.map_err(OrdersError::from),
        };
        answer.unwrap_or_else(|cause| {
            tracing::debug!(%region, %order_id, %cause, "a region is asked again to forget");
            false
        })
    }

    /// Forgets what this region wrote: its branches of the order, its copy of the journal, its deliveries. Says whether
    /// nothing of that is left.
    ///
    /// # Errors
    /// When a table or the delivery service does not answer.
    pub async fn here(&self, order_id: OrderId, deadline: Deadline) -> Result<bool, OrdersError> {
        let known = self.store.get(order_id).await?.map(|record| record.order);
        // That it is erased comes with replication.
        let Some(order) = known.filter(|order| order.erasure.is_some()) else { return Ok(false) };
        let rows = match self.store.forget_person(order_id).await {
            Err(TableError::Conflict) => false,
            forgotten => forgotten?,
        };
        let entries = match holds_copy(&self.platform.config) {
            true => self.copies.own.forget_person(&order).await.map_err(unanswered)?,
            false => true,
        };
        let delivery = self.clients.forget_delivery(order_id, deadline).await?;
        Ok(rows && entries && delivery)
    }
}

fn unanswered(cause: AcceptorError) -> OrdersError {
    OrdersError::Internal(cause.to_string())
}
