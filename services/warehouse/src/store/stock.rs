//! Levels and the ledger. Whoever moves stock writes both in one transaction.

use super::{Store, branch, tables::WAREHOUSE_INDEX, unchanged};
use crate::{domain::stock, error::WarehouseError};
use contracts::{
    ProductId, WarehouseId,
    stock::{Movement, StockLedgerRow, StockLevel},
};
use futures::future::try_join_all;
use platform::{
    branches::{BRANCHES_MAX, Branched, Branches},
    outbox::Pending,
    tables::{Condition, Item, Query, TableError, Transaction, text},
};
use serde::{Deserialize, Serialize};

/// Products of one warehouse at the most, for a listing.
const PRODUCTS_MAX: usize = 5_000;
/// The epoch under which a warehouse's stock begins.
pub(super) const FIRST_EPOCH: u64 = 1;

/// A row of the stock table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StockItem {
    pub(super) pk: String,
    branch: String,
    #[serde(flatten)]
    pub(super) level: StockLevel,
    #[serde(flatten)]
    pub(super) pending: Pending,
}

/// A row of the ledger.
#[derive(Serialize, Deserialize)]
struct LedgerItem {
    pk: String,
    #[serde(flatten)]
    row: StockLedgerRow,
    /// Why a person corrected the stock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The partition of a product in a warehouse.
pub(super) fn place(product_id: ProductId, warehouse_id: &WarehouseId) -> String {
    format!("{product_id}#{warehouse_id}")
}

fn moved(held: &StockItem, movement: Movement, quantity: i64) -> Result<StockLevel, WarehouseError> {
    let refused = || {
        let StockLevel { on_hand, reserved, .. } = held.level;
        let why = format!("{on_hand} lie there, and {reserved} of them are reserved");
        WarehouseError::Refused(format!("{movement:?} of {quantity} units is not possible: {why}"))
    };
    stock::moved(&held.level, movement, quantity).ok_or_else(refused)
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
        let after = self.after(held, movement, quantity)?;
        let row = stock::ledger_row(&after.level, movement, quantity, reference);
        let transaction = self.put_level(transaction, held, &after)?;
        Ok(self.put_in_ledger(transaction, held.pk.clone(), row, None)?)
    }

    /// A product's row after a movement. What the row before has not published yet stays pending.
    pub(super) fn after(
        &self,
        held: &StockItem,
        movement: Movement,
        quantity: i64,
    ) -> Result<StockItem, WarehouseError> {
        let level = moved(held, movement, quantity)?;
        let branch = self.own_branch(held.epoch().max(FIRST_EPOCH));
        // Another region's row stays as it is, and its events with it.
        let pending = if held.branch == branch { held.pending.clone() } else { Pending::default() };
        Ok(StockItem { pk: held.pk.clone(), branch, level, pending })
    }

    /// Adds a product's next row to a transaction.
    pub(super) fn put_level(
        &self,
        transaction: Transaction,
        held: &StockItem,
        after: &StockItem,
    ) -> Result<Transaction, TableError> {
        // A warehouse has one owner an epoch, so this region's row is the highest or does not exist yet.
        let condition = unchanged("pk", (held.branch == after.branch).then_some(held.level.version));
        transaction.put(&self.stock, after, condition)
    }

    /// Adds a row of the ledger to a transaction, under a key that there is once.
    pub(super) fn put_in_ledger(
        &self,
        transaction: Transaction,
        pk: String,
        row: StockLedgerRow,
        reason: Option<String>,
    ) -> Result<Transaction, TableError> {
        transaction.put(&self.ledger, &LedgerItem { pk, row, reason }, Condition::new_item("pk"))
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
        let pk = place(product_id, warehouse_id);
        StockItem { pk, branch: String::new(), level, pending: Pending::default() }
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

    /// What was booked under a key that there is once.
    pub(super) async fn booked(&self, once: &str) -> Result<Option<StockLedgerRow>, TableError> {
        let query = Query::partition("pk", text(once)).consistent();
        let found: Option<LedgerItem> = self.ledger.query_all(query, 1).await?.into_iter().next();
        Ok(found.map(|item| item.row))
    }

    /// The key of a product's row.
    pub(super) fn stock_key(&self, item: &StockItem) -> Item {
        self.stock.key(&item.pk, Some(text(&item.branch)))
    }
}
