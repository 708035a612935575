//! What an edge counts.

use super::path::Path;
use contracts::ids::Region;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// What an edge did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeCounters {
    /// Requests that came in.
    pub requests: u64,
    /// Second tries sent because no answer came in time.
    pub hedges: u64,
    /// Second tries sent because an answer was not good.
    pub retries: u64,
    /// Requests cut off at the limit.
    pub cut: u64,
    /// Requests refused because too many were under way, or because they were too large.
    pub refused: u64,
    /// What each region did.
    pub regions: BTreeMap<Region, RegionCounters>,
}

/// What one region did for an edge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionCounters {
    /// Tries sent there.
    pub tries: u64,
    /// Those of them that have no answer yet.
    pub open: u64,
    /// Answers of its that customers got.
    pub answered: u64,
    /// Tries and probes that vanished on the way, there or back.
    pub swallowed: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) requests: AtomicU64,
    pub(super) hedges: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) cut: AtomicU64,
    pub(super) refused: AtomicU64,
}

/// Counts one more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

impl Counters {
    pub(super) fn snapshot(&self, paths: &[Arc<Path>]) -> EdgeCounters {
        let regions = paths.iter().map(|path| {
            let counters = RegionCounters {
                tries: path.tries.load(Relaxed),
                open: path.open.load(Relaxed),
                answered: path.answered.load(Relaxed),
                swallowed: path.swallowed.load(Relaxed),
            };
            (path.name.clone(), counters)
        });
        EdgeCounters {
            requests: self.requests.load(Relaxed),
            hedges: self.hedges.load(Relaxed),
            retries: self.retries.load(Relaxed),
            cut: self.cut.load(Relaxed),
            refused: self.refused.load(Relaxed),
            regions: regions.collect(),
        }
    }
}
