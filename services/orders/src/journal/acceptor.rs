//! A continent's copy of the journal, over this region's own tables.

mod conditions;

use super::rules::{self, Heed, Judgement, Mark};
use crate::store::{JOURNAL, LEASES, ORDERS, TOKENS, UNCLOSED};
use conditions::{
    COUNTED, PROMISE, PROMISE_AND_LEARN, WRITE, counts, free_token, mark, may_mark, may_write, newer_epoch,
    not_moved, not_outranked, share_no_item,
};
use contracts::{
    OrderId, ShardId, WarehouseId,
    journal::{
        AcceptRequest, AcceptResponse, Accepted, Ballot, BoundToken, Entry, EntryState, EntryValue,
        FindRequest, FindResponse, Incarnations, Promise, PromiseRequest, PromiseResponse, SettleEntry,
        SettleRequest, SettleResponse, Settled,
    },
};
use platform::{
    Platform, Table, TableError, World,
    liveness::Liveness,
    tables::{Cancelled, Condition, Item, Query, TransactError, Transaction, text},
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
pub(super) struct Row {
    pub(super) shard: ShardId,
    pub(super) key_hash: String,
    ballot: Ballot,
    state: EntryState,
    value_hash: String,
    pub(super) value: String,
    order_id: OrderId,
    written_at: i64,
    /// Since when it is in the index of what is not closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unclosed: Option<i64>,
}

impl Row {
    /// The row of an entry that is written now.
    pub(super) fn of(entry: &Entry, written_at: i64) -> Row {
        let Entry { shard, key_hash, ballot, state, value_hash, value } = entry.clone();
        let order_id = value.order_id();
        let value = serde_json::to_string(&value).unwrap_or_default();
        let unclosed = rules::must_be_read(state).then_some(written_at);
        Row { shard, key_hash, ballot, state, value_hash, value, order_id, written_at, unclosed }
    }

    /// Its value without the person, where it tells of one.
    pub(super) fn forgotten(&self) -> Result<Option<String>, serde_json::Error> {
        let mut value: EntryValue = serde_json::from_str(&self.value)?;
        value.forget_person();
        let forgotten = serde_json::to_string(&value)?;
        Ok((forgotten != self.value).then_some(forgotten))
    }

    pub(super) fn entry(self) -> Result<Entry, serde_json::Error> {
        let value: EntryValue = serde_json::from_str(&self.value)?;
        let Row { shard, key_hash, ballot, state, value_hash, .. } = self;
        Ok(Entry { shard, key_hash, ballot, state, value_hash, value })
    }
}

/// What a copy has promised for a shard, and the incarnations that it counts there. One that counts none lost what it
/// held, and does not vote.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Lease {
    pub(super) scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) promised: Option<Ballot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) counted: Option<Incarnations>,
}

/// How a transaction of a copy ended.
enum Stored {
    Done,
    /// A condition of an item did not hold; by item, the lease first.
    Cancelled(Vec<Cancelled>),
    /// The request counts what is no longer there.
    Miscounted(Incarnations),
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
    /// It lost what it held, and must read the others first.
    #[error("this copy of the journal lost what it held and does not vote yet")]
    Returning,
    /// Somebody reads who did not register.
    #[error("the copy that reads did not register here under this incarnation")]
    Unregistered,
    /// A page token is not one of ours.
    #[error("the page token is not one of ours")]
    Page,
    /// A stored entry cannot be read.
    #[error("a stored entry cannot be read: {0}")]
    Entry(#[from] serde_json::Error),
}

/// The copy.
#[derive(Clone)]
pub struct Acceptor {
    pub(super) world: World,
    liveness: Liveness,
    pub(super) journal: Table,
    pub(super) tokens: Table,
    pub(super) leases: Table,
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
        for _ in 0..TRIES {
            let lease = self.lease(shard).await?;
            let Some(known) = &lease.counted else { return Ok(Promise::Returning) };
            if let Some(owner) = self.owner_that_is_heard(&lease, request).await {
                return Ok(Promise::Refused { promised: owner });
            }
            let incarnations = known.newest(&request.incarnations);
            // The promise first: what is read afterwards cannot grow under a lower ballot any more.
            let raise = newer_epoch(&request.ballot).and(COUNTED).value(":counted", text(known.to_string()));
            let raise = raise.value(":newest", text(incarnations.to_string()));
            match self.leases.update(self.lease_key(shard), PROMISE_AND_LEARN, raise).await {
                Ok(_) => return self.promised(shard, incarnations).await,
                Err(TableError::Conflict) => {}
                Err(other) => return Err(other.into()),
            }
            match self.lease(shard).await?.promised {
                Some(promised) if !rules::may_promise(Some(&promised), &request.ballot) => {
                    return Ok(Promise::Refused { promised });
                }
                _ => {} // it has learned of another incarnation meanwhile
            }
        }
        Err(AcceptorError::Busy)
    }

