//! What the regions' clouds stand on: the engines in their processes, an endpoint that runs already, or containers.

use super::localstack::{Container, LocalStack};
use crate::{
    cloud::{Clock, PoolName, Upstream, UpstreamSpec},
    scenario::Fault,
    topology::Topology,
};
use anyhow::{Context as _, ensure};
use contracts::ids::Region;
use futures::future::{join_all, try_join_all};
use loadtests::clock::RunClock;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Where the clouds come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Backing {
    /// Each region's process has its own.
    #[default]
    Embedded,
    /// Something LocalStack-compatible that runs already: one address for all regions, which the signatures' scope tells
    /// apart, or one for each in the topology's order.
    Endpoints(Vec<String>),
    /// A container for each region.
    LocalStack(LocalStack),
}

impl Backing {
    /// Its word in reports.
    pub fn word(&self) -> String {
        match self {
            Backing::Embedded => "embedded".to_owned(),
            Backing::Endpoints(urls) => format!("endpoint {}", urls.join(",")),
            Backing::LocalStack(localstack) => format!("localstack {}", localstack.image),
        }
    }

    /// Whether a fault can be done to them. What an upstream does behind our door is out of reach: its bus delivers to its
    /// queues by itself.
    pub fn does(&self, fault: &Fault) -> bool {
        let of_events = matches!(
            fault,
            Fault::EventDuplicate { .. } | Fault::EventDelay { .. } | Fault::EventReorder { .. }
        );
        self.is_embedded() || !of_events
    }

    /// Whether the regions' own engines are used.
    pub fn is_embedded(&self) -> bool {
        *self == Backing::Embedded
    }
}

/// The clouds of a run that are not embedded, by region. Clones are the same clouds; whoever made the first ends them.
#[derive(Clone, Default)]
pub struct Clouds(Arc<Mutex<BTreeMap<Region, Arc<Home>>>>);

/// Where the cloud of one region is.
pub struct Home {
    declared: Declared,
    place: Place,
}

/// What a region declares of itself to an upstream.
#[derive(Clone)]
struct Declared {
    region: Region,
    account: String,
    env: String,
}

enum Place {
    Endpoint(String),
    Container { localstack: LocalStack, running: tokio::sync::Mutex<Option<Box<Container>>> },
}

impl Clouds {
    /// Makes the clouds ready for a topology: asks whether the endpoints answer, or starts the containers.
    ///
    /// # Errors
    /// When one does not; it is named.
    pub async fn raise(
        &self,
        backing: &Backing,
        topology: &Topology,
        env: &str,
        account: &str,
    ) -> anyhow::Result<()> {
        let names: Vec<&Region> = topology.regions.iter().map(|region| &region.name).collect();
        let declared = |region: &Region| Declared {
            region: region.clone(),
            account: account.to_owned(),
            env: env.to_owned(),
        };
        let homes = match backing {
            Backing::Embedded => Vec::new(),
            Backing::Endpoints(urls) => {
                let urls = spread(urls, names.len())?;
                let home = |(name, url): (&&Region, String)| Home {
                    declared: declared(name),
                    place: Place::Endpoint(url),
                };
                names.iter().zip(urls).map(home).collect()
            }
            Backing::LocalStack(localstack) => {
                let home = |name: &&Region| Home {
                    declared: declared(name),
                    place: Place::Container {
                        localstack: localstack.clone(),
                        running: tokio::sync::Mutex::new(None),
                    },
                };
                names.iter().map(home).collect()
            }
        };
        let homes: Vec<Arc<Home>> = homes.into_iter().map(Arc::new).collect();
        {
            // Known before they start: what is half started when the user stops the run is ended too.
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.extend(homes.iter().map(|home| (home.declared.region.clone(), home.clone())));
        }
        try_join_all(homes.iter().map(|home| home.start())).await?;
        Ok(())
    }

    /// Where a region's cloud is; `None` where it is embedded.
    pub fn home(&self, region: &Region) -> Option<Arc<Home>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(region).cloned()
    }

    /// Ends all containers. What lies in an endpoint stays for whoever wants to look at it; the next run takes it away.
    ///
    /// # Errors
    /// When one stays.
    pub async fn end(&self) -> anyhow::Result<()> {
        let homes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = join_all(homes.values().map(|home| home.end())).await;
        ended.into_iter().collect()
    }
}

