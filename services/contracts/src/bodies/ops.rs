//! What operators ask of the platform, and what its regions tell each other about themselves.

use crate::{Continent, Region, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What operators have decided about a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RegionState {
    /// It serves.
    #[default]
    Active,
    /// Nobody new is sent there; it finishes what it has.
    Drained,
    /// As drained, and every region treats it as silent: others drive its orders.
    Evacuated,
}

impl fmt::Display for RegionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// `POST /ops/regions/{region}/{drain,evacuate,restore}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateRequest {
    /// Why: for the log, and for whoever looks later.
    pub reason: String,
}

/// A decision about a region. Of two, the one with the higher (epoch, decided in) stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionStanding {
    /// The region.
    pub region: Region,
    /// Its state.
    pub state: RegionState,
    /// +1 for every decision; 0 is a region about which nothing was decided yet.
    pub epoch: u64,
    /// The region in which it was decided.
    pub decided_in: Region,
    /// Why, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The answer to a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateAnswer {
    /// What stands now.
    pub standing: RegionStanding,
    /// Regions that took it.
    pub taken: Vec<Region>,
    /// Regions that could not be reached: they learn it when they are heard again.
    pub unreached: Vec<Region>,
}

/// A region as another one sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionStatus {
    /// The region.
    pub region: Region,
    /// Where it lies.
    pub continent: Continent,
    /// What was decided about it.
    pub state: RegionState,
    /// Of the decision.
    pub epoch: u64,
    /// Why, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether signs of it come in.
    pub heard: bool,
    /// How long its oldest event has been waiting for the bus, milliseconds. Of a region that does not say: as far
    /// as the copies of its rows know. Absent where a table does not answer.
    pub outbox_lag_ms: Option<u64>,
}

/// `GET /ops/regions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionsView {
    /// All regions, in the order of the configuration.
    pub regions: Vec<RegionStatus>,
}

/// What a region says of its own outboxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutboxLag {
    /// See [`RegionStatus::outbox_lag_ms`].
    pub outbox_lag_ms: Option<u64>,
}

/// A parked event, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParkedEvent {
    /// What names it for a redrive: consumer and message.
    pub id: String,
    /// Whose queue it came from.
    pub consumer: String,
    /// The event, where the message is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Its detail type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail_type: Option<String>,
    /// The order that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// How often it was received, looks at the parked ones included.
    pub received: u32,
    /// Since when it has been in a queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// `GET /ops/dlq`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParkedEvents {
    /// What was found.
    pub events: Vec<ParkedEvent>,
    /// Whether there are more.
    pub more: bool,
}

/// `POST /ops/dlq/{id}/redrive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Redriven {
    /// Events that are back in their queue.
    pub count: u32,
    /// Whether there are more.
    pub more: bool,
}

/// `GET /readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// Whether requests may be sent here.
    pub ready: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
