//! A queue: its shelf, its clock, and those who wait for it.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::super::dump::QueueDepth;
use super::super::{Clock, lock};
use super::shelf::{Message, Receipt, Shelf};

/// How often a message is received before it goes to the dead letters.
pub(super) const RECEIVES_MAX: u32 = 8;
/// Messages a queue holds. SQS has no such limit, memory has; the bus refuses what would not fit.
const MESSAGES_MAX: usize = 500_000;

/// One queue.
pub(in super::super) struct Queue {
    pub(in super::super) name: String,
    dead_letters: Option<Arc<Queue>>,
    clock: Clock,
    shelf: Mutex<Shelf>,
    arrived: Notify,
}

impl Queue {
    pub(super) fn new(name: String, dead_letters: Option<Arc<Queue>>, clock: Clock) -> Self {
        Queue { name, dead_letters, clock, shelf: Mutex::default(), arrived: Notify::new() }
    }

    pub(super) fn dead_letters(&self) -> Option<&Arc<Queue>> {
        self.dead_letters.as_ref()
    }

    pub(in super::super) fn is_full(&self) -> bool {
        lock(&self.shelf).len() >= MESSAGES_MAX
    }

    /// Puts a message that becomes visible after `held_ms`; says its number.
    pub(in super::super) fn send(&self, body: Arc<str>, held_ms: u64) -> u64 {
        let number = lock(&self.shelf).put(body, (self.clock)(), held_ms);
        self.arrived.notify_waiters();
        number
    }

    /// Receives at most `max` messages, waiting for the first one up to `wait`.
    pub(super) async fn receive(&self, max: usize, hidden_ms: u64, wait: Duration) -> Vec<Message> {
        let mut patience = pin!(tokio::time::sleep(wait));
        loop {
            let mut arrival = pin!(self.arrived.notified());
            // From here on an arrival is not missed.
            arrival.as_mut().enable();
            let received = self.take(max, hidden_ms);
            if !received.is_empty() || wait.is_zero() {
                return received;
            }
            tokio::select! {
                biased; // two that come at once come in one order
                () = &mut patience => return self.take(max, hidden_ms),
                () = arrival => {}
                () = self.next_return() => {}
            }
        }
    }

    fn take(&self, max: usize, hidden_ms: u64) -> Vec<Message> {
        let receives_max = self.dead_letters.as_ref().map(|_| RECEIVES_MAX);
        let taken = lock(&self.shelf).take(max, (self.clock)(), hidden_ms, receives_max);
        if let Some(dead_letters) = &self.dead_letters {
            for message in taken.dead {
                dead_letters.send(message.body, 0);
            }
        }
        taken.received
    }

    /// Waits until a hidden message is due, for ever if none is hidden.
    async fn next_return(&self) {
        let due = lock(&self.shelf).next_visible_at_ms();
        match due {
            Some(at_ms) => {
                let wait_ms = u64::try_from(at_ms - (self.clock)()).unwrap_or(0).max(1);
                tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            }
            None => std::future::pending().await,
        }
    }

    pub(super) fn delete(&self, receipt: Receipt) {
        lock(&self.shelf).delete(receipt);
    }

    /// False if the receipt is not the message's latest.
    pub(super) fn hide(&self, receipt: Receipt, hidden_ms: u64) -> bool {
        let known = lock(&self.shelf).hide(receipt, (self.clock)(), hidden_ms);
        self.arrived.notify_waiters();
        known
    }

    /// Moves the dead letters back; says how many.
    pub(super) fn redrive(&self) -> usize {
        let Some(dead_letters) = &self.dead_letters else { return 0 };
        let letters = lock(&dead_letters.shelf).clear();
        let count = letters.len();
        for letter in letters {
            self.send(letter.body, 0);
        }
        count
    }

    pub(super) fn depth(&self) -> QueueDepth {
        lock(&self.shelf).depth((self.clock)())
    }
}
