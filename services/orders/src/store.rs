//! The tables of the orders service.

use crate::domain::{create::Owner, timers};
use contracts::{
    Order, OrderId, Region, ShardId, UserId, WarehouseId,
    events::{Event, Happening},
    resources::{IndexSpec, Key, Replication, TableSpec},
};
use platform::{
    Platform, Table, TableError,
    bus::{self, Aggregate},
    inbox::Inbox,
    outbox::{self, Outbox, Pending},
    page,
    planted::Planted,
    tables::{Condition, Item, Page, Query, TransactError, text},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Orders. Each region writes its own branch of an order only; the highest branch is the order.
pub const ORDERS: TableSpec = TableSpec {
    service: crate::NAME,
    table: "",
    partition: Key::text("orderId"),
    sort: Some(Key::text("branch")),
    indexes: &[
        IndexSpec { name: "user", partition: Key::text("userId"), sort: Key::text("createdDate") },
        IndexSpec { name: OPEN, partition: Key::text("openShard"), sort: Key::text("createdDate") },
        IndexSpec { name: outbox::INDEX, partition: Key::text("outbox"), sort: Key::number("since") },
        IndexSpec { name: ATTENTION, partition: Key::text("needs"), sort: Key::text("createdDate") },
    ],
    replication: Replication::Global,
};

/// The journal's copy of this continent.
pub const JOURNAL: TableSpec = TableSpec {
    service: crate::NAME,
    table: "journal",
    partition: Key::text("shard"),
    sort: Some(Key::text("keyHash")),
    indexes: &[IndexSpec { name: UNCLOSED, partition: Key::text("shard"), sort: Key::number("unclosed") }],
    replication: Replication::Regional,
};

/// Which order a payment token is bound to.
pub const TOKENS: TableSpec = TableSpec {
    service: crate::NAME,
    table: "tokens",
    partition: Key::text("tokenHash"),
    sort: None,
    indexes: &[],
    replication: Replication::Regional,
};

/// The highest ballot that this continent's copy has promised, by shard; and the epochs of warehouses.
pub const LEASES: TableSpec = TableSpec {
    service: "platform",
    table: "leases",
    partition: Key::text("scope"),
    sort: None,
    indexes: &[],
    replication: Replication::Regional,
};

/// Warehouses that are known to be lost. Rows are only added, and those of two regions say the same; a region that comes
/// back with nothing finds them here.
pub const LOST_WAREHOUSES: TableSpec = TableSpec {
    service: crate::NAME,
    table: "lost-warehouses",
    partition: Key::text("warehouseId"),
    sort: None,
    indexes: &[],
    replication: Replication::Global,
};

/// All tables of the service.
pub const TABLES: &[TableSpec] = &[ORDERS, JOURNAL, TOKENS, LEASES, LOST_WAREHOUSES];

/// The sparse index of what a takeover must read of a shard, however many entries were closed in it before.
pub const UNCLOSED: &str = "unclosed";
/// The sparse index of orders that are not settled.
const OPEN: &str = "open";
/// The sparse index of orders that a person must look at: hardly any, so one partition holds them, and a row that is not
/// in it costs nothing.
const ATTENTION: &str = "attention";
/// Follows the shard in the index of open orders where the order only waits: nobody needs to look at it often.
const WAITS: &str = "~waits";
/// Warehouses that are looked at for being lost, at most.
const LOST_MAX: usize = 1_000;
/// What is known of them is read again after this time.
const LOST_FOR: Duration = Duration::from_secs(1);
/// Orders that one reading of a shard's open orders gives at most.
const OPEN_MAX: usize = 10_000;

/// An order as a region stores it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderRecord {
    /// The order.
    #[serde(flatten)]
    pub order: Order,
    /// `{epoch}#{region}` of the writer.
    pub branch: String,
    /// The sealed payment token.
    pub payment_ref: String,
    /// The shard, as long as the order is not settled; marked where it only waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_shard: Option<String>,
    /// Events not yet confirmed by the bus.
    #[serde(flatten)]
    pub pending: Pending,
}

/// A record as it is stored: with the key of [`ATTENTION`] where it belongs there.
#[derive(Serialize)]
struct Row<'r> {
    #[serde(flatten)]
    record: &'r OrderRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<&'static str>,
}

impl<'r> From<&'r OrderRecord> for Row<'r> {
    fn from(record: &'r OrderRecord) -> Self {
        Row { record, needs: record.order.attention.then_some(ATTENTION) }
    }
}

impl OrderRecord {
    /// The epoch and the region of the branch's writer.
    pub fn writer(&self) -> Option<(u64, Region)> {
        writer_of(&self.branch).map(|(epoch, region)| (epoch, region.into()))
    }
}

