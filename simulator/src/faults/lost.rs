//! The last words of a region: asked between the moment when nobody reaches it any more and its end.

use crate::{cloud::Usage, engine::regions::RegionProcess, region::Report};
use contracts::ids::Region;

/// What was lost with a region.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Which.
    pub region: Region,
    /// Requests that were under way, and writes that no other region had. `None` where it did not answer.
    pub report: Option<Report>,
    /// What its cloud had been used for.
    pub usage: Option<Usage>,
    /// Processor time that it had used, seconds.
    pub cpu_s: Option<f64>,
}

impl Loss {
    /// Requests under way.
    pub fn open_requests(&self) -> u64 {
        self.report.as_ref().map_or(0, |report| report.traffic.open)
    }

    /// Writes that no region outside of `lost` has.
    pub fn stranded(&self, lost: &[Region]) -> u64 {
        let outside = |report: &Report| {
            let to = report.replication.to.iter().filter(|(region, _)| !lost.contains(region));
            to.map(|(_, progress)| progress.behind).min().unwrap_or(0)
        };
        self.report.as_ref().map_or(0, outside)
    }
}

pub(super) async fn ask(process: &RegionProcess) -> Loss {
    // The requests under way first: they end by themselves in the dark.
    let report = process.control().report().await;
    let usage = process.control().usage().await;
    for fault in [report.as_ref().err(), usage.as_ref().err()].into_iter().flatten() {
        tracing::warn!(region = %process.name, %fault, "a dying region did not answer");
    }
    Loss {
        region: process.name.clone(),
        report: report.ok(),
        usage: usage.ok(),
        cpu_s: process.cpu_seconds(),
    }
}
