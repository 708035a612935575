//! Lies in wait for a chosen call of the cloud, so that its caller can be ended between two of its steps.

use super::lock;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::Notify;

/// On which side of a call's effect somebody lies in wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// It was asked for and does not happen.
    Before,
    /// It happened, and whoever asked for it does not know.
    #[default]
    After,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A call to the cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Before or after its effect.
    pub moment: Moment,
    /// Such as `TransactWriteItems`.
    pub operation: String,
    /// The physical name of a table, or another resource, that the call names.
    pub resource: String,
    /// Text that the call holds, such as a status that it writes; any call's where absent.
    pub word: Option<String>,
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

    /// Whether it still waits for a step.
    pub fn lies_in_wait(&self) -> bool {
        self.armed.load(Ordering::Acquire)
    }

    /// Waits until the step was taken. One caller at a time.
    pub async fn tripped(&self) {
        self.tripped.notified().await;
    }

    /// Whether this call was the step. It trips once.
    pub(super) fn reached(&self, moment: Moment, operation: &str, body: &str) -> bool {
        if !self.armed.load(Ordering::Acquire) {
            return false;
        }
        let mut waiting = lock(&self.step);
        let Some(step) = waiting.as_mut() else { return false };
        let named = format!("\"{}\"", step.resource);
        let holds = body.contains(&named) && step.word.as_ref().is_none_or(|word| body.contains(word));
        if step.moment != moment || step.operation != operation || !holds {
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
        for (moment, elsewhere) in [(Moment::Before, Moment::After), (Moment::After, Moment::Before)] {
            let at = |operation, body| wire.reached(moment, operation, body);
            assert!(!at("PutItem", put), "it is not set");
            let (operation, resource) = ("PutItem".to_owned(), "t".to_owned());
            wire.set(Some(Step { moment, operation, resource, word: None, nth: 2 }));
            assert!(!at("GetItem", put) && !at("PutItem", other));
            assert!(!at("PutItem", put), "the first one");
            assert!(!wire.reached(elsewhere, "PutItem", put));
            assert!(wire.lies_in_wait() && at("PutItem", put) && !wire.lies_in_wait());
            wire.tripped().await;
            assert!(!at("PutItem", put), "it has tripped");
        }
    }

    #[test]
    fn a_call_must_hold_the_word_where_there_is_one() {
        let wire = Tripwire::default();
        let (operation, resource) = ("PutItem".to_owned(), "t".to_owned());
        let word = Some("CANCELLING".to_owned());
        wire.set(Some(Step { moment: Moment::Before, operation, resource, word, nth: 1 }));
        let at = |status| {
            let body = format!(r#"{{"TableName":"t","Item":{{"status":{{"S":"{status}"}}}}}}"#);
            wire.reached(Moment::Before, "PutItem", &body)
        };
        assert!(!at("PAID") && at("CANCELLING"));
    }
}