/// The name of a writer's branch. Sorts by epoch.
pub fn branch(owner: &Owner) -> String {
    format!("{:012}#{}", owner.epoch, owner.region)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LostWarehouse {
    warehouse_id: WarehouseId,
    reason: String,
}

/// Warehouses that were known to be lost at a moment.
#[derive(Clone)]
struct Lost {
    at: Instant,
    warehouses: Arc<BTreeSet<WarehouseId>>,
}

/// Reads and writes orders.
#[derive(Clone)]
pub struct Store {
    platform: Platform,
    orders: Table,
    lost_warehouses: Table,
    lost: Arc<Mutex<Option<Lost>>>,
    inbox: Inbox,
    /// The relay of pending events.
    pub outbox: Outbox,
}

impl Store {
    /// The store of this region.
    pub fn new(platform: &Platform) -> Self {
        let orders = platform.table(&ORDERS);
        Store {
            platform: platform.clone(),
            outbox: Outbox::new(platform, orders.clone()),
            orders,
            lost_warehouses: platform.table(&LOST_WAREHOUSES),
            lost: Arc::default(),
            inbox: Inbox::new(platform, crate::NAME),
        }
    }

    /// The order, as far as this region knows: its highest branch.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn get(&self, order_id: OrderId) -> Result<Option<OrderRecord>, TableError> {
        Ok(highest(self.branches(order_id).await?))
    }

    async fn branches(&self, order_id: OrderId) -> Result<Vec<OrderRecord>, TableError> {
        let query = Query::partition("orderId", text(order_id.to_string())).consistent();
        self.orders.query_all(query, 1000).await
    }

    /// A page of a customer's orders, newest first.
    ///
    /// # Errors
    /// When the table does not answer, or the page token is not one of ours.
    pub async fn of_user(
        &self,
        user: &UserId,
        limit: usize,
        token: Option<&str>,
    ) -> Result<Page<Order>, TableError> {
        let query = Query::partition("userId", text(user.as_str())).index("user").newest_first().limit(limit);
        let page = self.orders.query::<OrderRecord>(query.after(token)?).await?;
        let mut newest: BTreeMap<OrderId, OrderRecord> = BTreeMap::new();
        let mut order = Vec::new();
        for record in page.items {
            let id = record.order.order_id;
            match newest.get(&id) {
                Some(held) if rank(held) >= rank(&record) => continue,
                Some(_) => {}
                None => order.push(id),
            }
            newest.insert(id, record);
        }
        let items =
            order.into_iter().filter_map(|id| newest.remove(&id)).map(|record| record.order).collect();
        Ok(Page { items, next_token: page.next_token })
    }

    /// A page of the orders that a person must look at, oldest first. Each stands once, where its highest branch has it.
    ///
    /// # Errors
    /// When the table does not answer, or the page token is not one of ours.
    pub async fn needing_attention(
        &self,
        limit: usize,
        token: Option<&str>,
    ) -> Result<Page<Order>, TableError> {
        let query = Query::partition("needs", text(ATTENTION)).index(ATTENTION).limit(limit);
        let page = self.orders.query::<OrderRecord>(query.after(token)?).await?;
        let newest = page.items.iter().map(|row| self.get(row.order.order_id));
        let newest = futures::future::try_join_all(newest).await?;
        let rows = page.items.iter().zip(newest);
        let highest = rows.filter_map(|(row, newest)| newest.filter(|newest| newest.branch == row.branch));
        let needing = highest.map(|record| record.order).filter(|order| order.attention);
        Ok(Page { items: needing.collect(), next_token: page.next_token })
    }

    /// The branches of a shard's orders that are under way, or were when a former owner wrote them last.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn open_in(&self, shard: &ShardId) -> Result<Vec<OrderRecord>, TableError> {
        self.in_index(shard.as_str()).await
    }

    /// The orders of a shard that wait for a person, for goods or for time to pass, oldest first.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn waiting_in(&self, shard: &ShardId) -> Result<Vec<OrderRecord>, TableError> {
        let mut waiting: Vec<_> = newest(self.in_index(&waits(shard)).await?).into_values().collect();
        waiting.sort_by_key(|record| (record.order.created_date, record.order.order_id));
        Ok(waiting)
    }

    async fn in_index(&self, open_shard: &str) -> Result<Vec<OrderRecord>, TableError> {
        let query = Query::partition("openShard", text(open_shard)).index(OPEN);
        self.orders.query_all(query, OPEN_MAX).await
    }

    /// Stores version 1 of an order, exactly as journalled, in the branch of `writer`. Storing it again
    /// changes nothing.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn create(&self, order: Order, payment_ref: String, writer: &Owner) -> Result<(), TableError> {
        let event =
            self.event(&order, &order.idempotency_key, Happening::OrderCreated(Box::new(order.clone())));
        let mut record = self.record(order, payment_ref, writer, Pending::default(), &[event]);
        match self.orders.put(&Row::from(&record), Condition::new_item("orderId")).await {
            Ok(()) => self.notify(&mut record),
            Err(TableError::Conflict) => {}
            Err(other) => return Err(other),
        }
        Ok(())
    }

    /// Stores the next version of an order in the branch of `writer`, with its event pending, and with another one where
    /// it is now cancelled; together with the inbox row of the event that caused it, where one did.
    ///
    /// # Errors
    /// [`TransactError::Cancelled`] when the order changed in between or the event was applied before.
    pub async fn advance(
        &self,
        held: &OrderRecord,
        next: Order,
        writer: &Owner,
        cause: Option<&Event>,
        cancelled_by: Option<&str>,
    ) -> Result<OrderRecord, TransactError> {
        let caused_by =
            cause.map_or_else(|| "owner".to_owned(), |event| event.metadata.event_id.0.to_string());
        let happening = match (held.order.erasure, next.erasure) {
            // The version before tells what is to be forgotten.
            (None, Some(_)) => Happening::OrderDeleted { order_id: next.order_id },
            _ => Happening::OrderModified {
                changed: changed(&held.order, &next),
                old: Box::new(held.order.clone()),
                new: Box::new(next.clone()),
            },
        };
        let cancelled = cancelled_by.map(|by| cancelled(&next, by));
        let happenings = std::iter::once(happening).chain(cancelled);
        let events: Vec<Event> =
            happenings.map(|happening| self.event(&next, &caused_by, happening)).collect();
        let mut record = self.record(next, held.payment_ref.clone(), writer, held.pending.clone(), &events);
        let condition = if record.branch == held.branch {
            Condition::version(held.order.version)
        } else {
            Condition::new_item("orderId")
        };
        let mut transaction = self.orders.transaction().put(&self.orders, &Row::from(&record), condition)?;
        if let Some(cause) = cause {
            transaction = self.inbox.record(transaction, cause)?;
        }
        transaction.commit().await?;
        self.notify(&mut record);
        Ok(record)
    }

    /// Has what this region wrote of an order forget whose it was. Says whether nothing is left to do: an event that is
    /// not yet on the bus still tells of them.
    ///
    /// # Errors
    /// When the table does not answer, or the order changes at the same time.
    pub async fn forget_person(&self, order_id: OrderId) -> Result<bool, TableError> {
        let mut everything = true;
        for mut record in self.branches(order_id).await? {
            let ours = record.writer().is_some_and(|(_, region)| region == self.platform.config.region);
            if !ours || !tells_of_person(&record) {
                continue;
            }
            if !record.pending.pending.is_empty() {
                everything = false;
                continue;
            }
            record.order.forget_person();
            self.orders.put(&Row::from(&record), Condition::version(record.order.version)).await?;
        }
        Ok(everything)
    }

    /// Whether any branch of an order, of whichever region, still tells whose it was.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn tells_of_person(&self, order_id: OrderId) -> Result<bool, TableError> {
        Ok(self.branches(order_id).await?.iter().any(tells_of_person))
    }

    /// Whether `writer` has made an order its own. Version 1, which it wrote again exactly as journalled, does not say
    /// so: others may have done more since.
    pub fn is_of(&self, record: &OrderRecord, writer: &Owner) -> bool {
        record.branch == self.branch(writer) && record.order.epoch == writer.epoch
    }

    fn branch(&self, writer: &Owner) -> String {
        match self.platform.world.has(Planted::SharedItem) {
            true => "shared".to_owned(),
            false => branch(writer),
        }
    }

    /// Whether an event was applied before.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn seen(&self, event: &Event) -> Result<bool, TableError> {
        self.inbox.seen(event).await
    }

    /// Remembers that a warehouse is lost.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn warehouse_lost(&self, warehouse_id: &WarehouseId, reason: &str) -> Result<(), TableError> {
        let row = LostWarehouse { warehouse_id: warehouse_id.clone(), reason: reason.to_owned() };
        match self.lost_warehouses.put(&row, Condition::new_item("warehouseId")).await {
            Ok(()) | Err(TableError::Conflict) => {}
            Err(other) => return Err(other),
        }
        *self.lost() = None;
        Ok(())
    }

    /// Whether a warehouse is among [`Store::lost_warehouses`].
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn is_lost(&self, warehouse_id: &WarehouseId) -> Result<bool, TableError> {
        Ok(self.lost_warehouses().await?.contains(warehouse_id))
    }

    /// All warehouses that were known to be lost at most [`LOST_FOR`] ago. An order that still goes to one is told so by
    /// the next sweep.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn lost_warehouses(&self) -> Result<Arc<BTreeSet<WarehouseId>>, TableError> {
        let now = self.platform.world.instant();
        let known = self.lost().clone().filter(|lost| now.saturating_duration_since(lost.at) < LOST_FOR);
        if let Some(lost) = known {
            return Ok(lost.warehouses);
        }
        let page = self.lost_warehouses.scan::<LostWarehouse>(LOST_MAX, None).await?;
        let warehouses: Arc<BTreeSet<_>> =
            Arc::new(page.items.into_iter().map(|row| row.warehouse_id).collect());
        *self.lost() = Some(Lost { at: now, warehouses: warehouses.clone() });
        Ok(warehouses)
    }

    fn lost(&self) -> MutexGuard<'_, Option<Lost>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The size of a page that a caller asked for.
    pub fn page_limit(asked: Option<i64>) -> usize {
        page::limit(asked)
    }

    fn record(
        &self,
        order: Order,
        payment_ref: String,
        writer: &Owner,
        mut pending: Pending,
        events: &[Event],
    ) -> OrderRecord {
        events.iter().for_each(|event| self.outbox.add(&mut pending, event));
        let open_shard = open_shard(&order);
        OrderRecord { branch: self.branch(writer), payment_ref, open_shard, pending, order }
    }

    fn event(&self, order: &Order, caused_by: &str, happening: Happening) -> Event {
        let id = order.order_id.to_string();
        let aggregate = Aggregate { kind: "order", id: &id, version: order.version, epoch: order.epoch };
        bus::event(&self.platform, aggregate, caused_by, happening)
    }

    fn notify(&self, record: &mut OrderRecord) {
        self.outbox.notify(self.key(record), &mut record.pending);
    }

    fn key(&self, record: &OrderRecord) -> Item {
        self.orders.key(record.order.order_id.to_string(), Some(text(&record.branch)))
    }
}

