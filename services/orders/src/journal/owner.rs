//! The shards that this process drives: taking them over, and getting entries chosen.

use super::{
    W,
    acceptor::Acceptor,
    lanes::Lanes,
    rules::{self, Decision, Tally},
};
use crate::{NAME, error::OrdersError};
use contracts::{
    Continent, Region, ShardId,
    journal::{Accepted, Ballot, Entry, EntryState, EntryValue, Promise, PromiseRequest, PromiseResponse},
};
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use platform::{Deadline, Platform, calls::Credential, config::Durability, watch};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::task::JoinSet;

/// One call of a takeover at most.
const PROMISE_LIMIT: Duration = Duration::from_millis(800);
/// Tries of one proposal while a majority cannot be reached.
const PROPOSAL_TRIES: u32 = 20;
/// Pause between two tries.
const PROPOSAL_PAUSE: Duration = Duration::from_millis(100);
/// Rounds of a takeover against higher ballots.
const TAKEOVER_ROUNDS: u32 = 3;

/// How a proposal ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The entry is on W continents.
    Chosen(Box<Entry>),
    /// Another entry is decided for the key.
    Decided(Box<Entry>),
    /// The payment token is bound to another order.
    TokenBound,
    /// The warehouse has moved.
    WarehouseMoved,
    /// Another owner has the shard, or no majority could be reached.
    Unknown,
}

/// Who drives a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// This region does, or is the one to take it over.
    Here,
    /// Another region does.
    There(Region),
}

/// An entry that is on its way to be closed.
#[derive(Clone, Debug)]
pub struct Unclosed {
    /// The entry.
    pub entry: Entry,
    /// The version of the order that must be stored elsewhere before it is closed.
    pub version: u64,
    /// Whether W copies know that it is chosen.
    pub marked: bool,
}

/// One shard that this process holds.
#[derive(Debug)]
struct Held {
    ballot: Ballot,
    /// Proposals under way or ended, by key, until they are closed. Within a ballot the value of a key is
    /// fixed once: whoever asks again joins it.
    proposals: HashMap<String, Proposal>,
    unclosed: BTreeMap<String, Unclosed>,
    /// Entries of former owners that are still being written again.
    recovering: usize,
}

#[derive(Clone, Debug)]
struct Proposal {
    entry: Entry,
    outcome: watch::Receiver<Option<Outcome>>,
}

impl Proposal {
    /// Whether it ended without a majority: then the same value is tried again.
    fn stalled(&self) -> bool {
        *self.outcome.borrow() == Some(Outcome::Unknown)
    }
}

#[derive(Default)]
struct State {
    held: BTreeMap<ShardId, Held>,
    /// Who is known to have taken a shard over, with the epoch.
    hints: BTreeMap<ShardId, (u64, Region)>,
    /// Shards taken over from another owner, for the count.
    takeovers: u64,
}

/// What is done with entries that a takeover found: called for each once it is chosen.
pub type Recovered = Arc<dyn Fn(Entry) -> BoxFuture<'static, ()> + Send + Sync>;

/// Drives the shards of this process.
#[derive(Clone)]
pub struct Owner {
    platform: Platform,
    /// This region's own copy, where it has one.
    pub acceptor: Acceptor,
    lanes: Lanes,
    /// For what former owners left: new keys need not wait behind it.
    recovery_lanes: Lanes,
    incarnation: String,
    state: Arc<Mutex<State>>,
    taking: Arc<tokio::sync::Mutex<()>>,
    tasks: Arc<Mutex<JoinSet<()>>>,
    recovered: Arc<Mutex<Option<Recovered>>>,
}

impl Owner {
    /// Holds nothing yet.
    pub fn new(platform: &Platform) -> Self {
        Owner {
            platform: platform.clone(),
            acceptor: Acceptor::new(platform),
            lanes: Lanes::new(platform),
            recovery_lanes: Lanes::new(platform),
            incarnation: platform.world.new_id().simple().to_string(),
            state: Arc::default(),
            taking: Arc::default(),
            tasks: Arc::default(),
            recovered: Arc::default(),
        }
    }

