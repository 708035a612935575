//! The figures by which a run is judged.

use super::{
    DriverConfig, hdr_log,
    meter::{Counts, SecondTally, Tally, histogram},
};
use crate::scenario::{Phase, Window};
use contracts::ids::{Continent, Region};
use hdrhistogram::Histogram;
use loadtests::history::{HistoryRecord, Op, Outcome};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, io, path::Path, time::Duration};

/// An answer that comes later is no good answer.
pub const GOOD_WITHIN: Duration = Duration::from_millis(1_000);

/// Whether a customer got what they wanted, or the refusal that was planned, in time. An order that was
/// acknowledged as something else than was ordered, or should have been refused, is no good answer.
pub fn is_good(record: &HistoryRecord) -> bool {
    let in_time = record.latency_us.is_some_and(|us| u128::from(us) <= GOOD_WITHIN.as_micros());
    let wanted = match (record.op, record.outcome) {
        (Op::BadOrder, outcome) => outcome == Outcome::PlannedRefusal,
        (Op::CreateOrder | Op::Cancel | Op::Return, Outcome::PlannedRefusal) => true,
        (_, Outcome::Ok) => record.why.is_none(),
        _ => false,
    };
    in_time && wanted
}

/// An order that was promised to a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// When the promise arrived, microseconds since the run's start.
    pub answered_at_us: u64,
    /// The customer's home.
    pub home: Continent,
    /// Where the customer lives.
    pub continent: String,
    /// The region that answered.
    pub served_by: Option<Region>,
}

/// What the driver saw.
#[derive(Clone, Debug)]
pub struct DriverReport {
    /// When the load began, microseconds since the run's start.
    pub begun_at_us: u64,
    /// One entry for each second of the load, by planned times.
    pub timeline: Vec<Second>,
    /// How late the driver itself was. Latencies count from the planned time, so lateness makes them worse.
    pub lateness: Lateness,
    /// Every promise, in the order of their arrival.
    pub acknowledgements: Vec<Acknowledgement>,
    origin_wall_ms: i64,
    load_s: usize,
    windows: Vec<Window>,
    counts: Counts,
}

/// Counts and latencies of a part of the load. A figure without anything to measure is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Planned requests, sent or not.
    pub requests: u64,
    /// Those with a good answer.
    pub good: u64,
    /// Good ones, percent.
    pub availability_pct: Option<f64>,
    /// Half of the answers came sooner, ms.
    pub p50_ms: Option<f64>,
    /// 99 % came sooner, ms.
    pub p99_ms: Option<f64>,
    /// 99.9 % came sooner, ms.
    pub p999_ms: Option<f64>,
    /// The slowest, ms; of one that never came, how long the customer waited.
    pub max_ms: Option<f64>,
    /// Orders that were promised.
    pub acknowledged: u64,
    /// Orders and commands that were refused without need.
    pub refused: u64,
    /// Bad orders that were refused, and commands that came too late.
    pub planned_refusals: u64,
    /// Orders that may exist or not, and commands that may be done or not.
    pub ambiguous: u64,
    /// Other requests without the wanted answer, and orders that were never sent.
    pub failed: u64,
    /// Planned requests that the driver could not send.
    pub unsent: u64,
    /// Orders left out because the payment provider failed; part of no other figure.
    pub skipped: u64,
}

/// How late requests were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lateness {
    /// Half were sent sooner, ms.
    pub p50_ms: f64,
    /// 99 % were sent sooner, ms.
    pub p99_ms: f64,
    /// The latest, ms.
    pub max_ms: f64,
}

/// One second of the load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Seconds since the load began.
    pub at_s: u32,
    /// Planned requests.
    pub requests: u64,
    /// Those with a good answer.
    pub good: u64,
    /// Latencies of their answers, ms.
    pub p50_ms: Option<f64>,
    /// 99 % came sooner, ms.
    pub p99_ms: Option<f64>,
    /// The slowest, ms.
    pub max_ms: Option<f64>,
    /// Orders promised: where the customers live, which region answered, how many.
    pub acknowledged: Vec<(String, String, u64)>,
    /// The latest that the driver itself was, ms.
    pub late_ms_max: f64,
}

/// The part of a run with the lowest availability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorstWindow {
    /// Its first second.
    pub from_s: u32,
    /// The second after its last.
    pub to_s: u32,
    /// Good answers, percent.
    pub availability_pct: f64,
}

impl DriverReport {
    pub(super) fn new(config: &DriverConfig, counts: Counts) -> Self {
        let mut acknowledgements = counts.acknowledgements.clone();
        acknowledgements.sort_by_key(|promise| promise.answered_at_us);
        DriverReport {
            begun_at_us: config.begins_at_us,
            timeline: (0..).zip(&counts.seconds).map(|(at_s, tally)| second(at_s, tally)).collect(),
            lateness: lateness(&counts.late_us),
            acknowledgements,
            origin_wall_ms: config.clock.origin_wall_ms(),
            load_s: usize::try_from(config.duration.as_secs()).unwrap_or(usize::MAX),
            windows: config.windows.clone(),
            counts,
        }
    }

    /// Counts records that were read back from a history, as the driver did when it wrote them.
    pub fn of_history(config: &DriverConfig, records: &[HistoryRecord]) -> Self {
        let mut counts = Counts::default();
        records.iter().for_each(|record| counts.add(record, config));
        DriverReport::new(config, counts)
    }

