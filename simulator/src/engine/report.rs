//! From everything that a run left behind to its evidence.

use super::{
    collect,
    judge::{self, Measured},
    stage::Stage,
};
use crate::{
    checks::{self, Case, InvariantResult, OrderCounts},
    cost::{Consumption, CostReport, Data, Readings},
    driver::{DriverReport, Figures},
    evidence::{
        BudgetReport, Evidence, FaultReport, GoalResult, Grounds, InvariantReport, JourneyStep, Latency,
        LoadReport, MachineReport, PhaseReport, ReplicationReport, Second, UsageReport, verdict,
    },
    faults::FaultRecord,
    machine,
    replication::{Status, took_histogram},
    robots::Counts,
    scenario::{Engine, Fault, Scenario, Window},
    topology::{self, budget},
};
use loadtests::{Summary, clock::RunClock};
use platform::config::Durability;
use std::collections::{BTreeMap, BTreeSet};

/// What a comparison run must have at stake to show anything: American orders acknowledged within the lag.
const AT_RISK_MIN: usize = 5;

/// Everything that a run left behind, beside the case.
pub struct Run {
    /// What the driver saw.
    pub driver: DriverReport,
    /// What the journeys did; `None` where there were none.
    pub journeys: Option<Summary>,
    /// What broke, judged.
    pub faults: Vec<FaultRecord>,
    /// The machine.
    pub machine: machine::MachineReport,
    /// What the clouds were used for from the load's first moment on.
    pub usage: Used,
    /// What pickers and couriers did.
    pub robots: Counts,
    /// What the program was called with, for the replay.
    pub replay: String,
}

/// What was used, over all regions.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// Replication of the survivors at the end.
    pub replication: Vec<Status>,
    /// Calls of operations that the emulated cloud does not have.
    pub unknown_operations: BTreeMap<String, u64>,
    /// What the meters said.
    pub readings: Readings,
    /// Processor time of the regions, seconds.
    pub cpu_s: Option<f64>,
}

/// What a run showed.
pub struct Judged {
    /// All of it.
    pub evidence: Evidence,
    /// Acknowledged orders that no survivor has, or has otherwise.
    pub lost_orders: Vec<String>,
}

/// Checks the case, judges the goals, and writes the whole down.
pub fn judge(stage: &Stage, run: &Run, case: &Case) -> Judged {
    let results = checks::check(case);
    let orders = checks::count_orders(case);
    let (driver, invariants) = (&run.driver, results.as_slice());
    let consumption = Consumption::of(&run.usage.readings, orders.acknowledged, stored_bytes(case));
    let cost = cost(stage, &consumption);
    let measured =
        Measured { driver, invariants, orders: &orders, faults: &run.faults, case, cost: cost.as_ref() };
    let goals = judge::goals(&stage.plan.scenario, &measured);
    let found = Findings {
        rto_s: measured.recovery_s(),
        results: &results,
        goals,
        orders,
        records: &run.faults,
        faults: run.faults.iter().map(|record| fault(run, record)).collect(),
        inconclusive: inconclusive(stage, run),
    };
    let figures = Evidence {
        budget: budgets(stage, run, case),
        usage: Some(usage(run, &consumption)),
        consumption: Some(consumption),
        cost,
        ..figures(stage, run)
    };
    found.judged(figures)
}

/// What was found of a run.
pub(super) struct Findings<'a> {
    /// How each invariant fared.
    pub(super) results: &'a [InvariantResult],
    /// How each goal fared.
    pub(super) goals: Vec<GoalResult>,
    /// What became of the attempts to order.
    pub(super) orders: OrderCounts,
    /// What broke.
    pub(super) records: &'a [FaultRecord],
    /// The same for readers.
    pub(super) faults: Vec<FaultReport>,
    /// Until orders of the lost customers were taken again, seconds.
    pub(super) rto_s: Option<f64>,
    /// Why the run proves nothing, beyond goals and faults.
    pub(super) inconclusive: Vec<String>,
}