    /// Sets what is done with recovered entries.
    pub fn on_recovered(&self, recovered: Recovered) {
        *self.recovered.lock().unwrap_or_else(PoisonError::into_inner) = Some(recovered);
    }

    /// Who drives a shard, as far as this region can tell: the last known owner unless it is silent, else
    /// the first of the continent's successors that is not.
    pub fn route(&self, home: &Continent, shard: &ShardId) -> Route {
        let here = &self.platform.config.region;
        let hint = {
            let state = self.lock();
            if state.held.contains_key(shard) {
                return Route::Here;
            }
            state.hints.get(shard).map(|(_, region)| region.clone())
        };
        let successors = self.platform.config.continent(home).map(|continent| continent.successors.clone());
        let candidates = hint.into_iter().chain(successors.unwrap_or_default());
        // Where nobody is heard, the last known owner is asked all the same: only a successor takes a shard over.
        let candidates: Vec<Region> = candidates.collect();
        let live = candidates.iter().find(|region| !self.platform.liveness.suspected(region));
        match live.or(candidates.first()) {
            Some(region) if region != here => Route::There(region.clone()),
            _ => Route::Here,
        }
    }

    /// The epoch under which this process holds a shard, if it does.
    pub fn epoch(&self, shard: &ShardId) -> Option<u64> {
        self.lock().held.get(shard).map(|held| held.ballot.epoch)
    }

    /// The shards that this process holds.
    pub fn held(&self) -> Vec<ShardId> {
        self.lock().held.keys().cloned().collect()
    }

    /// Shards that this process took over from another owner.
    pub fn takeovers(&self) -> u64 {
        self.lock().takeovers
    }

    /// The last owner that this region knows of a shard: a live hint, or the first successor.
    fn believed_owner(&self, home: &Continent, shard: &ShardId) -> Option<Region> {
        let hint = self.lock().hints.get(shard).map(|(_, region)| region.clone());
        hint.or_else(|| self.platform.config.continent(home)?.successors.first().cloned())
    }

    /// Holds a shard, taking it over (and with it every other shard of the same silent owner) where this
    /// process does not hold it yet. Gives the epoch.
    ///
    /// # Errors
    /// When no majority of the journal could be reached, or another owner has a higher ballot.
    pub async fn ensure_held(&self, home: &Continent, shard: &ShardId) -> Result<u64, OrdersError> {
        if let Some(epoch) = self.epoch(shard) {
            return Ok(epoch);
        }
        let _one_at_a_time = self.taking.lock().await;
        if let Some(epoch) = self.epoch(shard) {
            return Ok(epoch);
        }
        let owner = self.believed_owner(home, shard);
        let shards = self.shards_to_take(owner.as_ref());
        if shards.is_empty() {
            return Err(OrdersError::NoOwner); // the route has changed meanwhile
        }
        self.take(&shards, 2).await?;
        self.epoch(shard).ok_or(OrdersError::NoOwner)
    }

    /// Takes the shards that this region drives from the start. Where another owner took them over
    /// meanwhile, they stay there.
    ///
    /// # Errors
    /// When no majority of the journal could be reached.
    pub async fn take_initial(&self) -> Result<(), OrdersError> {
        let here = Some(self.platform.config.region.clone());
        let continents = &self.platform.config.continents;
        let mine = continents.iter().filter(|continent| continent.successors.first() == here.as_ref());
        let shards: Vec<_> = mine.flat_map(|continent| self.shards_of(&continent.id)).collect();
        let _one_at_a_time = self.taking.lock().await;
        let missing: Vec<_> = shards.into_iter().filter(|shard| self.known(shard).is_none()).collect();
        if missing.is_empty() { Ok(()) } else { self.take(&missing, 1).await }
    }

