//! Whether customers felt a fault that somebody else made. Nobody here did it, so only what they were answered can tell.
//!
//! It was felt where requests whose nearest region is hit were answered by another one, needed a second try or failed,
//! and that much more often than before the first fault.

use crate::{
    faults::{FaultRecord, Shown},
    history::{HistoryRecord, Op, Outcome, Source},
    scenario::{Fault, FaultAt, Scenario},
    target::Target,
    topology::Topology,
};
use contracts::ids::Region;
use std::collections::BTreeMap;

/// A fault troubles at least this part of the requests that it can,
const SHARE_MIN: f64 = 0.1;
/// at least so many times the part that was troubled before,
const TIMES_BEFORE: f64 = 3.0;
/// and at least so many requests.
const TROUBLED_MIN: usize = 5;
/// Its first moment is the first of so many troubled requests in a row: a single one may have other reasons.
const IN_A_ROW: usize = 3;

/// What is known of the run.
pub(super) struct Course<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) target: &'a Target,
    /// By where customers live, the region that is asked first.
    pub(super) nearest: &'a BTreeMap<String, Region>,
    pub(super) records: &'a [HistoryRecord],
    /// When the load began, microseconds after the run's start.
    pub(super) begun_us: u64,
}

/// A request that a fault can trouble.
#[derive(Clone, Copy, Debug)]
struct Sign {
    /// Seconds after the load began.
    at_s: f64,
    troubled: bool,
}

/// The regions that a fault hits, of those that the target has; none for what hits no region.
pub(super) fn hit(fault: &Fault, topology: &Topology, target: &Target) -> Vec<Region> {
    let regions: Vec<&Region> = match fault {
        Fault::FloodContinent { continent } => topology.regions_of(continent).collect(),
        Fault::KillRegion { region, .. }
        | Fault::PowerCut { region, .. }
        | Fault::CrashBetweenSteps { region, .. }
        | Fault::ClockSkew { region, .. }
        | Fault::FreezeRegion { region, .. } => vec![region],
        Fault::LinkLatency { from, to, .. }
        | Fault::LinkLoss { from, to, .. }
        | Fault::LinkReset { from, to, .. }
        | Fault::Partition { from, to, .. } => vec![from, to],
        Fault::ReplicationLag { region, .. } | Fault::PauseReplication { region, .. } => {
            region.iter().collect()
        }
        Fault::ProviderRefuse { .. }
        | Fault::ProviderSlow { .. }
        | Fault::ProviderAnswerLost { .. }
        | Fault::EventDuplicate { .. }
        | Fault::EventDelay { .. }
        | Fault::EventReorder { .. } => Vec::new(),
    };
    regions.into_iter().filter(|region| target.region(region).is_some()).cloned().collect()
}

impl Course<'_> {
    /// Every fault of the timeline, with what showed it. It begins when it was felt first, or else when it was due.
    pub(super) fn faults(&self) -> Vec<FaultRecord> {
        self.scenario.faults.iter().enumerate().map(|(number, fault)| self.fault(number, fault)).collect()
    }

    fn fault(&self, number: usize, fault: &FaultAt) -> FaultRecord {
        let regions = hit(&fault.fault, &self.scenario.topology, self.target);
        let signs = self.signs(&regions);
        let (shown, first_s) = judge(&signs, self.first_fault_s(), fault.at_s, fault.heals_at_s());
        let at = |at_s: f64| self.begun_us + (at_s * 1e6) as u64;
        let mut record = FaultRecord::new(number, fault.fault.clone(), at(first_s.unwrap_or(fault.at_s)));
        record.ended_us = fault.heals_at_s().filter(|at_s| *at_s < self.scenario.run_s()).map(at);
        record.shown = shown;
        match &fault.fault {
            Fault::FloodContinent { continent } => {
                record.lost_continents = vec![continent.clone()];
                record.lost_regions = regions;
            }
            Fault::KillRegion { keep_data: false, .. } => record.lost_regions = regions,
            _ => {}
        }
        record
    }

    fn first_fault_s(&self) -> f64 {
        self.scenario.faults.iter().map(|fault| fault.at_s).fold(f64::INFINITY, f64::min)
    }

    /// The requests whose nearest region is among these; all, where there are none.
    fn signs(&self, regions: &[Region]) -> Vec<Sign> {
        let signs = self.records.iter().filter_map(|record| {
            let nearest = self.nearest.get(&record.continent)?;
            let sent = record.source == Source::Driver && record.sent_at_us.is_some();
            let aside = matches!(record.op, Op::Resolve | Op::VerifyAge | Op::SignIn);
            (sent && !aside && (regions.is_empty() || regions.contains(nearest))).then(|| Sign {
                at_s: (record.planned_at_us as f64 - self.begun_us as f64) / 1e6,
                troubled: troubled(record, nearest),
            })
        });
        signs.collect()
    }
}

