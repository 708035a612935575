//! What copies do for one of them that lost what it held, and what that one does with it.

use super::{
    acceptor::{Acceptor, AcceptorError, Lease, Row, lease_scope},
    rules, shards,
};
use contracts::{
    Region, ShardId,
    journal::{
        Ballot, BoundToken, Entry, EntryState, Incarnations, ReadRequest, ReadResponse, RegisterRequest,
        RegisterResponse, TokensRequest, TokensResponse,
    },
};
use futures::future::try_join_all;
use platform::{
    Config, Platform, TableError,
    tables::{Condition, Query, TransactError, Transaction, text},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Entries or bindings in one page.
const PAGE: usize = 100;
/// Entries, or bindings, that are stored in one transaction.
const STORED_AT_ONCE: usize = 25;
/// Tries of a registration against others who learn something at the same time.
const TRIES: u32 = 6;
/// The row of a copy's own incarnation.
const OWN: &str = "copy";

/// A copy's own incarnation. It outlives a restart, not a loss.
#[derive(Serialize, Deserialize)]
struct OwnRow {
    scope: String,
    incarnation: u64,
}

/// Founds this region's copy, where it has one: nothing is promised, and every copy counts in its first incarnation.
/// Only for the first installation of the platform. A copy that comes back with nothing must rejoin the others; founded
/// anew it would vote without what it had promised.
///
/// # Errors
/// When the tables do not answer.
pub async fn found(platform: &Platform) -> Result<(), AcceptorError> {
    let config = &platform.config;
    if !holds_copy(config) {
        return Ok(());
    }
    let acceptor = Acceptor::new(platform);
    acceptor.put_new(&OwnRow { scope: OWN.to_owned(), incarnation: 1 }).await?;
    let counted = Some(Incarnations::first(config.journal_regions()));
    for shard in shards(config) {
        let lease = Lease { scope: lease_scope(&shard), promised: None, counted: counted.clone() };
        acceptor.put_new(&lease).await?;
    }
    Ok(())
}

/// Whether this region holds a copy.
pub fn holds_copy(config: &Config) -> bool {
    config.journal_regions().any(|region| *region == config.region)
}

/// For a copy that lost what it held.
impl Acceptor {
    /// Notes another copy's new incarnation, before it answers. From then on this copy takes no write that counts what
    /// the lost one had stored.
    ///
    /// # Errors
    /// When the tables do not answer, or this copy does not vote itself.
    pub async fn register(&self, request: &RegisterRequest) -> Result<RegisterResponse, AcceptorError> {
        let each = request.shards.iter().map(|shard| self.register_one(shard, request));
        let known = try_join_all(each).await?;
        let newest = known.iter().fold(Incarnations::default(), |newest, known| newest.newest(known));
        Ok(RegisterResponse { incarnations: newest })
    }

    async fn register_one(
        &self,
        shard: &ShardId,
        request: &RegisterRequest,
    ) -> Result<Incarnations, AcceptorError> {
        for _ in 0..TRIES {
            let known = self.lease(shard).await?.counted.ok_or(AcceptorError::Returning)?;
            if known.of(&request.copy) >= request.incarnation {
                return Ok(known);
            }
            let newest = known.clone().with(request.copy.clone(), request.incarnation);
            self.learn(shard, &known, &newest).await?;
        }
        Err(AcceptorError::Busy)
    }

    /// What this copy holds of a shard, for a copy that registered. The promise is read after the entries, so that it
    /// is no lower than theirs.
    ///
    /// # Errors
    /// When the tables do not answer, the reader did not register, or this copy does not vote itself.
    pub async fn read(&self, request: &ReadRequest) -> Result<ReadResponse, AcceptorError> {
        let known = self.lease(&request.shard).await?.counted.ok_or(AcceptorError::Returning)?;
        if known.of(&request.copy) != request.incarnation {
            return Err(AcceptorError::Unregistered);
        }
        let query = Query::partition("shard", text(request.shard.as_str())).consistent().limit(PAGE);
        let query = query.after(request.after.as_deref()).map_err(|_| AcceptorError::Page)?;
        let page = self.journal.query::<Row>(query).await?;
        let entries = page.items.into_iter().map(Row::entry).collect::<Result<_, _>>()?;
        let Lease { promised, counted, .. } = self.lease(&request.shard).await?;
        let incarnations = counted.ok_or(AcceptorError::Returning)?;
        Ok(ReadResponse { entries, promised, incarnations, next: page.next_token })
    }

    /// Which orders payment tokens are bound to here.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn bound_tokens(&self, request: &TokensRequest) -> Result<TokensResponse, AcceptorError> {
        match self.tokens.scan::<BoundToken>(PAGE, request.after.as_deref()).await {
            Ok(page) => Ok(TokensResponse { tokens: page.items, next: page.next_token }),
            Err(TableError::Page) => Err(AcceptorError::Page),
            Err(other) => Err(other.into()),
        }
    }

    /// The shards in which this copy does not vote.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn not_voting(&self, shards: Vec<ShardId>) -> Result<Vec<ShardId>, AcceptorError> {
        let mut voting = BTreeSet::new();
        let mut after = None;
        loop {
            let page = self.leases.scan::<Scope>(PAGE, after.as_deref()).await?;
            let votes = page.items.into_iter().filter(|row| row.counted.is_some());
            voting.extend(votes.map(|row| row.scope));
            after = page.next_token;
            if after.is_none() {
                return Ok(shards
                    .into_iter()
                    .filter(|shard| !voting.contains(&lease_scope(shard)))
                    .collect());
            }
        }
    }

    /// The incarnation under which this copy is coming back, where it has begun to.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn own_incarnation(&self) -> Result<Option<u64>, AcceptorError> {
        let row: Option<OwnRow> = self.leases.get(self.leases.key(OWN, None)).await?;
        Ok(row.map(|row| row.incarnation))
    }

    /// Takes an incarnation, unless there is one already; gives the one that stands.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn take_incarnation(&self, incarnation: u64) -> Result<u64, AcceptorError> {
        self.put_new(&OwnRow { scope: OWN.to_owned(), incarnation }).await?;
        self.own_incarnation().await?.ok_or(AcceptorError::Busy)
    }

    /// Stores bindings that another copy has.
    ///
    /// # Errors
    /// When the tables do not answer.
    pub async fn keep_tokens(&self, tokens: &[BoundToken]) -> Result<(), AcceptorError> {
        for group in tokens.chunks(STORED_AT_ONCE) {
            let mut transaction = self.tokens.transaction();
            for token in group {
                transaction = transaction.put(&self.tokens, token, Condition::default())?;
            }
            stored(transaction).await?;
        }
        Ok(())
    }

    /// Stores what the others hold of a shard, as long as this copy does not vote in it.
    ///
    /// # Errors
    /// When the tables do not answer.
    pub async fn keep_entries(&self, shard: &ShardId, entries: &[Entry]) -> Result<(), AcceptorError> {
        let now = self.world.now().0;
        for group in entries.chunks(STORED_AT_ONCE) {
            let silent = Condition::default().and("attribute_not_exists(counted)");
            let lease = self.lease_key(shard);
            let mut transaction = self.journal.transaction().check(&self.leases, lease, silent)?;
            for entry in group {
                transaction = transaction.put(&self.journal, &Row::of(entry, now), Condition::default())?;
            }
            for token in self.bindings(group).await? {
                transaction = transaction.put(&self.tokens, &token, Condition::default())?;
            }
            stored(transaction).await?;
        }
        Ok(())
    }

    /// The bindings that entries stand for: a decided entry's counts whatever was read; an open one's where none was.
    async fn bindings(&self, entries: &[Entry]) -> Result<Vec<BoundToken>, AcceptorError> {
        let mut bindings = BTreeMap::new();
        for entry in entries {
            let Some((token_hash, order_id)) = entry.value.token() else { continue };
            let decided = entry.state != EntryState::Open;
            let key = self.tokens.key(token_hash, None);
            if decided || self.tokens.get::<BoundToken>(key).await?.is_none() {
                let held = bindings.entry(token_hash.to_owned()).or_insert((decided, order_id));
                if decided && !held.0 {
                    *held = (decided, order_id);
                }
            }
        }
        let token = |(token_hash, (_, order_id))| BoundToken { token_hash, order_id };
        Ok(bindings.into_iter().map(token).collect())
    }

    /// Votes in a shard from now on: this copy holds all that the others promised and stored.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn vote(
        &self,
        shard: &ShardId,
        promised: Option<&Ballot>,
        counted: &Incarnations,
    ) -> Result<(), AcceptorError> {
        let condition = Condition::default()
            .and("attribute_not_exists(counted)")
            .value(":counted", text(counted.to_string()));
        let (update, condition) = match promised {
            Some(ballot) => (
                "SET counted = :counted, promised = :promised",
                condition.value(":promised", text(ballot.to_string())),
            ),
            None => ("SET counted = :counted", condition),
        };
        match self.leases.update(self.lease_key(shard), update, condition).await {
            Ok(_) | Err(TableError::Conflict) => Ok(()), // a conflict: it votes already
            Err(other) => Err(other.into()),
        }
    }

    async fn put_new(&self, row: &impl Serialize) -> Result<(), AcceptorError> {
        match self.leases.put(row, Condition::new_item("scope")).await {
            Ok(()) | Err(TableError::Conflict) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }
}

