//! createOrder at the owner of the shard: checks, reservation, durable accept, answer; once for each key.

use crate::{
    clients::Clients,
    domain::{
        create::{self, Age, Attempt, Owner as Writer, Supply},
        destinations, timers,
    },
    error::OrdersError,
    journal::owner::{Outcome, Owner, Route},
    store::Store,
    tasks::Tasks,
};
use contracts::{
    Code, Order, OrderId, WarehouseId,
    bodies::{
        orders::CreateOrderRequest,
        warehouse::{ReservationStep, ReserveRequest, ReserveResponse, ReserveState},
    },
    journal::{Entry, EntryValue},
    keys,
};
use platform::{Deadline, Platform, World, config::Durability, planted::Planted, replay::Replay, watch};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A reservation that no order follows ends after this long.
pub(crate) const RESERVATION_MS: i64 = 15 * 60 * 1000;
/// Attempts in flight at most; the next one is told to come back.
const IN_FLIGHT_MAX: usize = 1024;
/// Tries to store an order that is in the journal, while the table does not answer.
const STORE_TRIES: u32 = 240;
/// Pause between two of them.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// When it is looked what became of an attempt that ended in doubt.
const AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(16)];
/// What an attempt needs after the journal's answer to be on its way in time.
const ANSWER_MARGIN: Duration = Duration::from_millis(10);

/// The order, or why there is none.
pub type Answer = Result<Order, OrdersError>;

/// What an attempt is told, and whether it had been decided before this request.
pub type Told = Replay<Answer>;

/// What the rest of the shop had to say about an attempt to which it agrees.
struct Checked {
    payment_ref: String,
    age: Age,
}

struct Flight {
    request_hash: String,
    answer: watch::Receiver<Option<Told>>,
}

/// Makes orders.
#[derive(Clone)]
pub struct Creator {
    platform: Platform,
    clients: Clients,
    store: Store,
    owner: Owner,
    flights: Arc<Mutex<HashMap<String, Flight>>>,
    /// Flights, and what goes on behind their answers.
    pub tasks: Tasks,
}

impl Creator {
    /// Makes orders in this region.
    pub fn new(platform: &Platform, store: &Store, owner: &Owner) -> Self {
        Creator {
            platform: platform.clone(),
            clients: Clients::new(platform),
            store: store.clone(),
            owner: owner.clone(),
            flights: Arc::default(),
            tasks: Tasks::default(),
        }
    }

    /// Makes the order of an attempt, or gives the answer that the attempt had before. Attempts with one key
    /// share one flight, which goes on when the caller's budget has run out.
    pub async fn create(&self, attempt: Attempt, request: CreateOrderRequest, deadline: Deadline) -> Told {
        let request_hash = attempt.request_hash.clone();
        let (flown, mut told) = match self.join(attempt, request, deadline) {
            Ok(joined) => joined,
            Err(full) => return Replay::first(Err(full)),
        };
        if flown != request_hash {
            return Replay::first(Err(OrdersError::KeyReused));
        }
        let waited = deadline.earlier(ANSWER_MARGIN).bound(told.wait_for(Option::is_some)).await;
        match waited {
            Ok(Ok(told)) => told.clone().unwrap_or(Replay::first(Err(OrdersError::Deadline))),
            Ok(Err(_)) => Replay::first(Err(OrdersError::Internal("an attempt was dropped".into()))),
            Err(_) => Replay::first(Err(OrdersError::NotDurable)),
        }
    }

