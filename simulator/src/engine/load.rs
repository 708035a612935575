//! The load and, in the midst of it, the faults.

use super::{
    RunFolder, collect,
    journeys::{JourneyPlan, Journeys},
    stage::Stage,
};
use crate::{
    driver::{self, DriverConfig, DriverReport, Probes, ScarceGoods},
    faults::{FaultRecord, Faults},
    history::History,
    process::Processes,
    scenario::Engine,
    watch::Watch,
};
use anyhow::bail;
use contracts::Product;
use loadtests::{Summary, accounts::SignedIn, attack::Provider, basket::CatalogueItem};
use std::{path::PathBuf, time::Duration};

/// From the last preparation to the load's first moment: buyers ask for prices two seconds ahead.
const BEFORE_LOAD_US: u64 = 3_000_000;

/// What a load needs.
pub struct Load<'a> {
    /// The world.
    pub stage: &'a Stage,
    /// Where it is shown.
    pub watch: &'a Watch,
    /// Where it is written down.
    pub folder: &'a RunFolder,
    /// What owns the journeys' process; without it there are none.
    pub processes: Option<&'a Processes>,
    /// Those who buy; the last ones play the journeys, the others are the driver's.
    pub customers: &'a [SignedIn],
    /// An administrator's token.
    pub desk_token: &'a str,
    /// What they know of the catalogue.
    pub products: &'a [Product],
}

/// What a load left behind.
pub struct Loaded {
    /// What the driver saw.
    pub driver: DriverReport,
    /// What the journeys did; `None` where there were none.
    pub journeys: Option<Summary>,
    /// What broke, not judged yet.
    pub faults: Vec<FaultRecord>,
    /// When it was over, microseconds since the run's start.
    pub ended_us: u64,
    /// Where it was written down.
    pub histories: Vec<PathBuf>,
}

impl Load<'_> {
    /// Sends everything, and breaks what the scenario says.
    ///
    /// # Errors
    /// When the load could not be sent or written down as planned, or a fault could not be done.
    pub async fn run(self) -> anyhow::Result<Loaded> {
        let scenario = &self.stage.plan.scenario;
        let users = self.processes.map_or(0, |_| scenario.load.goose_users as usize);
        let users = users.min(self.customers.len().saturating_sub(1));
        let (buyers, visitors) = self.customers.split_at(self.customers.len() - users);
        let mut histories = vec![self.folder.file("history.jsonl")];
        let journeys = match self.processes.filter(|_| !visitors.is_empty()) {
            None => None,
            Some(processes) => {
                histories.push(self.folder.file("history-journeys.jsonl"));
                Some(self.journeys(processes, visitors, histories[1].clone()).await?)
            }
        };
        let (driver, faults) = self.drive(buyers, histories[0].clone()).await?;
        let journeys = match journeys {
            Some(journeys) => Some(journeys.finish().await?),
            None => None,
        };
        Ok(Loaded { driver, journeys, faults, ended_us: self.stage.clock.now_us(), histories })
    }

    async fn journeys(
        &self,
        processes: &Processes,
        customers: &[SignedIn],
        history: PathBuf,
    ) -> anyhow::Result<Journeys> {
        let run_s = self.stage.plan.scenario.run_s().ceil() as u64;
        let plan = JourneyPlan { customers, folder: self.folder.path(), history, run_s };
        Journeys::start(self.stage, processes, plan).await
    }

    /// The driver and the faults, by one clock.
    async fn drive(
        &self,
        customers: &[SignedIn],
        path: PathBuf,
    ) -> anyhow::Result<(DriverReport, Vec<FaultRecord>)> {
        let scenario = &self.stage.plan.scenario;
        let (history, writing) = match self.stage.plan.engine {
            Engine::Live => History::start(&path)?,
            Engine::Virtual => History::start_here(&path)?,
        };
        let begins_us = self.stage.clock.now_us() + BEFORE_LOAD_US;
        self.watch.load_begins(begins_us);
        // Nobody stops a load half way: whoever wants it to end ends the run.
        let (_held, stop) = platform::watch::channel(false);
        let config = self.driver_config(customers, begins_us);
        let ground = self.stage.ground();
        let faults = Faults::new(self.stage, self.watch, ground, self.desk_token.to_owned());
        let load = async {
            tokio::try_join!(async { Ok(driver::run(config, history, stop).await?) }, faults.run(begins_us))
        };
        let driven = tokio::select! {
            biased;
            driven = load => driven,
            () = self.watch.follow(path, |at_s| collect::serde_word(&scenario.phase_at(at_s))) => {
                bail!("the display ended")
            }
        };
        // Whoever could not write the history knows why; the driver only knows that it could not go on.
        writing.finish().await?;
        driven
    }

    fn driver_config(&self, customers: &[SignedIn], begins_at_us: u64) -> DriverConfig {
        let (plan, stage) = (&self.stage.plan, self.stage);
        let products = self.products.iter();
        let (scarce, plenty): (Vec<&Product>, Vec<&Product>) =
            products.partition(|product| plan.scarce.contains(&product.product_id));
        let items = |products: Vec<&Product>| products.into_iter().map(CatalogueItem::from).collect();
        DriverConfig {
            seed: plan.scenario.seed,
            key_mark: String::new(),
            clock: stage.clock,
            begins_at_us,
            duration: Duration::from_secs_f64(plan.scenario.run_s()),
            rps: plan.open_loop_rps(),
            mix: plan.scenario.load.mix,
            probes: Probes::default(),
            windows: plan.scenario.windows(),
            edges: stage.edges.iter().map(|(name, edge)| (name.clone(), edge.url.clone())).collect(),
            customers: customers.to_vec(),
            catalogue: items(plenty),
            scarce: ScarceGoods { pct: plan.scenario.load.backorder_pct, items: items(scarce) },
            provider: Provider { url: stage.provider_url.clone(), key: plan.secrets.provider_key.clone() },
            unverified: plan.unverified.clone(),
            returns: stage.returns.clone(),
            world: None,
        }
    }
}