/// A row of the leases, whatever it is of.
#[derive(Deserialize)]
struct Scope {
    scope: String,
    counted: Option<Incarnations>,
}

async fn stored(transaction: Transaction) -> Result<(), AcceptorError> {
    match transaction.commit().await {
        Ok(()) => Ok(()),
        Err(TransactError::Table(error)) => Err(error.into()),
        // Somebody else brings this copy back at the same time.
        Err(TransactError::Cancelled(_) | TransactError::Busy) => Err(AcceptorError::Busy),
    }
}

/// What a copy goes on with that reads the two others: [`rules::recover`] of all that they hold, and the higher promise.
#[derive(Default)]
pub struct ReadBack {
    entries: BTreeMap<String, Entry>,
    promised: Option<Ballot>,
    incarnations: Incarnations,
}

impl ReadBack {
    /// Adds a page.
    pub fn add(&mut self, page: ReadResponse) {
        let held = std::mem::take(&mut self.entries).into_values();
        self.entries = rules::recover(held.chain(page.entries));
        self.promised = self.promised.take().max(page.promised);
        self.incarnations = self.incarnations.newest(&page.incarnations);
    }

    /// Everything, ready to be kept: the entries, the promise, and the incarnations to count.
    pub fn finish(self) -> (Vec<Entry>, Option<Ballot>, Incarnations) {
        (self.entries.into_values().collect(), self.promised, self.incarnations)
    }
}

