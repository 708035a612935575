//! Whether anything showed a fault. A fault that nobody felt proves nothing.

use super::lost::Loss;
use crate::{
    engine::{
        regions::{RegionProcess, Standing},
        stage::Stage,
        virtual_time::Host,
    },
    links::LinkCounters,
    scenario::Fault,
};
use contracts::ids::{Continent, Region, WarehouseId};
use futures::future::join_all;

/// A question and its answer take no longer, ms.
const CLOCK_NOISE_MS: u64 = 50;

/// A fault that was done.
#[derive(Clone, Debug)]
pub struct FaultRecord {
    /// Its place in the scenario.
    pub number: usize,
    /// What it was.
    pub fault: Fault,
    /// When it began, microseconds since the run's start.
    pub at_us: u64,
    /// When the last process was dead, where any was killed.
    pub killed_us: Option<u64>,
    /// When it ended; `None` where it never did.
    pub ended_us: Option<u64>,
    /// Regions lost with their data.
    pub lost_regions: Vec<Region>,
    /// Warehouses lost.
    pub lost_warehouses: Vec<WarehouseId>,
    /// Continents lost.
    pub lost_continents: Vec<Continent>,
    /// Customers' requests that were under way to the lost regions, as their edges counted.
    pub under_way: u64,
    /// The last words of the lost regions.
    pub losses: Vec<Loss>,
    /// What showed it, for faults that end.
    pub shown: Shown,
    /// What came of a region that was to come back after it lost its data.
    pub back: Option<Back>,
    pub(super) before: Sight,
}

/// A region that came back with nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Back {
    /// Rows that the others had filled its tables with when it opened its doors.
    pub rows: u64,
    /// Whether its copy of the journal votes again, or it holds none.
    pub votes: bool,
}

/// What customers had to do with lost regions at the moment of the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeenByCustomers {
    /// Orders that these regions had acknowledged.
    pub promised: u64,
    /// Requests that had been sent, to edges whose nearest region was among them, and not been answered.
    pub under_way: u64,
}

/// What showed a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Whether anything did.
    pub felt: bool,
    /// What, in a few words.
    pub by: String,
}

impl FaultRecord {
    pub(crate) fn new(number: usize, fault: Fault, at_us: u64) -> Self {
        FaultRecord {
            number,
            fault,
            at_us,
            killed_us: None,
            ended_us: None,
            lost_regions: Vec::new(),
            lost_warehouses: Vec::new(),
            lost_continents: Vec::new(),
            under_way: 0,
            losses: Vec::new(),
            shown: Shown::default(),
            back: None,
            before: Sight::default(),
        }
    }

    /// Requests that were under way in the lost regions.
    pub fn open_requests(&self) -> u64 {
        self.losses.iter().map(Loss::open_requests).sum()
    }

    /// Writes that died with them.
    pub fn stranded(&self) -> u64 {
        self.losses.iter().map(|loss| loss.stranded(&self.lost_regions)).sum()
    }

    /// Whether data was lost.
    pub fn loses_data(&self) -> bool {
        !self.lost_regions.is_empty()
    }

    /// What is told while it happens.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |loss: &Loss| {
            format!(
                "       {} is gone: {} requests under way, {} writes stranded",
                loss.region,
                loss.open_requests(),
                loss.stranded(&self.lost_regions)
            )
        };
        self.losses.iter().map(line).collect()
    }

    /// Whether a loss was felt: requests were under way to it, promised orders were driven from there, writes
    /// were stranded.
    pub fn judge_loss(&self, seen: &SeenByCustomers) -> Shown {
        let (open, stranded) = (self.open_requests(), self.stranded());
        let promised = seen.promised;
        // The edges count what was sent to the region; the history what its customers were waiting for.
        let under_way = self.under_way.max(seen.under_way);
        let back = self.fault.for_s().map(|_| self.back.unwrap_or_default());
        let returned = back.is_none_or(|back| back.rows > 0 && back.votes);
        Shown {
            felt: (open > 0 || under_way > 0) && stranded > 0 && promised > 0 && returned,
            by: format!(
                "{under_way} requests of customers were under way to it and {open} were being worked on there, \
                 {promised} acknowledged orders had been answered from there, {stranded} writes had not been copied{}",
                back.map(Back::tell).unwrap_or_default()
            ),
        }
    }
}

impl Back {
    fn tell(self) -> String {
        let votes = if self.votes { "votes again" } else { "does not vote" };
        format!("; it came back, was filled with {} rows, and its copy of the journal {votes}", self.rows)
    }
}

/// Counters by which an effect is seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sight {
    counted: u64,
}

