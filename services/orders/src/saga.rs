//! What the owner does for its orders behind the answer: the next step is decided from the order alone and
//! carried out idempotently, so that it can be tried again after any crash and by any later owner.

use crate::{
    clients::Clients,
    domain::{
        command,
        create::{self, Age, Owner as Writer},
        life::{self, Canceller, Outcome, Trigger},
        steps::{self, Step},
    },
    error::OrdersError,
    journal::owner::{Outcome as Proposed, Owner},
    store::{OrderRecord, Store},
    turns::Turns,
};
use contracts::{
    Code, Order, OrderId, OrderStatus, PaymentState, ProductId, ShardId, UserId, WarehouseId,
    bodies::{
        delivery::{DeliveryStatus, DeliveryView, ReleaseRequest},
        payment::{EffectRequest, PaymentView},
        warehouse::{PackageView, PackagingStatus, ReservationStep, ReserveRequest, ReserveState},
    },
    events::Event,
    journal::{EffectKind, EntryValue},
};
use platform::{
    Deadline, Platform,
    calls::CallError,
    config::{Durability, WarehouseConfig},
    planted::Planted,
    tables::TransactError,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc},
    time::Instant,
};

/// Orders that wait for a step at most; the sweep finds the others.
const QUEUE_MAX: usize = 4096;
/// One step at most.
const STEP_LIMIT: Duration = Duration::from_secs(4);
/// The same step of the same version is not tried again sooner.
const AGAIN_AFTER: Duration = Duration::from_secs(3);
/// A shard in which nothing was open is not looked at again sooner, unless one of its orders changes here meanwhile.
const RESTS_FOR: Duration = Duration::from_secs(10);
/// Rounds against others who changed the order meanwhile.
const ROUNDS: u32 = 6;
/// Waiting orders that one event moves at most; the sweep finds the others.
const MOVED_BY_ONE_EVENT_MAX: usize = 50;
/// No further order is offered them after this time.
const SUPPLY_LIMIT: Duration = Duration::from_secs(2);
/// A reservation for a reallocated order ends after this long without packaging.
const RESERVATION_MS: i64 = 15 * 60 * 1000;

/// Why an event was not applied yet.
#[derive(Debug, thiserror::Error)]
pub enum SagaError {
    /// Something that is under way must arrive first.
    #[error("too early for the order's state")]
    Early,
    /// This region does not know the order (yet).
    #[error("the order is not known here yet")]
    Unknown,
    /// Others changed the order again and again.
    #[error("the order changed again and again")]
    Busy,
    /// This region does not drive the order.
    #[error("another region drives the order")]
    NotOwner,
    /// Anything else.
    #[error(transparent)]
    Orders(#[from] OrdersError),
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<platform::TableError> for SagaError {
    fn from(error: platform::TableError) -> Self {
        SagaError::Orders(error.into())
    }
}

/// What this process knows of an order that it drives.
struct Tried {
    /// The newest epoch and version that it read or wrote.
    newest: (u64, u64),
    /// When the step of that version was last tried.
    at: Option<Instant>,
    /// When it last heard of the order.
    heard: Instant,
}

/// Drives orders from acceptance to their end.
#[derive(Clone)]
pub struct Saga {
    platform: Platform,
    store: Store,
    owner: Owner,
    clients: Clients,
    sender: mpsc::Sender<OrderRecord>,
    receiver: Arc<AsyncMutex<mpsc::Receiver<OrderRecord>>>,
    tried: Arc<Mutex<HashMap<OrderId, Tried>>>,
    /// When nothing was found open, by shard and by the epoch under which it is held.
    resting: Arc<Mutex<BTreeMap<(ShardId, u64), Instant>>>,
    /// Changes of an order come one after the other, so that what a person is told does not race with what happens.
    pub turns: Turns,
}

impl Saga {
    /// For the orders of `owner`.
    pub fn new(platform: &Platform, store: &Store, owner: &Owner) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        Saga {
            platform: platform.clone(),
            store: store.clone(),
            owner: owner.clone(),
            clients: Clients::new(platform),
            sender,
            receiver: Arc::new(AsyncMutex::new(receiver)),
            tried: Arc::default(),
            resting: Arc::default(),
            turns: Turns::default(),
        }
    }

    /// Says that an order may have a step to take: `record` is as its caller has just read or written it.
    fn notify(&self, record: OrderRecord) {
        self.heard_of(&record.order);
        self.resting().retain(|(shard, _), _| *shard != record.order.shard);
        if let Err(full) = self.sender.try_send(record) {
            let order_id = full.into_inner().order.order_id;
            tracing::debug!(%order_id, "the queue of steps is full; the sweep will find the order");
        }
    }

    /// Takes the next waiting order's steps. A worker calls it; several may.
    ///
    /// # Errors
    /// When a step failed; the sweep brings the order back.
    pub async fn next(&self) -> Result<(), SagaError> {
        let waiting = self.receiver.lock().await.recv().await;
        match waiting {
            Some(record) => self.steps(record).await,
            None => Ok(()),
        }
    }

    /// Looks at every order that is not settled in the shards held here.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn sweep(&self) -> Result<(), SagaError> {
        let lost = self.store.lost_warehouses().await?;
        let now = self.platform.world.instant();
        self.resting().retain(|_, at| now.saturating_duration_since(*at) < RESTS_FOR);
        for shard in self.owner.held() {
            if self.owner.recovered(&shard) && !self.rests(&shard) {
                self.sweep_shard(&shard, &lost).await?;
            }
        }
        let now = self.platform.world.instant();
        self.tried().retain(|_, tried| now.saturating_duration_since(tried.heard) < AGAIN_AFTER * 4);
        Ok(())
    }

