//! The events of products, and what the service listens to: what is bought, and what comes in again.

use crate::{
    NAME,
    domain::baskets::Basket,
    store::{Baskets, Notices},
};
use contracts::{
    Order, Product, ProductId,
    events::{Event, Happening, source},
    resources::{Interest, Subscription},
};
use futures::future::BoxFuture;
use platform::{
    Platform,
    bus::{self, Aggregate},
    consumer::{Consumer, NotApplied},
    inbox::Inbox,
    tables::{TransactError, Transaction},
};
use std::sync::Arc;

/// The events that the service's queue receives.
pub const SUBSCRIPTION: Option<Subscription> = Some(Subscription {
    consumer: NAME,
    events: &[
        Interest::all(source::ORDERS, &["OrderCreated"]),
        Interest::all(source::WAREHOUSE, &["StockReplenished"]),
    ],
});

/// The one epoch of products: the region that writes them does not change.
const EPOCH: u64 = 1;

/// An event of a product's newest version.
pub(crate) fn event(platform: &Platform, product: &Product, happening: Happening) -> Event {
    let id = product.product_id.to_string();
    let aggregate = Aggregate { kind: "product", id: &id, version: product.version, epoch: EPOCH };
    bus::event(platform, aggregate, &id, happening)
}

/// Applies events of this region's bus.
#[derive(Clone)]
pub(crate) struct Listener {
    baskets: Baskets,
    notices: Notices,
    inbox: Inbox,
}

impl Listener {
    pub(crate) fn new(platform: &Platform, baskets: &Baskets, notices: &Notices) -> Self {
        Listener { baskets: baskets.clone(), notices: notices.clone(), inbox: Inbox::new(platform, NAME) }
    }

    /// The consumer of the service's queue.
    pub(crate) fn consumer(self, platform: &Platform) -> Consumer {
        let handler = move |event: Event| -> BoxFuture<'static, Result<(), NotApplied>> {
            let listener = self.clone();
            Box::pin(async move { listener.apply(&event).await })
        };
        Consumer::new(platform, NAME, Arc::new(handler))
    }

    async fn apply(&self, event: &Event) -> Result<(), NotApplied> {
        match &event.happening {
            Happening::OrderCreated(order) => self.bought(event, order).await,
            // Where all of it is spoken for, nothing is to be had yet.
            Happening::StockReplenished { product_id, available, .. } if *available > 0 => {
                self.came_in(event, *product_id).await
            }
            _ => Ok(()),
        }
    }

    async fn bought(&self, event: &Event, order: &Order) -> Result<(), NotApplied> {
        self.record(self.baskets.keep(Basket::of(order))?, event).await
    }

    /// Each notice is written once by its key, so the event is noted only after all of them are.
    async fn came_in(&self, event: &Event, product_id: ProductId) -> Result<(), NotApplied> {
        if self.inbox.seen(event).await? {
            return Ok(());
        }
        self.notices.tell(product_id).await?;
        self.record(self.notices.begin(), event).await
    }

    /// Commits an effect together with the row that remembers the event.
    async fn record(&self, writes: Transaction, event: &Event) -> Result<(), NotApplied> {
        match self.inbox.record(writes, event)?.commit().await {
            // It was applied before, or a newer basket has its slot: either way it has nothing to add.
            Ok(()) | Err(TransactError::Cancelled(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
