//! Lies in wait for a chosen call of the cloud, so that its caller can be ended between two of its steps.

use super::lock;
use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::Notify;

/// A call that took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Such as `TransactWriteItems`.
    pub operation: String,
    /// The physical name of a table, or another resource, that the call names.
    pub resource: String,
    /// Which of these calls it is, from 1.
    pub nth: u32,
}

/// Waits for one step.
#[derive(Debug, Default)]
pub struct Tripwire {
    armed: AtomicBool,
    step: Mutex<Option<Step>>,
    tripped: Notify,
}

impl Tripwire {
    /// Lies in wait for a step, or for none any more.
    pub fn set(&self, step: Option<Step>) {
        self.armed.store(step.is_some(), Ordering::Release);
        *lock(&self.step) = step;
    }

    /// Waits until the step was taken. One caller at a time.
    pub async fn tripped(&self) {
        self.tripped.notified().await;
    }

    /// Whether this call, which took effect, was the step. It trips once.
    pub(super) fn passed(&self, operation: &str, body: &str) -> bool {
        if !self.armed.load(Ordering::Acquire) {
            return false;
        }
        let mut waiting = lock(&self.step);
        let Some(step) = waiting.as_mut() else { return false };
        let named = format!("\"{}\"", step.resource);
        if step.operation != operation || !body.contains(&named) {
            return false;
        }
        step.nth = step.nth.saturating_sub(1);
        if step.nth > 0 {
            return false;
        }
        *waiting = None;
        self.armed.store(false, Ordering::Release);
        self.tripped.notify_one();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_trips_at_the_chosen_step_and_only_once() {
        let wire = Tripwire::default();
        let (put, other) = (r#"{"TableName":"t"}"#, r#"{"TableName":"t.other"}"#);
        assert!(!wire.passed("PutItem", put), "it is not set");
        wire.set(Some(Step { operation: "PutItem".to_owned(), resource: "t".to_owned(), nth: 2 }));
        assert!(!wire.passed("GetItem", put) && !wire.passed("PutItem", other));
        assert!(!wire.passed("PutItem", put), "the first one");
        assert!(wire.passed("PutItem", put));
        wire.tripped().await;
        assert!(!wire.passed("PutItem", put), "it has tripped");
    }
}
