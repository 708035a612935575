//! After the load: the shop is left to itself until every order has come to rest.

use super::stage::Stage;
use crate::{region::OrdersReport, watch::Watch};
use contracts::ids::Region;
use futures::future::try_join_all;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// How often the regions are asked.
const ASK_EVERY: Duration = Duration::from_millis(1_500);
/// Rest counts when it was seen so often in a row: an event may be on its way.
const IN_A_ROW: u32 = 2;

/// What becomes of events that were parked after too many tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parked {
    /// They stay where they are.
    Stay,
    /// They are tried again, as an operator has them after an outage that was longer than events are tried.
    TriedAgain,
}

/// Waits until all regions are at rest and nobody outside has anything for them, no longer than the scenario allows.
/// Says how long it took, `None` where it did not come to rest.
///
/// # Errors
/// When a region does not answer to the end. One that is down for a moment is asked again: a crash may lie in wait for what
/// the shop does after the load.
pub async fn until_at_rest(stage: &Stage, watch: &Watch, parked: Parked) -> anyhow::Result<Option<Duration>> {
    let begun = Instant::now();
    let allowed = Duration::from_secs_f64(stage.plan.scenario.settle.within_s);
    let mut rests = 0;
    loop {
        let reports = match ask(stage, watch, parked).await {
            Ok(reports) => reports,
            Err(silent) if begun.elapsed() >= allowed => return Err(silent),
            Err(_) => {
                rests = 0;
                tokio::time::sleep(ASK_EVERY).await;
                continue;
            }
        };
        let present: Vec<&Region> = stage.survivors().map(|region| &region.name).collect();
        let rest = at_rest(&reports, &present) && !stage.is_busy_outside();
        rests = if rest { rests + 1 } else { 0 };
        if rests >= IN_A_ROW {
            watch.say(&format!("at rest after {:.1} s", begun.elapsed().as_secs_f64()));
            return Ok(Some(begun.elapsed()));
        }
        if begun.elapsed() >= allowed {
            watch.say(&format!("not at rest after {:.0} s: {}", allowed.as_secs_f64(), open(&reports)));
            return Ok(None);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// How far the regions are, after what they parked was tried again where it is to be.
async fn ask(stage: &Stage, watch: &Watch, parked: Parked) -> anyhow::Result<Vec<OrdersReport>> {
    if parked == Parked::TriedAgain {
        redrive(stage, watch).await?;
    }
    try_join_all(stage.survivors().map(|region| region.control().orders())).await
}

async fn redrive(stage: &Stage, watch: &Watch) -> anyhow::Result<()> {
    let counts = try_join_all(stage.survivors().map(|region| region.control().redrive())).await?;
    match counts.into_iter().sum() {
        0usize => {}
        count => watch.say(&format!("{count} parked events are tried again")),
    }
    Ok(())
}

/// Whether all regions that are present are at rest and know the same number of orders.
pub(super) fn at_rest(reports: &[OrdersReport], present: &[&Region]) -> bool {
    let agree = reports.windows(2).all(|pair| pair[0].known == pair[1].known);
    agree && reports.iter().all(|report| report.at_rest(present.iter().copied()))
}

/// What is still open, by status, in the region with the most.
fn open(reports: &[OrdersReport]) -> String {
    let mut most: BTreeMap<&str, u64> = BTreeMap::new();
    for (status, count) in reports.iter().flat_map(|report| &report.open) {
        let entry = most.entry(status).or_default();
        *entry = (*entry).max(*count);
    }
    let statuses: Vec<String> = most.iter().map(|(status, count)| format!("{count} {status}")).collect();
    let unpublished = reports.iter().map(|report| report.unpublished).max().unwrap_or(0);
    let owed = reports.iter().flat_map(|report| report.owed.values()).max().unwrap_or(&0);
    format!("{}; {unpublished} with unpublished events, {owed} writes on their way", statuses.join(", "))
}