    fn join(
        &self,
        attempt: Attempt,
        request: CreateOrderRequest,
        deadline: Deadline,
    ) -> Result<(String, watch::Receiver<Option<Told>>), OrdersError> {
        let key = attempt.key_hash();
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key) {
            return Ok((flight.request_hash.clone(), flight.answer.clone()));
        }
        if flights.len() >= IN_FLIGHT_MAX {
            return Err(OrdersError::Refused {
                code: Code::RateLimited,
                message: "Too many requests".into(),
            });
        }
        let (sender, answer) = watch::channel(None);
        let request_hash = attempt.request_hash.clone();
        flights.insert(key.clone(), Flight { request_hash: request_hash.clone(), answer: answer.clone() });
        let creator = self.clone();
        let fly = async move {
            let made = creator.fly(&attempt, &request, deadline).await;
            sender.send_replace(Some(made.unwrap_or_else(|error| Replay::first(Err(error)))));
            creator.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        };
        self.tasks.spawn(fly);
        Ok((request_hash, answer))
    }

    async fn fly(
        &self,
        attempt: &Attempt,
        request: &CreateOrderRequest,
        deadline: Deadline,
    ) -> Result<Told, OrdersError> {
        // The checks do not need the shard; a takeover meanwhile costs nothing.
        let (held, checked) = futures::join!(
            self.owner.ensure_held(&attempt.home, &attempt.shard),
            self.check(attempt, request, deadline)
        );
        let epoch = held?;
        if let Some(answer) = self.known(attempt).await? {
            return Ok(Replay { body: answer, again: true });
        }
        let supplied = match checked {
            Ok(checked) => {
                self.reserve(attempt, request, checked.age, deadline).await.map(|goods| (checked, goods))
            }
            Err(refusal) => Err(refusal),
        };
        let answer = match supplied {
            Ok((checked, goods)) => self.accept(attempt, request, epoch, checked, goods).await,
            Err(refusal) if refusal.definite() => self.refuse(attempt, &refusal).await,
            Err(unsure) => return Err(unsure),
        };
        Ok(Replay::first(answer))
    }

    /// Everything that the rest of the shop must agree to; all reasons of a refusal together.
    async fn check(
        &self,
        attempt: &Attempt,
        request: &CreateOrderRequest,
        deadline: Deadline,
    ) -> Result<Checked, OrdersError> {
        if let Some((code, message)) = destinations::refusal(&request.address, self.platform.world.now()) {
            return Err(OrdersError::Refused { code, message });
        }
        let (products, delivery, age, payment) = futures::join!(
            self.clients.check_products(request, deadline),
            self.clients.check_delivery_price(request, deadline),
            self.clients.check_age(&attempt.user, deadline),
            self.clients.check_payment(request, attempt.order_id(), deadline)
        );
        let mut refusals = Vec::new();
        let mut first_code = None;
        let fails =
            [products.err(), delivery.err(), age.as_ref().err().cloned(), payment.as_ref().err().cloned()];
        for failed in fails {
            match failed {
                Some(OrdersError::Refused { code, message }) => {
                    first_code.get_or_insert(code);
                    refusals.push(message);
                }
                Some(other) => return Err(other),
                None => {}
            }
        }
        match first_code {
            Some(code) => Err(OrdersError::Refused { code, message: refusals.join(". ") }),
            None => Ok(Checked { payment_ref: payment?, age: age? }),
        }
    }

    /// What became of the attempt before, where anything did.
    async fn known(&self, attempt: &Attempt) -> Result<Option<Answer>, OrdersError> {
        if let Some(proposal) = self.owner.proposal(&attempt.shard, &attempt.key_hash()) {
            return self.settled(attempt, proposal).await.map(Some);
        }
        if let Some(record) = self.store.get(attempt.order_id()).await? {
            return Ok(Some(replay(attempt, record.order)));
        }
        let held = self.owner.copies.own.held(&attempt.shard, &attempt.key_hash()).await;
        let held = held.map_err(|cause| OrdersError::Internal(cause.to_string()))?;
        match held {
            Some(entry) if self.owner.shares_ballot(&entry) => Ok(None),
            // An entry that nobody drives was left by an earlier process under a lower ballot of this shard
            // and a takeover did not find it on a majority: proposing its value again decides it.
            Some(Entry { value, .. }) => {
                let proposal = self.owner.propose(&attempt.shard, &attempt.key_hash(), value)?;
                self.settled(attempt, proposal).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// The order that an attempt made, if it made one. Takes the shard over where it must.
    ///
    /// # Errors
    /// When nothing definite can be said.
    pub async fn find(&self, attempt: &Attempt) -> Result<Option<Order>, OrdersError> {
        self.owner.ensure_held(&attempt.home, &attempt.shard).await?;
        match self.known(attempt).await? {
            Some(Ok(order)) => Ok(Some(order)),
            // The caller asks by key alone, with no body to compare.
            Some(Err(OrdersError::KeyReused)) => self.newest(attempt.order_id()).await,
            Some(Err(error)) if error.definite() => Ok(None),
            Some(Err(error)) => Err(error),
            None => Ok(None),
        }
    }

    /// The newest that this region knows of an order: stored, or left in the journal by a former owner.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn newest(&self, order_id: OrderId) -> Result<Option<Order>, OrdersError> {
        let row = self.store.get(order_id).await?;
        Ok(self.owner.left.newest(order_id, row).map(|record| record.order))
    }

    /// The same at the owner, with everything that a former owner left of it. Takes the shard over where it must.
    ///
    /// # Errors
    /// When the shard cannot be held, or the table does not answer.
    pub async fn newest_as_owner(
        &self,
        attempt: &Attempt,
        order_id: OrderId,
    ) -> Result<Option<Order>, OrdersError> {
        self.owner.ensure_held(&attempt.home, &attempt.shard).await?;
        self.owner.until_decided(&attempt.shard, order_id).await;
        self.newest(order_id).await
    }

    /// Answers from a proposal that somebody else started.
    async fn settled(
        &self,
        attempt: &Attempt,
        mut proposal: watch::Receiver<Option<Outcome>>,
    ) -> Result<Answer, OrdersError> {
        let outcome = ended(&mut proposal).await?;
        Ok(self.conclude(attempt, outcome).await)
    }

    async fn conclude(&self, attempt: &Attempt, outcome: Option<Outcome>) -> Answer {
        match outcome {
            Some(Outcome::Chosen(entry) | Outcome::Decided(entry)) => self.decided(attempt, *entry).await,
            Some(Outcome::TokenBound) => Err(OrdersError::Refused {
                code: Code::PaymentRefused,
                message: "The payment token is used by another order".into(),
            }),
            Some(Outcome::WarehouseMoved | Outcome::Unknown) | None => Err(OrdersError::NotDurable),
        }
    }

    /// The answer of a decided entry. The order is stored before the customer hears of it, so that they can
    /// read it; where that fails, the journal has it all the same.
    async fn decided(&self, attempt: &Attempt, entry: Entry) -> Answer {
        match entry.value {
            EntryValue::Order { ref order, ref payment_ref, .. } => {
                if self.owner.epoch(&attempt.shard).is_some_and(|epoch| epoch != order.epoch) {
                    // A former owner's, who may have done more than this entry tells: it is adopted as a whole.
                    self.owner.left.note(&entry.value);
                    return replay(attempt, (**order).clone());
                }
                let writer = self.writer(order.epoch);
                let stored = self.store.create((**order).clone(), payment_ref.clone(), &writer).await;
                if let Err(cause) = stored {
                    tracing::warn!(order = %order.order_id, %cause, "an accepted order is stored later");
                    let (store, world) = (self.store.clone(), self.platform.world.clone());
                    let (order, payment_ref) = ((**order).clone(), payment_ref.clone());
                    self.tasks.spawn(store_until_done(store, world, order, payment_ref, writer));
                }
                replay(attempt, (**order).clone())
            }
            EntryValue::Refused { request_hash, answer, .. } if request_hash == attempt.request_hash => {
                Err(OrdersError::told(answer))
            }
            EntryValue::Refused { .. } => Err(OrdersError::KeyReused),
            EntryValue::Command { .. } | EntryValue::CommandRefused { .. } | EntryValue::Intent { .. } => {
                Err(OrdersError::Internal("another kind of entry under an attempt's key".into()))
            }
        }
    }

    /// Journals a refusal before it is told: an earlier owner may have accepted the key, and a later one must not.
    async fn refuse(&self, attempt: &Attempt, refusal: &OrdersError) -> Answer {
        let value = EntryValue::Refused {
            order_id: attempt.order_id(),
            request_hash: attempt.request_hash.clone(),
            answer: refusal.answer(),
        };
        let mut proposal = self.owner.propose(&attempt.shard, &attempt.key_hash(), value)?;
        let outcome = ended(&mut proposal).await?;
        self.conclude(attempt, outcome).await
    }

    async fn reserve(
        &self,
        attempt: &Attempt,
        request: &CreateOrderRequest,
        age: Age,
        deadline: Deadline,
    ) -> Result<ReserveResponse, OrdersError> {
        let kept_ms = if age == Age::InReview { timers::AGE_REVIEW_MS } else { RESERVATION_MS };
        for warehouse_id in self.warehouses() {
            let wanted = ReserveRequest {
                order_id: attempt.order_id(),
                allocation: 1,
                lines: create::units(&request.products),
                warehouse_id,
                allow_backorder: request.allow_backorder,
                expires_at: self.platform.world.now().plus_ms(kept_ms),
            };
            if self.platform.world.has(Planted::LateReservation) {
                return Ok(self.reserve_later(wanted));
            }
            let answer = self.clients.reserve(&wanted, deadline).await?;
            match answer.state {
                ReserveState::Reserved => return Ok(answer),
                // It waits for goods in this warehouse or another. Nobody waits for two things at once.
                ReserveState::Backordered if age == Age::Verified => return Ok(answer),
                ReserveState::Closed => {}
                ReserveState::OutOfStock | ReserveState::Backordered => {
                    let message = "Not enough stock".into();
                    return Err(OrdersError::Refused { code: Code::OutOfStock, message });
                }
            }
        }
        Err(OrdersError::Refused { code: Code::OutOfStock, message: "No warehouse is open".into() })
    }

    /// For [`Planted::LateReservation`]: as if it were reserved, which is asked for behind the answer.
    fn reserve_later(&self, wanted: ReserveRequest) -> ReserveResponse {
        let hoped_for = ReserveResponse {
            state: ReserveState::Reserved,
            warehouse_id: wanted.warehouse_id.clone(),
            warehouse_epoch: 1,
            lines: wanted.lines.clone(),
        };
        let clients = self.clients.clone();
        self.tasks.spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let _ = clients.reserve(&wanted, Deadline::within(Duration::from_secs(2))).await;
        });
        hoped_for
    }

    /// Warehouses to try: this region's, then this continent's, then those of live regions.
    pub fn warehouses(&self) -> Vec<WarehouseId> {
        let config = &self.platform.config;
        let here = config.continent_of(&config.region);
        let mut known: Vec<_> = config.warehouses.iter().collect();
        known.retain(|warehouse| !self.platform.liveness.suspected(&warehouse.region));
        known
            .sort_by_key(|warehouse| (warehouse.region != config.region, Some(&warehouse.continent) != here));
        known.into_iter().map(|warehouse| warehouse.id.clone()).collect()
    }

    /// The durable accept: binds the token and stores the order on two continents.
    async fn accept(
        &self,
        attempt: &Attempt,
        request: &CreateOrderRequest,
        epoch: u64,
        Checked { payment_ref, age }: Checked,
        reserved: ReserveResponse,
    ) -> Answer {
        let writer = self.writer(epoch);
        let step = ReservationStep { warehouse_id: reserved.warehouse_id.clone(), allocation: 1, epoch };
        let kept = reserved.state == ReserveState::Reserved;
        let supply = Supply { warehouse_id: reserved.warehouse_id, kept };
        let order = create::new_order(attempt, request, supply, age, &writer);
        let value = EntryValue::Order {
            order: Box::new(order),
            payment_ref,
            token_hash: keys::token_hash(&request.payment_token),
            warehouse_epoch: reserved.warehouse_epoch,
            lines: if kept { reserved.lines } else { Vec::new() },
        };
        let mut proposal = self.owner.propose(&attempt.shard, &attempt.key_hash(), value)?;
        let outcome = ended(&mut proposal).await?;
        let answer = self.conclude(attempt, outcome).await;
        let unused = match &answer {
            Ok(order) => order.warehouse_id != step.warehouse_id && order.allocation == step.allocation,
            Err(error) => error.definite(),
        };
        match &answer {
            _ if unused => self.give_back(attempt.order_id(), step).await,
            Err(_) => self.tasks.spawn(self.clone().give_back_once_known(attempt.order_id(), step)),
            Ok(_) => {}
        }
        answer
    }

    /// Another owner may have got the key: once its order is known here, goods that it does not use go back.
    async fn give_back_once_known(self, order_id: OrderId, step: ReservationStep) {
        for pause in AGAIN {
            tokio::time::sleep(self.platform.world.jitter(pause)).await;
            if let Ok(Some(order)) = self.newest(order_id).await {
                if (&order.warehouse_id, order.allocation) != (&step.warehouse_id, step.allocation) {
                    self.give_back(order_id, step).await;
                }
                return;
            }
        }
    }

    /// Goods of an order that will not come; where this fails the reservation ends by itself.
    async fn give_back(&self, order_id: OrderId, step: ReservationStep) {
        let deadline = Deadline::within(Duration::from_secs(2));
        if let Err(cause) = self.clients.release_stock(order_id, &step, deadline).await {
            tracing::debug!(%order_id, %cause, "a reservation is left to end by itself");
        }
    }

    /// Where requests of this customer belong.
    pub fn route(&self, attempt: &Attempt) -> Route {
        self.owner.route(&attempt.home, &attempt.shard)
    }

    /// How durable an acknowledged order is.
    pub fn durability(&self) -> contracts::bodies::orders::Durability {
        match self.platform.config.durability {
            Durability::Journal => contracts::bodies::orders::Durability::MultiContinent,
            Durability::Async => contracts::bodies::orders::Durability::LocalOnly,
        }
    }

    fn writer(&self, epoch: u64) -> Writer {
        Writer { epoch, region: self.platform.config.region.clone(), at: self.platform.world.now() }
    }
}

/// How a proposal ended.
async fn ended(proposal: &mut watch::Receiver<Option<Outcome>>) -> Result<Option<Outcome>, OrdersError> {
    let outcome = proposal.wait_for(Option::is_some).await;
    outcome.map(|outcome| outcome.clone()).map_err(|_| OrdersError::NotDurable)
}

/// Stores an order that is in the journal: it must not depend on one answer of a table.
async fn store_until_done(store: Store, world: World, order: Order, payment_ref: String, writer: Writer) {
    let order_id = order.order_id;
    for _ in 0..STORE_TRIES {
        tokio::time::sleep(world.jitter(STORE_PAUSE)).await;
        match store.create(order.clone(), payment_ref.clone(), &writer).await {
            Ok(()) => return,
            Err(cause) => {
                tracing::debug!(order = %order_id, %cause, "an order in the journal is stored later")
            }
        }
    }
    tracing::error!(order = %order_id, "an order in the journal could not be stored");
}

/// The answer to an attempt whose order exists: the same order, if the attempt is the same.
fn replay(attempt: &Attempt, order: Order) -> Answer {
    if order.request_hash == attempt.request_hash { Ok(order) } else { Err(OrdersError::KeyReused) }
}
