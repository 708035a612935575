//! A live run, from the first process to the verdict.

use super::{
    Plan, Ports, RunFolder, collect,
    journeys::{JourneyPlan, Journeys},
    probes,
    regions::RegionProcess,
    report::{self, Run, Used},
    settle,
    stage::Stage,
};
use crate::{
    cloud::Usage,
    driver::{self, DriverConfig, Probes},
    evidence::{self, Evidence, Paint, Verdict},
    faults::{self, FaultRecord, Faults, SeenByCustomers},
    history::{self, History, HistoryRecord},
    machine::MachineWatch,
    process::{self, Processes},
    robots::{Courier, Crew, Failures, Picker, Robots},
    watch::Watch,
};
use anyhow::{Context as _, bail};
use contracts::{Product, ids::Region};
use futures::future::join_all;
use loadtests::{accounts::SignedIn, attack::Provider, basket::CatalogueItem};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;

/// From the last preparation to the load's first moment: buyers ask for prices two seconds ahead.
const BEFORE_LOAD_US: u64 = 3_000_000;
/// Work that goes wrong on purpose.
const FAILURES: Failures = Failures { packaging_pct: 1.0, delivery_pct: 0.5 };

/// Runs a scenario. Gives the exit code that its evidence says.
///
/// # Errors
/// When the run could not be done: then it proves nothing either way.
pub async fn run(plan: Plan, folder: RunFolder, replay: String, processes: &Processes) -> anyhow::Result<u8> {
    let plan = Arc::new(plan);
    let stage = Stage::raise(plan, processes, &folder.logs(), Ports::default()).await?;
    let watch = Watch::new(stage.clock);
    watch.say(&format!("{} regions stand, {} edges are open", stage.regions.len(), stage.edges.len()));
    let act = Act { stage: &stage, watch: &watch, folder: &folder, processes };
    let outcome = tokio::select! {
        outcome = act.play(replay) => outcome,
        why = stage.until_unplanned_end() => Err(anyhow::anyhow!(why)),
    };
    watch.done();
    let evidence = outcome?;
    evidence::write_all(folder.path(), &evidence)?;
    print(&evidence, &folder);
    u8::try_from(evidence.exit_code).context("the exit code")
}

#[allow(clippy::print_stdout)] // this text is the command's output
fn print(evidence: &Evidence, folder: &RunFolder) {
    use std::io::IsTerminal as _;
    let paint = if std::io::stdout().is_terminal() { Paint::Ansi } else { Paint::Plain };
    print!("{}", evidence::terminal(evidence, paint));
    println!("Evidence: {}", folder.file("evidence.html").display());
}

/// One run on a standing stage.
struct Act<'a> {
    stage: &'a Stage,
    watch: &'a Watch,
    folder: &'a RunFolder,
    processes: &'a Processes,
}

/// Tokens of everybody.
struct People {
    customers: Vec<SignedIn>,
    crew: Crew,
    desk_token: String,
    /// A picker's.
    staff_token: String,
}

/// What the load left behind.
struct Loaded {
    driver: driver::DriverReport,
    journeys: Option<loadtests::Summary>,
    faults: Vec<FaultRecord>,
    ended_us: u64,
}

/// What every region had used at a moment.
type Meters = BTreeMap<Region, (Usage, Option<f64>)>;