    /// What a candidate reads of a shard that is promised to it.
    async fn promised(&self, shard: &ShardId, incarnations: Incarnations) -> Result<Promise, AcceptorError> {
        let query = Query::partition("shard", text(shard.as_str())).index(UNCLOSED).consistent();
        let unclosed: Vec<Row> = self.journal.query_all(query, ENTRIES_MAX).await?;
        let unclosed = unclosed.into_iter().filter(|row| rules::must_be_read(row.state)).map(Row::entry);
        Ok(Promise::Promised { entries: unclosed.collect::<Result<_, _>>()?, incarnations })
    }

    /// The present owner, where this copy still hears it: one region that was held up, or cut off by itself,
    /// must not unseat an owner whom the others hear. Waits until it is known where the owner has just fallen silent.
    async fn owner_that_is_heard(&self, lease: &Lease, request: &PromiseRequest) -> Option<Ballot> {
        let sticks = |owner: &&Ballot| rules::sticks_to(owner, &request.ballot, &request.disowned);
        let owner = lease.promised.as_ref().filter(sticks)?;
        let lives = self.liveness.lives(&owner.region, LAST_SIGNS).await;
        lives.then(|| owner.clone())
    }

    /// Stores entries of one shard: together where all may be stored, one by one otherwise.
    ///
    /// # Errors
    /// When the tables do not answer, or this copy does not vote.
    pub async fn accept(&self, request: &AcceptRequest) -> Result<AcceptResponse, AcceptorError> {
        let all = |answer: Accepted| AcceptResponse { entries: vec![answer; request.entries.len()] };
        let together = request.entries.len() > 1 && share_no_item(&request.entries);
        if together {
            match self.store(request, &request.entries).await? {
                Stored::Done => return Ok(all(Accepted::Stored)),
                Stored::Miscounted(incarnations) => return Ok(all(Accepted::Miscounted { incarnations })),
                Stored::Cancelled(_) => {}
            }
        }
        let mut entries = Vec::with_capacity(request.entries.len());
        for entry in &request.entries {
            entries.push(match self.store(request, std::slice::from_ref(entry)).await? {
                Stored::Done => Accepted::Stored,
                Stored::Miscounted(incarnations) => Accepted::Miscounted { incarnations },
                Stored::Cancelled(reasons) => self.why_not(entry, &reasons)?,
            });
        }
        Ok(AcceptResponse { entries })
    }

    /// One transaction: the lease, and for each entry its row, its token and its warehouse's epoch.
    async fn store(&self, request: &AcceptRequest, entries: &[Entry]) -> Result<Stored, AcceptorError> {
        let now = self.world.now().0;
        let transaction = || -> Result<Transaction, AcceptorError> {
            let lease = not_outranked(&request.ballot)
                .and(COUNTED)
                .value(":counted", text(request.incarnations.to_string()));
            let mut transaction = self.journal.transaction().update(
                &self.leases,
                self.lease_key(&request.shard),
                PROMISE,
                lease,
            )?;
            for entry in entries {
                let key = self.journal.key(entry.shard.as_str(), Some(text(&entry.key_hash)));
                transaction = transaction.update(&self.journal, key, WRITE, may_write(entry, now))?;
                if let Some((token_hash, order_id)) = entry.value.token() {
                    let row = BoundToken { token_hash: token_hash.to_owned(), order_id };
                    transaction = transaction.put(&self.tokens, &row, free_token(order_id))?;
                }
            }
            for (warehouse, epoch) in warehouses(entries) {
                let key = self.leases.key(format!("warehouse/{warehouse}"), None);
                transaction = transaction.check(&self.leases, key, not_moved(epoch))?;
            }
            Ok(transaction)
        };
        self.commit(&request.shard, &request.incarnations, transaction).await
    }