    /// Looks at the orders that only wait, in the shards held here: their time may be up, or what they wait for be there.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn sweep_waiting(&self) -> Result<(), SagaError> {
        let lost = self.store.lost_warehouses().await?;
        for shard in self.owner.held() {
            if self.owner.recovered(&shard) {
                for record in self.store.waiting_in(&shard).await? {
                    self.try_to_look_after(record.order.order_id, Some(&record), &lost).await;
                }
            }
        }
        Ok(())
    }

    /// Goods came into a warehouse: offers them to the orders held here that wait for them, the oldest first and one
    /// after the other, as far as they go. Whom this misses the sweep of those that wait finds.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn supply(
        &self,
        product_id: ProductId,
        warehouse_id: &WarehouseId,
        mut available: i64,
    ) -> Result<(), SagaError> {
        let Some(warehouse) = self.platform.config.warehouse(warehouse_id) else { return Ok(()) };
        let began = self.platform.world.instant();
        let waits = |order: &Order| order.status == OrderStatus::Backordered && wanted(order, product_id) > 0;
        for OrderRecord { order, .. } in self.waiting(waits).await? {
            let wanted = wanted(&order, product_id);
            if wanted > available {
                continue;
            }
            if self.platform.world.instant().saturating_duration_since(began) > SUPPLY_LIMIT {
                break;
            }
            let order_id = order.order_id;
            match self.offer(order_id, warehouse).await {
                Ok(true) => available -= wanted,
                Ok(false) => {}
                Err(cause) => tracing::debug!(%order_id, %cause, "an order is offered the goods again later"),
            }
        }
        Ok(())
    }

    /// A customer's age was found out: looks at those of their orders held here that wait for it. Whom this misses the
    /// sweep of those that wait finds.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn review(&self, user_id: &UserId) -> Result<(), SagaError> {
        let lost = self.store.lost_warehouses().await?;
        let waits = |order: &Order| order.status == OrderStatus::AgeReview && order.user_id == *user_id;
        for record in self.waiting(waits).await? {
            self.try_to_look_after(record.order.order_id, Some(&record), &lost).await;
        }
        Ok(())
    }

    /// The orders held here that wait for something, oldest first, as many as one event is for.
    async fn waiting(&self, waits: impl Fn(&Order) -> bool) -> Result<Vec<OrderRecord>, SagaError> {
        let mut waiting = Vec::new();
        for shard in self.owner.held() {
            if self.owner.recovered(&shard) {
                let here = self.store.waiting_in(&shard).await?;
                waiting.extend(here.into_iter().filter(|record| waits(&record.order)));
            }
        }
        waiting.sort_by_key(|record| (record.order.created_date, record.order.order_id));
        waiting.truncate(MOVED_BY_ONE_EVENT_MAX);
        Ok(waiting)
    }

    /// Whether an order that waits for goods is served from a warehouse now.
    async fn offer(&self, order_id: OrderId, warehouse: &WarehouseConfig) -> Result<bool, SagaError> {
        let record = self.own(order_id).await?;
        let order = &record.order;
        let waits = order.status == OrderStatus::Backordered
            && steps::next(order, self.platform.world.now()) == Some(Step::Reallocate)
            && create::destination_refusal(&order.address.country).is_none();
        if !waits || !self.reserved_in(order, warehouse).await? {
            return Ok(false);
        }
        self.apply(record, &Trigger::Reallocated { warehouse_id: warehouse.id.clone() }, None).await?;
        Ok(true)
    }

    /// One order that cannot be looked after now does not stand in the way of the others.
    async fn try_to_look_after(
        &self,
        order_id: OrderId,
        row: Option<&OrderRecord>,
        lost: &BTreeSet<WarehouseId>,
    ) {
        if let Err(cause) = self.look_after(order_id, row, lost).await {
            tracing::debug!(%order_id, %cause, "an order is looked at again later");
        }
    }

    fn rests(&self, shard: &ShardId) -> bool {
        let epoch = self.owner.epoch(shard);
        epoch.is_some_and(|epoch| self.resting().contains_key(&(shard.clone(), epoch)))
    }

    async fn sweep_shard(&self, shard: &ShardId, lost: &BTreeSet<WarehouseId>) -> Result<(), SagaError> {
        let open = self.store.open_in(shard).await?;
        let rows: BTreeMap<OrderId, OrderRecord> =
            open.into_iter().map(|record| (record.order.order_id, record)).collect();
        let orders: BTreeSet<OrderId> = rows.keys().copied().chain(self.owner.left.waiting(shard)).collect();
        if let (true, Some(epoch)) = (orders.is_empty(), self.owner.epoch(shard)) {
            self.resting().insert((shard.clone(), epoch), self.platform.world.instant());
        }
        for order_id in orders {
            self.try_to_look_after(order_id, rows.get(&order_id), lost).await;
        }
        Ok(())
    }

    /// Makes an order this owner's where it is not yet, tells it what is known of its warehouse, and takes its step.
    async fn look_after(
        &self,
        order_id: OrderId,
        row: Option<&OrderRecord>,
        lost: &BTreeSet<WarehouseId>,
    ) -> Result<(), SagaError> {
        let ours =
            |row: &&OrderRecord| self.writer_of(row).is_ok_and(|writer| self.store.is_of(row, &writer));
        let record = match row.filter(ours) {
            Some(row) => row.clone(),
            None => self.adopt(order_id).await?,
        };
        let warehouse_id = record.order.warehouse_id.clone();
        if lost.contains(&warehouse_id) {
            self.apply(record.clone(), &Trigger::WarehouseLost { warehouse_id }, None).await?;
        }
        self.notify(record);
        Ok(())
    }

    /// Takes an order over from a former owner, from the newest that this region knows of it.
    async fn adopt(&self, order_id: OrderId) -> Result<OrderRecord, SagaError> {
        let row = self.store.get(order_id).await?;
        let stored_here = row.is_some();
        let mut record = self.owner.left.newest(order_id, row).ok_or(SagaError::Unknown)?;
        let writer = self.writer_of(&record)?;
        if !stored_here && record.order.version == 1 {
            // Nobody may have heard of it: it begins here, exactly as journalled.
            self.store.create(record.order, record.payment_ref, &writer).await?;
            record = self.read(order_id).await?;
        }
        if let Some(command) = self.owner.left.command(&record.order) {
            record = self.obey_now(record, &command).await?;
        }
        if !self.store.is_of(&record, &writer) {
            record = self.advance(record, &Trigger::Adopted, None).await?;
        }
        self.owner.left.adopted(order_id);
        Ok(record)
    }

    /// An order that this owner drives, made its own where it is not yet.
    ///
    /// # Errors
    /// When this region does not know it, or does not drive it.
    pub async fn own(&self, order_id: OrderId) -> Result<OrderRecord, SagaError> {
        let row = self.store.get(order_id).await?;
        match row {
            Some(row) if self.store.is_of(&row, &self.writer_of(&row)?) => Ok(row),
            _ => self.adopt(order_id).await,
        }
    }

    /// Does what a journalled command says, unless the order has gone on from there: then it was done. The order's turn
    /// is the caller's.
    ///
    /// # Errors
    /// When the table does not answer, or another owner has the order by now.
    pub async fn obey(&self, entry: &EntryValue) -> Result<OrderRecord, SagaError> {
        let record = self.own(entry.order_id()).await?;
        self.obey_now(record, entry).await
    }

    async fn obey_now(&self, record: OrderRecord, entry: &EntryValue) -> Result<OrderRecord, SagaError> {
        match entry {
            EntryValue::Command { command, order, payment_ref, .. }
                if newness(order) == newness(&record.order) =>
            {
                let record = OrderRecord { payment_ref: payment_ref.clone(), ..record };
                self.advance(record, &command::trigger(command), None).await
            }
            _ => Ok(record),
        }
    }

    /// Applies what happened to an order, in one transaction with the event's inbox row. `record` is the order as its
    /// caller knows it; where it has changed since, it is read again.
    ///
    /// # Errors
    /// When it must come again later.
    pub async fn apply(
        &self,
        record: OrderRecord,
        trigger: &Trigger,
        cause: Option<&Event>,
    ) -> Result<(), SagaError> {
        let order_id = record.order.order_id;
        let mut held = Some(record);
        let _turn = self.turns.take(order_id).await;
        for _ in 0..ROUNDS {
            let record = match held.take() {
                Some(record) => record,
                None => self.read(order_id).await?,
            };
            let writer = self.writer_of(&record)?;
            let advanced = match self.store.is_of(&record, &writer) {
                true => self.advance(record, trigger, cause).await,
                // News of what an earlier owner has done already: it may be over, and nobody adopts it.
                false if life::apply(&record.order, trigger, &writer) == Outcome::Ignored => return Ok(()),
                // An earlier owner's: what it journalled is recovered and adopted first.
                false => Err(SagaError::Early),
            };
            let failed = match advanced {
                Ok(_) => return Ok(()),
                Err(failed) => failed,
            };
            // An event that was applied before changes nothing: it may be what stands in the way.
            if let Some(cause) = cause
                && self.store.seen(cause).await?
            {
                return Ok(());
            }
            let SagaError::Busy = failed else { return Err(failed) };
            tokio::time::sleep(self.platform.world.jitter(Duration::from_millis(10))).await;
        }
        Err(SagaError::Busy)
    }

    /// One try to apply a trigger to an order as held. Gives the order after it.
    async fn advance(
        &self,
        record: OrderRecord,
        trigger: &Trigger,
        cause: Option<&Event>,
    ) -> Result<OrderRecord, SagaError> {
        let writer = self.writer_of(&record)?;
        let next = match life::apply(&record.order, trigger, &writer) {
            Outcome::Changed(next) => *next,
            Outcome::Early => return Err(SagaError::Early),
            Outcome::Ignored => return Ok(record),
        };
        let begins = next.status == OrderStatus::Cancelling && record.order.status != OrderStatus::Cancelling;
        let cancelled_by = begins.then(|| canceller(trigger));
        match self.store.advance(&record, next, &writer, cause, cancelled_by).await {
            Ok(record) => {
                self.notify(record.clone());
                Ok(record)
            }
            Err(TransactError::Cancelled(_) | TransactError::Busy) => Err(SagaError::Busy),
            Err(TransactError::Table(error)) => Err(error.into()),
        }
    }

    async fn read(&self, order_id: OrderId) -> Result<OrderRecord, SagaError> {
        self.store.get(order_id).await?.ok_or(SagaError::Unknown)
    }

    /// This owner, as the writer of an order that it made its own.
    ///
    /// # Errors
    /// When it does not drive the order.
    pub fn writer(&self, order: &Order) -> Result<Writer, OrdersError> {
        let epoch = self.owner.epoch(&order.shard).ok_or(OrdersError::NoOwner)?;
        Ok(Writer { epoch, region: self.platform.config.region.clone(), at: self.platform.world.now() })
    }

    /// This owner, as the writer of an order. A branch of a later epoch tells that the shard is another owner's by now,
    /// who may have taken it while this process was frozen or cut off.
    fn writer_of(&self, record: &OrderRecord) -> Result<Writer, SagaError> {
        let shard = &record.order.shard;
        if let Some((epoch, region)) = record.writer() {
            self.owner.superseded(shard, epoch, region);
        }
        self.writer(&record.order).map_err(|_| SagaError::NotOwner)
    }

    /// Takes an order's next step, if it is this owner's, nothing newer waits, and the step was not just taken.
    async fn steps(&self, record: OrderRecord) -> Result<(), SagaError> {
        let order_id = record.order.order_id;
        let Ok(writer) = self.writer_of(&record) else { return Ok(()) };
        if !self.store.is_of(&record, &writer) {
            return Ok(()); // the sweep adopts it first
        }
        // Where there is none, whoever changes the order says so.
        let Some(step) = steps::next(&record.order, writer.at) else { return Ok(()) };
        if !self.may_try(&record.order) {
            return Ok(());
        }
        let taken = tokio::time::timeout(STEP_LIMIT, self.take(&record, &step)).await;
        match taken.unwrap_or(Err(SagaError::Orders(OrdersError::Deadline))) {
            Ok(Some(trigger)) => self.apply(record, &trigger, None).await,
            Ok(None) => Ok(()),
            Err(cause) => {
                tracing::debug!(%order_id, ?step, %cause, "a step is tried again later");
                Ok(())
            }
        }
    }

    fn may_try(&self, order: &Order) -> bool {
        let now = self.platform.world.instant();
        let mut tried = self.tried();
        let Some(tried) = tried.get_mut(&order.order_id).filter(|tried| tried.newest == newness(order))
        else {
            return false;
        };
        if tried.at.is_some_and(|at| now.saturating_duration_since(at) < AGAIN_AFTER) {
            return false;
        }
        tried.at = Some(now);
        true
    }

    fn heard_of(&self, order: &Order) {
        let heard = self.platform.world.instant();
        let mut tried = self.tried();
        let new = Tried { newest: newness(order), at: None, heard };
        let known = tried.entry(order.order_id).or_insert(new);
        known.heard = heard;
        if known.newest < newness(order) {
            (known.newest, known.at) = (newness(order), None);
        }
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, BTreeMap<(ShardId, u64), Instant>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tried(&self) -> std::sync::MutexGuard<'_, HashMap<OrderId, Tried>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries a step out. Some outcomes come back as events, others at once as a trigger.
    async fn take(&self, record: &OrderRecord, step: &Step) -> Result<Option<Trigger>, SagaError> {
        match step {
            Step::Pay { effect, amount, effect_key } => self.pay(record, *effect, *amount, effect_key).await,
            Step::Release { effect_key } => match self.intend_dispatch(record, effect_key).await? {
                true => self.release_delivery(record).await,
                false => Ok(None),
            },
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
                Ok(Some(Trigger::PaymentFailed { reason: "the provider refused".into() }))
            }
            // The capture came before the void.
            Err(refused) if effect == EffectKind::Void && refused.code() == Some(Code::Conflict) => {
                let view = self.clients.payment(order.order_id, Deadline::within(STEP_LIMIT)).await?;
                Ok(outcome_of(order, &view))
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn check_age(&self, order: &Order) -> Result<Option<Trigger>, SagaError> {
        match self.clients.check_age(&order.user_id, Deadline::within(STEP_LIMIT)).await {
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

    /// Rows 6 and 25: a warehouse that has the goods, with the destination checked again for its origin.
    async fn reallocate(&self, order: &Order) -> Result<Option<Trigger>, SagaError> {
        if create::destination_refusal(&order.address.country).is_some() {
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
    async fn reserved_in(&self, order: &Order, warehouse: &WarehouseConfig) -> Result<bool, SagaError> {
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
}

/// What the payment service's answer says about the order.
fn outcome_of(order: &Order, view: &PaymentView) -> Option<Trigger> {
    match view.state {
        PaymentState::Captured | PaymentState::PartiallyRefunded
            if order.payment_state != PaymentState::RefundPending =>
        {
            Some(Trigger::PaymentCaptured { amount: view.captured })
        }
        PaymentState::Voided => Some(Trigger::PaymentVoided),
        PaymentState::Refunded | PaymentState::PartiallyRefunded => {
            Some(Trigger::PaymentRefunded { amount: view.refunded - order.refunded })
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

/// Who is to be named where a trigger cancels an order.
fn canceller(trigger: &Trigger) -> &'static str {
    match trigger {
        Trigger::CancelRequested { by: Canceller::Customer, .. } => "customer",
        Trigger::CancelRequested { by: Canceller::Staff, .. } => "staff",
        _ => "shop",
    }
}

/// Units of a product that an order wants.
fn wanted(order: &Order, product_id: ProductId) -> i64 {
    let lines = order.products.iter().filter(|line| line.product_id == product_id);
    lines.map(|line| i64::from(line.quantity)).sum()
}

/// A later owner's version is newer, whatever its number.
fn newness(order: &Order) -> (u64, u64) {
    (order.epoch, order.version)
}

/// The journal's key of the intent of an effect.
pub fn intent_key(order: &Order, effect_key: &str) -> String {
    format!("{}#{effect_key}", order.order_id)
}

fn reservation(order: &Order) -> ReservationStep {
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
