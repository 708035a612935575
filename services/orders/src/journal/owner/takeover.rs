//! How a process comes to drive a shard: it has a majority promise it a higher ballot, reads what is not closed, and
//! writes it again.

use super::{Held, Owner, Route};
use crate::{
    error::OrdersError,
    journal::{
        W,
        rules::{self, Grant},
        shards_of,
    },
};
use contracts::{
    Continent, Region, ShardId,
    journal::{Ballot, Entry, EntryState, Incarnations, Promise, PromiseRequest, PromiseResponse},
};
use futures::{StreamExt, stream::FuturesUnordered};
use platform::{config::Durability, planted::Planted};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// One call of a takeover at most.
const PROMISE_LIMIT: Duration = Duration::from_millis(800);
/// Rounds of a takeover against higher ballots.
const TAKEOVER_ROUNDS: u32 = 3;

impl Owner {
    /// The last owner that this region knows of a shard: a live hint, or the first successor.
    pub(in crate::journal) fn believed_owner(&self, home: &Continent, shard: &ShardId) -> Option<Region> {
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
        if self.set_aside() {
            return Ok(()); // others drive what it would
        }
        let here = Some(self.platform.config.region.clone());
        let continents = &self.platform.config.continents;
        let mine = continents.iter().filter(|continent| continent.successors.first() == here.as_ref());
        let shards: Vec<_> = mine.flat_map(|continent| self.shards_of(&continent.id)).collect();
        let _one_at_a_time = self.taking.lock().await;
        let missing: Vec<_> = shards.into_iter().filter(|shard| self.vacant(shard)).collect();
        if self.platform.world.has(Planted::SharedBallot) {
            // The ballot is its predecessor's, and so is what the copies promised to it.
            self.hold(&missing, 1, Vec::new());
            return Ok(());
        }
        if missing.is_empty() { Ok(()) } else { self.take(&missing, 1, &[]).await }
    }

    /// Takes over what silent owners left, without waiting for a customer to ask. Copies that still hear an owner
    /// do not give its shards away.
    ///
    /// # Errors
    /// When no majority of the journal could be reached.
    pub async fn take_orphans(&self) -> Result<(), OrdersError> {
        if self.set_aside() {
            self.let_go();
        }
        let mut regions = self.platform.config.regions.iter();
        let all_heard = !regions.any(|region| self.platform.liveness.suspected(&region.name));
        if all_heard && !self.dropped_any() {
            return Ok(());
        }
        for continent in self.platform.config.continents.clone() {
            for shard in self.shards_of(&continent.id) {
                let owner = self.believed_owner(&continent.id, &shard);
                let orphan = owner.is_some_and(|owner| self.platform.liveness.suspected(&owner));
                if (orphan || self.dropped(&shard)) && self.route(&continent.id, &shard) == Route::Here {
                    self.ensure_held(&continent.id, &shard).await?;
                }
            }
        }
        Ok(())
    }

    /// Whether operators have set this region aside.
    fn set_aside(&self) -> bool {
        self.platform.liveness.standings.aside(&self.platform.config.region)
    }

    /// Drives nothing any more: operators have set this region aside. What is under way is found by whoever takes the
    /// shards over, as if this process had met a higher ballot.
    fn let_go(&self) {
        let held = std::mem::take(&mut self.lock().held);
        if !held.is_empty() {
            tracing::info!(shards = held.len(), "let go of all shards: the region is set aside");
        }
    }

    /// Whether nobody drives a shard as far as this region knows, or only an earlier process of its own did.
    fn vacant(&self, shard: &ShardId) -> bool {
        let state = self.lock();
        let elsewhere =
            state.hints.get(shard).is_some_and(|(_, region)| *region != self.platform.config.region);
        !elsewhere && !state.held.contains_key(shard)
    }

    /// Whether this region was the last to drive a shard, and does so no more: its last process is gone, or had no
    /// majority.
    fn dropped(&self, shard: &ShardId) -> bool {
        self.lock().dropped(shard, &self.platform.config.region)
    }

    fn dropped_any(&self) -> bool {
        let state = self.lock();
        state.hints.keys().any(|shard| state.dropped(shard, &self.platform.config.region))
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
        let copies = self.copies.regions();
        // The own copy comes last, and only for shards that another copy has promised: a candidate whom nobody
        // follows must not have raised a ballot anywhere, or it would shut out an owner whom the others hear.
        let (own, others): (Vec<_>, Vec<_>) =
            copies.into_iter().partition(|copy| *copy == self.platform.config.region);
        let mut calls: FuturesUnordered<_> =
            others.iter().map(|copy| self.copies.promise(copy, &request, PROMISE_LIMIT)).collect();
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
                if let Some(answer) = self.copies.promise(own, &request, PROMISE_LIMIT).await {
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
    use crate::journal::owner::tests::entry;

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
}
