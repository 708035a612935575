//! A scenario: a world, a load on it, what goes wrong, and what the run must show. All of it is data.
//!
//! Every field is described in `scenarios/README.md`.

mod fault;
mod goal;
mod library;
mod mistakes;
mod near;
mod phases;
mod read;
pub(crate) mod reader;
#[cfg(test)]
mod tests;
mod write;

pub use fault::{Fault, FaultAt};
pub use goal::{Goal, GoalPhase, Meaning, Metric, Op};
pub use library::{NoSuchScenario, find, list};
pub use mistakes::{Mistake, ScenarioErrors};
pub use phases::{Phase, Phases, Window};
pub use read::{load, load_for};

use crate::topology::Topology;
use serde::{Deserialize, Serialize};

/// What runs a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Real time, real sockets, a process for each region.
    #[default]
    Live,
    /// Virtual time in one thread, from the seed alone.
    Virtual,
}

impl Engine {
    /// Its word in reports and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Engine::Live => "live",
            Engine::Virtual => "virtual",
        }
    }
}

/// One scenario, read and checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name, that of its file.
    pub name: String,
    /// One line about it.
    pub title: String,
    /// A few lines about it.
    pub description: String,
    /// Where everything random comes from.
    pub seed: u64,
    /// The world.
    pub topology: Topology,
    /// What customers do.
    pub load: Load,
    /// How long.
    pub phases: Phases,
    /// What goes wrong, in the order of the file.
    pub faults: Vec<FaultAt>,
    /// What the run must show.
    pub goals: Vec<Goal>,
    /// How long orders may take to settle after the load.
    pub settle: Settle,
    /// How tables are copied between regions.
    pub replication: ReplicationSpec,
}

/// The load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Requests a second of the open-loop driver, which judges latency and availability.
    pub open_loop_rps: f64,
    /// What the requests are.
    pub mix: Mix,
    /// Users of the Goose journeys that run beside it.
    pub goose_users: u32,
    /// Customer accounts over which the requests are spread.
    pub customers: u32,
    /// Of these, percent that begin without a proof of age.
    #[serde(default)]
    pub unverified_pct: f64,
    /// Of the orders, percent that are for goods which run out. Most of their buyers wait for more to come in.
    #[serde(default)]
    pub backorder_pct: f64,
}

impl Load {
    /// How many of the open-loop requests are orders, a second.
    pub fn orders_per_s(&self) -> f64 {
        self.open_loop_rps * f64::from(self.mix.buy / self.mix.total())
    }
}

/// The weights of the kinds of request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// Pages of the catalogue and single products.
    pub browse: f32,
    /// Searches.
    pub search: f32,
    /// Changes of the cart.
    pub cart: f32,
    /// Orders.
    pub buy: f32,
    /// Looking an order up.
    pub track: f32,
    /// Cancelling an order that was just made.
    #[serde(default)]
    pub cancel: f32,
    /// Sending goods of a delivered order back.
    #[serde(default, rename = "return")]
    pub returns: f32,
}

impl Mix {
    /// The sum of the weights.
    pub fn total(&self) -> f32 {
        self.browse + self.search + self.cart + self.buy + self.track + self.cancel + self.returns
    }
}

impl Default for Mix {
    fn default() -> Self {
        Mix { browse: 40.0, search: 10.0, cart: 8.0, buy: 24.0, track: 18.0, cancel: 0.0, returns: 0.0 }
    }
}

/// What happens after the load.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settle {
    /// Within this many seconds every order is settled or waits in a state that allows it.
    pub within_s: f64,
    /// For so many seconds after that the idle shop is metered, which costs need; not at all where it is 0.
    #[serde(default)]
    pub idle_s: f64,
}

/// How replicated tables are copied, beyond the way between the regions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplicationSpec {
    /// A write leaves its region this much later, ms.
    pub lag_ms: u32,
    /// Random spread of the lag, percent of it, either way.
    pub jitter_pct: f32,
}