impl Findings<'_> {
    /// The verdict, beside what does not depend on it.
    pub(super) fn judged(self, figures: Evidence) -> Judged {
        let Findings { results, goals, orders, records, faults, rto_s, inconclusive } = self;
        let invariants: Vec<InvariantReport> = results.iter().map(InvariantReport::from).collect();
        let (verdict, exit_code, reasons) = verdict(&Grounds {
            failure: None,
            goals: &goals,
            invariants: &invariants,
            faults: &faults,
            inconclusive: &inconclusive,
        });
        let rpo_orders = records.iter().any(FaultRecord::loses_data).then_some(orders.lost_at_disaster);
        let lost = results.iter().filter(|result| result.id == "D1").flat_map(|result| &result.violations);
        let lost_orders = lost.flat_map(|violation| violation.ids.clone()).collect();
        let evidence = Evidence {
            verdict,
            exit_code,
            reasons,
            goals,
            invariants,
            orders,
            rto_s,
            rpo_orders,
            faults,
            ..figures
        };
        Judged { evidence, lost_orders }
    }
}

/// What does not depend on the checks.
fn figures(stage: &Stage, run: &Run) -> Evidence {
    let plan = &stage.plan;
    Evidence {
        engine: plan.engine.word().to_owned(),
        cloud: plan.cloud.clone(),
        durability: collect::serde_word(&plan.durability),
        load: run.journeys.as_ref().map(journeys),
        replication: Some(replication(run)),
        machine: Some(machine_report(run)),
        boundaries: boundaries(plan.engine),
        replay: run.replay.clone(),
        not_exact: not_exact(plan.engine).to_owned(),
        ..driven(&plan.scenario, &run.driver, stage.clock)
    }
}

/// The scenario, and what the driver saw of it.
pub(super) fn driven(scenario: &Scenario, driver: &DriverReport, clock: RunClock) -> Evidence {
    let whole = driver.figures(|_| true, None);
    Evidence {
        scenario: scenario.name.clone(),
        title: scenario.title.clone(),
        description: scenario.description.clone(),
        seed: scenario.seed,
        commit: commit(),
        started_at: rfc3339(clock.wall_ms_at(driver.begun_at_us)),
        duration_s: scenario.run_s(),
        phases: phases(scenario, driver),
        latency_ms: latency(&whole),
        availability: whole.availability_pct.unwrap_or(0.0),
        worst_minute: driver.worst_window(60).map(|worst| worst.availability_pct),
        timeline: driver.timeline.iter().map(second).collect(),
        setup: Some(scenario.clone()),
        ..Evidence::default()
    }
}

fn not_exact(engine: Engine) -> &'static str {
    match engine {
        Engine::Live => NOT_EXACT,
        Engine::Virtual => "Nothing: the same seed gives the same history, byte for byte.",
    }
}

const NOT_EXACT: &str = "The same seed gives the same people, keys of requests, baskets, planned times and faults. \
                         Real sockets and real time do not repeat: which request meets which moment of a fault \
                         differs from run to run by milliseconds.";

fn latency(figures: &Figures) -> Latency {
    let or_none = |figure: Option<f64>| figure.unwrap_or(0.0);
    Latency {
        p50: or_none(figures.p50_ms),
        p99: or_none(figures.p99_ms),
        p999: or_none(figures.p999_ms),
        max: or_none(figures.max_ms),
    }
}

fn phases(scenario: &Scenario, driver: &DriverReport) -> Vec<PhaseReport> {
    let windows: Vec<Window> = scenario.windows();
    let report = |window: &Window| {
        let figures = driver.figures(|phase| phase == window.phase, None);
        PhaseReport {
            name: collect::serde_word(&window.phase),
            from_s: window.from_s,
            to_s: window.to_s,
            requests: figures.requests,
            good: figures.good,
            availability: figures.availability_pct.unwrap_or(0.0),
            latency_ms: latency(&figures),
            orders: figures.acknowledged,
        }
    };
    windows.iter().map(report).collect()
}

