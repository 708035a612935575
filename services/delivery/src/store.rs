//! The deliveries: each region writes a branch of its own.

use crate::{domain::Delivery, events};
use contracts::{
    OrderId, Region,
    bodies::delivery::{DeliveryStatus, DeliveryView},
    events::Happening,
    resources::{IndexSpec, Key, Replication, TableSpec},
};
use platform::{
    Platform, Table, TableError,
    branches::{self, BRANCHES_MAX, Branched, Branches},
    outbox::{self, Outbox, Pending},
    tables::{Condition, Page, Query, text},
};
use serde::{Deserialize, Serialize};

/// Lists the deliveries that wait for a courier.
const WAITING: &str = "orderId-new";

/// The deliveries.
pub(crate) const DELIVERIES: TableSpec = TableSpec {
    service: crate::NAME,
    table: "",
    partition: Key::text("orderId"),
    sort: Some(Key::text(branches::SORT)),
    indexes: &[
        IndexSpec { name: WAITING, partition: Key::text("isNew"), sort: Key::text("orderId") },
        IndexSpec { name: outbox::INDEX, partition: Key::text("outbox"), sort: Key::number("since") },
    ],
    replication: Replication::Global,
};

/// The tables of this service.
pub const TABLES: &[TableSpec] = &[DELIVERIES];

/// A delivery, as one region wrote it under one epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    pub(crate) order_id: OrderId,
    pub(crate) branch: String,
    pub(crate) epoch: u64,
    pub(crate) version: u64,
    /// The region whose couriers it waits for; there only while it waits. Couriers of another region must not
    /// start it: that would be a second region acting for one order under one epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_new: Option<String>,
    #[serde(flatten)]
    pub(crate) delivery: Delivery,
    #[serde(flatten)]
    outbox: Pending,
}

impl Branched for Row {
    fn branch(&self) -> &str {
        &self.branch
    }
    fn epoch(&self) -> u64 {
        self.epoch
    }
    fn version(&self) -> u64 {
        self.version
    }
}

impl Row {
    pub(crate) fn view(&self) -> DeliveryView {
        self.delivery.view(self.order_id, self.version)
    }
}

/// The deliveries of this region.
#[derive(Clone)]
pub(crate) struct Store {
    platform: Platform,
    table: Table,
    outbox: Outbox,
}

impl Store {
    pub(crate) fn new(platform: &Platform) -> Self {
        let table = platform.table(&DELIVERIES);
        let outbox = Outbox::new(platform, table.clone());
        Store { platform: platform.clone(), table, outbox }
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Everything that is known of an order's delivery.
    pub(crate) async fn load(&self, order_id: OrderId) -> Result<Branches<Row>, TableError> {
        let query = Query::partition("orderId", text(order_id.to_string())).consistent();
        self.table.query_all(query, BRANCHES_MAX).await.map(Branches::new)
    }

    /// Stores what became of a delivery, with the event that tells it.
    ///
    /// # Errors
    /// [`TableError::Conflict`] when this region's branch changed since it was loaded.
    pub(crate) async fn save(
        &self,
        order_id: OrderId,
        held: &Branches<Row>,
        epoch: u64,
        delivery: Delivery,
        happening: Option<Happening>,
    ) -> Result<Row, TableError> {
        let here: &Region = &self.platform.config.region;
        let branch = branches::name(epoch, here);
        let version = held.highest().map_or(0, |row| row.version) + 1;
        let mut outbox = held.named(&branch).map(|row| row.outbox.clone()).unwrap_or_default();
        if let Some(happening) = happening {
            let event = events::event(&self.platform, order_id, epoch, version, happening);
            self.outbox.add(&mut outbox, &event);
        }
        let is_new = (delivery.status == DeliveryStatus::New).then(|| here.0.clone());
        let condition = held.unchanged(&branch);
        let mut row = Row { order_id, branch, epoch, version, is_new, delivery, outbox };
        self.table.put(&row, condition).await?;
        let key = self.table.key(order_id.to_string(), Some(text(&row.branch)));
        self.outbox.notify(key, &mut row.outbox);
        Ok(row)
    }

    /// Has what this region wrote of a delivery forget whom it went to. Says whether nothing is left to do: an event that
    /// is not yet on the bus still tells of them.
    ///
    /// # Errors
    /// [`TableError::Conflict`] when a branch changed meanwhile.
    pub(crate) async fn forget_person(&self, order_id: OrderId) -> Result<bool, TableError> {
        let mut everything = true;
        for row in self.load(order_id).await?.rows() {
            if row.branch != branches::name(row.epoch, &self.platform.config.region) {
                continue;
            }
            if !row.outbox.pending.is_empty() {
                everything = false;
                continue;
            }
            let mut forgotten = Row { version: row.version + 1, ..row.clone() };
            forgotten.delivery.forget_person();
            if forgotten.delivery != row.delivery {
                self.table.put(&forgotten, Condition::version(row.version)).await?;
            }
        }
        Ok(everything)
    }

    /// A page of what is marked as waiting here. Some of it may be out of date: a successor's branch decides.
    pub(crate) async fn marked_waiting(
        &self,
        limit: usize,
        token: Option<&str>,
    ) -> Result<Page<Row>, TableError> {
        let here: &Region = &self.platform.config.region;
        let query =
            Query::partition("isNew", text(here.as_str())).index(WAITING).limit(limit).after(token)?;
        self.table.query(query).await
    }
}
