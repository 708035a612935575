//! Forgetting the person in a copy's entries. What was decided, and its hash, stay: the copy votes as before.

use super::acceptor::{Acceptor, AcceptorError, Row};
use contracts::{Order, keys};
use platform::{
    TableError,
    tables::{Condition, Query, text},
};

/// Entries about one order at most: its own, its effects' and its commands'.
const ENTRIES_MAX: usize = 10_000;

impl Acceptor {
    /// Has the entries about an order forget whose it was. Says whether it could: an entry may change meanwhile.
    ///
    /// # Errors
    /// When the table does not answer, or a stored entry cannot be read.
    pub async fn forget_person(&self, order: &Order) -> Result<bool, AcceptorError> {
        let about = Query::partition("shard", text(order.shard.as_str()))
            .begins_with("keyHash", format!("{}#", order.order_id))
            .consistent();
        let mut rows: Vec<Row> = self.journal.query_all(about, ENTRIES_MAX).await?;
        if rows.len() >= ENTRIES_MAX {
            return Ok(false); // there may be more
        }
        let own = keys::journal_key(&order.user_id, &order.idempotency_key);
        rows.extend(self.journal.get::<Row>(self.journal.key(order.shard.as_str(), Some(text(own)))).await?);
        for row in rows {
            let Some(forgotten) = row.forgotten()? else { continue };
            let unchanged = Condition::default()
                .and("#value = :held")
                .name("#value", "value")
                .value(":held", text(row.value))
                .value(":forgotten", text(forgotten));
            let key = self.journal.key(row.shard.as_str(), Some(text(row.key_hash)));
            match self.journal.update(key, "SET #value = :forgotten", unchanged).await {
                Ok(()) => {}
                Err(TableError::Conflict) => return Ok(false),
                Err(other) => return Err(other.into()),
            }
        }
        Ok(true)
    }
}
