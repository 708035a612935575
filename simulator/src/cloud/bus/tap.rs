//! The latest events of the bus, for the checks.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

const EVENTS_MAX: usize = 200_000;
const BYTES_MAX: usize = 256 * 1024 * 1024;

#[derive(Default)]
pub(super) struct Tap {
    /// The text is shared with the queues' messages.
    events: VecDeque<Arc<str>>,
    bytes: usize,
}

impl Tap {
    /// Takes an event; says how many old ones were let go for it.
    pub(super) fn note(&mut self, event: Arc<str>) -> u64 {
        self.bytes += event.len();
        self.events.push_back(event);
        let mut dropped = 0;
        while self.events.len() > EVENTS_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.len();
            dropped += 1;
        }
        dropped
    }

    pub(super) fn events(&self) -> Vec<Value> {
        self.events.iter().filter_map(|event| serde_json::from_str(event).ok()).collect()
    }
}
