//! Levels and the ledger. Whoever moves stock writes both in one transaction.

use super::{Store, branch, tables::WAREHOUSE_INDEX, unchanged};
use crate::{domain::stock, error::WarehouseError};
use contracts::{
    ProductId, WarehouseId,
    bodies::warehouse::StockReceipt,
    events::ProductUnits,
    stock::{Movement, StockLedgerRow, StockLevel},
};
use futures::future::try_join_all;
use platform::{
    branches::{BRANCHES_MAX, Branched, Branches},
    tables::{Condition, Query, TableError, Transaction, text},
};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedMutexGuard;

/// Products of one warehouse at the most, for a listing.
const PRODUCTS_MAX: usize = 5_000;
/// The epoch under which a warehouse's stock begins.
pub(super) const FIRST_EPOCH: u64 = 1;

/// A row of the stock table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StockItem {
    pk: String,
    branch: String,
    #[serde(flatten)]
    pub(super) level: StockLevel,
}

/// A row of the ledger.
#[derive(Serialize, Deserialize)]
struct LedgerItem {
    pk: String,
    #[serde(flatten)]
    row: StockLedgerRow,
}

/// The partition of a product in a warehouse.
fn place(product_id: ProductId, warehouse_id: &WarehouseId) -> String {
    format!("{product_id}#{warehouse_id}")
}

fn moved(held: &StockItem, movement: Movement, quantity: i64) -> Result<StockLevel, WarehouseError> {
    stock::moved(&held.level, movement, quantity)
        .ok_or_else(|| WarehouseError::Refused(format!("{movement:?} of {quantity} units is not possible")))
}

impl Branched for StockItem {
    fn branch(&self) -> &str {
        &self.branch
    }
    fn epoch(&self) -> u64 {
        branch::epoch(&self.branch)
    }
    fn version(&self) -> u64 {
        self.level.version
    }
}

impl Store {
    /// The level of a product in a warehouse.
    pub(super) async fn level(
        &self,
        product_id: ProductId,
        warehouse_id: &WarehouseId,
    ) -> Result<Option<StockItem>, TableError> {
        let query = Query::partition("pk", text(place(product_id, warehouse_id))).consistent();
        let rows = self.stock.query_all(query, BRANCHES_MAX).await?;
        Ok(Branches::new(rows).highest().cloned())
    }

    /// The levels of several products in a warehouse, in the same order.
    pub(super) async fn levels(
        &self,
        products: impl Iterator<Item = ProductId>,
        warehouse_id: &WarehouseId,
    ) -> Result<Vec<Option<StockItem>>, TableError> {
        try_join_all(products.map(|product_id| self.level(product_id, warehouse_id))).await
    }

    /// The levels of a product in all warehouses that have it.
    pub(crate) async fn levels_of(&self, product_id: ProductId) -> Result<Vec<StockLevel>, TableError> {
        let warehouses = self.platform.config.warehouses.iter();
        let levels = try_join_all(warehouses.map(|warehouse| self.level(product_id, &warehouse.id))).await?;
        Ok(levels.into_iter().flatten().map(|item| item.level).collect())
    }

    /// The levels of everything in a warehouse, as far as the index knows.
    pub(crate) async fn levels_in(&self, warehouse_id: &WarehouseId) -> Result<Vec<StockLevel>, TableError> {
        let query = Query::partition("warehouseId", text(warehouse_id.as_str())).index(WAREHOUSE_INDEX);
        let mut items: Vec<StockItem> = self.stock.query_all(query, PRODUCTS_MAX).await?;
        items.sort_by_key(|item| (item.level.product_id, item.epoch(), item.level.version));
        let mut levels: Vec<StockLevel> = Vec::with_capacity(items.len());
        for StockItem { level, .. } in items {
            match levels.last_mut() {
                Some(last) if last.product_id == level.product_id => *last = level,
                _ => levels.push(level),
            }
        }
        Ok(levels)
    }

    /// Adds a movement to a transaction: the level under its version, and the ledger's row.
    pub(super) fn movement(
        &self,
        transaction: Transaction,
        held: &StockItem,
        movement: Movement,
        quantity: i64,
        reference: &str,
    ) -> Result<Transaction, WarehouseError> {
        let after = moved(held, movement, quantity)?;
        let row = stock::ledger_row(&after, movement, quantity, reference);
        let own = self.own_branch(held.epoch().max(FIRST_EPOCH));
        // A warehouse has one owner an epoch, so this region's row is the highest or does not exist yet.
        let condition = unchanged("pk", (held.branch == own).then_some(held.level.version));
        let item = StockItem { pk: held.pk.clone(), branch: own, level: after };
        let ledger = LedgerItem { pk: held.pk.clone(), row };
        let transaction = transaction.put(&self.stock, &item, condition)?;
        Ok(transaction.put(&self.ledger, &ledger, Condition::new_item("pk"))?)
    }