/// Where the index of open orders has an order.
fn open_shard(order: &Order) -> Option<String> {
    match () {
        () if order.settled() => None,
        () if timers::only_waits(order) => Some(waits(&order.shard)),
        () => Some(order.shard.0.clone()),
    }
}

fn waits(shard: &ShardId) -> String {
    format!("{shard}{WAITS}")
}

/// Whether an order that stands at this place in the index of open orders only waits.
pub fn only_waits_at(open_shard: &str) -> bool {
    open_shard.ends_with(WAITS)
}

/// Whether a branch tells whose order it is: in the order or in an event that is not yet known to be on the bus.
fn tells_of_person(record: &OrderRecord) -> bool {
    let told = |event: &Event| match &event.happening {
        Happening::OrderModified { old, new, .. } => old.tells_of_person() || new.tells_of_person(),
        Happening::OrderDeleted { .. } => false,
        _ => true,
    };
    record.order.tells_of_person() || record.pending.events().iter().any(told)
}

fn cancelled(order: &Order, by: &str) -> Happening {
    let reason = order.history.last().and_then(|step| step.reason.clone()).unwrap_or_default();
    Happening::OrderCancelled { order_id: order.order_id, reason, by: by.to_owned() }
}

/// Reads [`branch`] back.
fn writer_of(branch: &str) -> Option<(u64, &str)> {
    let (epoch, region) = branch.split_once('#')?;
    Some((epoch.parse().ok()?, region))
}

