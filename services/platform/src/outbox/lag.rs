//! How far behind the outboxes of a process are.

use super::{Confirmed, INDEX, Pending};
use crate::tables::{Query, Table, TableError, text};
use contracts::Region;
use std::sync::{Arc, Mutex, PoisonError};

/// Items that are looked at, oldest first: those before them wait only to be cleared.
const LOOKED_AT: usize = 25;
/// Outboxes at most; a process has a handful.
const OUTBOXES_MAX: usize = 64;

/// One outbox: its table, and what the bus has confirmed of it.
#[derive(Clone)]
struct Watched {
    table: Table,
    confirmed: Arc<Mutex<Confirmed>>,
}

/// The outboxes of a process.
#[derive(Default)]
pub struct Outboxes(Mutex<Vec<Watched>>);

impl Outboxes {
    pub(super) fn watch(&self, table: &Table, confirmed: &Arc<Mutex<Confirmed>>) {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() < OUTBOXES_MAX {
            watched.push(Watched { table: table.clone(), confirmed: confirmed.clone() });
        }
    }

    /// Since when a region's oldest event has been waiting for the bus, Unix milliseconds; `Some(None)` where none is.
    /// Nothing where it cannot be told: a table does not answer, or there is no outbox in this process.
    pub async fn oldest_pending(&self, of: &Region) -> Option<Option<i64>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if all.is_empty() {
            return None;
        }
        let each = all.iter().map(|one| one.oldest(of));
        let each = futures::future::try_join_all(each).await;
        let each = each.inspect_err(|cause| tracing::debug!(%cause, "an outbox does not say how far it is"));
        Some(each.ok()?.into_iter().flatten().min())
    }
}

impl Watched {
    async fn oldest(&self, of: &Region) -> Result<Option<i64>, TableError> {
        let query = Query::partition("outbox", text(of.as_str())).index(INDEX).limit(LOOKED_AT);
        let items = self.table.query::<Pending>(query).await?.items;
        let confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |item: &Pending| item.pending.keys().any(|event_id| !confirmed.ids.contains(event_id));
        Ok(items.into_iter().find(waits).and_then(|item| item.since))
    }
}