    /// The same, with a second row of the ledger under a key that there is once: a repeat does not go through.
    fn movement_once(
        &self,
        transaction: Transaction,
        held: &StockItem,
        movement: Movement,
        quantity: i64,
        reference: &str,
        once: String,
    ) -> Result<Transaction, WarehouseError> {
        let transaction = self.movement(transaction, held, movement, quantity, reference)?;
        let row = stock::ledger_row(&moved(held, movement, quantity)?, movement, quantity, reference);
        Ok(transaction.put(&self.ledger, &LedgerItem { pk: once, row }, Condition::new_item("pk"))?)
    }

    /// A level of nothing, for a product that was never here.
    pub(super) fn nothing(&self, product_id: ProductId, warehouse_id: &WarehouseId) -> StockItem {
        let level = StockLevel {
            product_id,
            warehouse_id: warehouse_id.clone(),
            on_hand: 0,
            reserved: 0,
            version: 0,
        };
        StockItem { pk: place(product_id, warehouse_id), branch: String::new(), level }
    }

    /// Puts the first units of a product into a warehouse, once.
    pub(crate) async fn put_initial(
        &self,
        product_id: ProductId,
        warehouse_id: &WarehouseId,
        units: i64,
    ) -> Result<(), WarehouseError> {
        let nothing = self.nothing(product_id, warehouse_id);
        let transaction = self.movement(self.begin(), &nothing, Movement::Initial, units, "initial")?;
        // Where it did not happen, the product is there already.
        super::happened(transaction.commit().await)?;
        Ok(())
    }

    /// Puts goods that came in on the shelf, once for each reference.
    pub(crate) async fn receive(&self, receipt: &StockReceipt) -> Result<StockLevel, WarehouseError> {
        self.must_be_home(&receipt.warehouse_id)?;
        let _guards = self.locks.take([receipt.product_id].into_iter()).await;
        for tried in 0..super::TRIES {
            self.pause(tried).await;
            let level = self.level(receipt.product_id, &receipt.warehouse_id).await?;
            let held = level.unwrap_or_else(|| self.nothing(receipt.product_id, &receipt.warehouse_id));
            if self.received(receipt).await? {
                return Ok(held.level);
            }
            let quantity = i64::from(receipt.quantity);
            let (reference, once) = (&receipt.reference, receipt_key(receipt));
            let writes =
                self.movement_once(self.begin(), &held, Movement::Receipt, quantity, reference, once)?;
            if super::happened(writes.commit().await)? {
                return moved(&held, Movement::Receipt, quantity);
            }
        }
        Err(WarehouseError::Contended)
    }

    /// Adds to a transaction that goods came back, once for each reference and product. The goods' turn is held as long
    /// as what is given back with it.
    pub(crate) async fn restock(
        &self,
        mut writes: Transaction,
        warehouse_id: &WarehouseId,
        lines: &[ProductUnits],
        reference: &str,
    ) -> Result<(Vec<OwnedMutexGuard<()>>, Transaction), WarehouseError> {
        let guards = self.locks.take(lines.iter().map(|line| line.product_id)).await;
        for line in lines {
            let once = format!("{reference}#{}", line.product_id);
            if self.booked(&once).await?.is_some() {
                continue;
            }
            let level = self.level(line.product_id, warehouse_id).await?;
            let held = level.unwrap_or_else(|| self.nothing(line.product_id, warehouse_id));
            let quantity = i64::from(line.quantity);
            writes = self.movement_once(writes, &held, Movement::Restock, quantity, reference, once)?;
        }
        Ok((guards, writes))
    }

    /// What was booked under a key that there is once.
    async fn booked(&self, once: &str) -> Result<Option<LedgerItem>, TableError> {
        let query = Query::partition("pk", text(once)).consistent();
        Ok(self.ledger.query_all(query, 1).await?.into_iter().next())
    }

    /// Whether a receipt with this reference was booked before. Its row stands a second time in the ledger,
    /// under a key made of the reference.
    async fn received(&self, receipt: &StockReceipt) -> Result<bool, WarehouseError> {
        match self.booked(&receipt_key(receipt)).await? {
            Some(booked) if booked.row.quantity == i64::from(receipt.quantity) => Ok(true),
            Some(_) => Err(WarehouseError::Refused("the reference was used for another quantity".into())),
            None => Ok(false),
        }
    }
}

fn receipt_key(receipt: &StockReceipt) -> String {
    format!("receipt#{}#{}", place(receipt.product_id, &receipt.warehouse_id), receipt.reference)
}
