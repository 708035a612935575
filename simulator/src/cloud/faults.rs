//! The knobs at the door: what goes wrong, how often. All off by default.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::ensure;
use serde::{Deserialize, Serialize};

use super::dice::Dice;
use super::lock;
use super::tripwire::Tripwire;
use crate::gate::Gate;

/// How long an event that is overtaken by later ones is held, at most.
const REORDER_HOLD_MS: u64 = 200;

/// A service of the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// DynamoDB and DynamoDB Streams.
    DynamoDb,
    /// EventBridge.
    EventBridge,
    /// SQS.
    Sqs,
    /// Cognito user pools.
    Cognito,
}

/// Which faults act. Probabilities are 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultSettings {
    /// Added before each call of a service, in milliseconds.
    pub latency_ms: BTreeMap<Service, u64>,
    /// Chance that a call is refused as throttled, before it has any effect.
    pub throttle: f64,
    /// Chance that a delivery arrives twice.
    pub event_duplicate: f64,
    /// Chance that a delivery is held back.
    pub event_delay: f64,
    /// How long such a delivery is held at most, in milliseconds.
    pub event_delay_ms_max: u64,
    /// Chance that a delivery is overtaken by later ones.
    pub event_reorder: f64,
    /// Chance that a delivery never arrives.
    pub event_loss: f64,
}

/// The faults in force.
#[derive(Default)]
pub struct Faults {
    active: AtomicBool,
    gate: Gate,
    tripwire: Tripwire,
    settings: Mutex<FaultSettings>,
}

/// What becomes of one delivery: one entry a copy, each with the time it is held.
#[derive(Debug, Default)]
pub(super) struct Fate {
    pub(super) copies_held_ms: Vec<u64>,
    pub(super) delayed: bool,
    pub(super) reordered: bool,
}

impl Faults {
    /// Puts these faults in force, in place of those before.
    ///
    /// # Errors
    /// A probability outside 0 to 1.
    pub fn set(&self, settings: FaultSettings) -> anyhow::Result<()> {
        let probabilities = [
            ("throttle", settings.throttle),
            ("event_duplicate", settings.event_duplicate),
            ("event_delay", settings.event_delay),
            ("event_reorder", settings.event_reorder),
            ("event_loss", settings.event_loss),
        ];
        for (name, p) in probabilities {
            ensure!((0.0..=1.0).contains(&p), "{name} = {p} is not a probability");
        }
        let active = settings != FaultSettings::default();
        *lock(&self.settings) = settings;
        self.active.store(active, Ordering::Release);
        Ok(())
    }

    /// Holds every call at the door while it is closed.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Lies in wait for a chosen call.
    pub fn tripwire(&self) -> &Tripwire {
        &self.tripwire
    }

    /// The faults in force.
    pub fn settings(&self) -> FaultSettings {
        lock(&self.settings).clone()
    }

    /// What a call meets at the door: a wait, and whether it is then refused.
    pub(super) fn at_door(&self, service: Service, dice: &Dice) -> (Duration, bool) {
        if !self.active.load(Ordering::Acquire) {
            return (Duration::ZERO, false);
        }
        let settings = lock(&self.settings);
        let wait = settings.latency_ms.get(&service).copied().unwrap_or(0);
        (Duration::from_millis(wait), dice.chance(settings.throttle))
    }

    /// What becomes of one delivery of one event.
    pub(super) fn fate(&self, dice: &Dice) -> Fate {
        if !self.active.load(Ordering::Acquire) {
            return Fate { copies_held_ms: vec![0], ..Fate::default() };
        }
        let settings = self.settings();
        if dice.chance(settings.event_loss) {
            return Fate::default();
        }
        let reordered = dice.chance(settings.event_reorder);
        let delayed = settings.event_delay_ms_max > 0 && dice.chance(settings.event_delay);
        let mut held = if reordered { dice.between(1..=REORDER_HOLD_MS) } else { 0 };
        if delayed {
            held += dice.between(1..=settings.event_delay_ms_max);
        }
        let mut copies_held_ms = vec![held];
        if dice.chance(settings.event_duplicate) {
            copies_held_ms.push(held + dice.between(0..=REORDER_HOLD_MS));
        }
        Fate { copies_held_ms, delayed, reordered }
    }
}
