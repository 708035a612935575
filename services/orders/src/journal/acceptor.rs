//! A continent's copy of the journal, over this region's own tables.

use super::rules::{self, Judgement, Mark};
use crate::store::{JOURNAL, LEASES, ORDERS, TOKENS};
use contracts::{
    OrderId, ShardId, WarehouseId,
    journal::{
        AcceptRequest, AcceptResponse, Accepted, Ballot, Entry, EntryState, EntryValue, Promise,
        PromiseRequest, PromiseResponse, SettleEntry, SettleRequest, SettleResponse, Settled,
    },
};
use platform::{
    Platform, Table, TableError, World,
    liveness::Liveness,
    tables::{Cancelled, Condition, Item, Query, TransactError, number, text},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Entries that one reading of a shard gives at most.
const ENTRIES_MAX: usize = 100_000;
/// Tries against other transactions on the same lease.
const TRIES: u32 = 6;
/// Copies are not equally far from an owner that falls silent: the last sign of it reaches some so much later
/// than others. A sign that comes later than this after a promise was asked for was sent by an owner that lives.
pub const LAST_SIGNS: Duration = Duration::from_millis(150);

/// An entry as an item: its value is JSON text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    shard: ShardId,
    key_hash: String,
    ballot: Ballot,
    state: EntryState,
    value_hash: String,
    value: String,
    order_id: OrderId,
    written_at: i64,
}

impl Row {
    fn entry(self) -> Result<Entry, serde_json::Error> {
        let value: EntryValue = serde_json::from_str(&self.value)?;
        let Row { shard, key_hash, ballot, state, value_hash, .. } = self;
        Ok(Entry { shard, key_hash, ballot, state, value_hash, value })
    }
}

#[derive(Serialize, Deserialize)]
struct Lease {
    scope: String,
    promised: Ballot,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenRow {
    token_hash: String,
    order_id: OrderId,
}

/// Why a copy could not do its part.
#[derive(Debug, thiserror::Error)]
pub enum AcceptorError {
    /// A table did not answer.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Another transaction was always faster.
    #[error("the shard's lease was busy")]
    Busy,
    /// A stored entry cannot be read.
    #[error("a stored entry cannot be read: {0}")]
    Entry(#[from] serde_json::Error),
}

/// The copy.
#[derive(Clone)]
pub struct Acceptor {
    world: World,
    liveness: Liveness,
    journal: Table,
    tokens: Table,
    leases: Table,
    orders: Table,
}

impl Acceptor {
    /// The copy of this region.
    pub fn new(platform: &Platform) -> Self {
        Acceptor {
            world: platform.world.clone(),
            liveness: platform.liveness.clone(),
            journal: platform.table(&JOURNAL),
            tokens: platform.table(&TOKENS),
            leases: platform.table(&LEASES),
            orders: platform.table(&ORDERS),
        }
    }

    /// Promises shards to a ballot, then reads what is not closed in them.
    ///
    /// # Errors
    /// When the tables do not answer.
    pub async fn promise(&self, request: &PromiseRequest) -> Result<PromiseResponse, AcceptorError> {
        let each = request.shards.iter().map(|shard| self.promise_one(shard, request));
        let shards = futures::future::try_join_all(each).await?;
        Ok(PromiseResponse { shards })
    }

    async fn promise_one(&self, shard: &ShardId, request: &PromiseRequest) -> Result<Promise, AcceptorError> {
        let ballot = &request.ballot;
        if let Some(owner) = self.owner_that_is_heard(shard, request).await? {
            return Ok(Promise::Refused { promised: owner });
        }
        // The promise first: what is read afterwards cannot grow under a lower ballot any more.
        let raised = self.leases.update(self.lease_key(shard), PROMISE, newer_epoch(ballot)).await;
        match raised {
            Ok(_) => {}
            Err(TableError::Conflict) => {
                return match self.leases.get::<Lease>(self.lease_key(shard)).await? {
                    Some(lease) if !rules::may_promise(Some(&lease.promised), ballot) => {
                        Ok(Promise::Refused { promised: lease.promised })
                    }
                    _ => Err(AcceptorError::Busy),
                };
            }
            Err(other) => return Err(other.into()),
        }
        // What is closed is not even sent.
        let query =
            Query::partition("shard", text(shard.as_str())).consistent().except("state", text("closed"));
        let unclosed: Vec<Row> = self.journal.query_all(query, ENTRIES_MAX).await?;
        let unclosed = unclosed.into_iter().filter(|row| rules::must_be_read(row.state)).map(Row::entry);
        Ok(Promise::Promised { entries: unclosed.collect::<Result<_, _>>()? })
    }

