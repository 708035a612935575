//! Stock: what lies where, what is spoken for, and every movement.

use crate::ids::{OrderId, ProductId, WarehouseId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stock of one product in one warehouse. `available = on_hand - reserved`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StockLevel {
    /// The product.
    pub product_id: ProductId,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// Units that lie there.
    pub on_hand: i64,
    /// Units of those that are spoken for.
    pub reserved: i64,
    /// +1 for each change.
    pub version: u64,
}

/// How far a reservation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum ReservationState {
    Held,
    Committed,
    Picked,
    Consumed,
    Released,
    WrittenOff,
}

impl ReservationState {
    /// Whether the units count as reserved.
    pub fn open(self) -> bool {
        matches!(self, ReservationState::Held | ReservationState::Committed | ReservationState::Picked)
    }
}

/// Units of one product that a warehouse keeps for one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The order.
    pub order_id: OrderId,
    /// The product.
    pub product_id: ProductId,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// The order's allocation that it belongs to.
    pub allocation: u32,
    /// Units.
    pub quantity: u32,
    /// How far it is.
    pub state: ReservationState,
    /// +1 for each change.
    pub version: u64,
}

/// Why stock changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum Movement {
    Initial,
    Receipt,
    Adjustment,
    Reserve,
    Release,
    Consume,
    Restock,
    WriteOff,
}

/// One row of the append-only stock ledger. Its sequence number is the stock's version after the movement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StockLedgerRow {
    /// The product.
    pub product_id: ProductId,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// The stock's version after the movement.
    pub seq: u64,
    /// Why.
    pub movement: Movement,
    /// Units, positive; of an adjustment that takes some away, negative.
    pub quantity: i64,
    /// The order or document that caused it.
    pub reference: String,
    /// Units that lie there afterwards.
    pub on_hand_after: i64,
    /// Units spoken for afterwards.
    pub reserved_after: i64,
}
