//! Finds shards that nobody drives. A candidate that came to nothing leaves its ballot on a copy, and a process that
//! begins then takes it for the owner, while it takes this process's predecessor for that. A customer who asks makes
//! them find out; where nobody asks, the shard's orders would wait for ever.

use super::{
    owner::{Owner, Route},
    shards_of,
};
use crate::{NAME, error::OrdersError};
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

/// Why a look ended early.
#[derive(Debug, thiserror::Error)]
pub enum StrayError {
    /// An owner did not say what it drives.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A stray shard could not be taken.
    #[error(transparent)]
    Take(#[from] OrdersError),
}

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
    /// When an owner did not answer, or a shard could not be taken: the next look goes on.
    pub async fn look(&self) -> Result<(), StrayError> {
        let mut missed = BTreeSet::new();
        let mut strays = Vec::new();
        for (owner, shards) in self.supposed() {
            let held = self.held_by(&owner).await?;
            for (shard, home) in shards.into_iter().filter(|(shard, _)| !held.contains(shard)) {
                match self.missed().contains(&(owner.clone(), shard.clone())) {
                    true => strays.push((owner.clone(), home, shard)),
                    false => drop(missed.insert((owner.clone(), shard))),
                }
            }
        }
        *self.missed() = missed;
        for (owner, home, shard) in strays {
            tracing::info!(%shard, %owner, "nobody drives a shard");
            self.owner.disown(&shard, &owner);
            if self.owner.route(&home, &shard) == Route::Here {
                self.owner.ensure_held(&home, &shard).await?;
            }
        }
        Ok(())
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