    /// The present owner, where this copy still hears it: one region that was held up, or cut off by itself,
    /// must not unseat an owner whom the others hear. Waits until it is known where the owner has just fallen silent.
    async fn owner_that_is_heard(
        &self,
        shard: &ShardId,
        request: &PromiseRequest,
    ) -> Result<Option<Ballot>, AcceptorError> {
        let lease: Option<Lease> = self.leases.get(self.lease_key(shard)).await?;
        let sticks = |owner: &Ballot| rules::sticks_to(owner, &request.ballot, &request.disowned);
        let Some(owner) = lease.map(|lease| lease.promised).filter(sticks) else { return Ok(None) };
        let lives = self.liveness.lives(&owner.region, LAST_SIGNS).await;
        Ok(lives.then_some(owner))
    }

    /// Stores entries of one shard: together where all may be stored, one by one otherwise.
    ///
    /// # Errors
    /// When the tables do not answer.
    pub async fn accept(&self, request: &AcceptRequest) -> Result<AcceptResponse, AcceptorError> {
        let together = request.entries.len() > 1 && share_no_item(&request.entries);
        if together && self.store(request, &request.entries).await?.is_ok() {
            return Ok(AcceptResponse { entries: vec![Accepted::Stored; request.entries.len()] });
        }
        let mut entries = Vec::with_capacity(request.entries.len());
        for entry in &request.entries {
            entries.push(match self.store(request, std::slice::from_ref(entry)).await? {
                Ok(()) => Accepted::Stored,
                Err(reasons) => self.why_not(entry, &reasons)?,
            });
        }
        Ok(AcceptResponse { entries })
    }

    /// One transaction: the lease, and for each entry its row, its token and its warehouse's epoch.
    async fn store(
        &self,
        request: &AcceptRequest,
        entries: &[Entry],
    ) -> Result<Result<(), Vec<Cancelled>>, AcceptorError> {
        for _ in 0..TRIES {
            let now = self.world.now().0;
            let mut transaction = self.journal.transaction().update(
                &self.leases,
                self.lease_key(&request.shard),
                PROMISE,
                not_outranked(&request.ballot),
            )?;
            for entry in entries {
                let key = self.journal.key(entry.shard.as_str(), Some(text(&entry.key_hash)));
                transaction = transaction.update(&self.journal, key, WRITE, may_write(entry, now))?;
                if let EntryValue::Order { token_hash, order, .. } = &entry.value {
                    let row = TokenRow { token_hash: token_hash.clone(), order_id: order.order_id };
                    transaction = transaction.put(&self.tokens, &row, free_token(order.order_id))?;
                }
            }
            for (warehouse, epoch) in warehouses(entries) {
                let key = self.leases.key(format!("warehouse/{warehouse}"), None);
                transaction = transaction.check(&self.leases, key, not_moved(epoch))?;
            }
            match transaction.commit().await {
                Ok(()) => return Ok(Ok(())),
                Err(TransactError::Cancelled(reasons)) => return Ok(Err(reasons)),
                Err(TransactError::Busy) => {
                    tokio::time::sleep(self.world.jitter(Duration::from_millis(3))).await;
                }
                Err(TransactError::Table(error)) => return Err(error.into()),
            }
        }
        Err(AcceptorError::Busy)
    }

    /// Why a single entry's transaction was cancelled, from the items that stood in its way.
    fn why_not(&self, entry: &Entry, reasons: &[Cancelled]) -> Result<Accepted, AcceptorError> {
        let held = |index: usize| reasons.get(index).filter(|reason| reason.failed);
        let lease = held(0).and_then(|reason| reason.held.clone());
        let promised =
            lease.map(|item| self.leases.value::<Lease>(item)).transpose()?.map(|row| row.promised);
        let row = held(1).and_then(|reason| reason.held.clone());
        let row = row.map(|item| self.journal.value::<Row>(item)).transpose()?;
        let stored = row.map(Row::entry).transpose()?;
        match rules::judge(promised.as_ref(), stored.as_ref(), entry) {
            Judgement::Here => Ok(Accepted::Stored),
            Judgement::Outranked(promised) => Ok(Accepted::Outranked { promised }),
            Judgement::Held => match stored {
                Some(entry) => Ok(Accepted::Held { entry: Box::new(entry) }),
                None => Err(AcceptorError::Busy),
            },
            Judgement::Write => self.bound_or_moved(held(2), held(3)),
        }
    }

