//! A live run, from the first process to the verdict.

use super::{
    Plan, Ports, RunFolder, collect,
    load::{Load, Loaded},
    people::People,
    probes,
    regions::RegionProcess,
    report::{self, Judged, Run, Used},
    settle::{self, Parked},
    stage::Stage,
};
use crate::{
    checks::{Case, ProbeResult},
    cost::{Lost, Meter, Reading, Readings},
    evidence::{self, Evidence, Paint, Verdict},
    faults::{self, FaultRecord, SeenByCustomers},
    history::{self, HistoryRecord},
    machine::{MachineReport, MachineWatch},
    process::Processes,
    region::Metered,
    robots::{Counts, Crew, Robots},
    watch::Watch,
};
use anyhow::Context as _;
use contracts::{Product, ids::Region};
use futures::future::join_all;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Where the idle shop is metered, it is left alone for so long first: the journal's entries are closed some ten seconds
/// after their orders came to rest, which is still the orders' doing.
const AFTERMATH: Duration = Duration::from_secs(12);

/// Runs a scenario. Gives the exit code that its evidence says.
///
/// # Errors
/// When the run could not be done: then it proves nothing either way.
pub async fn run(plan: Plan, folder: RunFolder, replay: String, processes: &Processes) -> anyhow::Result<u8> {
    let plan = Arc::new(plan);
    let stage = Stage::raise(plan, processes, &folder.logs(), Ports::default()).await?;
    let watch = Watch::new(stage.clock);
    watch.say(&format!("{} regions stand, {} edges are open", stage.regions.len(), stage.edges.len()));
    let act = Act { stage: &stage, watch: &watch, folder: &folder, processes: Some(processes) };
    let outcome = tokio::select! {
        biased;
        outcome = act.play(replay) => outcome,
        why = stage.until_unplanned_end() => Err(anyhow::anyhow!(why)),
    };
    watch.done();
    let judged = outcome?;
    evidence::write_all(folder.path(), &judged.evidence)?;
    print(&judged.evidence, &judged.lost_orders, &folder);
    u8::try_from(judged.evidence.exit_code).context("the exit code")
}

/// Tells what a run showed and where its evidence lies.
#[allow(clippy::print_stdout)] // this text is the command's output
pub fn print(evidence: &Evidence, lost_orders: &[String], folder: &RunFolder) {
    use std::io::IsTerminal as _;
    let paint = if std::io::stdout().is_terminal() { Paint::Ansi } else { Paint::Plain };
    print!("{}", evidence::terminal(evidence, paint));
    for order in lost_orders {
        println!("Lost order: {order}");
    }
    println!("Evidence: {}", folder.file("evidence.html").display());
}

/// One run on a standing stage.
pub(super) struct Act<'a> {
    pub(super) stage: &'a Stage,
    pub(super) watch: &'a Watch,
    pub(super) folder: &'a RunFolder,
    /// What owns child processes; `None` in a simulation, which has none and no machine to look at.
    pub(super) processes: Option<&'a Processes>,
}

/// What the run left behind, while the regions still stood.
struct Aftermath {
    records: Vec<HistoryRecord>,
    probes: Vec<ProbeResult>,
    used: Used,
    machine: MachineReport,
}

