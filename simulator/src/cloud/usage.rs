//! What was used, as a bill would list it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::lock;

/// Distinct names counted apart; names come from callers, so there must be an end to them.
const NAMES_MAX: usize = 256;
/// The operation under which writes of other regions are counted.
pub const REPLICATED_WRITE: &str = "ReplicatedWrite";
/// Where the rest is counted.
const OTHER: &str = "(other)";

/// What a region's cloud was used for since its start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// By table (`service` or `service.table`) and operation.
    pub tables: BTreeMap<String, BTreeMap<String, OperationUsage>>,
    /// What went over the bus.
    pub events: EventUsage,
    /// SQS calls by operation.
    pub queue_calls: BTreeMap<String, u64>,
    /// Cognito calls by operation.
    pub identity_calls: BTreeMap<String, u64>,
    /// Calls refused by the throttle knob.
    pub throttled: u64,
    /// Calls of operations that are not emulated, by target.
    pub unknown_operations: BTreeMap<String, u64>,
}

impl Usage {
    /// Rows that other regions' writes changed here.
    pub fn replicated_rows(&self) -> u64 {
        let merged = self.tables.values().filter_map(|table| table.get(REPLICATED_WRITE));
        merged.map(|usage| usage.calls).sum()
    }
}

/// One operation on one table. An operation over several tables counts as a call, with its bytes, at the
/// first one; its units go where they were consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperationUsage {
    /// Calls, failed ones included.
    pub calls: u64,
    /// Calls that were refused, failed conditions included.
    pub failed: u64,
    /// Read request units.
    pub read_units: f64,
    /// Write request units.
    pub write_units: f64,
    /// Request bodies, in bytes.
    pub bytes_in: u64,
    /// Answers, in bytes.
    pub bytes_out: u64,
}

/// What went over the bus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EventUsage {
    /// PutEvents calls.
    pub calls: u64,
    /// Entries accepted.
    pub accepted: u64,
    /// Entries refused.
    pub rejected: u64,
    /// Accepted entries that no rule wanted.
    pub unmatched: u64,
    /// Messages put into queues, by queue.
    pub deliveries: BTreeMap<String, u64>,
    /// Deliveries made twice by the fault knob.
    pub duplicated: u64,
    /// Deliveries held back by the fault knob.
    pub delayed: u64,
    /// Deliveries overtaken by the fault knob.
    pub reordered: u64,
    /// Deliveries lost by the fault knob.
    pub lost: u64,
    /// Events that the tap no longer holds.
    pub tap_dropped: u64,
}

/// Counts usage.
#[derive(Default)]
pub(super) struct Meter(Mutex<Usage>);

impl Meter {
    pub(super) fn usage(&self) -> Usage {
        lock(&self.0).clone()
    }

    pub(super) fn table(&self, table: &str, operation: &str, count: impl FnOnce(&mut OperationUsage)) {
        let mut usage = lock(&self.0);
        count(counter(counter(&mut usage.tables, table), operation));
    }

    pub(super) fn events(&self, count: impl FnOnce(&mut EventUsage)) {
        count(&mut lock(&self.0).events);
    }

    pub(super) fn queue_call(&self, operation: &str) {
        *counter(&mut lock(&self.0).queue_calls, operation) += 1;
    }

    pub(super) fn identity_call(&self, operation: &str) {
        *counter(&mut lock(&self.0).identity_calls, operation) += 1;
    }

    pub(super) fn throttled(&self) {
        lock(&self.0).throttled += 1;
    }

    pub(super) fn unknown(&self, target: &str) {
        let name: String = target.chars().take(100).collect();
        *counter(&mut lock(&self.0).unknown_operations, &name) += 1;
    }
}

/// The counter of a name, without allocating where it exists.
pub(super) fn counter<'a, T: Default>(counters: &'a mut BTreeMap<String, T>, name: &str) -> &'a mut T {
    let name = if counters.len() < NAMES_MAX || counters.contains_key(name) { name } else { OTHER };
    if !counters.contains_key(name) {
        counters.insert(name.to_owned(), T::default());
    }
    counters.get_mut(name).expect("just inserted")
}