    fn bound_or_moved(
        &self,
        token: Option<&Cancelled>,
        warehouse: Option<&Cancelled>,
    ) -> Result<Accepted, AcceptorError> {
        if let Some(item) = token.and_then(|reason| reason.held.clone()) {
            let row: TokenRow = self.tokens.value(item)?;
            return Ok(Accepted::TokenBound { order_id: row.order_id });
        }
        if warehouse.is_some() { Ok(Accepted::WarehouseMoved) } else { Err(AcceptorError::Busy) }
    }

    /// Marks entries as chosen and says which of their orders this region stores.
    ///
    /// # Errors
    /// When the tables do not answer.
    pub async fn choose(&self, request: &SettleRequest) -> Result<SettleResponse, AcceptorError> {
        self.mark(request, EntryState::Chosen).await
    }

    /// Marks chosen entries as closed.
    ///
    /// # Errors
    /// When the tables do not answer.
    pub async fn close(&self, request: &SettleRequest) -> Result<SettleResponse, AcceptorError> {
        self.mark(request, EntryState::Closed).await
    }

    async fn mark(
        &self,
        request: &SettleRequest,
        state: EntryState,
    ) -> Result<SettleResponse, AcceptorError> {
        let known = |entry: &SettleEntry| entry.marked && state == EntryState::Chosen;
        let unmarked: Vec<&SettleEntry> = request.entries.iter().filter(|entry| !known(entry)).collect();
        let together = self.mark_together(&unmarked, state).await?;
        let mut entries = Vec::with_capacity(request.entries.len());
        for entry in &request.entries {
            // Before it is marked nobody asks whether the order is stored; a closed one is.
            entries.push(match known(entry) {
                true => Settled { marked: true, stored: self.stored(entry).await? },
                false => Settled { marked: together || self.mark_one(entry, state).await?, stored: false },
            });
        }
        Ok(SettleResponse { entries })
    }

    /// Marks all entries in one transaction, where every one of them may be marked.
    async fn mark_together(
        &self,
        entries: &[&SettleEntry],
        state: EntryState,
    ) -> Result<bool, AcceptorError> {
        if entries.len() < 2 {
            return Ok(false);
        }
        let mut transaction = self.journal.transaction();
        for entry in entries {
            transaction =
                transaction.update(&self.journal, self.entry_key(entry), MARK, may_mark(entry, state))?;
        }
        match transaction.commit().await {
            Ok(()) => Ok(true),
            Err(TransactError::Cancelled(_) | TransactError::Busy) => Ok(false),
            Err(TransactError::Table(error)) => Err(error.into()),
        }
    }

    /// [`rules::mark`] as a conditional update.
    async fn mark_one(&self, entry: &SettleEntry, state: EntryState) -> Result<bool, AcceptorError> {
        let key = self.entry_key(entry);
        match self.journal.update(key.clone(), MARK, may_mark(entry, state)).await {
            Ok(_) => Ok(true),
            Err(TableError::Conflict) => {
                let held: Option<Row> = self.journal.get(key).await?;
                let held = held.as_ref().map(|row| (row.value_hash.as_str(), row.state));
                Ok(rules::mark(held, &entry.value_hash, state) == Mark::Already)
            }
            Err(other) => Err(other.into()),
        }
    }

    fn entry_key(&self, entry: &SettleEntry) -> Item {
        self.journal.key(entry.shard.as_str(), Some(text(&entry.key_hash)))
    }

    /// Whether this region stores the order, at least in the version asked for. A refusal (version 0) has no
    /// order that could be stored.
    async fn stored(&self, entry: &SettleEntry) -> Result<bool, AcceptorError> {
        if entry.version == 0 {
            return Ok(true);
        }
        let query = Query::partition("orderId", text(entry.order_id.to_string())).consistent();
        let rows = self.orders.query_all::<VersionRow>(query, 1000).await?;
        Ok(rows.iter().any(|row| row.version >= entry.version))
    }

    /// The entry that this copy holds under a key.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn held(&self, shard: &ShardId, key_hash: &str) -> Result<Option<Entry>, AcceptorError> {
        let key = self.journal.key(shard.as_str(), Some(text(key_hash)));
        let row: Option<Row> = self.journal.get(key).await?;
        Ok(row.map(Row::entry).transpose()?)
    }

