//! The open-loop driver: it plans every request beforehand and sends it when its time has come, whatever
//! became of the ones before. Latency counts from the planned time to the last byte of the answer, so a
//! platform that stalls cannot hide it by making its customers wait. Only this driver judges.
//!
//! - A buyer asks for the delivery price two seconds before the order, gets the payment authorised by the
//!   provider, and orders at the planned time. Where the price did not come in time, the order is sent all
//!   the same, with the price last told for that country; where none was ever told it counts as failed.
//! - The provider is not part of the platform: where it gives no authorisation the order is left out and
//!   counted as skipped.
//! - A small part of the orders is bad on purpose, and must be refused. Another part is sent twice.
//! - Some customers cancel what they just bought, or send back what arrived. Where the order has gone on by then, a
//!   conflict is a good answer. What they send back they give to a courier, once they see that the shop awaits it.
//! - A customer whose order waits for a proof of age goes to the age checker, and shows papers there. Whoever is found to be
//!   too young is refused from then on, as planned.
//! - Some ask for goods that run out. Most of them let the order wait; the others are refused once nothing is left, as
//!   planned.
//! - After an ambiguous attempt or command the customer asks what became of it ([`loadtests::history::Op::Resolve`]). Those requests count
//!   in the latencies but not in the availability, which would otherwise rise with every failure.

mod book;
mod buy;
mod command;
mod hdr_log;
mod meter;
mod probe;
mod read;
mod report;
mod scarce;
mod schedule;
mod stage;
#[cfg(test)]
mod tests;
mod verify;
mod wire;

pub(crate) use read::OLDER;
pub use report::{
    Acknowledgement, DriverReport, Figures, GOOD_WITHIN, Lateness, Second, WorstWindow, is_good,
};
pub use scarce::ScarceGoods;
pub use schedule::{Deal, Planned, What, plan};

use crate::{
    robots::Returns,
    scenario::{Mix, Window},
    third_parties::age_check::Papers,
};
use contracts::ids::UserId;
use loadtests::{
    accounts::SignedIn,
    attack::Provider,
    basket::CatalogueItem,
    clock::RunClock,
    history::{History, HistoryClosed},
};
use platform::{network::Network, watch};
use stage::Stage;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::sleep_until};

/// What to send, and to whom.
#[derive(Clone, Debug)]
pub struct DriverConfig {
    /// Where everything random comes from.
    pub seed: u64,
    /// Tells this run's keys of requests from those of earlier runs of one seed on the same platform; empty where there
    /// were none.
    pub key_mark: String,
    /// The run's clock.
    pub clock: RunClock,
    /// When the load begins, microseconds since the run's start. Connections are warmed before that.
    pub begins_at_us: u64,
    /// How long the load lasts.
    pub duration: Duration,
    /// Requests a second.
    pub rps: f64,
    /// What they are.
    pub mix: Mix,
    /// Orders out of the ordinary.
    pub probes: Probes,
    /// The phases by which is judged, seconds since the load began.
    pub windows: Vec<Window>,
    /// The URL that customers of each continent use, such as `europe`.
    pub edges: BTreeMap<String, String>,
    /// The customers. No other load should use the same ones: they share a cart.
    pub customers: Vec<SignedIn>,
    /// What they know of the catalogue, without what is scarce.
    pub catalogue: Vec<CatalogueItem>,
    /// What is scarce.
    pub scarce: ScarceGoods,
    /// Where payments are authorised.
    pub provider: Provider,
    /// Customers who come unverified, and what their papers say.
    pub unverified: BTreeMap<UserId, Papers>,
    /// Where customers leave what they send back.
    pub returns: Returns,
    /// How those are reached who stand on no address of this machine; nobody, where absent.
    pub world: Option<Network>,
}

/// Parts of all orders, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probes {
    /// Orders that must be refused.
    pub bad: f64,
    /// Orders that were acknowledged and are sent again.
    pub repeat: f64,
}

impl Default for Probes {
    fn default() -> Self {
        Probes { bad: 0.05, repeat: 0.02 }
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The configuration cannot work.
    #[error("the driver cannot start: {0}")]
    Config(String),
    /// The history cannot be written; its task knows why.
    #[error(transparent)]
    History(#[from] HistoryClosed),
    /// A defect of the driver.
    #[error("a part of the driver failed: {0}")]
    Defect(#[from] tokio::task::JoinError),
}

/// Sends the load and judges the answers. Returns when the last answer is in, or soon after `stop` says true.
pub async fn run(
    config: DriverConfig,
    history: History,
    stop: watch::Receiver<bool>,
) -> Result<DriverReport, DriverError> {
    check(&config)?;
    let schedule = plan(&config);
    let (stage, metering) = Stage::set(config, history);
    stage.warm().await.map_err(DriverError::Config)?;
    let sent = send_all(&Arc::new(stage), schedule, stop).await;
    // With the stage the last sender is gone, so the meter ends, and says why when it could not go on.
    let report = metering.await??;
    sent.map(|()| report)
}

fn check(config: &DriverConfig) -> Result<(), DriverError> {
    let wrong = |why: String| Err(DriverError::Config(why));
    if config.customers.is_empty() || config.catalogue.is_empty() {
        return wrong("it needs customers and a catalogue".to_owned());
    }
    if !(config.rps.is_finite() && config.rps > 0.0) || config.mix.total() <= 0.0 {
        return wrong("the load must be more than nothing".to_owned());
    }
    let homeless = config.customers.iter().find(|one| !config.edges.contains_key(&one.customer.continent));
    match homeless {
        Some(one) => wrong(format!("there is no edge for customers of {}", one.customer.continent)),
        None => Ok(()),
    }
}

/// Starts each request when its time has come.
async fn send_all(
    stage: &Arc<Stage>,
    schedule: Vec<Planned>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), DriverError> {
    let mut tasks = JoinSet::new();
    for planned in schedule {
        tokio::select! {
            biased;
            () = sleep_until(stage.moment(planned.at)) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
        tasks.spawn(perform(Arc::clone(stage), planned));
        while let Some(ended) = tasks.try_join_next() {
            ended??;
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn perform(stage: Arc<Stage>, planned: Planned) -> Result<(), HistoryClosed> {
    match planned.what {
        What::Buy(deal) => buy::perform(&stage, &planned, deal).await,
        What::Cancel | What::Return => command::perform(&stage, &planned).await,
        _ => read::perform(&stage, &planned).await,
    }
}
