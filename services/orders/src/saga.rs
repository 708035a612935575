//! What the owner does for its orders behind the answer: the next step is decided from the order alone and
//! carried out idempotently, so that it can be tried again after any crash and by any later owner.

mod sweeps;
mod take;

pub use take::intent_key;

use crate::{
    clients::Clients,
    domain::{
        command,
        create::Owner as Writer,
        life::{self, Canceller, Outcome, Trigger},
        steps,
    },
    erasure::Eraser,
    error::OrdersError,
    journal::owner::Owner,
    store::{OrderRecord, Store},
    turns::Turns,
};
use contracts::{Order, OrderId, OrderStatus, ShardId, events::Event, journal::EntryValue};
use platform::{Platform, calls::CallError, tables::TransactError};
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
/// What this process wrote itself need not be read again for so long: an order's steps follow each other within a second
/// or two. Whoever was frozen or replaced longer must look. Not longer than confirmed events stay in their item.
const WRITTEN_FOR: Duration = Duration::from_secs(2);
/// Rounds against others who changed the order meanwhile.
const ROUNDS: u32 = 6;

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
    /// When it wrote that, and what, where it did.
    written: Option<(Instant, OrderRecord)>,
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
    eraser: Eraser,
    sender: mpsc::Sender<OrderRecord>,
    receiver: Arc<AsyncMutex<mpsc::Receiver<OrderRecord>>>,
    tried: Arc<Mutex<HashMap<OrderId, Tried>>>,
    /// When nothing was found open, by shard and by the epoch under which it is held.
    resting: Arc<Mutex<BTreeMap<(ShardId, u64), Instant>>>,
    /// Branches of former owners that nothing is left to do for: their orders are over.
    tidied: Arc<Mutex<BTreeSet<(OrderId, String)>>>,
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
            eraser: Eraser::new(platform, store, &owner.copies),
            sender,
            receiver: Arc::new(AsyncMutex::new(receiver)),
            tried: Arc::default(),
            resting: Arc::default(),
            tidied: Arc::default(),
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
                self.wrote(&record);
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
            Ok(Some(Trigger::Reallocated { warehouse_id })) => {
                self.serve_from(record, warehouse_id).await.map(drop)
            }
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
        let new = Tried { newest: newness(order), written: None, at: None, heard };
        let known = tried.entry(order.order_id).or_insert(new);
        known.heard = heard;
        if known.newest < newness(order) {
            (known.newest, known.written, known.at) = (newness(order), None, None);
        }
    }

    fn wrote(&self, record: &OrderRecord) {
        let now = self.platform.world.instant();
        if let Some(tried) = self.tried().get_mut(&record.order.order_id)
            && tried.newest == newness(&record.order)
        {
            tried.written = Some((now, record.clone()));
        }
    }

    /// An order as this process wrote it a moment ago, or as it is read now. Where the former has changed since, writing
    /// the next version fails.
    ///
    /// # Errors
    /// When the table does not answer, or does not have it.
    pub async fn latest(&self, order_id: OrderId) -> Result<OrderRecord, SagaError> {
        let now = self.platform.world.instant();
        let written = self.tried().get(&order_id).and_then(|tried| tried.written.clone());
        match written {
            Some((at, record)) if now.saturating_duration_since(at) < WRITTEN_FOR => Ok(record),
            _ => self.read(order_id).await,
        }
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, BTreeMap<(ShardId, u64), Instant>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tried(&self) -> std::sync::MutexGuard<'_, HashMap<OrderId, Tried>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
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

/// A later owner's version is newer, whatever its number.
fn newness(order: &Order) -> (u64, u64) {
    (order.epoch, order.version)
}
