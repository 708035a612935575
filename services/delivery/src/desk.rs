//! Carries out releases and reports: decide, ask the carrier, store; and begin again where somebody else
//! was faster.

use crate::{
    clients::{Carrier, Voided},
    domain::{self, Delivery, Held, Release, Report, Step},
    error::Error,
    events,
    store::{Row, Store},
};
use contracts::{
    OrderId,
    bodies::delivery::{DeliveryStatus, DeliveryView, ReleaseRequest},
};
use futures::{StreamExt, stream};
use platform::{Deadline, Platform, TableError, branches::Branches, tables::Page};

/// How often a change is tried when others change the same delivery.
const TRIES: usize = 5;
/// Numbers that one order may use up at the carrier.
const DISPATCHES_MAX: u32 = 16;
/// Deliveries looked up at the same time for a page.
const LOOK_UPS: usize = 8;

/// Where deliveries are worked on.
#[derive(Clone)]
pub(crate) struct Desk {
    store: Store,
    carrier: Carrier,
}

impl Desk {
    pub(crate) fn new(platform: &Platform, store: Store) -> Self {
        Desk { store, carrier: Carrier::new(platform) }
    }

    /// Makes sure that an order is released, or that it never leaves. Repeats give the same answer.
    pub(crate) async fn release(
        &self,
        order_id: OrderId,
        request: &ReleaseRequest,
        deadline: Deadline,
    ) -> Result<DeliveryView, Error> {
        for _ in 0..TRIES {
            match self.try_release(order_id, request, deadline).await {
                Err(Error::Table(TableError::Conflict)) => {}
                done => return done,
            }
        }
        Err(Error::Busy)
    }

    async fn try_release(
        &self,
        order_id: OrderId,
        request: &ReleaseRequest,
        deadline: Deadline,
    ) -> Result<DeliveryView, Error> {
        let branches = self.store.load(order_id).await?;
        // A courier's report of goods that came back may have reached an earlier owner, and this region later.
        let came_back = || branches.rows().find_map(|row| row.delivery.came_back.clone());
        let known = branches.highest().map(|row| (row, row.delivery.clone().with_return(came_back())));
        let held = match &known {
            Some((row, _)) if row.epoch > request.epoch => return Err(Error::StaleEpoch),
            Some((row, delivery)) if row.epoch == request.epoch => Held::Own(delivery),
            Some((_, delivery)) => Held::Earlier(delivery),
            None => Held::Nothing,
        };
        let delivery = match domain::release(held, request) {
            Release::Stands => {
                let (row, delivery) = known.ok_or(Error::NotFound)?;
                match self.arrived(order_id, delivery, deadline).await? {
                    followed if followed == row.delivery => return Ok(row.view()),
                    followed => followed,
                }
            }
            Release::Store(delivery) => self.arrived(order_id, delivery, deadline).await?,
            Release::Ask(delivery) => self.as_it_left(order_id, delivery, deadline).await?,
            Release::Void(delivery) => self.void(order_id, delivery, deadline).await?,
        };
        let happening = events::of(order_id, &delivery);
        let row = self.store.save(order_id, &branches, request.epoch, delivery, happening).await?;
        Ok(row.view())
    }

    /// The delivery as it is, or as started where the carrier says that it left.
    async fn as_it_left(
        &self,
        order_id: OrderId,
        delivery: Delivery,
        deadline: Deadline,
    ) -> Result<Delivery, Error> {
        let left = self.carrier.find(order_id, delivery.dispatch, deadline).await?;
        Ok(match left {
            Some(left) => delivery.followed(&left),
            None => delivery,
        })
    }

    /// A delivery on its way, as over where the carrier says that it arrived or was brought back: the region to which
    /// the courier reported may be lost.
    async fn arrived(
        &self,
        order_id: OrderId,
        delivery: Delivery,
        deadline: Deadline,
    ) -> Result<Delivery, Error> {
        match delivery.status {
            DeliveryStatus::InProgress => self.as_it_left(order_id, delivery, deadline).await,
            _ => Ok(delivery),
        }
    }

    /// Voids the number in use. Whoever finds a number voided before may have missed that a lost owner went
    /// on to the next one; so it goes on until a number that nobody voided before.
    async fn void(
        &self,
        order_id: OrderId,
        delivery: Delivery,
        deadline: Deadline,
    ) -> Result<Delivery, Error> {
        for number in delivery.dispatch..delivery.dispatch + DISPATCHES_MAX {
            match self.carrier.void(order_id, number, deadline).await? {
                Voided::First => return Ok(delivery.voided(number)),
                Voided::Again => {}
                Voided::TooLate(tracking_id) => {
                    let delivery = Delivery { dispatch: number, ..delivery };
                    return Ok(delivery.started(tracking_id));
                }
            }
        }
        Err(Error::Carrier("every number is voided"))
    }