    fn lease_key(&self, shard: &ShardId) -> Item {
        self.leases.key(format!("shard/{shard}"), None)
    }
}

/// Each warehouse whose epoch is compared, once, with the lowest epoch under which one of them reserved.
fn warehouses(entries: &[Entry]) -> BTreeMap<&WarehouseId, u64> {
    let mut named = BTreeMap::new();
    let checked = entries.iter().filter(|entry| rules::checks_warehouse(entry));
    for (warehouse, epoch) in checked.filter_map(|entry| entry.value.warehouse()) {
        let lowest = named.entry(warehouse).or_insert(epoch);
        *lowest = epoch.min(*lowest);
    }
    named
}

#[derive(Deserialize)]
struct VersionRow {
    version: u64,
}

const MARK: &str = "SET #state = :to";

/// [`rules::mark`] as a condition.
fn may_mark(entry: &SettleEntry, state: EntryState) -> Condition {
    let before = if state == EntryState::Chosen { EntryState::Open } else { EntryState::Chosen };
    Condition::default()
        .and("valueHash = :hash AND (#state = :before OR #state = :to)")
        .name("#state", "state")
        .value(":hash", text(&entry.value_hash))
        .value(":before", text(state_word(before)))
        .value(":to", text(state_word(state)))
}

const PROMISE: &str = "SET promised = :ballot";

/// [`rules::may_promise`] as a condition. A ballot's text begins with its epoch and `#`.
fn newer_epoch(ballot: &Ballot) -> Condition {
    Condition::default()
        .and("attribute_not_exists(promised) OR promised = :ballot OR promised < :epoch")
        .value(":ballot", text(ballot.to_string()))
        .value(":epoch", text(format!("{:012}#", ballot.epoch)))
}

/// The copy has promised nothing higher.
fn not_outranked(ballot: &Ballot) -> Condition {
    Condition::default()
        .and("attribute_not_exists(promised) OR promised <= :ballot")
        .value(":ballot", text(ballot.to_string()))
}

/// Writes an entry; one that is known to be chosen or closed stays so.
const WRITE: &str = "SET ballot = :ballot, #state = if_not_exists(#state, :open), valueHash = :hash, \
                     #value = :value, orderId = :order, writtenAt = if_not_exists(writtenAt, :now)";

/// [`rules::judge`] as a condition: nothing here, or this value, or an open entry of a lower ballot.
fn may_write(entry: &Entry, now: i64) -> Condition {
    Condition::default()
        .and("attribute_not_exists(#shard) OR valueHash = :hash OR (#state = :open AND ballot < :ballot)")
        .name("#shard", "shard")
        .name("#state", "state")
        .name("#value", "value")
        .value(":open", text("open"))
        .value(":hash", text(&entry.value_hash))
        .value(":ballot", text(entry.ballot.to_string()))
        .value(":value", text(serde_json::to_string(&entry.value).unwrap_or_default()))
        .value(":order", text(entry.value.order_id().to_string()))
        .value(":now", number(now))
}

/// The token is bound to no other order.
fn free_token(order_id: OrderId) -> Condition {
    Condition::default()
        .and("attribute_not_exists(tokenHash) OR orderId = :order")
        .value(":order", text(order_id.to_string()))
}

/// Whether entries can be stored in one transaction: it cannot touch an item twice.
fn share_no_item(entries: &[Entry]) -> bool {
    let mut keys = BTreeSet::new();
    let mut tokens = BTreeSet::new();
    let mut epochs = BTreeMap::new();
    entries.iter().all(|entry| {
        let token = match &entry.value {
            EntryValue::Order { token_hash, .. } => Some(token_hash),
            _ => None,
        };
        let place = entry.value.warehouse();
        keys.insert(&entry.key_hash)
            && token.is_none_or(|token| tokens.insert(token))
            && place.is_none_or(|(warehouse, epoch)| *epochs.entry(warehouse).or_insert(epoch) == epoch)
    })
}

/// The warehouse has no newer epoch.
fn not_moved(epoch: u64) -> Condition {
    Condition::default().and("attribute_not_exists(epoch) OR epoch <= :epoch").value(":epoch", number(epoch))
}

fn state_word(state: EntryState) -> &'static str {
    match state {
        EntryState::Open => "open",
        EntryState::Chosen => "chosen",
        EntryState::Closed => "closed",
    }
}