impl Sight {
    /// Reads the counter that the fault moves.
    pub(super) async fn of(stage: &Stage, fault: &Fault) -> Sight {
        let counted = match fault {
            Fault::FreezeRegion { region, .. }
            | Fault::PowerCut { region, .. }
            | Fault::KillRegion { region, keep_data: true, .. } => suspecting(stage, region).await,
            Fault::FloodContinent { .. } | Fault::KillRegion { .. } => 0, // judged by the last words
            Fault::CrashBetweenSteps { region, .. } => crashes(stage, region),
            Fault::ClockSkew { region, .. } => off_ms(stage, region).await,
            Fault::LinkLatency { from, to, .. } => {
                count(stage, from, to, |link| link.bytes_forward + link.bytes_back)
            }
            Fault::LinkLoss { from, to, .. } => count(stage, from, to, |link| link.lost_pieces),
            Fault::LinkReset { from, to, .. } => count(stage, from, to, |link| link.reset),
            Fault::Partition { from, to, .. } => count(stage, from, to, |link| link.swallowed_pieces),
            Fault::ReplicationLag { region, .. } | Fault::PauseReplication { region, .. } => {
                behind(stage, region.as_ref()).await
            }
            Fault::ProviderRefuse { .. } => refused(stage),
            Fault::ProviderSlow { .. } | Fault::ProviderAnswerLost { .. } => {
                stage.provider.ledger().len() as u64
            }
            Fault::EventDuplicate { .. } => events(stage, |events| events.duplicated).await,
            Fault::EventDelay { .. } => events(stage, |events| events.delayed).await,
            Fault::EventReorder { .. } => events(stage, |events| events.reordered).await,
        };
        Sight { counted }
    }

    /// What was seen since an earlier look.
    pub(super) fn since(&self, before: &Sight, fault: &Fault) -> Shown {
        let count = self.counted.saturating_sub(before.counted);
        let what = match fault {
            Fault::FreezeRegion { .. }
            | Fault::PowerCut { .. }
            | Fault::KillRegion { keep_data: true, .. } => "regions missed its heartbeats",
            Fault::CrashBetweenSteps { .. } => "crashes at that step",
            Fault::ClockSkew { .. } => "ms beyond any doubt",
            Fault::LinkLoss { .. } => "messages were lost and sent again",
            Fault::LinkReset { .. } => "connections were reset",
            Fault::LinkLatency { .. } => "bytes took the slow way",
            Fault::Partition { .. } => "messages were swallowed",
            Fault::ReplicationLag { .. } | Fault::PauseReplication { .. } => "writes were waiting",
            Fault::ProviderRefuse { .. } => "captures were refused",
            Fault::ProviderSlow { .. } | Fault::ProviderAnswerLost { .. } => {
                "operations reached the provider"
            }
            Fault::EventDuplicate { .. } => "events came twice",
            Fault::EventDelay { .. } => "events came late",
            Fault::EventReorder { .. } => "events were overtaken",
            Fault::FloodContinent { .. } | Fault::KillRegion { .. } => "losses",
        };
        Shown { felt: count > 0, by: format!("{count} {what}") }
    }
}

/// How many regions do not hear this one.
async fn suspecting(stage: &Stage, region: &Region) -> u64 {
    let others = stage.regions.values().filter(|one| one.name != *region && one.standing() == Standing::Up);
    let reports = join_all(others.map(|one| one.control().report())).await;
    reports.into_iter().flatten().filter(|report| report.suspected.contains(region)).count() as u64
}

fn crashes(stage: &Stage, region: &Region) -> u64 {
    let host = stage.regions.get(region).and_then(RegionProcess::host);
    host.map_or(0, Host::crashes)
}

/// How far a region's wall clock is off, ms; no less than could come from the time that the question took.
async fn off_ms(stage: &Stage, region: &Region) -> u64 {
    let Some(one) = stage.regions.get(region) else { return 0 };
    let Ok(report) = one.control().report().await else { return 0 };
    let now_ms = stage.clock.wall_ms_at(stage.clock.now_us());
    report.wall_ms.abs_diff(now_ms).saturating_sub(CLOCK_NOISE_MS)
}

/// What the links between two regions counted.
fn count(stage: &Stage, from: &Region, to: &Region, of: impl Fn(&LinkCounters) -> u64) -> u64 {
    let between = |a: &Region, b: &Region| (a == from && b == to) || (a == to && b == from);
    let reports = stage.mesh.reports().into_iter().filter(|report| between(&report.from, &report.to));
    reports.map(|report| of(&report.counters)).sum()
}

async fn behind(stage: &Stage, region: Option<&Region>) -> u64 {
    let concerned = stage.regions.values().filter(|one| one.standing() == Standing::Up);
    let concerned = concerned.filter(|one| region.is_none_or(|region| one.name == *region));
    let reports = join_all(concerned.map(|one| one.control().report())).await;
    reports.into_iter().flatten().map(|report| report.replication.stranded()).sum()
}

fn refused(stage: &Stage) -> u64 {
    use crate::third_parties::payment_3p::Operation;
    let ledger = stage.provider.ledger();
    ledger.iter().filter(|entry| entry.operation == Operation::Capture && !entry.ok).count() as u64
}

async fn events(stage: &Stage, count: impl Fn(&crate::cloud::EventUsage) -> u64) -> u64 {
    let up = stage.regions.values().filter(|one| one.standing() == Standing::Up);
    let usages = join_all(up.map(|one| one.control().usage())).await;
    usages.into_iter().flatten().map(|usage| count(&usage.events)).sum()
}
