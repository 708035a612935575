//! Orders as the journal entries of former owners knew them, until this owner has adopted them.

use crate::store::OrderRecord;
use contracts::{Order, OrderId, ShardId, journal::EntryValue};
use platform::outbox::Pending;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What former owners left. Clones are the same. As large as what the journal had open at a takeover.
#[derive(Clone, Default)]
pub struct Left(Arc<Mutex<BTreeMap<OrderId, Known>>>);

#[derive(Clone)]
struct Known {
    order: Order,
    payment_ref: String,
    /// What was asked of it and perhaps not done.
    commands: Vec<EntryValue>,
}

impl Left {
    /// Notes what an entry knew of its order, unless a newer version is known. An intent carries the order as it
    /// was before the effect.
    pub fn note(&self, value: &EntryValue) {
        let (EntryValue::Order { order, payment_ref, .. }
        | EntryValue::Command { order, payment_ref, .. }
        | EntryValue::Intent { order, payment_ref, .. }) = value
        else {
            return;
        };
        let mut known = self.lock();
        let new =
            || Known { order: (**order).clone(), payment_ref: payment_ref.clone(), commands: Vec::new() };
        let held = known.entry(order.order_id).or_insert_with(new);
        if rank(&held.order) < rank(order) {
            (held.order, held.payment_ref) = ((**order).clone(), payment_ref.clone());
        }
        if matches!(value, EntryValue::Command { .. }) {
            held.commands.push(value.clone());
        }
    }

    /// The command that was asked of exactly this version of an order.
    pub fn command(&self, order: &Order) -> Option<EntryValue> {
        let known = self.lock();
        let of_this = |value: &&EntryValue| matches!(value, EntryValue::Command { order: asked_of, .. } if rank(asked_of) == rank(order));
        known.get(&order.order_id)?.commands.iter().find(of_this).cloned()
    }

    /// The order, as an entry knew it; in a branch of nobody, as its adoption writes its own.
    pub fn get(&self, order_id: OrderId) -> Option<OrderRecord> {
        let known = self.lock().get(&order_id).cloned()?;
        Some(OrderRecord {
            order: known.order,
            branch: String::new(),
            payment_ref: known.payment_ref,
            open_shard: None,
            pending: Pending::default(),
        })
    }

    /// What is known of an order: the row that this region holds, or what an entry knew, whichever is newer.
    pub fn newest(&self, order_id: OrderId, row: Option<OrderRecord>) -> Option<OrderRecord> {
        match (row, self.get(order_id)) {
            // The row's own pending events stay with it.
            (Some(row), Some(left)) if rank(&row.order) < rank(&left.order) => {
                Some(OrderRecord { order: left.order, branch: left.branch, ..row })
            }
            (Some(row), _) => Some(row),
            (None, left) => left,
        }
    }

    /// Orders of a shard that wait for their adoption.
    pub fn waiting(&self, shard: &ShardId) -> Vec<OrderId> {
        let known = self.lock();
        known.values().filter(|known| known.order.shard == *shard).map(|known| known.order.order_id).collect()
    }

    /// Forgets an order that has been adopted.
    pub fn adopted(&self, order_id: OrderId) {
        self.lock().remove(&order_id);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<OrderId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rank(order: &Order) -> (u64, u64) {
    (order.epoch, order.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::order;
    use contracts::journal::EffectKind;

    fn accepted(order: &Order) -> EntryValue {
        EntryValue::Order {
            order: Box::new(order.clone()),
            payment_ref: "sealed".into(),
            token_hash: "t".into(),
            warehouse_epoch: 1,
            lines: Vec::new(),
        }
    }

    fn intent(order: &Order) -> EntryValue {
        EntryValue::Intent {
            order_id: order.order_id,
            effect: EffectKind::Capture,
            effect_key: "k".into(),
            amount: 1,
            order: Box::new(order.clone()),
            payment_ref: "sealed".into(),
        }
    }

    #[test]
    fn whatever_comes_first_the_newest_is_adopted() {
        let born = order();
        let packaged = Order { version: 3, ..born.clone() };
        for entries in [[accepted(&born), intent(&packaged)], [intent(&packaged), accepted(&born)]] {
            let left = Left::default();
            entries.iter().for_each(|value| left.note(value));
            assert_eq!(left.get(born.order_id).map(|record| record.order.version), Some(3));
        }
    }

    #[test]
    fn a_row_that_is_newer_stands_and_an_older_one_keeps_its_pending_events() {
        let (left, born) = (Left::default(), order());
        left.note(&intent(&Order { version: 3, ..born.clone() }));
        let row = |version: u64| OrderRecord {
            order: Order { version, ..born.clone() },
            branch: "000000000001#us-east-1".into(),
            payment_ref: "sealed".into(),
            open_shard: None,
            pending: Pending::default(),
        };
        let newest = |row: Option<OrderRecord>| {
            left.newest(born.order_id, row).map(|found| (found.order.version, found.branch))
        };
        assert_eq!(newest(Some(row(6))), Some((6, "000000000001#us-east-1".into())));
        assert_eq!(newest(Some(row(1))), Some((3, String::new())));
        assert_eq!(newest(None), Some((3, String::new())));
        left.adopted(born.order_id);
        assert_eq!(newest(None), None);
        assert!(left.waiting(&"am-00".into()).is_empty());
    }
}
