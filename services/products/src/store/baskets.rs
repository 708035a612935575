//! The table of baskets, and a copy of it in memory for readers.

use crate::domain::baskets::{Basket, Bought, SLOTS, add_up};
use contracts::resources::{Key, Replication, TableSpec};
use futures::future::try_join_all;
use platform::{
    Platform, Table, TableError,
    tables::{Condition, Query, Transaction, number, text},
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

/// The baskets: each region writes its own and reads all.
pub(super) const BASKETS: TableSpec = TableSpec {
    service: crate::NAME,
    table: "baskets",
    partition: Key::text("region"),
    sort: Some(Key::number("slot")),
    indexes: &[],
    replication: Replication::Global,
};

/// How old the copy may be: what is bought together hardly changes.
const FRESH_FOR: Duration = Duration::from_secs(30);
/// How long reading may take: recommendations are no reason to wait.
const LIMIT: Duration = Duration::from_millis(300);

/// A basket as it is stored.
#[derive(Serialize, Deserialize)]
struct Row {
    region: String,
    slot: u32,
    #[serde(flatten)]
    basket: Basket,
}

#[derive(Default)]
struct Copy {
    read_at: Option<Instant>,
    bought: Arc<Bought>,
}

/// The baskets of all regions, as this one has them.
#[derive(Clone)]
pub(crate) struct Baskets {
    platform: Platform,
    table: Table,
    copy: Arc<Mutex<Copy>>,
}

impl Baskets {
    pub(crate) fn new(platform: &Platform) -> Self {
        Baskets { platform: platform.clone(), table: platform.table(&BASKETS), copy: Arc::default() }
    }

    /// A transaction that keeps a basket. It is cancelled where a newer one has the slot.
    pub(crate) fn keep(&self, basket: Basket) -> Result<Transaction, TableError> {
        let slot_is_older = Condition::default()
            .and("attribute_not_exists(#slot) OR #at < :at OR (#at = :at AND #order <= :order)")
            .name("#slot", "slot")
            .name("#at", "boughtAt")
            .name("#order", "orderId")
            .value(":at", number(basket.bought_at))
            .value(":order", text(basket.order_id.to_string()));
        let region = self.platform.config.region.to_string();
        let row = Row { region, slot: basket.slot(), basket };
        self.table.transaction().put(&self.table, &row, slot_is_older)
    }

    /// What was bought, as of half a minute ago. Where the table does not answer: what was known before, if anything.
    pub(crate) async fn bought(&self) -> Arc<Bought> {
        // Whoever comes while the table is being read waits for that one reading.
        let mut copy = self.copy.lock().await;
        let now = self.platform.world.instant();
        let fresh = copy.read_at.is_some_and(|read_at| now.saturating_duration_since(read_at) < FRESH_FOR);
        if !fresh {
            match timeout(LIMIT, self.read_all()).await {
                Ok(Ok(bought)) => copy.bought = Arc::new(bought),
                Ok(Err(cause)) => tracing::warn!(%cause, "baskets cannot be read; bestsellers must do"),
                Err(_) => tracing::warn!("baskets are not read in time; bestsellers must do"),
            }
            copy.read_at = Some(now);
        }
        copy.bought.clone()
    }

    async fn read_all(&self) -> Result<Bought, TableError> {
        let regions = self.platform.config.regions.iter();
        let of_each = regions.map(|region| {
            let query = Query::partition("region", text(region.name.as_str()));
            self.table.query_all::<Row>(query, SLOTS as usize)
        });
        let rows = try_join_all(of_each).await?;
        Ok(add_up(rows.into_iter().flatten().map(|row| row.basket)))
    }
}