/// The copies other than this region's.
pub fn other_copies(config: &Config) -> Vec<Region> {
    config.journal_regions().filter(|region| **region != config.region).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::{Code, ErrorBody, journal::EntryValue};

    fn entry(key: &str, epoch: u64, state: EntryState) -> Entry {
        let order_id = contracts::OrderId(uuid::Uuid::from_u128(1));
        let value = EntryValue::Refused {
            order_id,
            request_hash: epoch.to_string(),
            answer: ErrorBody::new(Code::Conflict, ""),
        };
        Entry { state, ..Entry::open("am-00".into(), key.into(), ballot(epoch), value) }
    }

    fn ballot(epoch: u64) -> Ballot {
        Ballot { epoch, region: "us-east-1".into(), incarnation: "a".into() }
    }

    fn page(entries: Vec<Entry>, promised: Option<u64>, incarnations: &str) -> ReadResponse {
        let incarnations = incarnations.parse().expect("incarnations");
        ReadResponse { entries, promised: promised.map(ballot), incarnations, next: None }
    }

    #[test]
    fn what_is_read_back_is_what_a_majority_may_have_chosen() {
        let mut back = ReadBack::default();
        back.add(page(
            vec![entry("a", 1, EntryState::Closed), entry("b", 1, EntryState::Open)],
            Some(1),
            "ap-southeast-1=2,us-east-1=1",
        ));
        back.add(page(
            vec![entry("a", 3, EntryState::Open), entry("b", 2, EntryState::Open)],
            Some(3),
            "ap-southeast-1=1,us-east-1=2",
        ));
        back.add(page(Vec::new(), None, ""));
        let (entries, promised, incarnations) = back.finish();
        let kept: Vec<_> = entries.iter().map(|entry| (entry.ballot.epoch, entry.state)).collect();
        assert_eq!(kept, [(1, EntryState::Closed), (2, EntryState::Open)]);
        assert_eq!(promised, Some(ballot(3)));
        assert_eq!(incarnations.to_string(), "ap-southeast-1=2,us-east-1=2");
    }
}
