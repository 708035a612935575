//! Counts what the records say, and passes them on to the history.

use super::{DriverConfig, DriverError, DriverReport};
use crate::scenario::{Phase, Window};
use contracts::ids::Continent;
use hdrhistogram::Histogram;
use loadtests::history::{History, HistoryRecord, Op, Outcome};
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// Longer times are counted as this long, microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;

/// One part of the load: the phase, the customers' home and what they asked for.
pub(super) type Cell = (Phase, Continent, Op);

/// What became of one part of the load.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) good: u64,
    pub(super) acknowledged: u64,
    pub(super) refused: u64,
    pub(super) planned_refusals: u64,
    pub(super) ambiguous: u64,
    pub(super) failed: u64,
    pub(super) unsent: u64,
    pub(super) skipped: u64,
    pub(super) latency_us: Histogram<u64>,
}

/// One second of the load, by planned times.
#[derive(Clone, Debug, Default)]
pub(super) struct SecondTally {
    pub(super) requests: u64,
    pub(super) good: u64,
    pub(super) latencies_us: Vec<u64>,
    pub(super) acknowledged: BTreeMap<(String, String), u64>,
    pub(super) late_us_max: u64,
}

/// Everything that is counted.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    pub(super) cells: BTreeMap<Cell, Tally>,
    pub(super) seconds: Vec<SecondTally>,
    pub(super) late_us: Histogram<u64>,
    pub(super) acknowledgements: Vec<super::Acknowledgement>,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            requests: 0,
            good: 0,
            acknowledged: 0,
            refused: 0,
            planned_refusals: 0,
            ambiguous: 0,
            failed: 0,
            unsent: 0,
            skipped: 0,
            latency_us: histogram(),
        }
    }
}

pub(super) fn histogram() -> Histogram<u64> {
    #[allow(clippy::expect_used)] // fails for bounds that make no sense only
    Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).expect("bounds in order")
}

/// Counts until all senders are gone.
pub(super) async fn run(
    config: DriverConfig,
    history: History,
    mut records: mpsc::Receiver<HistoryRecord>,
) -> Result<DriverReport, DriverError> {
    let mut counts = Counts::default();
    while let Some(record) = records.recv().await {
        counts.add(&record, &config);
        history.record(record).await?;
    }
    Ok(DriverReport::new(&config, counts))
}

impl Default for Counts {
    fn default() -> Self {
        let (cells, seconds, acknowledgements) = (BTreeMap::new(), Vec::new(), Vec::new());
        Counts { cells, seconds, late_us: histogram(), acknowledgements }
    }
}

impl Counts {
    pub(super) fn add(&mut self, record: &HistoryRecord, config: &DriverConfig) {
        let since_begin_us = record.planned_at_us.saturating_sub(config.begins_at_us);
        let phase = phase_at(&config.windows, since_begin_us as f64 / 1e6);
        self.cells.entry((phase, record.home.clone(), record.op)).or_default().add(record);
        self.add_to_second(record, usize::try_from(since_begin_us / 1_000_000).unwrap_or(usize::MAX));
        if let Some(sent_at_us) = record.sent_at_us {
            let late_us = sent_at_us.saturating_sub(record.planned_at_us);
            self.late_us.saturating_record(late_us.max(1));
        }
        if let (true, Some(answered_at_us)) = (record.acknowledged(), record.answered_at_us) {
            self.acknowledgements.push(super::Acknowledgement {
                answered_at_us,
                home: record.home.clone(),
                continent: record.continent.clone(),
                served_by: record.served_by.clone(),
            });
        }
    }

    fn add_to_second(&mut self, record: &HistoryRecord, second: usize) {
        // A record from long after the load must not make the list endless.
        if second > self.seconds.len() + 3_600 || record.outcome == Outcome::Skipped {
            return;
        }
        if self.seconds.len() <= second {
            self.seconds.resize_with(second + 1, SecondTally::default);
        }
        let tally = &mut self.seconds[second];
        if !is_aside(record.op) {
            tally.requests += 1;
            tally.good += u64::from(super::is_good(record));
        }
        tally.latencies_us.extend(record.latency_us);
        let late_us = record.sent_at_us.map_or(0, |sent| sent.saturating_sub(record.planned_at_us));
        tally.late_us_max = tally.late_us_max.max(late_us);
        if record.acknowledged() {
            let region = record.served_by.as_ref().map_or("unknown", |region| region.as_str());
            *tally.acknowledged.entry((record.continent.clone(), region.to_owned())).or_default() += 1;
        }
    }
}

impl Tally {
    fn add(&mut self, record: &HistoryRecord) {
        if record.outcome == Outcome::Skipped {
            self.skipped += 1;
            return;
        }
        if let Some(latency_us) = record.latency_us {
            self.latency_us.saturating_record(latency_us.max(1));
        }
        // Asking after a failure must not make the availability look better.
        if is_aside(record.op) {
            return;
        }
        self.requests += 1;
        self.good += u64::from(super::is_good(record));
        self.unsent += u64::from(record.sent_at_us.is_none());
        self.acknowledged += u64::from(record.acknowledged());
        match record.outcome {
            Outcome::Refused => self.refused += 1,
            Outcome::PlannedRefusal => self.planned_refusals += 1,
            Outcome::Ambiguous => self.ambiguous += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Ok | Outcome::Skipped => {}
        }
    }
}

/// Whether a request was made because of another one, and counts in the latencies only.
fn is_aside(op: Op) -> bool {
    matches!(op, Op::Resolve | Op::VerifyAge)
}

/// The phase at a moment; what comes after the load counts to the last phase.
pub(super) fn phase_at(windows: &[Window], at_s: f64) -> Phase {
    let current = windows.iter().find(|window| at_s < window.to_s).or(windows.last());
    current.map_or(Phase::Steady, |window| window.phase)
}

pub(super) fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Steady => "steady",
        Phase::Fault => "fault",
        Phase::FailingOver => "failing-over",
        Phase::Survived => "survived",
        Phase::Healed => "healed",
    }
}