    /// Commits a transaction whose first item is the shard's lease. Where the request names newer incarnations the
    /// copy learns of them and tries again.
    async fn commit(
        &self,
        shard: &ShardId,
        named: &Incarnations,
        transaction: impl Fn() -> Result<Transaction, AcceptorError>,
    ) -> Result<Stored, AcceptorError> {
        for _ in 0..TRIES {
            let reasons = match transaction()?.commit().await {
                Ok(()) => return Ok(Stored::Done),
                Err(TransactError::Cancelled(reasons)) => reasons,
                Err(TransactError::Busy) => {
                    tokio::time::sleep(self.world.jitter(Duration::from_millis(3))).await;
                    continue;
                }
                Err(TransactError::Table(error)) => return Err(error.into()),
            };
            if !reasons.first().is_some_and(|reason| reason.failed) {
                return Ok(Stored::Cancelled(reasons));
            }
            let known = self.held_lease(&reasons)?.and_then(|lease| lease.counted);
            match rules::heed(known.as_ref(), named) {
                Heed::Yes => return Ok(Stored::Cancelled(reasons)),
                Heed::Miscounted(newest) => return Ok(Stored::Miscounted(newest)),
                Heed::Returning => return Err(AcceptorError::Returning),
                Heed::Learn(newest) => self.learn(shard, &known.unwrap_or_default(), &newest).await?,
            }
        }
        Err(AcceptorError::Busy)
    }

    /// Notes newer incarnations. Where the copy knows of others by now, whoever names these asks again.
    pub(super) async fn learn(
        &self,
        shard: &ShardId,
        known: &Incarnations,
        newest: &Incarnations,
    ) -> Result<(), AcceptorError> {
        let condition = Condition::default()
            .and(COUNTED)
            .value(":counted", text(known.to_string()))
            .value(":newest", text(newest.to_string()));
        match self.leases.update(self.lease_key(shard), "SET counted = :newest", condition).await {
            Ok(_) | Err(TableError::Conflict) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }

    /// The lease that stood in the way of a transaction.
    fn held_lease(&self, reasons: &[Cancelled]) -> Result<Option<Lease>, AcceptorError> {
        let held = reasons.first().and_then(|reason| reason.held.clone());
        Ok(held.map(|item| self.leases.value(item)).transpose()?)
    }

    /// Why a single entry's transaction was cancelled, from the items that stood in its way.
    fn why_not(&self, entry: &Entry, reasons: &[Cancelled]) -> Result<Accepted, AcceptorError> {
        let held = |index: usize| reasons.get(index).filter(|reason| reason.failed);
        let promised = self.held_lease(reasons)?.and_then(|lease| lease.promised);
        let promised = promised.filter(|_| held(0).is_some());
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
            let row: BoundToken = self.tokens.value(item)?;
            return Ok(Accepted::TokenBound { order_id: row.order_id });
        }
        if warehouse.is_some() { Ok(Accepted::WarehouseMoved) } else { Err(AcceptorError::Busy) }
    }

    /// Marks entries as chosen, or chosen ones as closed, and says which of their orders this region stores.
    ///
    /// # Errors
    /// When the tables do not answer.
    pub async fn mark(
        &self,
        request: &SettleRequest,
        state: EntryState,
    ) -> Result<SettleResponse, AcceptorError> {
        let known = |entry: &SettleEntry| entry.marked && state == EntryState::Chosen;
        let unknown: Vec<&SettleEntry> = request.entries.iter().filter(|entry| !known(entry)).collect();
        let together = self.mark_together(request, &unknown, state).await?;
        let (mut entries, mut miscounted) = (Vec::with_capacity(request.entries.len()), None);
        let mut versions = BTreeMap::new();
        for entry in &request.entries {
            // Before it is marked nobody asks whether the order is stored; a closed one is.
            if known(entry) {
                let stored = self.stored(entry, &mut versions).await?;
                entries.push(Settled { marked: true, stored });
                continue;
            }
            let marked = together
                || match self.mark_one(request, entry, state).await? {
                    Ok(marked) => marked,
                    Err(newest) => {
                        miscounted = Some(newest);
                        false
                    }
                };
            entries.push(Settled { marked, stored: false });
        }
        Ok(SettleResponse { entries, miscounted })
    }

