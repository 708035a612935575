//! Where decisions about regions are made, kept and told.

use super::{
    OpsError, clients,
    domain::{self, Decision, Wanted},
    standings::same,
    store::{Kept, Store},
};
use crate::{Deadline, Platform, TableError};
use contracts::{
    Region,
    bodies::ops::{OutboxLag, RegionStanding, RegionState, RegionStatus, RegionsView, StateAnswer},
};
use futures::future::join_all;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// The desk of a region. Clones are the same desk.
#[derive(Clone)]
pub struct Desk {
    platform: Platform,
    store: Store,
    /// Whether this process has read what its table knows.
    read: Arc<AtomicBool>,
}

impl Desk {
    /// The desk of this region.
    pub fn new(platform: &Platform) -> Self {
        Desk { platform: platform.clone(), store: Store::new(platform), read: Arc::default() }
    }

    /// Decides about a region, and tells every other one.
    ///
    /// # Errors
    /// When nothing of the kind may be decided, somebody else decided meanwhile, or the table does not answer.
    pub async fn decide(
        &self,
        region: &Region,
        state: RegionState,
        reason: &str,
        by: &str,
        deadline: Deadline,
    ) -> Result<StateAnswer, OpsError> {
        self.read_once().await?;
        let (config, standings) = (&self.platform.config, &self.platform.liveness.standings);
        let regions: Vec<Region> = config.regions.iter().map(|region| region.name.clone()).collect();
        let wanted = Wanted { region, state, reason, here: &config.region };
        let standing = match domain::decide(&wanted, &regions, |region| standings.of(region))? {
            Decision::Stands(standing) => standing,
            Decision::New(standing) => {
                tracing::warn!(%region, %state, epoch = standing.epoch, by, reason, "a region's state is decided");
                self.settle(&standing, self.store.decide(&standing, by).await?)?;
                standing
            }
        };
        self.tell(standing, deadline).await
    }

    /// Tells every other region of what stands here.
    async fn tell(&self, standing: RegionStanding, deadline: Deadline) -> Result<StateAnswer, OpsError> {
        let others: Vec<&Region> = self.platform.config.other_regions().collect();
        let calls = others.iter().map(|other| clients::tell(&self.platform, other, &standing, deadline));
        let answers = join_all(calls).await;
        let (mut taken, mut unreached) = (Vec::new(), Vec::new());
        for (other, answer) in others.into_iter().zip(answers) {
            match answer {
                Ok(there) if same(&there, &standing) => taken.push(other.clone()),
                Ok(there) => return Err(self.outranked(there)),
                Err(cause) => {
                    tracing::info!(region = %other, %cause, "a region hears of a decision later");
                    unreached.push(other.clone());
                }
            }
        }
        Ok(StateAnswer { standing, taken, unreached })
    }

    /// Takes a decision that another region tells of, and says what stands here then.
    ///
    /// # Errors
    /// When there is no such region, or the table does not answer.
    pub async fn take(&self, told: RegionStanding) -> Result<RegionStanding, OpsError> {
        if !self.knows(&told.region) || !self.knows(&told.decided_in) {
            return Err(OpsError::UnknownRegion);
        }
        // Nothing to decide and nothing to keep: the region has never been anything but active.
        if told.epoch == 0 {
            let held = self.platform.liveness.standings.of(&told.region);
            return Ok(held.unwrap_or(told));
        }
        match self.settle(&told, self.store.keep(&told).await?) {
            Err(OpsError::Outranked(held)) => Ok(held),
            settled => settled.map(|()| told),
        }
    }

    /// Notes what the table has now.
    fn settle(&self, standing: &RegionStanding, kept: Kept) -> Result<(), OpsError> {
        match kept {
            Kept::Stands => {
                self.platform.liveness.standings.stored(standing.clone());
                Ok(())
            }
            Kept::Other(held) => {
                self.platform.liveness.standings.stored(held.clone());
                Err(OpsError::Outranked(held))
            }
        }
    }

    fn outranked(&self, standing: RegionStanding) -> OpsError {
        if standing.epoch > 0 {
            self.platform.liveness.standings.learn(standing.clone());
        }
        OpsError::Outranked(standing)
    }

    /// All regions as this one sees them.
    pub async fn view(&self, deadline: Deadline) -> RegionsView {
        let regions = self.platform.config.regions.iter();
        let lags = join_all(regions.clone().map(|region| self.lag_of(&region.name, deadline))).await;
        let status = |(region, outbox_lag_ms): (&crate::config::RegionConfig, Option<u64>)| {
            let held = self.platform.liveness.standings.of(&region.name);
            let held = held.unwrap_or_else(|| domain::undecided(&region.name));
            RegionStatus {
                region: region.name.clone(),
                continent: region.continent.clone(),
                state: held.state,
                epoch: held.epoch,
                reason: held.reason,
                heard: self.platform.liveness.hears(&region.name),
                outbox_lag_ms,
            }
        };
        RegionsView { regions: regions.zip(lags).map(status).collect() }
    }

    /// As the region itself says, or, where it does not, as far as the copies here know: what waits in those is what this
    /// region publishes for it.
    async fn lag_of(&self, region: &Region, deadline: Deadline) -> Option<u64> {
        let elsewhere = *region != self.platform.config.region;
        if elsewhere && self.platform.liveness.hears(region) {
            let told = clients::outbox_lag(&self.platform, region, deadline).await;
            if let Ok(Some(lag)) = told {
                return Some(lag);
            }
        }
        deadline.bound(self.lag_seen_here(region)).await.ok()?
    }

    async fn lag_seen_here(&self, of: &Region) -> Option<u64> {
        let oldest = self.platform.outboxes.oldest_pending(of).await?;
        let now = self.platform.world.now();
        Some(oldest.map_or(0, |since| (now.0 - since).max(0).unsigned_abs()))
    }

    /// How far behind this region's outboxes are.
    pub async fn outbox_lag(&self) -> OutboxLag {
        OutboxLag { outbox_lag_ms: self.lag_seen_here(&self.platform.config.region).await }
    }

    /// Stores what was heard of on the heartbeats' streams, and publishes what a relay missed. A process begins with
    /// what its table knows.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn keep_up(&self) -> Result<(), TableError> {
        self.read_once().await?;
        let standings = &self.platform.liveness.standings;
        for standing in standings.unstored() {
            // A higher one that is there is learned, and told by the next stream.
            let kept = self.store.keep(&standing).await?;
            let _ = self.settle(&standing, kept);
        }
        if standings.revision() > 0 {
            self.store.outbox.sweep(&[self.platform.config.region.to_string()]).await?;
        }
        Ok(())
    }

    /// Publishes the next decision's event; waits for one.
    ///
    /// # Errors
    /// When the table or the bus does not answer.
    pub async fn relay_next(&self) -> Result<(), TableError> {
        self.store.outbox.relay_next().await
    }

    async fn read_once(&self) -> Result<(), TableError> {
        if !self.read.load(Relaxed) {
            for standing in self.store.all().await? {
                self.platform.liveness.standings.stored(standing);
            }
            self.read.store(true, Relaxed);
        }
        Ok(())
    }

    fn knows(&self, region: &Region) -> bool {
        self.platform.config.continent_of(region).is_some()
    }
}