    /// The figures of some phases, for the customers of one home or all.
    pub fn figures(&self, covers: impl Fn(Phase) -> bool, home: Option<&Continent>) -> Figures {
        let cells = self.counts.cells.iter();
        sum(cells
            .filter(|((phase, of, _), _)| covers(*phase) && home.is_none_or(|home| home == of))
            .map(|(_, tally)| tally))
    }

    /// The figures of each kind of request, over the whole run.
    pub fn by_op(&self) -> Vec<(Op, Figures)> {
        let mut tallies: BTreeMap<Op, Vec<&Tally>> = BTreeMap::new();
        for ((_, _, op), tally) in &self.counts.cells {
            tallies.entry(*op).or_default().push(tally);
        }
        tallies.into_iter().map(|(op, tallies)| (op, sum(tallies))).collect()
    }

    /// The figures of each phase that had any load.
    pub fn by_phase(&self) -> Vec<(Phase, Figures)> {
        let phases = self.windows.iter().map(|window| window.phase);
        phases.map(|phase| (phase, self.figures(|other| other == phase, None))).collect()
    }

    /// The worst stretch of so many seconds; the whole load where it is shorter. `None` without any load.
    pub fn worst_window(&self, seconds: usize) -> Option<WorstWindow> {
        let load = &self.timeline[..self.timeline.len().min(self.load_s)];
        let width = seconds.min(load.len()).max(1);
        let share = |window: &[Second]| {
            let requests: u64 = window.iter().map(|second| second.requests).sum();
            let good: u64 = window.iter().map(|second| second.good).sum();
            let first = window.first()?;
            let availability_pct = percent(good, requests)?;
            Some(WorstWindow { from_s: first.at_s, to_s: first.at_s + window.len() as u32, availability_pct })
        };
        load.windows(width).filter_map(share).min_by(|a, b| a.availability_pct.total_cmp(&b.availability_pct))
    }

    /// From a fault to the first order that a survivor promised to a customer of the home that was hit.
    /// `None`: no survivor ever did.
    pub fn recovery(&self, fault_at_us: u64, home: &Continent, lost: &[Region]) -> Option<Duration> {
        let survivor = |promise: &&Acknowledgement| {
            promise.answered_at_us >= fault_at_us
                && promise.home == *home
                && promise.served_by.as_ref().is_some_and(|region| !lost.contains(region))
        };
        let first = self.acknowledgements.iter().find(survivor)?;
        Some(Duration::from_micros(first.answered_at_us - fault_at_us))
    }

    /// How late the driver was, for [`crate::machine::MachineReport::inconclusive`]: seconds since the run's
    /// start, and ms.
    pub fn late_seconds(&self) -> Vec<(f64, f64)> {
        let begun_s = self.begun_at_us as f64 / 1e6;
        self.timeline.iter().map(|second| (begun_s + f64::from(second.at_s), second.late_ms_max)).collect()
    }

    /// Writes the latencies as an HDR log (V2, microseconds): an interval for each phase, a tag for each kind
    /// of request.
    pub fn write_hdr_log(&self, path: &Path) -> io::Result<()> {
        let begun_ms = self.origin_wall_ms + i64::try_from(self.begun_at_us / 1_000).unwrap_or(0);
        hdr_log::write(path, begun_ms, &self.windows, &self.counts)
    }
}

fn sum<'a>(tallies: impl IntoIterator<Item = &'a Tally>) -> Figures {
    let mut figures = Figures::default();
    let mut latency = histogram();
    for tally in tallies {
        figures.requests += tally.requests;
        figures.good += tally.good;
        figures.acknowledged += tally.acknowledged;
        figures.refused += tally.refused;
        figures.planned_refusals += tally.planned_refusals;
        figures.ambiguous += tally.ambiguous;
        figures.failed += tally.failed;
        figures.unsent += tally.unsent;
        figures.skipped += tally.skipped;
        // Both have the same bounds, so nothing can be out of them.
        let _same_bounds = latency.add(&tally.latency_us);
    }
    figures.availability_pct = percent(figures.good, figures.requests);
    if !latency.is_empty() {
        figures.p50_ms = Some(ms(latency.value_at_quantile(0.5)));
        figures.p99_ms = Some(ms(latency.value_at_quantile(0.99)));
        figures.p999_ms = Some(ms(latency.value_at_quantile(0.999)));
        figures.max_ms = Some(ms(latency.max()));
    }
    figures
}

fn second(at_s: u32, tally: &SecondTally) -> Second {
    let mut latencies = tally.latencies_us.clone();
    latencies.sort_unstable();
    let at = |share: f64| {
        let place = (latencies.len() as f64 * share).ceil() as usize;
        latencies.get(place.saturating_sub(1)).map(|us| ms(*us))
    };
    let promised = tally.acknowledged.iter().map(|((from, by), count)| (from.clone(), by.clone(), *count));
    Second {
        at_s,
        requests: tally.requests,
        good: tally.good,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        max_ms: latencies.last().map(|us| ms(*us)),
        acknowledged: promised.collect(),
        late_ms_max: ms(tally.late_us_max),
    }
}

fn lateness(late_us: &Histogram<u64>) -> Lateness {
    Lateness {
        p50_ms: ms(late_us.value_at_quantile(0.5)),
        p99_ms: ms(late_us.value_at_quantile(0.99)),
        max_ms: ms(late_us.max()),
    }
}

fn percent(good: u64, requests: u64) -> Option<f64> {
    (requests > 0).then(|| good as f64 * 100.0 / requests as f64)
}

fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}