    /// Marks all entries in one transaction with their shards' leases, where every one of them may be marked.
    async fn mark_together(
        &self,
        request: &SettleRequest,
        entries: &[&SettleEntry],
        state: EntryState,
    ) -> Result<bool, AcceptorError> {
        if entries.len() < 2 {
            return Ok(false);
        }
        let mut transaction = self.journal.transaction();
        let shards: BTreeSet<&ShardId> = entries.iter().map(|entry| &entry.shard).collect();
        for shard in shards {
            transaction =
                transaction.check(&self.leases, self.lease_key(shard), counts(&request.incarnations))?;
        }
        for entry in entries {
            transaction = self.marked(transaction, entry, state)?;
        }
        match transaction.commit().await {
            Ok(()) => Ok(true),
            Err(TransactError::Cancelled(_) | TransactError::Busy) => Ok(false),
            Err(TransactError::Table(error)) => Err(error.into()),
        }
    }

    /// [`rules::mark`] as a conditional update, in one transaction with the shard's lease. Says whether the entry has
    /// the mark; or the incarnations to count.
    async fn mark_one(
        &self,
        request: &SettleRequest,
        entry: &SettleEntry,
        state: EntryState,
    ) -> Result<Result<bool, Incarnations>, AcceptorError> {
        let transaction = || -> Result<Transaction, AcceptorError> {
            let lease = self.lease_key(&entry.shard);
            let transaction =
                self.journal.transaction().check(&self.leases, lease, counts(&request.incarnations))?;
            Ok(self.marked(transaction, entry, state)?)
        };
        Ok(match self.commit(&entry.shard, &request.incarnations, transaction).await? {
            Stored::Done => Ok(true),
            Stored::Miscounted(newest) => Err(newest),
            Stored::Cancelled(reasons) => {
                let held = reasons.get(1).and_then(|reason| reason.held.clone());
                let held = held.map(|item| self.journal.value::<Row>(item)).transpose()?;
                let held = held.as_ref().map(|row| (row.value_hash.as_str(), row.state));
                Ok(rules::mark(held, &entry.value_hash, state) == Mark::Already)
            }
        })
    }

    /// The transaction with an entry's mark in it.
    fn marked(
        &self,
        transaction: Transaction,
        entry: &SettleEntry,
        state: EntryState,
    ) -> Result<Transaction, TableError> {
        let key = self.journal.key(entry.shard.as_str(), Some(text(&entry.key_hash)));
        transaction.update(&self.journal, key, mark(state), may_mark(entry, state))
    }

    /// Whether this region stores the order, at least in the version asked for. A refusal (version 0) has no
    /// order that could be stored. `versions` are those of the orders that were read before.
    async fn stored(
        &self,
        entry: &SettleEntry,
        versions: &mut BTreeMap<OrderId, u64>,
    ) -> Result<bool, AcceptorError> {
        if entry.version == 0 {
            return Ok(true);
        }
        if let Some(version) = versions.get(&entry.order_id) {
            return Ok(*version >= entry.version);
        }
        let query = Query::partition("orderId", text(entry.order_id.to_string())).consistent();
        let rows = self.orders.query_all::<VersionRow>(query.only(&["version"]), 1000).await?;
        let version = rows.iter().map(|row| row.version).max().unwrap_or(0);
        versions.insert(entry.order_id, version);
        Ok(version >= entry.version)
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

    /// The same for an owner that asks a majority, of which this copy must have a vote.
    ///
    /// # Errors
    /// When it has none, or the tables do not answer.
    pub async fn find(&self, request: &FindRequest) -> Result<FindResponse, AcceptorError> {
        if self.lease(&request.shard).await?.counted.is_none() {
            return Err(AcceptorError::Returning);
        }
        Ok(FindResponse { entry: self.held(&request.shard, &request.key_hash).await? })
    }

    /// What this copy has promised for a shard, and whom it counts.
    pub(super) async fn lease(&self, shard: &ShardId) -> Result<Lease, AcceptorError> {
        Ok(self.leases.get(self.lease_key(shard)).await?.unwrap_or_default())
    }

    pub(super) fn lease_key(&self, shard: &ShardId) -> Item {
        self.leases.key(lease_scope(shard), None)
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

/// The scope of a shard's lease.
pub(super) fn lease_scope(shard: &ShardId) -> String {
    format!("shard/{shard}")
}
