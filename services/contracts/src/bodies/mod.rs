//! Requests and answers between services, a file for each service that answers them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod delivery;
pub mod ops;
pub mod orders;
pub mod payment;
pub mod products;
pub mod users;
pub mod warehouse;

/// The answer of a service that was asked to forget whose order it was, of what it wrote in its region.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Forgotten {
    /// Whether nothing is left; else ask again, as an event of it is not yet on the bus.
    pub everything: bool,
}