impl Act<'_> {
    pub(super) async fn play(&self, replay: String) -> anyhow::Result<Judged> {
        let mut people = People::sign_in(&self.stage.plan, |home| self.stage.pool_endpoint(home)).await?;
        self.watch.say(&format!("{} customers are signed in", people.customers.len()));
        let products = products::catalogue().context("the catalogue")?;
        let (returns, receipts) = (self.stage.returns.clone(), self.stage.receipts.clone());
        let crew = Crew { returns, receipts, ..std::mem::take(&mut people.crew) };
        let robots = Robots::start(crew, self.stage.ground());
        let (mut loaded, aftermath) = self.load(&people, &products).await?;
        let (case, robots) = self.case(&loaded, &products, &aftermath, robots).await?;
        loaded
            .driver
            .write_hdr_log(&self.folder.file("latency.hlog"))
            .context("cannot write latency.hlog")?;
        self.watch.say("judging");
        let run = Run {
            faults: std::mem::take(&mut loaded.faults),
            driver: loaded.driver,
            journeys: loaded.journeys,
            machine: aftermath.machine,
            usage: aftermath.used,
            robots,
            replay,
        };
        let judged = report::judge(self.stage, &run, &case);
        if judged.evidence.verdict == Verdict::InvariantBroken {
            // Whoever looks for the reason needs all of it.
            self.folder.write("case.json", &serde_json::to_vec(&case)?)?;
        }
        Ok(judged)
    }

    /// The load, and the time until the shop has come to rest.
    async fn load(&self, people: &People, products: &[Product]) -> anyhow::Result<(Loaded, Aftermath)> {
        let Act { stage, watch, folder, processes } = *self;
        let children: Vec<u32> = stage.regions.values().filter_map(RegionProcess::pid).collect();
        let machine = processes.map(|_| MachineWatch::start(stage.clock, move || children.clone()));
        let begin = self.reading().await;
        let (customers, desk_token) = (people.customers.as_slice(), people.desk_token.as_str());
        let load = Load { stage, watch, folder, processes, customers, desk_token, products };
        let mut loaded = load.run().await?;
        stage.receipts.load_is_over();
        let machine = match machine {
            Some(machine) => machine.stop().await?,
            None => MachineReport::default(),
        };
        let records =
            history::read_all(&loaded.histories.iter().map(PathBuf::as_path).collect::<Vec<&Path>>())?;
        let seen = |lost: &[Region], at_us: u64| self.seen(&records, lost, at_us);
        faults::judge_lasting(stage, &mut loaded.faults, seen).await;
        watch.say("the load is over; orders come to rest");
        settle::until_at_rest(stage, watch, Parked::Stay).await?;
        let (rest, idle) = self.rest_and_idle().await;
        let staff_token = Some(people.staff_token.as_str());
        let probes =
            probes::run(stage, &probes::Trespassers { customers, staff_token, records: &records }).await?;
        let readings = Readings { begin, rest, idle, lost: self.lost(&loaded.faults) };
        let used = self.used(readings).await?;
        Ok((loaded, Aftermath { records, probes, used, machine }))
    }

    /// Asks everybody for everything, and ends the regions. Pickers and couriers work until the last order rests.
    async fn case(
        &self,
        loaded: &Loaded,
        products: &[Product],
        aftermath: &Aftermath,
        robots: Robots,
    ) -> anyhow::Result<(Case, Counts)> {
        self.watch.say("collecting what everybody holds");
        let last = collect::ask_survivors(self.stage).await?;
        let back = self.stage.power_up().await?;
        if back {
            self.watch.say("the power is back; the regions come to rest together");
            settle::until_at_rest(self.stage, self.watch, Parked::TriedAgain).await?;
        }
        let robots = robots.stop().await;
        let healed = match back {
            true => Some(collect::ask_survivors(self.stage).await?),
            false => None,
        };
        if let Some(processes) = self.processes {
            self.stage.lower(processes).await?;
        }
        let course = collect::Course {
            records: &aftermath.records,
            faults: &loaded.faults,
            load_ended_us: loaded.ended_us,
            probes: aftermath.probes.clone(),
            logs: self.logs()?,
            products: &products.iter().map(|product| product.product_id).collect::<Vec<_>>(),
        };
        Ok((collect::case(self.stage, course, last, healed), robots))
    }

    fn logs(&self) -> anyhow::Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(self.folder.logs()).context("the logs")?;
        let mut logs: Vec<PathBuf> =
            entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        logs.sort();
        Ok(logs)
    }

    /// What every region has used so far; those that do not answer are left out.
    async fn reading(&self) -> Reading {
        let meter = |region: &RegionProcess| {
            let (name, cpu_s, control) =
                (region.name.clone(), region.cpu_seconds(), region.control().clone());
            async move {
                let Metered { usage, traffic } = control.meters().await.ok()?;
                Some((name, Meter { usage, traffic, cpu_s }))
            }
        };
        let regions = join_all(self.stage.survivors().map(meter)).await.into_iter().flatten().collect();
        let mut sent_bytes: BTreeMap<Region, u64> = BTreeMap::new();
        for link in self.stage.mesh.reports() {
            *sent_bytes.entry(link.from).or_default() += link.counters.bytes_forward;
            *sent_bytes.entry(link.to).or_default() += link.counters.bytes_back;
        }
        let at_s = self.stage.clock.now_us() as f64 / 1e6;
        Reading { at_s, regions, sent_bytes, log_bytes: self.log_bytes() }
    }

    /// What the orders used until nothing of them was left to do, and then, where the scenario asks for that, what the
    /// shop uses while nobody wants anything of it.
    async fn rest_and_idle(&self) -> (Reading, Option<Reading>) {
        let idle_s = self.stage.plan.scenario.settle.idle_s;
        if idle_s == 0.0 {
            return (self.reading().await, None);
        }
        tokio::time::sleep(AFTERMATH).await;
        let rest = self.reading().await;
        self.watch.say(&format!("the idle shop is metered for {idle_s} s"));
        tokio::time::sleep(Duration::from_secs_f64(idle_s)).await;
        (rest, Some(self.reading().await))
    }

    /// The last words of what was lost.
    fn lost(&self, faults: &[FaultRecord]) -> Vec<Lost> {
        let losses = faults.iter().flat_map(|fault| fault.losses.iter().map(move |loss| (fault.at_us, loss)));
        let lost = losses.filter_map(|(at_us, loss)| {
            let (usage, report) = (loss.usage.clone()?, loss.report.as_ref()?);
            let meter = Meter { usage, traffic: report.traffic.clone(), cpu_s: loss.cpu_s };
            Some(Lost { region: loss.region.clone(), at_s: at_us as f64 / 1e6, meter })
        });
        lost.collect()
    }

    /// Written into log files so far.
    fn log_bytes(&self) -> u64 {
        let sizes = self.logs().unwrap_or_default().into_iter().filter_map(|path| path.metadata().ok());
        sizes.map(|file| file.len()).sum()
    }

    /// What was used since the load began, lost regions included.
    ///
    /// # Errors
    /// When `usage.json`, with all details, cannot be written.
    async fn used(&self, readings: Readings) -> anyhow::Result<Used> {
        let reports = join_all(self.stage.survivors().map(|region| region.control().report())).await;
        self.folder.write("usage.json", &serde_json::to_vec_pretty(&readings)?)?;
        let lost = || readings.lost.iter().map(|loss| &loss.meter);
        let usages = readings.rest.regions.values().chain(lost()).map(|meter| &meter.usage);
        Ok(Used {
            replication: reports.into_iter().flatten().map(|report| report.replication).collect(),
            unknown_operations: collect::unknown_operations(usages),
            cpu_s: readings.cpu_s(),
            readings,
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