fn second(second: &crate::driver::Second) -> Second {
    let mut report = Second {
        at_s: f64::from(second.at_s),
        requests: second.requests,
        good: second.good,
        bad: second.requests.saturating_sub(second.good),
        p50_ms: second.p50_ms.unwrap_or(0.0),
        p99_ms: second.p99_ms.unwrap_or(0.0),
        max_ms: second.max_ms.unwrap_or(0.0),
        ..Second::default()
    };
    for (customers, region, count) in &second.acknowledged {
        *report.orders_by_region.entry(region.clone()).or_default() += count;
        *report.orders_by_customers.entry(customers.clone()).or_default() += count;
    }
    report
}

/// Seconds since the load began.
fn load_s(run: &Run, us: u64) -> f64 {
    (us as f64 - run.driver.begun_at_us as f64) / 1e6
}

fn fault(run: &Run, record: &FaultRecord) -> FaultReport {
    FaultReport {
        kind: record.fault.kind(),
        label: record.fault.label(),
        plain: plain(record),
        at_s: load_s(run, record.at_us),
        until_s: record.ended_us.map(|us| load_s(run, us)),
        felt: record.shown.felt,
        shown_by: record.shown.by.clone(),
    }
}

/// The fault for people who do not know the system.
fn plain(record: &FaultRecord) -> String {
    let names = |ids: Vec<String>| ids.join(" and ");
    let regions = names(record.lost_regions.iter().map(ToString::to_string).collect());
    match &record.fault {
        Fault::FloodContinent { .. } => format!(
            "Every data centre of the continent ({regions}) was lost at once and without notice, with all that was \
             stored there and with its warehouse. None of it came back."
        ),
        Fault::KillRegion { region, keep_data: false, back_after_s: None } => {
            format!("The data centre {region} was lost with all that was stored there. It did not come back.")
        }
        Fault::KillRegion { region, keep_data: false, back_after_s: Some(after_s) } => format!(
            "The data centre {region} was lost with all that was stored there. After {after_s} seconds it was started \
             again with nothing, and the others filled it."
        ),
        Fault::KillRegion { region, keep_data: true, back_after_s: Some(after_s) } => {
            format!("The power of the data centre {region} failed and came back after {after_s} seconds.")
        }
        Fault::KillRegion { region, keep_data: true, back_after_s: None } => {
            format!("The power of the data centre {region} failed and did not come back during the run.")
        }
        Fault::FreezeRegion { region, for_s } => {
            format!("The data centre {region} stopped answering for {for_s} seconds without being down.")
        }
        other => format!("For a part of the run: {}.", other.label()),
    }
}

fn budgets(stage: &Stage, run: &Run, case: &Case) -> Vec<BudgetReport> {
    let lost: Vec<_> = run.faults.iter().flat_map(|fault| &fault.lost_continents).collect();
    let lines = budget(&stage.plan.scenario.topology);
    let report = |line: &topology::BudgetLine| {
        let hit = lost.contains(&&line.lost);
        let measured = hit.then(|| worst_order_ms(stage, run, case, line)).flatten();
        BudgetReport::new(line, measured)
    };
    lines.iter().map(report).collect()
}

/// The worst answer to an order of these customers' home once the continent was lost, ms.
fn worst_order_ms(stage: &Stage, run: &Run, case: &Case, line: &topology::BudgetLine) -> Option<f64> {
    let customers = stage.plan.scenario.topology.customers_of(&line.customers)?;
    let since = run.faults.iter().find(|fault| fault.lost_continents.contains(&line.lost))?.at_us;
    let since_ms = stage.clock.wall_ms_at(since);
    // An order that was under way then was sent no more than a second before.
    let hit = case.attempts.iter().filter(|attempt| {
        attempt.source == "driver" && attempt.home == customers.home && attempt.sent_ms >= since_ms - 1_000
    });
    let waited = hit.filter_map(|attempt| attempt.answered_ms.map(|answered| answered - attempt.sent_ms));
    waited.max().map(|ms| ms as f64)
}

