//! Moves a plan onto clouds that are not embedded: their user pools are made first, as their ids, keys and users' ids are
//! for them to choose.

use super::{ACCOUNT, ENV, Plan, Pool};
use crate::{
    cloud::PoolMade,
    engine::clouds::{Backing, Clouds},
};
use anyhow::Context as _;
use contracts::ids::{Continent, UserId};
use std::collections::BTreeMap;

impl Plan {
    /// Makes the clouds ready and moves onto them. Where a cloud has no user pools, as LocalStack's free image, the
    /// embedded ones sign in.
    ///
    /// # Errors
    /// When a cloud is not there, or a user pool cannot be made.
    pub async fn moved_to(mut self, backing: &Backing, clouds: &Clouds) -> anyhow::Result<Plan> {
        if backing.is_embedded() {
            return Ok(self);
        }
        clouds.raise(backing, &self.scenario.topology, ENV, ACCOUNT).await?;
        for region in &self.scenario.topology.regions {
            let home = clouds.home(&region.name).with_context(|| format!("{} has no cloud", region.name))?;
            self.upstreams.insert(region.name.clone(), home.spec(Vec::new()).await?);
        }
        let continents = self.scenario.topology.continents.clone();
        for continent in &continents {
            let place = &continent.journal_region;
            let home = clouds.home(place).with_context(|| format!("{place} has no cloud"))?;
            let (name, users) = (format!("ecommerce-{ENV}-{}", continent.id), self.users_of(&continent.id));
            let Some(made) = home.upstream(Vec::new()).await?.make_pool(&name, &users).await? else {
                continue;
            };
            if let Some(upstream) = self.upstreams.get_mut(place) {
                upstream.pools.push(made.name.clone());
            }
            self.take_pool(&continent.id, &made);
        }
        self.clouds = clouds.clone();
        self.cloud = backing.word();
        Ok(self)
    }

    /// Takes a pool that was made: everybody of the continent has another id there.
    fn take_pool(&mut self, home: &Continent, made: &PoolMade) {
        let mut renamed: BTreeMap<UserId, UserId> = BTreeMap::new();
        let customers = self.customers.iter_mut().map(|one| (&one.home, &one.username, &mut one.sub));
        let staff = self.staff.iter_mut().map(|one| (&one.home, &one.username, &mut one.sub));
        for (_, username, sub) in customers.chain(staff).filter(|(lives, ..)| *lives == home) {
            if let Some(new) = made.subs.get(username) {
                let new = UserId(new.clone());
                renamed.insert(std::mem::replace(sub, new.clone()), new);
            }
        }
        let of = |old: UserId| renamed.get(&old).cloned().unwrap_or(old);
        self.adults = std::mem::take(&mut self.adults).into_iter().map(of).collect();
        self.unverified =
            std::mem::take(&mut self.unverified).into_iter().map(|(old, papers)| (of(old), papers)).collect();
        self.pools.insert(home.clone(), Pool::made(made));
    }
}