    /// Takes over what silent owners left and no request asked for: orders must not wait for a customer.
    ///
    /// # Errors
    /// When no majority of the journal could be reached.
    pub async fn take_orphans(&self, silent_for: Duration) -> Result<(), OrdersError> {
        for continent in self.platform.config.continents.clone() {
            for shard in self.shards_of(&continent.id) {
                let owner = self.believed_owner(&continent.id, &shard);
                let silent = owner.as_ref().map(|owner| self.platform.liveness.silent_for(owner));
                let orphan = silent.is_some_and(|silent| silent >= silent_for);
                if orphan && self.route(&continent.id, &shard) == Route::Here {
                    self.ensure_held(&continent.id, &shard).await?;
                }
            }
        }
        Ok(())
    }

    fn known(&self, shard: &ShardId) -> Option<Region> {
        let state = self.lock();
        let here = || self.platform.config.region.clone();
        state
            .held
            .contains_key(shard)
            .then(here)
            .or_else(|| state.hints.get(shard).map(|hint| hint.1.clone()))
    }

    fn shards_of(&self, home: &Continent) -> Vec<ShardId> {
        (0..self.platform.config.shards).map(|number| ShardId(format!("{home}-{number:02}"))).collect()
    }

    /// Every shard that `owner` drove and that this region is the one to take over.
    fn shards_to_take(&self, owner: Option<&Region>) -> Vec<ShardId> {
        let mut shards = Vec::new();
        for continent in &self.platform.config.continents {
            for shard in self.shards_of(&continent.id) {
                let same = self.believed_owner(&continent.id, &shard).as_ref() == owner;
                if same && self.epoch(&shard).is_none() && self.route(&continent.id, &shard) == Route::Here {
                    shards.push(shard);
                }
            }
        }
        shards
    }

    async fn take(&self, shards: &[ShardId], at_least: u64) -> Result<(), OrdersError> {
        let mut epoch = {
            let state = self.lock();
            let known = shards.iter().filter_map(|shard| state.hints.get(shard)).map(|hint| hint.0 + 1).max();
            known.unwrap_or(at_least).max(at_least)
        };
        if self.platform.config.durability == Durability::Async {
            self.hold(shards, epoch, Vec::new());
            return Ok(());
        }
        for _ in 0..TAKEOVER_ROUNDS {
            let ballot = self.ballot(epoch);
            let mut outcome = self.promise(shards, &ballot).await?;
            let won: Vec<ShardId> = outcome.won().cloned().collect();
            let entries = won.iter().filter_map(|shard| outcome.entries.remove(shard)).flatten().collect();
            self.hold(&won, epoch, entries);
            let lost = outcome.refused.into_iter().filter(|(shard, _)| !won.contains(shard));
            let Some(highest) = lost.map(|(_, ballot)| ballot).max() else { return Ok(()) };
            // At the start a live owner keeps what it has; in a takeover the owner is known to be silent.
            if at_least == 1 || !self.platform.liveness.suspected(&highest.region) {
                return Ok(());
            }
            epoch = highest.epoch + 1;
        }
        Err(OrdersError::NoOwner)
    }

    fn ballot(&self, epoch: u64) -> Ballot {
        let region = self.platform.config.region.clone();
        Ballot { epoch, region, incarnation: self.incarnation.clone() }
    }

    /// One round trip to a majority: records the ballot and brings what is not closed.
    async fn promise(&self, shards: &[ShardId], ballot: &Ballot) -> Result<Promised, OrdersError> {
        let request = PromiseRequest { ballot: ballot.clone(), shards: shards.to_vec() };
        let copies: Vec<Region> = self.platform.config.journal_regions().cloned().collect();
        // The own copy comes last, and only for shards that another copy has promised: a candidate whom nobody
        // follows must not have raised a ballot anywhere, or it would shut out an owner whom the others hear.
        let (own, others): (Vec<_>, Vec<_>) =
            copies.into_iter().partition(|copy| *copy == self.platform.config.region);
        let mut calls: FuturesUnordered<_> =
            others.iter().map(|copy| self.ask_promise(copy, &request)).collect();
        let mut tally = Promised::default();
        let mut answered = false;
        while let Some(answer) = calls.next().await {
            let Some(answer) = answer else { continue };
            answered = true;
            let granted = tally.count(shards, answer);
            if let Some(own) = own.first().filter(|_| !granted.is_empty()) {
                let request = PromiseRequest { ballot: ballot.clone(), shards: granted };
                if let Some(answer) = self.ask_promise(own, &request).await {
                    tally.count(&request.shards, answer);
                }
            }
            if tally.won().next().is_some() {
                break;
            }
        }
        drop(calls);
        if !answered {
            return Err(OrdersError::NotDurable);
        }
        tally.refused.iter().for_each(|(shard, ballot)| self.note(shard, ballot));
        Ok(tally)
    }