/// One address for each region.
fn spread(urls: &[String], regions: usize) -> anyhow::Result<Vec<String>> {
    if let [one] = urls {
        return Ok(vec![one.clone(); regions]);
    }
    ensure!(
        urls.len() == regions,
        "--endpoint names {} addresses for {regions} regions: give one, or one for each",
        urls.len()
    );
    Ok(urls.to_vec())
}

impl Home {
    async fn start(&self) -> anyhow::Result<()> {
        match &self.place {
            Place::Endpoint(_) => self.upstream(Vec::new()).await?.check().await,
            Place::Container { localstack, running } => {
                let whose = || format!("the cloud of {}", self.declared.region);
                let mut running = running.lock().await;
                // Kept before it is up: whoever stops the run meanwhile finds it and ends it.
                let container =
                    running.insert(Box::new(Container::make(localstack).await.with_context(whose)?));
                container.until_up().await.with_context(whose)
            }
        }
    }

    /// What the region is told.
    ///
    /// # Errors
    /// When the container is not there.
    pub async fn spec(&self, pools: Vec<PoolName>) -> anyhow::Result<UpstreamSpec> {
        let url = match &self.place {
            Place::Endpoint(url) => url.clone(),
            Place::Container { running, .. } => {
                let running = running.lock().await;
                running.as_ref().context("the container of the region is gone")?.url().to_owned()
            }
        };
        let Declared { region, account, .. } = &self.declared;
        Ok(UpstreamSpec { url, region: region.0.clone(), account: account.clone(), pools })
    }

    /// The way to it.
    ///
    /// # Errors
    /// As [`Home::spec`].
    pub async fn upstream(&self, pools: Vec<PoolName>) -> anyhow::Result<Upstream> {
        let start = RunClock::start();
        let clock: Clock = Arc::new(move || start.wall_ms_at(start.now_us()));
        Upstream::new(self.spec(pools).await?, &self.declared.env, clock)
    }

    /// Loses it with everything in it: the container is ended, or what the region has at an endpoint is deleted.
    ///
    /// # Errors
    /// When something stays.
    pub async fn lose(&self, pools: Vec<PoolName>) -> anyhow::Result<()> {
        match &self.place {
            Place::Endpoint(_) => self.upstream(pools).await?.lose().await,
            Place::Container { .. } => self.end().await,
        }
    }

    /// Makes an empty one in the place of one that was lost, and says where it is. Its user pools do not come back.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_again(&self) -> anyhow::Result<UpstreamSpec> {
        self.start().await?;
        self.spec(Vec::new()).await
    }

    async fn end(&self) -> anyhow::Result<()> {
        let Place::Container { running, .. } = &self.place else { return Ok(()) };
        match running.lock().await.take() {
            Some(container) => container.end().await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_serves_all_regions_and_several_each_their_own() {
        let urls = |count: usize| (0..count).map(|n| format!("http://127.0.0.1:{n}")).collect::<Vec<_>>();
        assert_eq!(spread(&urls(1), 3).expect("one for all"), vec![urls(1).remove(0); 3]);
        assert_eq!(spread(&urls(3), 3).expect("one for each"), urls(3));
        let fault = spread(&urls(2), 3).expect_err("neither").to_string();
        assert_eq!(fault, "--endpoint names 2 addresses for 3 regions: give one, or one for each");
    }

    #[tokio::test]
    async fn an_endpoint_that_is_down_is_named() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", free.local_addr().expect("an address"));
        drop(free);
        let declared = Declared {
            region: "eu-west-1".into(),
            account: "123456789012".to_owned(),
            env: "sim".to_owned(),
        };
        let home = Home { declared, place: Place::Endpoint(url.clone()) };
        let fault = format!("{:#}", home.start().await.expect_err("nobody listens"));
        assert!(fault.contains(&format!("{url} does not answer")), "{fault}");
    }
}