    /// Takes a courier's report. Repeats give the same answer.
    pub(crate) async fn report(
        &self,
        order_id: OrderId,
        report: &Report,
        deadline: Deadline,
    ) -> Result<DeliveryView, Error> {
        for _ in 0..TRIES {
            match self.try_report(order_id, report, deadline).await {
                Ok(Some(view)) => return Ok(view),
                Ok(None) | Err(Error::Table(TableError::Conflict)) => {}
                Err(cause) => return Err(cause),
            }
        }
        Err(Error::Busy)
    }

    /// `None` where a step was made and the report can be looked at again.
    async fn try_report(
        &self,
        order_id: OrderId,
        report: &Report,
        deadline: Deadline,
    ) -> Result<Option<DeliveryView>, Error> {
        let branches = self.store.load(order_id).await?;
        let row = branches.highest().ok_or(Error::NotFound)?;
        match domain::report(&row.delivery, report)? {
            Step::Stands => Ok(Some(row.view())),
            Step::Store(delivery) if self.carrier_agrees(&delivery, deadline).await? => {
                self.save(row, &branches, *delivery).await.map(Some)
            }
            Step::Store(_) => {
                // Another region was told otherwise before.
                let followed = self.as_it_left(order_id, row.delivery.clone(), deadline).await?;
                if followed == row.delivery {
                    return Err(Error::Carrier("a report is refused, yet the parcel is on its way"));
                }
                self.save(row, &branches, followed).await.map(|_| None)
            }
            Step::HandOver => {
                let handed = self.carrier.dispatch(order_id, &row.delivery, deadline).await?;
                let voided = || Error::Conflict("The delivery is voided: it must not leave".into());
                let started = row.delivery.clone().started(handed.ok_or_else(voided)?);
                self.save(row, &branches, started).await.map(Some)
            }
            Step::Ask => {
                // The region that knew of the start is lost, or slow: the carrier knows.
                let left = self.carrier.find(order_id, row.delivery.dispatch, deadline).await?;
                let not_left = || Error::Conflict("The delivery has not left".into());
                let started = row.delivery.clone().started(left.ok_or_else(not_left)?.tracking_id);
                self.save(row, &branches, started).await.map(|_| None)
            }
        }
    }

    /// Tells the carrier how a parcel's way ended before it is stored here: a successor asks there. Says whether that is
    /// what the carrier knows.
    async fn carrier_agrees(&self, delivery: &Delivery, deadline: Deadline) -> Result<bool, Error> {
        if delivery.came_back.is_some() {
            return Ok(true); // its way had ended before
        }
        match (delivery.status, &delivery.tracking_id) {
            (DeliveryStatus::Completed, Some(tracking_id)) => {
                let signed = delivery.adult_signature == Some(true);
                self.carrier.delivered(tracking_id, signed, deadline).await
            }
            (DeliveryStatus::Failed, Some(tracking_id)) => {
                let reason = delivery.reason.as_deref().unwrap_or_default();
                self.carrier.returned(tracking_id, reason, deadline).await
            }
            _ => Ok(true),
        }
    }

    async fn save(
        &self,
        row: &Row,
        branches: &Branches<Row>,
        delivery: Delivery,
    ) -> Result<DeliveryView, Error> {
        let happening = events::of(row.order_id, &delivery);
        let saved = self.store.save(row.order_id, branches, row.epoch, delivery, happening).await?;
        Ok(saved.view())
    }

    /// What is known of a delivery.
    pub(crate) async fn look_up(&self, order_id: OrderId) -> Result<DeliveryView, Error> {
        let branches = self.store.load(order_id).await?;
        branches.highest().map(Row::view).ok_or(Error::NotFound)
    }

    /// Forgets whom this region delivered an order to. Says whether nothing is left.
    pub(crate) async fn forget_person(&self, order_id: OrderId) -> Result<bool, Error> {
        match self.store.forget_person(order_id).await {
            Err(TableError::Conflict) => Ok(false),
            forgotten => Ok(forgotten?),
        }
    }

    /// A page of the deliveries that wait for a courier. It may be shorter than its limit.
    pub(crate) async fn waiting(
        &self,
        limit: usize,
        token: Option<&str>,
    ) -> Result<Page<DeliveryView>, Error> {
        let marked = self.store.marked_waiting(limit, token).await?;
        let looked_up = stream::iter(marked.items)
            .map(|row| async move { (row.version, self.look_up(row.order_id).await) })
            .buffered(LOOK_UPS);
        let looked_up: Vec<_> = looked_up.collect().await;
        let mut items = Vec::with_capacity(looked_up.len());
        for (version, found) in looked_up {
            let found = found?;
            // Another branch has gone further: this mark is an abandoned one.
            if found.status == DeliveryStatus::New && found.version == version {
                items.push(found);
            }
        }
        Ok(Page { items, next_token: marked.next_token })
    }
}