    async fn ask_promise(&self, copy: &Region, request: &PromiseRequest) -> Option<PromiseResponse> {
        let deadline = Deadline::within(PROMISE_LIMIT);
        let call = self.platform.calls.in_region(copy, NAME);
        let answer: Result<PromiseResponse, _> =
            call.post(Credential::Service(NAME), "/backend/journal/promise", request, deadline).await;
        match answer {
            Ok(answer) if answer.shards.len() == request.shards.len() => Some(answer),
            Ok(_) => None,
            Err(cause) => {
                tracing::debug!(%copy, %cause, "a copy did not answer a promise");
                None
            }
        }
    }

    /// Holds shards from now on, and writes again what their former owners left.
    fn hold(&self, shards: &[ShardId], epoch: u64, entries: Vec<Entry>) {
        let ballot = self.ballot(epoch);
        {
            let mut state = self.lock();
            for shard in shards {
                let held = Held {
                    ballot: ballot.clone(),
                    proposals: HashMap::new(),
                    unclosed: BTreeMap::new(),
                    recovering: 0,
                };
                state.held.insert(shard.clone(), held);
                state.hints.insert(shard.clone(), (epoch, ballot.region.clone()));
            }
            if epoch > 1 {
                state.takeovers += shards.len() as u64;
            }
        }
        if epoch > 1 {
            tracing::info!(epoch, shards = shards.len(), entries = entries.len(), "took shards over");
        }
        let mut by_shard: BTreeMap<ShardId, Vec<Entry>> = BTreeMap::new();
        for entry in entries {
            by_shard.entry(entry.shard.clone()).or_default().push(entry);
        }
        for entries in by_shard.into_values() {
            for entry in rules::recover(entries).into_values() {
                let again = Entry { ballot: ballot.clone(), state: EntryState::Open, ..entry };
                // Starts by itself; whoever asks for the key joins.
                drop(self.start(again, true));
            }
        }
    }

    /// Gets a value chosen for a key. Whoever proposes for the same key joins the first proposal.
    ///
    /// # Errors
    /// When this process does not hold the shard.
    pub fn propose(
        &self,
        shard: &ShardId,
        key_hash: &str,
        value: EntryValue,
    ) -> Result<watch::Receiver<Option<Outcome>>, OrdersError> {
        let ballot =
            self.lock().held.get(shard).map(|held| held.ballot.clone()).ok_or(OrdersError::NoOwner)?;
        Ok(self.start(Entry::open(shard.clone(), key_hash.to_owned(), ballot, value), false))
    }

    /// The proposal that is under way or ended for a key, if any.
    pub fn proposal(&self, shard: &ShardId, key_hash: &str) -> Option<watch::Receiver<Option<Outcome>>> {
        let found = self.lock().held.get(shard)?.proposals.get(key_hash).cloned()?;
        if found.stalled() { Some(self.start(found.entry, false)) } else { Some(found.outcome) }
    }

    fn start(&self, mut entry: Entry, recovery: bool) -> watch::Receiver<Option<Outcome>> {
        let (sender, receiver) = watch::channel(None);
        {
            let mut state = self.lock();
            let Some(held) = state.held.get_mut(&entry.shard) else {
                sender.send_replace(Some(Outcome::Unknown));
                return receiver;
            };
            match held.proposals.get(&entry.key_hash) {
                Some(known) if !known.stalled() => return known.outcome.clone(),
                Some(known) => entry = known.entry.clone(),
                None => {}
            }
            let proposal = Proposal { entry: entry.clone(), outcome: receiver.clone() };
            held.proposals.insert(entry.key_hash.clone(), proposal);
            held.recovering += usize::from(recovery);
        }
        let owner = self.clone();
        let work = async move { owner.drive(entry, sender, recovery).await };
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(work);
        receiver
    }