impl Act<'_> {
    async fn play(&self, replay: String) -> anyhow::Result<Evidence> {
        let people = self.sign_in().await?;
        let products = products::catalogue().context("the catalogue")?;
        let children: Vec<u32> = self.stage.regions.values().map(RegionProcess::pid).collect();
        let machine = MachineWatch::start(self.stage.clock, move || children.clone());
        let robots = Robots::start(people.crew, self.stage.ground());
        let before = self.meters().await;
        let mut loaded = self.load(&people.customers, &people.desk_token, &products).await?;
        let machine = machine.stop().await?;
        let records = history::read_all(&self.histories().iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
        let seen = |lost: &[Region], at_us: u64| self.seen(&records, lost, at_us);
        faults::judge_lasting(self.stage, &mut loaded.faults, seen).await;
        self.watch.say("the load is over; orders come to rest");
        settle::until_at_rest(self.stage, self.watch).await?;
        let robots = robots.stop().await;
        let trespassers = probes::Trespassers {
            customers: &people.customers,
            staff_token: &people.staff_token,
            records: &records,
        };
        let probes = probes::run(self.stage, &trespassers).await?;
        let used = self.used(&before, &loaded.faults).await?;
        let reports = join_all(self.stage.survivors().map(|region| region.control().report())).await;
        self.watch.say("collecting what everybody holds");
        let last = collect::ask_survivors(self.stage).await?;
        self.stage.lower(self.processes).await?;
        let course = collect::Course {
            records: &records,
            faults: &loaded.faults,
            load_ended_us: loaded.ended_us,
            probes,
            logs: self.logs()?,
            products: &products.iter().map(|product| product.product_id).collect::<Vec<_>>(),
        };
        let case = collect::case(self.stage, course, last);
        loaded
            .driver
            .write_hdr_log(&self.folder.file("latency.hlog"))
            .context("cannot write latency.hlog")?;
        let run = Run {
            driver: loaded.driver,
            journeys: loaded.journeys,
            faults: loaded.faults,
            machine,
            replication: reports.into_iter().flatten().map(|report| report.replication).collect(),
            usage: used,
            robots,
            replay,
        };
        self.watch.say("judging");
        let evidence = report::evidence(self.stage, &run, &case);
        if evidence.verdict == Verdict::InvariantBroken {
            // Whoever looks for the reason needs all of it.
            self.folder.write("case.json", &serde_json::to_vec(&case)?)?;
        }
        Ok(evidence)
    }

    /// Signs everybody in, at the pool of their home.
    async fn sign_in(&self) -> anyhow::Result<People> {
        let plan = &self.stage.plan;
        let customers =
            plan.customers.iter().map(|one| (&one.home, one.username.as_str(), one.password.as_str()));
        let tokens = self.stage.sign_in(customers).await?;
        let signed_in = |(customer, token): (&loadtests::Customer, String)| SignedIn {
            customer: customer.clone(),
            token,
        };
        let customers = plan.customers.iter().zip(tokens).map(signed_in).collect();
        let staff = plan.staff.iter().map(|one| (&one.home, one.username.as_str(), one.password.as_str()));
        let tokens = self.stage.sign_in(staff).await?;
        let mut crew = Crew { pickers: Vec::new(), couriers: Vec::new(), failures: FAILURES };
        let mut desk_token = None;
        for (one, token) in plan.staff.iter().zip(tokens) {
            match (one.group.as_str(), &one.warehouse) {
                ("warehouse", Some(warehouse)) => {
                    let place = plan.scenario.topology.warehouses.iter().find(|place| place.id == *warehouse);
                    let region = place.context("a picker without a warehouse")?.region.clone();
                    crew.pickers.push(Picker { warehouse: warehouse.clone(), region, token });
                }
                ("delivery", _) => crew.couriers.extend(self.couriers(&one.home, &token)),
                _ => desk_token = Some(token),
            }
        }
        self.watch.say(&format!(
            "{} customers and {} staff are signed in",
            plan.customers.len(),
            plan.staff.len()
        ));
        let staff_token = crew.pickers.last().context("there are no pickers")?.token.clone();
        let desk_token = desk_token.context("nobody sits at the desk")?;
        Ok(People { customers, crew, desk_token, staff_token })
    }

    /// A courier takes the parcels of every region of the home continent.
    fn couriers(&self, home: &contracts::Continent, token: &str) -> Vec<Courier> {
        let regions = self.stage.plan.scenario.topology.regions_of(home);
        regions.map(|region| Courier { region: region.clone(), token: token.to_owned() }).collect()
    }

    /// The load and the faults.
    async fn load(
        &self,
        customers: &[SignedIn],
        desk_token: &str,
        products: &[Product],
    ) -> anyhow::Result<Loaded> {
        let scenario = &self.stage.plan.scenario;
        let run_s = scenario.run_s();
        let goose = (scenario.load.goose_users as usize).min(customers.len().saturating_sub(1));
        let (drivers, goose) = customers.split_at(customers.len() - goose);
        let [driver_history, goose_history] = self.histories();
        let (history, writing) = History::start(&driver_history)?;
        let journeys = match goose.is_empty() {
            true => None,
            false => {
                let (folder, history) = (self.folder.path(), goose_history);
                let plan = JourneyPlan { customers: goose, folder, history, run_s: run_s.ceil() as u64 };
                Some(Journeys::start(self.stage, self.processes, plan).await?)
            }
        };
        let begins_us = self.stage.clock.now_us() + BEFORE_LOAD_US;
        self.watch.load_begins(begins_us);
        let config = self.driver_config(drivers, products, begins_us);
        let (_go_on, stop) = watch::channel(false);
        let ground = self.stage.ground();
        let faults = Faults::new(self.stage, self.watch, ground, desk_token.to_owned()).run(begins_us);
        let shown = self.watch.follow(driver_history, |at_s| collect::serde_word(&scenario.phase_at(at_s)));
        let load =
            async { tokio::try_join!(async { Ok(driver::run(config, history, stop).await?) }, faults) };
        let driven = tokio::select! {
            driven = load => driven,
            () = shown => bail!("the display ended"),
        };
        // Whoever could not write the history knows why; the driver only knows that it could not go on.
        writing.finish().await?;
        let (driver, faults) = driven?;
        let journeys = match journeys {
            Some(journeys) => Some(journeys.finish().await?),
            None => None,
        };
        Ok(Loaded { driver, journeys, faults, ended_us: self.stage.clock.now_us() })
    }

    fn driver_config(&self, customers: &[SignedIn], products: &[Product], begins_at_us: u64) -> DriverConfig {
        let (plan, stage) = (&self.stage.plan, self.stage);
        DriverConfig {
            seed: plan.scenario.seed,
            clock: stage.clock,
            begins_at_us,
            duration: Duration::from_secs_f64(plan.scenario.run_s()),
            rps: plan.scenario.load.open_loop_rps,
            mix: plan.scenario.load.mix,
            probes: Probes::default(),
            windows: plan.scenario.windows(),
            edges: stage.edges.iter().map(|(name, edge)| (name.clone(), edge.url.clone())).collect(),
            customers: customers.to_vec(),
            catalogue: products.iter().map(CatalogueItem::from).collect(),
            provider: Provider { url: stage.provider_url.clone(), key: plan.secrets.provider_key.clone() },
        }
    }

    fn histories(&self) -> [PathBuf; 2] {
        [self.folder.file("history.jsonl"), self.folder.file("history-journeys.jsonl")]
    }

    fn logs(&self) -> anyhow::Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(self.folder.logs()).context("the logs")?;
        let mut logs: Vec<PathBuf> =
            entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        logs.sort();
        Ok(logs)
    }

    /// What every region has used so far; those that do not answer are left out.
    async fn meters(&self) -> Meters {
        let meter = |region: &RegionProcess| {
            let (name, pid, control) = (region.name.clone(), region.pid(), region.control().clone());
            async move { Some((name, (control.usage().await.ok()?, process::cpu_seconds(pid)))) }
        };
        join_all(self.stage.survivors().map(meter)).await.into_iter().flatten().collect()
    }

    /// What was used since an earlier reading, lost regions included.
    ///
    /// # Errors
    /// When `usage.json`, with all details, cannot be written.
    async fn used(&self, before: &Meters, faults: &[FaultRecord]) -> anyhow::Result<Used> {
        let mut after = self.meters().await;
        for loss in faults.iter().flat_map(|fault| &fault.losses) {
            if let Some(usage) = &loss.usage {
                after.insert(loss.region.clone(), (usage.clone(), loss.cpu_s));
            }
        }
        let details = serde_json::json!({ "at_begin": before, "at_end": after });
        self.folder.write("usage.json", &serde_json::to_vec_pretty(&details)?)?;
        let cpu = |meters: &Meters| meters.values().map(|(_, cpu_s)| *cpu_s).sum::<Option<f64>>();
        let sum = |meters: &Meters| collect::sum_usage(meters.values().map(|(usage, _)| usage));
        Ok(Used {
            totals: sum(&after).less(&sum(before)),
            cpu_s: cpu(&after).zip(cpu(before)).map(|(after, before)| after - before),
        })
    }

    /// What customers had to do with some regions at a moment.
    fn seen(&self, records: &[HistoryRecord], regions: &[Region], at_us: u64) -> SeenByCustomers {
        let topology = &self.stage.plan.scenario.topology;
        let near = |continent: &str| {
            let customers = topology.customers_of(continent);
            let nearest =
                customers.and_then(|customers| customers.nearest_first().first().map(|(name, _)| *name));
            nearest.is_some_and(|name| regions.contains(name))
        };
        let answered = |record: &HistoryRecord| record.answered_at_us.is_some_and(|us| us <= at_us);
        let promised = records.iter().filter(|record| {
            let there = record.served_by.as_ref().is_some_and(|region| regions.contains(region));
            record.acknowledged() && answered(record) && there
        });
        let under_way = records.iter().filter(|record| {
            let sent = record.sent_at_us.is_some_and(|us| us <= at_us);
            sent && !answered(record) && near(&record.continent)
        });
        SeenByCustomers { promised: promised.count() as u64, under_way: under_way.count() as u64 }
    }
}