fn troubled(record: &HistoryRecord, nearest: &Region) -> bool {
    let elsewhere = record.served_by.as_ref().is_some_and(|region| region != nearest);
    let again = record.attempts.is_some_and(|attempts| attempts > 1);
    elsewhere || again || matches!(record.outcome, Outcome::Failed | Outcome::Ambiguous)
}

/// Whether the fault was felt, and since when, seconds after the load began.
fn judge(signs: &[Sign], first_fault_s: f64, from_s: f64, to_s: Option<f64>) -> (Shown, Option<f64>) {
    let until_s = to_s.unwrap_or(f64::INFINITY);
    let before: Vec<&Sign> = signs.iter().filter(|sign| sign.at_s < first_fault_s).collect();
    let mut during: Vec<&Sign> =
        signs.iter().filter(|sign| sign.at_s >= from_s && sign.at_s < until_s).collect();
    during.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    let count = |signs: &[&Sign]| signs.iter().filter(|sign| sign.troubled).count();
    let share = |signs: &[&Sign]| count(signs) as f64 / signs.len().max(1) as f64;
    let felt = count(&during) >= TROUBLED_MIN
        && share(&during) >= SHARE_MIN
        && share(&during) >= TIMES_BEFORE * share(&before);
    let by = format!(
        "{} of {} requests went elsewhere, were sent twice or failed while it lasted; before, {} of {}",
        count(&during),
        during.len(),
        count(&before),
        before.len()
    );
    let in_a_row = during.windows(IN_A_ROW).find(|row| row.iter().all(|sign| sign.troubled));
    let first_s = in_a_row.map(|row| row[0].at_s).filter(|_| felt);
    (Shown { felt, by }, first_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request each second; `troubled` says which of them are in trouble.
    fn signs(troubled: impl Fn(usize) -> bool) -> Vec<Sign> {
        (0..60).map(|second| Sign { at_s: second as f64, troubled: troubled(second) }).collect()
    }

    #[test]
    fn a_lost_region_is_felt_from_the_first_request_that_goes_elsewhere() {
        let (shown, first_s) = judge(&signs(|second| second >= 18), 15.0, 15.0, None);
        assert!(shown.felt, "{}", shown.by);
        assert_eq!(first_s, Some(18.0));
        assert_eq!(
            shown.by,
            "42 of 45 requests went elsewhere, were sent twice or failed while it lasted; before, 0 of 15"
        );
    }

    #[test]
    fn what_nobody_made_is_not_felt() {
        assert_eq!(judge(&signs(|_| false), 15.0, 15.0, None).1, None);
        // A hedge now and then, before as after.
        let (shown, _) = judge(&signs(|second| second % 8 == 0), 15.0, 15.0, None);
        assert!(!shown.felt, "{}", shown.by);
        // A short disturbance long after the fault is over.
        let (shown, _) = judge(&signs(|second| second >= 40), 15.0, 15.0, Some(20.0));
        assert!(!shown.felt, "{}", shown.by);
    }

    #[test]
    fn a_single_stray_request_is_not_the_beginning() {
        let (shown, first_s) = judge(&signs(|second| second == 16 || second >= 30), 15.0, 15.0, None);
        assert!(shown.felt);
        assert_eq!(first_s, Some(30.0));
    }
}