fn journeys(summary: &Summary) -> LoadReport {
    let orders = summary.orders;
    let steps = summary.steps.iter().map(|step| JourneyStep {
        name: step.step.clone(),
        requests: step.requests,
        failures: step.failures,
        p50_ms: step.p50_ms,
        p99_ms: step.p99_ms,
        max_ms: step.max_ms,
    });
    LoadReport {
        users: u64::from(summary.users),
        requests: summary.requests,
        failures: summary.failures,
        orders: BTreeMap::from([
            ("acknowledged".to_owned(), orders.acknowledged),
            ("refused".to_owned(), orders.refused),
            ("ambiguous".to_owned(), orders.ambiguous),
        ]),
        steps: steps.collect(),
    }
}

fn replication(run: &Run) -> ReplicationReport {
    let lost = run.faults.iter().flat_map(|fault| &fault.losses).filter_map(|loss| loss.report.as_ref());
    let all = run.usage.replication.iter().chain(lost.map(|report| &report.replication));
    let mut took = took_histogram();
    for (ms, count) in all.flat_map(|status| &status.took_ms) {
        let _in_bounds = took.record_n(*ms, *count); // they come from a histogram with the same bounds
    }
    let at = |quantile: f64| if took.is_empty() { 0.0 } else { took.value_at_quantile(quantile) as f64 };
    ReplicationReport {
        copied: took.len(),
        stranded: run.faults.iter().map(FaultRecord::stranded).sum(),
        lag_p50_ms: at(0.5),
        lag_p99_ms: at(0.99),
        lag_max_ms: at(1.0),
    }
}

fn usage(run: &Run, consumption: &Consumption) -> UsageReport {
    let total = consumption.total();
    let per_order = |figure: f64| figure / consumption.orders.max(1) as f64;
    UsageReport {
        orders: consumption.orders,
        write_units_per_order: per_order(consumption.write_units()),
        read_units_per_order: per_order(total.tables.values().map(|table| table.read_units).sum()),
        events_per_order: per_order(total.events),
        queue_calls_per_order: per_order(total.queue_calls),
        cpu_ms_per_order: run.usage.cpu_s.map(|cpu_s| per_order(cpu_s * 1e3)),
        unknown_operations: run.usage.unknown_operations.clone(),
    }
}

/// What a month would cost, where the idle shop was metered. The data files are part of the program and tests read them.
fn cost(stage: &Stage, used: &Consumption) -> Option<CostReport> {
    let scenario = &stage.plan.scenario;
    let asked = scenario.settle.idle_s > 0.0;
    let data = Data::shipped().ok().filter(|_| asked)?;
    CostReport::of(used, &scenario.topology, &data)
}

/// Bytes of JSON in a region for each order that it knows, the catalogue left out; the mean of the regions that stand.
fn stored_bytes(case: &Case) -> f64 {
    let of = |dump: &checks::RegionDump| {
        let tables = dump.tables.iter().filter(|(table, _)| *table != "products");
        let bytes: usize = tables.flat_map(|(_, rows)| rows).map(|row| row.to_string().len()).sum();
        let orders: BTreeSet<&str> = dump
            .tables
            .get("orders")
            .into_iter()
            .flatten()
            .filter_map(|row| row["orderId"].as_str())
            .collect();
        bytes as f64 / orders.len().max(1) as f64
    };
    case.before_heal.iter().map(of).sum::<f64>() / case.before_heal.len().max(1) as f64
}

fn machine_report(run: &Run) -> MachineReport {
    let (machine, lateness) = (&run.machine, run.driver.lateness);
    let pct = |share: f64| share * 100.0;
    let robots = run.robots;
    MachineReport {
        cores: u64::from(machine.processors),
        steal_pct: pct(machine.mean.steal),
        foreign_pct: pct(machine.mean.foreign),
        own_pct: pct(machine.mean.own),
        driver_late_p99_ms: lateness.p99_ms,
        driver_late_max_ms: lateness.max_ms,
        note: format!(
            "{}{} packages were packed and {} parcels delivered by robots; {} and {} failed on purpose. \
             {} parcels with returned goods came back. {} receipts of goods were booked.",
            if machine.measured { "" } else { "This system does not tell who used its processors. " },
            robots.packed,
            robots.delivered,
            robots.packing_failed,
            robots.delivery_failed,
            robots.brought_back,
            robots.received,
        ),
    }
}

