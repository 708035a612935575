//! The shards that this process drives, and how their entries get chosen. [`takeover`] is how it comes to them.

mod takeover;

use super::{
    W,
    copies::Copies,
    lanes::Lanes,
    rules::{self, Decision, Tally},
};
use crate::{error::OrdersError, left::Left, tasks::Tasks};
use contracts::{
    Continent, OrderId, Region, ShardId,
    journal::{Ballot, Entry, EntryValue, FindRequest, FindResponse, Incarnations},
};
use futures::{StreamExt, stream::FuturesUnordered};
use platform::{Platform, config::Durability, planted::Planted, watch};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Tries of one proposal while a majority cannot be reached.
const PROPOSAL_TRIES: u32 = 20;
/// Pause between two tries.
const PROPOSAL_PAUSE: Duration = Duration::from_millis(100);
/// One copy's answer to what it has under a key, at most.
const FIND_LIMIT: Duration = Duration::from_millis(500);

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

    /// Whether a region, this one, drove a shard last and does so no more.
    fn dropped(&self, shard: &ShardId, here: &Region) -> bool {
        let last = self.hints.get(shard).is_some_and(|(_, region)| region == here);
        last && !self.held.contains_key(shard)
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
    /// The journal's copies.
    pub copies: Copies,
    lanes: Lanes,
    /// For what former owners left: new keys need not wait behind it.
    recovery_lanes: Lanes,
    incarnation: String,
    state: Arc<Mutex<State>>,
    taking: Arc<tokio::sync::Mutex<()>>,
    /// Proposals under way.
    pub tasks: Tasks,
    /// What the entries of former owners tell of their orders, once they are chosen again.
    pub left: Left,
}

impl Owner {
    /// Holds nothing yet.
    pub fn new(platform: &Platform) -> Self {
        let copies = Copies::new(platform);
        Owner {
            platform: platform.clone(),
            lanes: Lanes::new(&copies),
            recovery_lanes: Lanes::new(&copies),
            copies,
            incarnation: incarnation(platform),
            state: Arc::default(),
            taking: Arc::default(),
            tasks: Tasks::default(),
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

    /// For [`Planted::SharedBallot`]: whether an entry that this process never proposed passes for one of its own.
    pub fn shares_ballot(&self, entry: &Entry) -> bool {
        self.platform.world.has(Planted::SharedBallot) && self.lock().held_under(entry).is_some()
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
        for mut proposal in self.proposals_about(shard, order_id) {
            // A sender that is gone has decided nothing; nor will it.
            let _ = proposal.wait_for(Option::is_some).await;
        }
    }

    /// Whether everything that was proposed about an order is closed: nobody writes an entry of it again.
    pub fn is_closed(&self, shard: &ShardId, order_id: OrderId) -> bool {
        let undecided = |proposal: &watch::Receiver<Option<Outcome>>| proposal.borrow().is_none();
        self.recovered(shard)
            && !self.proposals_about(shard, order_id).iter().any(undecided)
            && !self.has_unclosed(shard, order_id)
    }

    fn has_unclosed(&self, shard: &ShardId, order_id: OrderId) -> bool {
        let state = self.lock();
        let mut all = state.held.get(shard).into_iter().flat_map(|held| held.unclosed.values());
        all.any(|unclosed| unclosed.entry.value.order_id() == order_id)
    }

    fn proposals_about(&self, shard: &ShardId, order_id: OrderId) -> Vec<watch::Receiver<Option<Outcome>>> {
        let state = self.lock();
        let all = state.held.get(shard).into_iter().flat_map(|held| held.proposals.values());
        let about = all.filter(|proposal| proposal.entry.value.order_id() == order_id);
        about.map(|proposal| proposal.outcome.clone()).collect()
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
        self.tasks.spawn(async move { owner.drive(work).await });
    }

    /// Whether everything that former owners of a shard left is decided under this process's ballot.
    pub fn recovered(&self, shard: &ShardId) -> bool {
        self.lock().held.get(shard).is_some_and(|held| held.recovering == 0)
    }

    /// What the journal has under a key, from a majority of its copies: whatever was chosen under any ballot is among
    /// what they hold. For keys of former owners, whose closed entries a takeover does not read.
    ///
    /// # Errors
    /// When no majority answers.
    pub async fn written(&self, shard: &ShardId, key_hash: &str) -> Result<Option<Entry>, OrdersError> {
        let request = FindRequest { shard: shard.clone(), key_hash: key_hash.to_owned() };
        let copies = self.copies.regions();
        let mut reads: FuturesUnordered<_> =
            copies.iter().map(|copy| self.copies.find(copy, &request, FIND_LIMIT)).collect();
        let mut found = Vec::new();
        while let Some(answer) = reads.next().await {
            found.extend(answer);
            if found.len() >= W {
                let held = found.into_iter().filter_map(|answer: FindResponse| answer.entry);
                return Ok(rules::recover(held).into_values().next());
            }
        }
        Err(OrdersError::NotDurable)
    }

    /// Tries until the entry is decided. The customer may be long gone: the entry is finished all the same.
    async fn drive(&self, work: Work) {
        let outcome = self.decide(&work).await;
        self.announce(&work, outcome);
        if work.recovery
            && let Some(held) = self.lock().held_under(&work.entry)
        {
            held.recovering = held.recovering.saturating_sub(1);
        }
    }

    /// Says how a proposal ended. What a former owner left is noted before anybody hears that it is decided: they go on
    /// from the newest that it tells of the order.
    fn announce(&self, work: &Work, outcome: Outcome) {
        if work.announce.borrow().is_some() {
            return; // as soon as W copies had it
        }
        match &outcome {
            Outcome::Chosen(decided) | Outcome::Decided(decided) if work.recovery => {
                self.left.note(&decided.value);
            }
            // Where its token is bound to another order it cannot have been chosen.
            _ => {}
        }
        work.announce.send_replace(Some(outcome));
    }

    async fn decide(&self, work: &Work) -> Outcome {
        let entry = &work.entry;
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
            let decision = self.write_round(work, &counted).await;
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
    async fn write_round(&self, work: &Work, counted: &Incarnations) -> Decision {
        let entry = &work.entry;
        let lanes = if work.recovery { &self.recovery_lanes } else { &self.lanes };
        let copies = self.copies.regions();
        let mut writes: FuturesUnordered<_> =
            copies.iter().map(|copy| lanes.write(copy, entry.clone(), counted.clone())).collect();
        let mut tally = Tally::default();
        let enough = if self.platform.world.has(Planted::OneCopy) { 1 } else { W };
        while let Some(answer) = writes.next().await {
            tally.count(answer);
            if tally.stored == enough && work.announce.borrow().is_none() {
                self.chosen(entry);
                self.announce(work, Outcome::Chosen(Box::new(entry.clone())));
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
            EntryValue::Command { order, .. } | EntryValue::Intent { order, .. } => order.version + 1,
            EntryValue::Refused { .. } | EntryValue::CommandRefused { .. } => 0,
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

#[cfg(test)]
mod tests;
