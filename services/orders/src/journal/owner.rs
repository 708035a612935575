//! The shards that this process drives: taking them over, and getting entries chosen.

use super::{
    W,
    acceptor::Acceptor,
    lanes::Lanes,
    rules::{self, Decision, Grant, Tally},
    shards_of,
};
use crate::{NAME, error::OrdersError, left::Left};
use contracts::{
    Continent, OrderId, Region, ShardId,
    journal::{
        Ballot, Entry, EntryState, EntryValue, Incarnations, Promise, PromiseRequest, PromiseResponse,
    },
};
use futures::{StreamExt, stream::FuturesUnordered};
use platform::{Deadline, Platform, calls::Credential, config::Durability, planted::Planted, watch};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};

/// One call of a takeover at most.
const PROMISE_LIMIT: Duration = Duration::from_millis(800);
/// Tries of one proposal while a majority cannot be reached.
const PROPOSAL_TRIES: u32 = 20;
/// Pause between two tries.
const PROPOSAL_PAUSE: Duration = Duration::from_millis(100);
/// Rounds of a takeover against higher ballots.
const TAKEOVER_ROUNDS: u32 = 3;

/// How long a region is left out after it told us that it does not drive a shard.
const DISOWNED_FOR: Duration = Duration::from_secs(1);

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
    /// How many copies are known to have it marked as chosen; 0 until it is W of them.
    pub marked: usize,
    /// When it is looked at next.
    pub due: Instant,
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

impl Held {
    fn new(ballot: Ballot) -> Self {
        Held { ballot, proposals: HashMap::new(), unclosed: BTreeMap::new(), recovering: 0 }
    }

    /// The proposal for the entry's key under this ballot; with the work to do where it is new, or ended without
    /// a majority: then the same value is tried again.
    fn begin(
        &mut self,
        mut entry: Entry,
        recovery: bool,
    ) -> (watch::Receiver<Option<Outcome>>, Option<Work>) {
        match self.proposals.get(&entry.key_hash) {
            Some(known) if !known.stalled() => return (known.outcome.clone(), None),
            Some(known) => entry = known.entry.clone(),
            None => entry.ballot = self.ballot.clone(),
        }
        let (announce, outcome) = watch::channel(None);
        let proposal = Proposal { entry: entry.clone(), outcome: outcome.clone() };
        self.proposals.insert(entry.key_hash.clone(), proposal);
        self.recovering += usize::from(recovery);
        (outcome, Some(Work { entry, announce, recovery }))
    }
}

/// A proposal to be driven to its end.
struct Work {
    entry: Entry,
    announce: watch::Sender<Option<Outcome>>,
    recovery: bool,
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
    /// Who is taken for the owner of a shard, with the highest epoch known.
    hints: BTreeMap<ShardId, (u64, Region)>,
    /// Regions that told us that they do not drive a shard, and when.
    disowned: BTreeMap<ShardId, BTreeMap<Region, Instant>>,
    /// Shards taken over from another owner, for the count.
    takeovers: u64,
    /// The incarnations of the copies, as far as their answers told.
    incarnations: Incarnations,
}

impl State {
    /// Notes who has a shard, unless something newer is known.
    fn learn(&mut self, shard: &ShardId, ballot: &Ballot) {
        if self.hints.get(shard).is_none_or(|(epoch, _)| *epoch <= ballot.epoch) {
            self.hints.insert(shard.clone(), (ballot.epoch, ballot.region.clone()));
        }
    }

    /// Notes to whom the copies keep: that may be an owner of an older epoch than a candidate that came to
    /// nothing. The epoch never falls, so that no process takes one twice.
    fn refused(&mut self, shard: &ShardId, by: &Ballot) {
        let known = self.hints.get(shard).map_or(0, |(epoch, _)| *epoch);
        self.hints.insert(shard.clone(), (known.max(by.epoch), by.region.clone()));
    }

    /// The shard of an entry, where it is still held under the entry's ballot.
    fn held_under(&mut self, entry: &Entry) -> Option<&mut Held> {
        self.held.get_mut(&entry.shard).filter(|held| held.ballot == entry.ballot)
    }
}

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
    /// What the entries of former owners tell of their orders, once they are chosen again.
    pub left: Left,
}