fn rank(record: &OrderRecord) -> (u64, u64) {
    rank_of(&record.branch, record.order.version)
}

/// Where a version in a branch stands among all that a region knows of an order: the highest is the order.
pub fn rank_of(branch: &str, version: u64) -> (u64, u64) {
    (writer_of(branch).map_or(0, |(epoch, _)| epoch), version)
}

/// The highest branch of each order.
pub fn newest(branches: Vec<OrderRecord>) -> BTreeMap<OrderId, OrderRecord> {
    let mut orders: BTreeMap<OrderId, OrderRecord> = BTreeMap::new();
    for row in branches {
        match orders.get(&row.order.order_id) {
            Some(held) if rank(held) >= rank(&row) => {}
            _ => drop(orders.insert(row.order.order_id, row)),
        }
    }
    orders
}

/// The branch with the highest (epoch, version).
fn highest(branches: Vec<OrderRecord>) -> Option<OrderRecord> {
    branches.into_iter().max_by_key(rank)
}

/// The names of the top-level fields that differ.
fn changed(old: &Order, new: &Order) -> Vec<String> {
    let fields = |order: &Order| match serde_json::to_value(order) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (old, new) = (fields(old), fields(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names.into_iter().filter(|name| old.get(*name) != new.get(*name)).cloned().collect()
}
