//! The messages of one queue and the rules by which they are seen, given the time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::dump::QueueDepth;

/// One message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) number: u64,
    pub(super) body: Arc<str>,
    pub(super) sent_at_ms: i64,
    pub(super) first_received_at_ms: Option<i64>,
    pub(super) receives: u32,
    /// Seen by receivers from then on.
    visible_at_ms: i64,
}

impl Message {
    /// Names this receipt of the message: a later receipt makes it worthless.
    pub(super) fn receipt(&self) -> String {
        format!("{}.{}", self.number, self.receives)
    }
}

/// What a receipt handle said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    number: u64,
    receives: u32,
}

impl Receipt {
    pub(super) fn parse(handle: &str) -> Option<Self> {
        let (number, receives) = handle.split_once('.')?;
        Some(Receipt { number: number.parse().ok()?, receives: receives.parse().ok()? })
    }
}

/// What one look at the shelf took from it.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) received: Vec<Message>,
    /// Received too often already.
    pub(super) dead: Vec<Message>,
}

/// The messages of a queue.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    messages: BTreeMap<u64, Message>,
    by_time: BTreeSet<(i64, u64)>,
    last_number: u64,
}

impl Shelf {
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Says the message's number.
    pub(super) fn put(&mut self, body: Arc<str>, now_ms: i64, held_ms: u64) -> u64 {
        self.last_number += 1;
        let message = Message {
            number: self.last_number,
            body,
            sent_at_ms: now_ms,
            first_received_at_ms: None,
            receives: 0,
            visible_at_ms: now_ms.saturating_add_unsigned(held_ms),
        };
        self.insert(message);
        self.last_number
    }

    /// Takes visible messages, the longest visible first, and hides them. `receives_max` is how often a message
    /// may be received before it is dead.
    pub(super) fn take(
        &mut self,
        max: usize,
        now_ms: i64,
        hidden_ms: u64,
        receives_max: Option<u32>,
    ) -> Taken {
        let mut taken = Taken::default();
        while taken.received.len() < max {
            let Some(&(at_ms, number)) = self.by_time.first() else { break };
            if at_ms > now_ms {
                break;
            }
            let Some(mut message) = self.remove(number) else { break };
            if receives_max.is_some_and(|max| message.receives >= max) {
                taken.dead.push(message);
                continue;
            }
            message.receives += 1;
            message.first_received_at_ms.get_or_insert(now_ms);
            message.visible_at_ms = now_ms.saturating_add_unsigned(hidden_ms);
            taken.received.push(message);
        }
        // Only now: a message that is hidden for no time at all is not taken twice in one look.
        taken.received.iter().cloned().for_each(|message| self.insert(message));
        taken
    }

    /// Deletes a message by its latest receipt. An older receipt, or one of a message that is gone, changes
    /// nothing, as on a standard queue.
    pub(super) fn delete(&mut self, receipt: Receipt) {
        if self.held(receipt) {
            self.remove(receipt.number);
        }
    }

    /// Hides a message for longer, or gives it back at once. False if the receipt is not the latest.
    pub(super) fn hide(&mut self, receipt: Receipt, now_ms: i64, hidden_ms: u64) -> bool {
        if !self.held(receipt) {
            return false;
        }
        if let Some(mut message) = self.remove(receipt.number) {
            message.visible_at_ms = now_ms.saturating_add_unsigned(hidden_ms);
            self.insert(message);
        }
        true
    }

    /// When the next hidden message becomes visible.
    pub(super) fn next_visible_at_ms(&self) -> Option<i64> {
        self.by_time.first().map(|(at_ms, _)| *at_ms)
    }

    /// Takes everything off the shelf.
    pub(super) fn clear(&mut self) -> Vec<Message> {
        self.by_time.clear();
        std::mem::take(&mut self.messages).into_values().collect()
    }

    pub(super) fn depth(&self, now_ms: i64) -> QueueDepth {
        let mut depth = QueueDepth::default();
        for message in self.messages.values() {
            let place = match message {
                message if message.visible_at_ms <= now_ms => &mut depth.visible,
                message if message.receives > 0 => &mut depth.in_flight,
                _ => &mut depth.delayed,
            };
            *place += 1;
        }
        depth
    }

    fn held(&self, receipt: Receipt) -> bool {
        self.messages.get(&receipt.number).is_some_and(|message| message.receives == receipt.receives)
    }

    fn insert(&mut self, message: Message) {
        self.by_time.insert((message.visible_at_ms, message.number));
        self.messages.insert(message.number, message);
    }

    fn remove(&mut self, number: u64) -> Option<Message> {
        let message = self.messages.remove(&number)?;
        self.by_time.remove(&(message.visible_at_ms, number));
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(messages: u64) -> Shelf {
        let mut shelf = Shelf::default();
        for n in 0..messages {
            shelf.put(n.to_string().into(), 0, 0);
        }
        shelf
    }

    #[test]
    fn a_message_hidden_for_no_time_is_taken_once_in_a_look() {
        let mut shelf = shelf(2);
        assert_eq!(shelf.take(10, 0, 0, None).received.len(), 2);
        assert_eq!(shelf.take(10, 0, 0, None).received.len(), 2);
    }

    #[test]
    fn the_dead_make_room_for_the_living() {
        let mut shelf = shelf(3);
        for _ in 0..8 {
            assert_eq!(shelf.take(2, 0, 0, Some(8)).received.len(), 2);
        }
        let taken = shelf.take(2, 0, 0, Some(8));
        assert_eq!((taken.received.len(), taken.dead.len()), (1, 2));
        assert_eq!(shelf.len(), 1);
    }

    #[test]
    fn depths_tell_visible_hidden_and_held_messages_apart() {
        let mut shelf = shelf(2);
        shelf.put("held".into(), 0, 500);
        let taken = shelf.take(1, 0, 1000, None).received.remove(0);
        assert_eq!(shelf.depth(0), QueueDepth { visible: 1, in_flight: 1, delayed: 1 });
        assert_eq!(shelf.depth(500), QueueDepth { visible: 2, in_flight: 1, delayed: 0 });
        let receipt = Receipt::parse(&taken.receipt()).unwrap();
        assert!(shelf.hide(receipt, 0, 0));
        assert_eq!(shelf.depth(0).visible, 2);
        shelf.delete(receipt);
        assert!(!shelf.hide(receipt, 0, 0));
        assert_eq!(shelf.len(), 2);
        assert_eq!(Receipt::parse("1"), None);
    }
}
