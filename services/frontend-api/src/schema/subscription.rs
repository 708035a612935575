//! What can be followed.
//!
//! A follower's order is read again and again from its own region, so a stream needs nothing from the region in which
//! it began: a client whose stream breaks begins another one, anywhere.

use super::{outputs::Order, query::own};
use crate::{
    clients::Clients,
    error::failed,
    session::{Session, SignedIn},
};
use async_graphql::{Context, ID, Result, Subscription};
use contracts::{Code, OrderId};
use futures::{Stream, stream};
use platform::ApiError;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// Streams of one process at the most.
const STREAMS_MAX: usize = 256;
/// How often an order is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Looks that may fail one after the other before the stream ends.
const FAILURES_MAX: u32 = 10;
/// A stream at the most; a client that wants more begins another one.
const STREAM_LIMIT: Duration = Duration::from_secs(600);

/// Room for streams.
pub(crate) struct Streams(Arc<Semaphore>);

impl Default for Streams {
    fn default() -> Self {
        Streams(Arc::new(Semaphore::new(STREAMS_MAX)))
    }
}

/// What can be followed.
pub(crate) struct SubscriptionRoot;

#[Subscription(name = "Subscription")]
impl SubscriptionRoot {
    /// One of the caller's orders as it is now, and after each of its changes; ends when the order is over.
    #[graphql(guard = "SignedIn")]
    async fn order_updated(
        &self,
        ctx: &Context<'_>,
        order_id: ID,
    ) -> Result<impl Stream<Item = Result<Option<Order>>> + use<>> {
        let session = ctx.data::<Arc<Session>>()?;
        let unknown = || failed(session, ApiError::new(Code::NotFound, "There is no such order"));
        let room = ctx.data::<Streams>()?.0.clone().try_acquire_owned();
        let room = room.map_err(|_| failed(session, ApiError::new(Code::RateLimited, "Too many streams")))?;
        let clients = ctx.data::<Clients>()?.clone();
        let follower = Follower {
            order_id: order_id.parse().map_err(|_| unknown())?,
            session: session.clone(),
            until: clients.platform().world.instant() + STREAM_LIMIT,
            clients,
            seen: 0,
            _room: room,
        };
        follower.look().await?.ok_or_else(unknown)?;
        Ok(stream::unfold(Some(follower), |follower| async { follower?.next().await }))
    }
}

/// Somebody who follows an order.
struct Follower {
    clients: Clients,
    session: Arc<Session>,
    order_id: OrderId,
    /// The newest version that was told; 0 before the first.
    seen: u64,
    until: Instant,
    _room: OwnedSemaphorePermit,
}

impl Follower {
    /// The next change, and the follower unless it was the last one.
    async fn next(mut self) -> Option<(Result<Option<Order>>, Option<Self>)> {
        match self.changed().await {
            Ok(Some(order)) => {
                self.seen = order.version;
                let follower = (!order.settled()).then_some(self);
                Some((Ok(Some(order.into())), follower))
            }
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    }

    /// Waits for a version that was not told yet; nothing, once the stream's time is up.
    async fn changed(&self) -> Result<Option<contracts::Order>> {
        let mut failures = 0;
        while self.clients.platform().world.instant() < self.until {
            match self.look().await {
                Ok(Some(order)) if order.version > self.seen => return Ok(Some(order)),
                Ok(_) => failures = 0,
                Err(error) if failures >= FAILURES_MAX => return Err(error),
                Err(_) => failures += 1,
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(None)
    }

    async fn look(&self) -> Result<Option<contracts::Order>> {
        let session = self.session.again();
        let order = self.clients.order(self.order_id, None, &session).await;
        own(&session, order.map_err(|error| failed(&session, error))?)
    }
}
