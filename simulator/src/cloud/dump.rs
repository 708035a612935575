//! What a region holds, in plain JSON, for the checks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything a region holds. Its items are [`super::PlainItem`]s where it is told, and JSON where it is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dump<Item = Value> {
    /// Items by table, `service` or `service.table`, with DynamoDB's type letters taken off.
    pub tables: BTreeMap<String, Vec<Item>>,
    /// Queues and dead-letter queues by name.
    pub queues: BTreeMap<String, QueueDepth>,
}

/// How many messages a queue holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueDepth {
    /// Ready to be received.
    pub visible: usize,
    /// Received and neither deleted nor given back.
    pub in_flight: usize,
    /// Not yet visible for the first time.
    pub delayed: usize,
}