    /// Whether everything that former owners of a shard left is decided under this process's ballot.
    pub fn recovered(&self, shard: &ShardId) -> bool {
        self.lock().held.get(shard).is_some_and(|held| held.recovering == 0)
    }

    /// Reaps ended proposals; a worker calls it.
    ///
    /// # Errors
    /// When a proposal panicked.
    pub fn reap(&self) -> Result<(), String> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(ended) = tasks.try_join_next() {
            ended.map_err(|cause| cause.to_string())?;
        }
        Ok(())
    }

    /// Tries until the entry is decided. The customer may be long gone: the entry is finished all the same.
    async fn drive(&self, entry: Entry, announce: watch::Sender<Option<Outcome>>, recovery: bool) {
        let shard = entry.shard.clone();
        let lanes = if recovery { &self.recovery_lanes } else { &self.lanes };
        let outcome = self.decide(&entry, &announce, lanes).await;
        if recovery {
            match &outcome {
                Outcome::Chosen(entry) | Outcome::Decided(entry) => self.hand_over((**entry).clone()).await,
                // Its token is bound to another order, so it cannot have been chosen.
                Outcome::TokenBound | Outcome::WarehouseMoved | Outcome::Unknown => {}
            }
        }
        if announce.borrow().is_none() {
            announce.send_replace(Some(outcome));
        }
        if recovery && let Some(held) = self.lock().held.get_mut(&shard) {
            held.recovering = held.recovering.saturating_sub(1);
        }
    }

    async fn decide(
        &self,
        entry: &Entry,
        announce: &watch::Sender<Option<Outcome>>,
        lanes: &Lanes,
    ) -> Outcome {
        if self.platform.config.durability == Durability::Async {
            return Outcome::Chosen(Box::new(entry.clone()));
        }
        for round in 0..PROPOSAL_TRIES {
            if round > 0 {
                tokio::time::sleep(self.platform.world.jitter(PROPOSAL_PAUSE)).await;
            }
            match self.write_round(entry, announce, lanes).await {
                Decision::Open => {}
                Decision::Chosen => return Outcome::Chosen(Box::new(entry.clone())),
                Decision::Decided(decided) => return Outcome::Decided(decided),
                Decision::TokenBound => return Outcome::TokenBound,
                Decision::WarehouseMoved => return Outcome::WarehouseMoved,
                Decision::Lost(ballot) => {
                    self.lose(&entry.shard, &ballot);
                    return Outcome::Unknown;
                }
            }
        }
        tracing::warn!(shard = %entry.shard, key = entry.key_hash, "no majority for an entry");
        Outcome::Unknown
    }

    /// Writes to every copy and announces success as soon as W copies have it; the others are awaited too.
    async fn write_round(
        &self,
        entry: &Entry,
        announce: &watch::Sender<Option<Outcome>>,
        lanes: &Lanes,
    ) -> Decision {
        let copies: Vec<Region> = self.platform.config.journal_regions().cloned().collect();
        let mut writes: FuturesUnordered<_> =
            copies.iter().map(|copy| lanes.write(copy, entry.clone())).collect();
        let mut tally = Tally::default();
        while let Some(answer) = writes.next().await {
            count(&mut tally, answer);
            if tally.stored == W && announce.borrow().is_none() {
                self.chosen(entry);
                announce.send_replace(Some(Outcome::Chosen(Box::new(entry.clone()))));
            }
        }
        tally.decide(W, copies.len())
    }

    async fn hand_over(&self, entry: Entry) {
        let recovered = self.recovered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(recovered) = recovered {
            recovered(entry).await;
        }
    }

    fn chosen(&self, entry: &Entry) {
        let version = match &entry.value {
            EntryValue::Order { .. } => 1,
            EntryValue::Intent { order, .. } => order.version + 1,
            EntryValue::Refused { .. } => 0,
        };
        let unclosed = Unclosed { entry: entry.clone(), version, marked: false };
        if let Some(held) = self.lock().held.get_mut(&entry.shard) {
            held.unclosed.insert(entry.key_hash.clone(), unclosed);
        }
    }

    /// Entries of a shard that are not closed yet, at most `limit`.
    pub fn unclosed(&self, shard: &ShardId, limit: usize) -> Vec<Unclosed> {
        let state = self.lock();
        state
            .held
            .get(shard)
            .map(|held| held.unclosed.values().take(limit).cloned().collect())
            .unwrap_or_default()
    }

    /// Notes that W copies know an entry to be chosen.
    pub fn marked(&self, shard: &ShardId, key_hash: &str) {
        if let Some(unclosed) =
            self.lock().held.get_mut(shard).and_then(|held| held.unclosed.get_mut(key_hash))
        {
            unclosed.marked = true;
        }
    }

    /// Forgets an entry that is closed.
    pub fn closed(&self, shard: &ShardId, key_hash: &str) {
        if let Some(held) = self.lock().held.get_mut(shard) {
            held.unclosed.remove(key_hash);
            held.proposals.remove(key_hash);
        }
    }

    fn note(&self, shard: &ShardId, ballot: &Ballot) {
        self.lock().hints.insert(shard.clone(), (ballot.epoch, ballot.region.clone()));
    }

    fn lose(&self, shard: &ShardId, ballot: &Ballot) {
        if ballot.incarnation == self.incarnation {
            return;
        }
        tracing::info!(%shard, %ballot, "lost a shard to a higher ballot");
        let mut state = self.lock();
        state.held.remove(shard);
        state.hints.insert(shard.clone(), (ballot.epoch, ballot.region.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the copies answered to a promise.
#[derive(Default)]
struct Promised {
    /// Copies that promised a shard.
    grants: BTreeMap<ShardId, usize>,
    /// What they hold in it that is not closed.
    entries: BTreeMap<ShardId, Vec<Entry>>,
    /// The highest ballot for which a copy refused it.
    refused: BTreeMap<ShardId, Ballot>,
}

impl Promised {
    /// Counts one copy's answer; gives the shards that it promised.
    fn count(&mut self, shards: &[ShardId], answer: PromiseResponse) -> Vec<ShardId> {
        let mut granted = Vec::new();
        for (shard, promise) in shards.iter().zip(answer.shards) {
            match promise {
                Promise::Promised { entries } => {
                    *self.grants.entry(shard.clone()).or_default() += 1;
                    self.entries.entry(shard.clone()).or_default().extend(entries);
                    granted.push(shard.clone());
                }
                Promise::Refused { promised } => {
                    let highest = self.refused.entry(shard.clone()).or_insert_with(|| promised.clone());
                    *highest = promised.max(highest.clone());
                }
            }
        }
        granted
    }

    /// The shards that a majority has promised.
    fn won(&self) -> impl Iterator<Item = &ShardId> {
        self.grants.iter().filter(|(_, grants)| **grants >= W).map(|(shard, _)| shard)
    }
}

fn count(tally: &mut Tally, answer: Option<Accepted>) {
    match answer {
        Some(Accepted::Stored) => tally.stored += 1,
        Some(Accepted::Outranked { promised }) => {
            tally.outranked = tally.outranked.take().max(Some(promised))
        }
        Some(Accepted::Held { entry }) if entry.state != EntryState::Open => tally.decided = Some(entry),
        // An open entry of an equal or higher ballot: somebody else is at work on the key.
        Some(Accepted::Held { entry }) => tally.outranked = tally.outranked.take().max(Some(entry.ballot)),
        Some(Accepted::TokenBound { .. }) => tally.token_bound += 1,
        Some(Accepted::WarehouseMoved) => tally.warehouse_moved += 1,
        None => {}
    }
}