/// Why the run proves nothing, beyond goals and faults.
fn inconclusive(stage: &Stage, run: &Run) -> Vec<String> {
    let begun_s = run.driver.begun_at_us as f64 / 1e6;
    let late =
        run.driver.timeline.iter().map(|second| (begun_s + f64::from(second.at_s), second.late_ms_max));
    let disturbed = run.machine.inconclusive(&late.collect::<Vec<_>>());
    let mut reasons = Vec::new();
    if !disturbed.is_empty() {
        reasons.push(format!(
            "others used the machine's processors for {} seconds while the driver was late: what was measured then says \
             nothing about the platform",
            disturbed.len()
        ));
    }
    reasons.extend(too_little_at_risk(stage, run));
    reasons
}

/// A comparison run shows a loss only where something was at stake.
fn too_little_at_risk(stage: &Stage, run: &Run) -> Option<String> {
    let loss = run.faults.iter().find(|fault| fault.loses_data());
    let loss = loss.filter(|_| stage.plan.durability == Durability::Async)?;
    let lag_us = stage.plan.replication().lag_ms * 1_000;
    let at_risk = run.driver.acknowledgements.iter().filter(|promise| {
        let in_lost = promise.served_by.as_ref().is_some_and(|region| loss.lost_regions.contains(region));
        in_lost && promise.answered_at_us <= loss.at_us && promise.answered_at_us + lag_us > loss.at_us
    });
    let at_risk = at_risk.count();
    (at_risk < AT_RISK_MIN).then(|| {
        format!(
            "only {at_risk} acknowledged orders were at risk when data was lost, {AT_RISK_MIN} are needed"
        )
    })
}

fn boundaries(engine: Engine) -> Vec<String> {
    let own: &[&str] = match engine {
        Engine::Live => &[
            "One machine runs everything: its clock is the clock of all regions, and its processors are shared by all.",
        ],
        Engine::Virtual => &[
            "Time is virtual: work takes no time, only distances and waiting do. Latencies show the distances and the \
             protocol, not the processors.",
            "Goose cannot run in virtual time: the open-loop driver plays its share of the requests.",
            "Connections are simulated: they take a few milliseconds between any two hosts beyond the distance.",
        ],
    };
    let common = [
        "The cloud is an emulator that speaks AWS's protocols; AWS's own latencies, throttles and limits are not \
         reproduced, nor is the cold start of new capacity.",
        "Distances between regions are measured averages with a random spread, added by proxies; real paths have \
         longer tails.",
        "The customers' edge stands outside of all regions and is assumed to survive, as a content delivery network \
         with points of presence on every continent would.",
        "The payment provider and the carrier are simulated, stand outside of all regions and survive.",
        "A lost continent does not come back. A region that does takes shards again only when their owners fail: nobody \
         moves orders back by hand.",
        "Users who signed up during the run are known only to the pool's primary region.",
    ];
    own.iter().chain(&common).map(|boundary| (*boundary).to_owned()).collect()
}

fn rfc3339(wall_ms: i64) -> String {
    let moment = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(wall_ms) * 1_000_000);
    let text = moment.ok().and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok());
    text.unwrap_or_default()
}

/// The commit of the source tree, with a mark where it was changed; a word where nobody knows.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let out = std::process::Command::new("git")
            .args(["-C", env!("CARGO_MANIFEST_DIR")])
            .args(arguments)
            .stderr(std::process::Stdio::null())
            .output()
            .ok()?;
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    let changed = || git(&["status", "--porcelain"]).is_some_and(|changes| !changes.is_empty());
    match git(&["rev-parse", "--short=12", "HEAD"]) {
        Some(commit) if changed() => format!("{commit}-changed"),
        Some(commit) => commit,
        None => "unknown".to_owned(),
    }
}
