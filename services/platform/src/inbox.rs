//! The inbox: a consumer's effect and the row that remembers the event are written in one transaction.

use crate::{
    Platform,
    planted::Planted,
    tables::{Condition, Table, TableError, Transaction},
};
use contracts::{
    events::Event,
    resources::{Key, Replication, TableSpec},
};
use serde::{Deserialize, Serialize};

/// The inbox table. Its rows never leave the region: effects that must be once in the world have keys of
/// their own at their owner.
pub const TABLE: TableSpec = TableSpec {
    service: "platform",
    table: "inbox",
    partition: Key::text("id"),
    sort: None,
    indexes: &[],
    replication: Replication::Regional,
};

/// How long a row is kept, milliseconds: longer than the bus's archive.
const KEPT_MS: i64 = 31 * 24 * 3600 * 1000;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    applied_at: i64,
    ttl: i64,
}

/// Remembers which events a consumer has applied.
#[derive(Clone, Debug)]
pub struct Inbox {
    table: Table,
    world: crate::World,
    consumer: &'static str,
}

impl Inbox {
    /// The inbox of a consumer.
    pub fn new(platform: &Platform, consumer: &'static str) -> Self {
        Inbox { table: platform.table(&TABLE), world: platform.world.clone(), consumer }
    }

    /// Whether the event was applied before.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn seen(&self, event: &Event) -> Result<bool, TableError> {
        let row = self.table.get::<Row>(self.table.key(self.id(event), None)).await?;
        Ok(row.is_some())
    }

    /// Adds the event's row to a transaction. It is cancelled where the event was applied before; the row
    /// is the transaction's last item if added last.
    ///
    /// # Errors
    /// When the row cannot be an item.
    pub fn record(&self, transaction: Transaction, event: &Event) -> Result<Transaction, TableError> {
        let now = self.world.now().0;
        let row = Row { id: self.id(event), applied_at: now, ttl: (now + KEPT_MS) / 1000 };
        let transaction = transaction.put(&self.table, &row, Condition::new_item("id"))?;
        Ok(if self.world.has(Planted::InboxApart) { transaction.last_one_first() } else { transaction })
    }

    fn id(&self, event: &Event) -> String {
        format!("{}#{}", self.consumer, event.metadata.event_id.0)
    }
}