impl Owner {
    /// Holds nothing yet.
    pub fn new(platform: &Platform) -> Self {
        Owner {
            platform: platform.clone(),
            acceptor: Acceptor::new(platform),
            lanes: Lanes::new(platform),
            recovery_lanes: Lanes::new(platform),
            incarnation: incarnation(platform),
            state: Arc::default(),
            taking: Arc::default(),
            tasks: Arc::default(),
            left: Left::default(),
        }
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
        let candidates: Vec<Region> = hint.into_iter().chain(successors.unwrap_or_default()).collect();
        let disowned = self.disowned_by(shard);
        let live = |region: &Region| !self.platform.liveness.suspected(region) && !disowned.contains(region);
        // Where nobody is heard, the last known owner is asked all the same: only a successor takes a shard over.
        match rules::driver(candidates.iter(), live) {
            Some(region) if region != here => Route::There(region.clone()),
            _ => Route::Here,
        }
    }

    /// Notes that a region told us that it does not drive a shard: for a while others are tried.
    pub fn disown(&self, shard: &ShardId, region: &Region) {
        let now = self.platform.world.instant();
        self.lock().disowned.entry(shard.clone()).or_default().insert(region.clone(), now);
    }

    fn disowned_by(&self, shard: &ShardId) -> Vec<Region> {
        let now = self.platform.world.instant();
        let mut state = self.lock();
        let Some(regions) = state.disowned.get_mut(shard) else { return Vec::new() };
        regions.retain(|_, at| now.saturating_duration_since(*at) < DISOWNED_FOR);
        regions.keys().cloned().collect()
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

    /// The incarnations of the copies that this process counts.
    pub fn known_incarnations(&self) -> Incarnations {
        self.lock().incarnations.clone()
    }

    /// Notes the incarnations that a copy told of. What was counted under older ones is not counted any more; what
    /// is decided stays so, because a copy votes again only with all that the others held.
    pub fn learn(&self, incarnations: &Incarnations) {
        let mut state = self.lock();
        state.incarnations = state.incarnations.newest(incarnations);
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
        let disowned = self.disowned_by(shard);
        let shards = if disowned.is_empty() {
            self.shards_to_take(self.believed_owner(home, shard).as_ref())
        } else {
            // Its owner lives and may well drive others.
            Vec::from_iter((self.route(home, shard) == Route::Here).then(|| shard.clone()))
        };
        if shards.is_empty() {
            return Err(OrdersError::NoOwner); // the route has changed meanwhile
        }
        self.take(&shards, 2, &disowned).await?;
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
        let missing: Vec<_> = shards.into_iter().filter(|shard| self.vacant(shard)).collect();
        if missing.is_empty() { Ok(()) } else { self.take(&missing, 1, &[]).await }
    }

    /// Takes over what silent owners left, without waiting for a customer to ask. Copies that still hear an owner
    /// do not give its shards away.
    ///
    /// # Errors
    /// When no majority of the journal could be reached.
    pub async fn take_orphans(&self) -> Result<(), OrdersError> {
        for continent in self.platform.config.continents.clone() {
            for shard in self.shards_of(&continent.id) {
                let owner = self.believed_owner(&continent.id, &shard);
                let orphan = owner.is_some_and(|owner| self.platform.liveness.suspected(&owner));
                if orphan && self.route(&continent.id, &shard) == Route::Here {
                    self.ensure_held(&continent.id, &shard).await?;
                }
            }
        }
        Ok(())
    }

    /// Whether nobody drives a shard as far as this region knows, or only an earlier process of its own did.
    fn vacant(&self, shard: &ShardId) -> bool {
        let state = self.lock();
        let elsewhere =
            state.hints.get(shard).is_some_and(|(_, region)| *region != self.platform.config.region);
        !elsewhere && !state.held.contains_key(shard)
    }

    fn shards_of(&self, home: &Continent) -> Vec<ShardId> {
        shards_of(&self.platform.config, home).collect()
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

    async fn take(&self, shards: &[ShardId], at_least: u64, disowned: &[Region]) -> Result<(), OrdersError> {
        let mut epoch = {
            let state = self.lock();
            let known = shards.iter().filter_map(|shard| state.hints.get(shard)).map(|hint| hint.0 + 1).max();
            known.unwrap_or(at_least).max(at_least)
        };
        if self.platform.config.durability == Durability::Async {
            self.hold(shards, epoch, Vec::new());
            return Ok(());
        }
        let mut wanted = shards.to_vec();
        for _ in 0..TAKEOVER_ROUNDS {
            let ballot = self.ballot(epoch);
            let mut outcome = self.promise(&wanted, &ballot, disowned).await?;
            let won: Vec<ShardId> = outcome.won().cloned().collect();
            let entries = won.iter().filter_map(|shard| outcome.entries.remove(shard)).flatten().collect();
            if !won.is_empty() {
                self.hold(&won, epoch, entries);
            }
            // What is won is not asked for again: a higher ballot of our own would shut us out of it.
            outcome.refused.retain(|shard, by| !won.contains(shard) && self.yields(by, at_least, disowned));
            let again = outcome.miscounted.iter().filter(|shard| !won.contains(shard));
            let wanted_again: BTreeSet<ShardId> = outcome.refused.keys().chain(again).cloned().collect();
            wanted = wanted_again.into_iter().collect();
            if wanted.is_empty() {
                return Ok(());
            }
            // What was only miscounted may be promised to the same ballot again.
            epoch = outcome.refused.values().map(|by| by.epoch + 1).max().unwrap_or(epoch);
        }
        Err(OrdersError::NoOwner)
    }

    /// Whether a shard is taken from the owner for whom a copy refused it. At the start a live owner keeps what it
    /// has; in a takeover the owner is silent, or does not drive the shard. What an earlier process of this region
    /// held is nobody's any more.
    fn yields(&self, owner: &Ballot, at_least: u64, disowned: &[Region]) -> bool {
        let predecessor = owner.region == self.platform.config.region;
        let gone = self.platform.liveness.suspected(&owner.region) || disowned.contains(&owner.region);
        predecessor || at_least > 1 && gone
    }

    fn ballot(&self, epoch: u64) -> Ballot {
        let region = self.platform.config.region.clone();
        Ballot { epoch, region, incarnation: self.incarnation.clone() }
    }

    /// One round trip to a majority: records the ballot and brings what is not closed.
    async fn promise(
        &self,
        shards: &[ShardId],
        ballot: &Ballot,
        disowned: &[Region],
    ) -> Result<Promised, OrdersError> {
        let request = PromiseRequest {
            ballot: ballot.clone(),
            shards: shards.to_vec(),
            disowned: disowned.to_vec(),
            incarnations: self.known_incarnations(),
        };
        let copies: Vec<Region> = self.platform.config.journal_regions().cloned().collect();
        // The own copy comes last, and only for shards that another copy has promised: a candidate whom nobody
        // follows must not have raised a ballot anywhere, or it would shut out an owner whom the others hear.
        let (own, others): (Vec<_>, Vec<_>) =
            copies.into_iter().partition(|copy| *copy == self.platform.config.region);
        let mut calls: FuturesUnordered<_> =
            others.iter().map(|copy| self.ask_promise(copy, &request)).collect();
        let mut tally = Promised::under(&request.incarnations);
        let mut answered = false;
        while let Some(answer) = calls.next().await {
            let Some(answer) = answer else { continue };
            answered = true;
            let granted = tally.count(shards, answer);
            if let Some(own) = own.first().filter(|_| !granted.is_empty()) {
                // It knows what the other copy told: its own must not count under an older incarnation.
                let incarnations = tally.newest.clone();
                let request = PromiseRequest { shards: granted, incarnations, ..request.clone() };
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
        let mut state = self.lock();
        tally.refused.iter().for_each(|(shard, ballot)| state.refused(shard, ballot));
        state.incarnations = state.incarnations.newest(&tally.newest);
        drop(state);
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

    /// Holds shards from now on, and writes again what their former owners left. That is under way before
    /// anybody else sees the shards as held: a new value must not get in before a recovered one.
    fn hold(&self, shards: &[ShardId], epoch: u64, entries: Vec<Entry>) {
        let ballot = self.ballot(epoch);
        if epoch > 1 && !shards.is_empty() {
            tracing::info!(epoch, shards = shards.len(), entries = entries.len(), "took shards over");
        }
        let mut by_shard: BTreeMap<ShardId, Vec<Entry>> = BTreeMap::new();
        let skip = self.platform.world.has(Planted::OpenSkipped);
        for entry in entries.into_iter().filter(|entry| !(skip && entry.state == EntryState::Open)) {
            by_shard.entry(entry.shard.clone()).or_default().push(entry);
        }
        let mut begun = Vec::new();
        {
            let mut state = self.lock();
            for shard in shards {
                let mut held = Held::new(ballot.clone());
                for entry in rules::recover(by_shard.remove(shard).unwrap_or_default()).into_values() {
                    begun.extend(held.begin(Entry { state: EntryState::Open, ..entry }, true).1);
                }
                state.held.insert(shard.clone(), held);
                state.learn(shard, &ballot);
            }
            if epoch > 1 {
                state.takeovers += shards.len() as u64;
            }
        }
        // They run by themselves; whoever asks for a key joins.
        begun.into_iter().for_each(|work| self.spawn(work));
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
        Ok(self.start(Entry::open(shard.clone(), key_hash.to_owned(), ballot, value)))
    }

    /// The proposal that is under way or ended for a key, if any.
    pub fn proposal(&self, shard: &ShardId, key_hash: &str) -> Option<watch::Receiver<Option<Outcome>>> {
        let found = self.lock().held.get(shard)?.proposals.get(key_hash).cloned()?;
        if found.stalled() { Some(self.start(found.entry)) } else { Some(found.outcome) }
    }

    /// Waits until everything that is proposed about an order is decided.
    pub async fn until_decided(&self, shard: &ShardId, order_id: OrderId) {
        let proposals: Vec<_> = {
            let state = self.lock();
            let all = state.held.get(shard).into_iter().flat_map(|held| held.proposals.values());
            let about = all.filter(|proposal| proposal.entry.value.order_id() == order_id);
            about.map(|proposal| proposal.outcome.clone()).collect()
        };
        for mut proposal in proposals {
            // A sender that is gone has decided nothing; nor will it.
            let _ = proposal.wait_for(Option::is_some).await;
        }
    }

    fn start(&self, entry: Entry) -> watch::Receiver<Option<Outcome>> {
        let begun = self.lock().held.get_mut(&entry.shard).map(|held| held.begin(entry, false));
        let Some((outcome, work)) = begun else {
            return watch::channel(Some(Outcome::Unknown)).1;
        };
        if let Some(work) = work {
            self.spawn(work);
        }
        outcome
    }

    fn spawn(&self, work: Work) {
        let owner = self.clone();
        let work = async move { owner.drive(work.entry, work.announce, work.recovery).await };
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(work);
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
        let lanes = if recovery { &self.recovery_lanes } else { &self.lanes };
        let outcome = self.decide(&entry, &announce, lanes).await;
        if recovery {
            match &outcome {
                Outcome::Chosen(decided) | Outcome::Decided(decided) => self.left.note(&decided.value),
                // Its token is bound to another order, so it cannot have been chosen.
                Outcome::TokenBound | Outcome::WarehouseMoved | Outcome::Unknown => {}
            }
        }
        if announce.borrow().is_none() {
            announce.send_replace(Some(outcome));
        }
        if recovery && let Some(held) = self.lock().held_under(&entry) {
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
        let mut learned = false;
        for round in 0..PROPOSAL_TRIES {
            // Whoever only counted wrong asks again at once.
            if round > 0 && !learned {
                tokio::time::sleep(self.platform.world.jitter(PROPOSAL_PAUSE)).await;
            }
            let counted = self.known_incarnations();
            let decision = self.write_round(entry, &counted, announce, lanes).await;
            learned = self.known_incarnations() != counted;
            match decision {
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
        counted: &Incarnations,
        announce: &watch::Sender<Option<Outcome>>,
        lanes: &Lanes,
    ) -> Decision {
        let copies: Vec<Region> = self.platform.config.journal_regions().cloned().collect();
        let mut writes: FuturesUnordered<_> =
            copies.iter().map(|copy| lanes.write(copy, entry.clone(), counted.clone())).collect();
        let mut tally = Tally::default();
        let enough = if self.platform.world.has(Planted::OneCopy) { 1 } else { W };
        while let Some(answer) = writes.next().await {
            tally.count(answer);
            if tally.stored == enough && announce.borrow().is_none() {
                self.chosen(entry);
                announce.send_replace(Some(Outcome::Chosen(Box::new(entry.clone()))));
            }
        }
        if let Some(newest) = &tally.miscounted {
            self.learn(newest);
        }
        tally.decide(W, copies.len())
    }

    fn chosen(&self, entry: &Entry) {
        let version = match &entry.value {
            EntryValue::Order { .. } => 1,
            EntryValue::Intent { order, .. } => order.version + 1,
            EntryValue::Refused { .. } => 0,
        };
        let due = self.platform.world.instant();
        let unclosed = Unclosed { entry: entry.clone(), version, marked: 0, due };
        if let Some(held) = self.lock().held.get_mut(&entry.shard) {
            held.unclosed.insert(entry.key_hash.clone(), unclosed);
        }
    }

    /// Entries that are not closed yet and to be looked at, at most `limit`: those first that wait longest.
    pub fn unclosed(&self, limit: usize) -> Vec<Unclosed> {
        let now = self.platform.world.instant();
        let state = self.lock();
        let all = state.held.values().flat_map(|held| held.unclosed.values());
        let mut due: Vec<&Unclosed> = all.filter(|unclosed| unclosed.due <= now).collect();
        due.sort_by_key(|unclosed| unclosed.due);
        due.into_iter().take(limit).cloned().collect()
    }

    /// Notes how many copies are known to have an entry marked as chosen, and when it is looked at next.
    pub fn put_off(&self, entry: &Entry, marked: usize, pause: Duration) {
        let due = self.platform.world.instant() + pause;
        if let Some(held) = self.lock().held_under(entry)
            && let Some(unclosed) = held.unclosed.get_mut(&entry.key_hash)
        {
            (unclosed.marked, unclosed.due) = (marked, due);
        }
    }

    /// Forgets an entry that is closed.
    pub fn closed(&self, entry: &Entry) {
        if let Some(held) = self.lock().held_under(entry) {
            held.unclosed.remove(&entry.key_hash);
            held.proposals.remove(&entry.key_hash);
        }
    }

    /// Notes that another owner wrote in a shard under this epoch: where it is a later one, the shard is not held here
    /// any more.
    pub fn superseded(&self, shard: &ShardId, epoch: u64, region: Region) {
        if self.epoch(shard).is_some_and(|held| held < epoch) {
            self.lose(shard, &Ballot { epoch, region, incarnation: String::new() });
        }
    }

    fn lose(&self, shard: &ShardId, ballot: &Ballot) {
        let mut state = self.lock();
        state.learn(shard, ballot);
        if state.held.get(shard).is_some_and(|held| rules::unseats(&held.ballot, ballot)) {
            state.held.remove(shard);
            tracing::info!(%shard, %ballot, "lost a shard to a higher ballot");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that no other process ever has.
fn incarnation(platform: &Platform) -> String {
    if platform.world.has(Planted::SharedBallot) {
        return "shared".to_owned();
    }
    platform.world.new_id().simple().to_string()
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
    /// The incarnations under which its promises count so far.
    counted: BTreeMap<ShardId, Incarnations>,
    /// Shards of which a promise did not count, or no longer does.
    miscounted: BTreeSet<ShardId>,
    /// The newest incarnations that any copy told of.
    newest: Incarnations,
}

impl Promised {
    /// Of a candidate that knows these incarnations.
    fn under(incarnations: &Incarnations) -> Self {
        Promised { newest: incarnations.clone(), ..Promised::default() }
    }

    /// Counts one copy's answer; gives the shards that it promised.
    fn count(&mut self, shards: &[ShardId], answer: PromiseResponse) -> Vec<ShardId> {
        let mut granted = Vec::new();
        for (shard, promise) in shards.iter().zip(answer.shards) {
            match promise {
                Promise::Promised { entries, incarnations } => {
                    if self.counts(shard, incarnations) {
                        *self.grants.entry(shard.clone()).or_default() += 1;
                        self.entries.entry(shard.clone()).or_default().extend(entries);
                        granted.push(shard.clone());
                    }
                }
                Promise::Returning => {}
                Promise::Refused { promised } => {
                    let highest = self.refused.entry(shard.clone()).or_insert_with(|| promised.clone());
                    *highest = promised.max(highest.clone());
                }
            }
        }
        granted
    }

    /// Whether a promise counts. One under newer incarnations does alone: those before it may have been made by a
    /// copy that has lost them since.
    fn counts(&mut self, shard: &ShardId, answered: Incarnations) -> bool {
        self.newest = self.newest.newest(&answered);
        let counted = self.counted.entry(shard.clone()).or_insert_with(|| answered.clone());
        match rules::grant(counted, &answered) {
            Grant::Together => true,
            Grant::Alone => {
                *counted = answered;
                self.grants.remove(shard);
                self.entries.remove(shard);
                self.miscounted.insert(shard.clone());
                true
            }
            Grant::Void => {
                self.miscounted.insert(shard.clone());
                false
            }
        }
    }

    /// The shards that a majority has promised.
    fn won(&self) -> impl Iterator<Item = &ShardId> {
        self.grants.iter().filter(|(_, grants)| **grants >= W).map(|(shard, _)| shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::OrderId;

    fn ballot(epoch: u64, region: &str) -> Ballot {
        Ballot { epoch, region: region.into(), incarnation: "a".into() }
    }

    fn entry(epoch: u64, body: &str) -> Entry {
        let order_id = OrderId(uuid::Uuid::from_u128(1));
        let value = EntryValue::Refused { order_id, request_hash: body.to_owned(), reason: String::new() };
        Entry::open("am-00".into(), "key".into(), ballot(epoch, "us-east-1"), value)
    }

    #[test]
    fn a_new_value_joins_what_was_recovered() {
        let mut held = Held::new(ballot(2, "eu-west-1"));
        let (_, work) = held.begin(entry(1, "recovered"), true);
        assert_eq!(work.map(|work| work.entry.ballot), Some(ballot(2, "eu-west-1")));
        assert!(held.begin(entry(2, "new"), false).1.is_none());
        assert_eq!(held.recovering, 1);
    }

    #[test]
    fn the_highest_epoch_known_never_falls() {
        let mut state = State::default();
        let shard = ShardId::from("am-00");
        state.learn(&shard, &ballot(3, "us-east-1"));
        state.learn(&shard, &ballot(2, "eu-west-1"));
        assert_eq!(state.hints.get(&shard), Some(&(3, "us-east-1".into())));
        state.refused(&shard, &ballot(2, "eu-west-1"));
        assert_eq!(state.hints.get(&shard), Some(&(3, "eu-west-1".into())));
    }

    #[test]
    fn a_promise_under_newer_incarnations_takes_the_others_away() {
        let shards = [ShardId::from("am-00")];
        let granted = |text: &str| PromiseResponse {
            shards: vec![Promise::Promised {
                entries: vec![entry(1, text)],
                incarnations: text.parse().expect("incarnations"),
            }],
        };
        let mut tally = Promised::under(&Incarnations::default());
        assert_eq!(tally.count(&shards, granted("eu-west-1=1")).len(), 1);
        assert_eq!(tally.count(&shards, granted("eu-west-1=2")).len(), 1);
        assert_eq!((tally.won().count(), tally.entries[&shards[0]].len()), (0, 1));
        assert_eq!(tally.count(&shards, granted("eu-west-1=1")).len(), 0);
        assert!(tally.miscounted.contains(&shards[0]));
        let returning = PromiseResponse { shards: vec![Promise::Returning] };
        assert_eq!(tally.count(&shards, returning).len(), 0);
        assert_eq!(tally.count(&shards, granted("eu-west-1=2")).len(), 1);
        assert_eq!(tally.won().count(), 1);
        assert_eq!(tally.newest.to_string(), "eu-west-1=2");
    }

    #[test]
    fn work_of_an_earlier_ballot_finds_no_shard_of_its_own() {
        let mut state = State::default();
        state.held.insert("am-00".into(), Held::new(ballot(3, "us-east-1")));
        assert!(state.held_under(&entry(1, "a")).is_none());
        assert!(state.held_under(&entry(3, "a")).is_some());
    }
}
