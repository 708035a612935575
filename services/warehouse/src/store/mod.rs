//! The warehouse's tables and items, and every write to them.

mod branch;
mod locks;
mod packaging;
mod packing;
mod refusals;
mod replenish;
mod reservations;
mod reserve;
mod sites;
mod steps;
mod stock;
mod tables;

pub(crate) use packaging::{Packaging, Supply};
pub(crate) use packing::{NO_REQUEST, Picked};
pub(crate) use reservations::ReservationItem;
pub(crate) use sites::{Notice, Site};
pub use tables::TABLES;

use crate::error::WarehouseError;
use contracts::{WarehouseId, resources::TableSpec};
use locks::Locks;
use platform::{
    Platform, Table, branches,
    outbox::Outbox,
    tables::{Condition, TableError, TransactError, Transaction},
};
use std::{sync::Arc, time::Duration};

/// How often a write is tried again when others were faster on the same rows.
const TRIES: u32 = 8;
/// The mean pause before another try.
const RETRY_PAUSE: Duration = Duration::from_millis(4);

/// The tables of this region.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) platform: Platform,
    /// Publishes what packaging requests have pending.
    pub(crate) packaging_outbox: Outbox,
    /// Publishes what warehouses have pending.
    pub(crate) sites_outbox: Outbox,
    /// Publishes what stock has pending.
    pub(crate) stock_outbox: Outbox,
    /// Publishes what could not be kept.
    pub(crate) refusals_outbox: Outbox,
    /// Publishes what reservations have pending.
    pub(crate) reservations_outbox: Outbox,
    packaging: Table,
    stock: Table,
    reservations: Table,
    refusals: Table,
    ledger: Table,
    sites: Table,
    locks: Arc<Locks>,
}

impl Store {
    pub(crate) fn new(platform: &Platform) -> Self {
        let table = |spec: &TableSpec| platform.table(spec);
        let (packaging, sites) = (table(&tables::PACKAGING), table(&tables::SITES));
        let (stock, refusals) = (table(&tables::STOCK), table(&tables::REFUSALS));
        let reservations = table(&tables::RESERVATIONS);
        Store {
            packaging_outbox: Outbox::new(platform, packaging.clone()),
            sites_outbox: Outbox::new(platform, sites.clone()),
            stock_outbox: Outbox::new(platform, stock.clone()),
            refusals_outbox: Outbox::new(platform, refusals.clone()),
            reservations_outbox: Outbox::new(platform, reservations.clone()),
            stock,
            refusals,
            reservations,
            ledger: table(&tables::LEDGER),
            packaging,
            sites,
            locks: Arc::default(),
            platform: platform.clone(),
        }
    }

    /// Whether this region owns the warehouse's stock.
    pub(crate) fn is_home(&self, warehouse_id: &WarehouseId) -> bool {
        self.must_be_home(warehouse_id).is_ok()
    }

    /// Refuses what concerns goods that lie elsewhere.
    pub(crate) fn must_be_home(&self, warehouse_id: &WarehouseId) -> Result<(), WarehouseError> {
        let config = &self.platform.config;
        let warehouse = config.warehouse(warehouse_id);
        let warehouse = warehouse.ok_or_else(|| WarehouseError::NoSuchWarehouse(warehouse_id.clone()))?;
        if warehouse.region == config.region {
            return Ok(());
        }
        let (warehouse, home) = (warehouse_id.clone(), warehouse.region.clone());
        Err(WarehouseError::Elsewhere { warehouse, home })
    }

    /// A transaction that begins with nothing.
    pub(crate) fn begin(&self) -> Transaction {
        self.stock.transaction()
    }

    /// Waits a little before another try; not before the first one.
    async fn pause(&self, tried: u32) {
        if tried > 0 {
            tokio::time::sleep(self.platform.world.jitter(RETRY_PAUSE * tried)).await;
        }
    }

    /// The branch that this region writes at `epoch`.
    fn own_branch(&self, epoch: u64) -> String {
        branches::name(epoch, &self.platform.config.region)
    }
}

/// Whether a transaction happened; a lost race is no error, but a reason to read again.
fn happened(committed: Result<(), TransactError>) -> Result<bool, TableError> {
    match committed {
        Ok(()) => Ok(true),
        Err(TransactError::Cancelled(_) | TransactError::Busy) => Ok(false),
        Err(TransactError::Table(error)) => Err(error),
    }
}

/// The condition for writing a row of this region: unchanged since it was read, or new.
fn unchanged(key: &'static str, own_version: Option<u64>) -> Condition {
    own_version.map_or_else(|| Condition::new_item(key), Condition::version)
}
