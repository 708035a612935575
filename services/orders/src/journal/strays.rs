//! Finds shards that nobody drives. A candidate that came to nothing leaves its ballot on a copy, and a process that
//! begins then takes it for the owner, while it takes this process's predecessor for that. A customer who asks makes
//! them find out; where nobody asks, the shard's orders would wait for ever.

use super::{
    owner::{Owner, Route},
    shards_of,
};
use crate::NAME;
use contracts::{Continent, Region, ShardId, journal::HeldShards};
use platform::{
    Deadline, Platform,
    calls::{CallError, Credential},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// One call at most.
const LIMIT: Duration = Duration::from_millis(1500);

/// Shards by the region that is taken for their owner.
type ByOwner = BTreeMap<Region, BTreeMap<ShardId, Continent>>;

/// Asks owners that live whether they drive what they are taken to drive.
#[derive(Clone)]
pub struct Strays {
    platform: Platform,
    owner: Owner,
    /// What owners did not drive when they were last asked. They may have been about to take it.
    missed: Arc<Mutex<BTreeSet<(Region, ShardId)>>>,
}

impl Strays {
    /// None known yet.
    pub fn new(platform: &Platform, owner: &Owner) -> Self {
        Strays { platform: platform.clone(), owner: owner.clone(), missed: Arc::default() }
    }

    /// Asks each owner whose successor this region is, and takes what it did not drive the last time either.
    ///
    /// # Errors
    /// Never: what could not be asked or taken is looked at again.
    pub async fn look(&self) -> Result<(), std::convert::Infallible> {
        let before = std::mem::take(&mut *self.missed());
        for (owner, shards) in self.supposed() {
            let held = match self.held_by(&owner).await {
                Ok(held) => held,
                Err(cause) => {
                    tracing::debug!(%owner, %cause, "an owner does not say what it drives");
                    continue;
                }
            };
            for (shard, home) in shards.into_iter().filter(|(shard, _)| !held.contains(shard)) {
                let missed = (owner.clone(), shard);
                if before.contains(&missed) {
                    self.take(&home, &missed.1, &owner).await;
                }
                self.missed().insert(missed);
            }
        }
        Ok(())
    }

    async fn take(&self, home: &Continent, shard: &ShardId, owner: &Region) {
        tracing::info!(%shard, %owner, "nobody drives a shard");
        self.owner.disown(shard, owner);
        if self.owner.route(home, shard) == Route::Here
            && let Err(cause) = self.owner.ensure_held(home, shard).await
        {
            tracing::debug!(%shard, %cause, "a shard that nobody drives is not taken yet");
        }
    }

    /// What others that live are taken to drive and this region would be the next to.
    fn supposed(&self) -> ByOwner {
        let mut supposed = ByOwner::new();
        for continent in &self.platform.config.continents {
            for shard in shards_of(&self.platform.config, &continent.id) {
                let owner = self.owner.believed_owner(&continent.id, &shard);
                let Some(owner) = owner.filter(|owner| self.lives_elsewhere(owner)) else { continue };
                let next = continent.successors.iter().find(|&one| *one != owner && self.lives(one));
                if next == Some(&self.platform.config.region) && self.owner.epoch(&shard).is_none() {
                    supposed.entry(owner).or_default().insert(shard, continent.id.clone());
                }
            }
        }
        supposed
    }

    fn lives(&self, region: &Region) -> bool {
        !self.platform.liveness.suspected(region)
    }

    fn lives_elsewhere(&self, region: &Region) -> bool {
        *region != self.platform.config.region && self.lives(region)
    }

    async fn held_by(&self, owner: &Region) -> Result<BTreeSet<ShardId>, CallError> {
        let call = self.platform.calls.in_region(owner, NAME);
        let credential = Credential::Service(NAME);
        let answer: HeldShards =
            call.get(credential, "/backend/journal/shards", Deadline::within(LIMIT)).await?;
        Ok(answer.shards.into_iter().collect())
    }

    fn missed(&self) -> std::sync::MutexGuard<'_, BTreeSet<(Region, ShardId)>> {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
