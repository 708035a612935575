//! What the warehouse service takes and gives.

use crate::{
    events::ProductUnits,
    ids::{OrderId, ProductId, WarehouseId},
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `POST /backend/reservations`: keep these units for this order, all or none. Idempotent by order and
/// allocation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReserveRequest {
    /// The order.
    pub order_id: OrderId,
    /// Which of the order's allocations this is, from 1.
    pub allocation: u32,
    /// What to keep.
    pub lines: Vec<ProductUnits>,
    /// The warehouse to take it from.
    pub warehouse_id: WarehouseId,
    /// Whether the order would wait for stock.
    pub allow_backorder: bool,
    /// When an uncommitted reservation ends.
    pub expires_at: Timestamp,
}

/// What came of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum ReserveState {
    Reserved,
    Backordered,
    OutOfStock,
    /// The warehouse is closed or lost.
    Closed,
}

/// Why a warehouse keeps nothing for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReserveRefusal {
    /// Some of the goods are not there, whether or not the order waits for them.
    OutOfStock,
    /// The warehouse is closed or lost.
    Closed,
}

impl ReserveState {
    /// Why nothing was kept, where nothing was.
    pub fn refusal(self) -> Option<ReserveRefusal> {
        match self {
            ReserveState::Reserved => None,
            ReserveState::Backordered | ReserveState::OutOfStock => Some(ReserveRefusal::OutOfStock),
            ReserveState::Closed => Some(ReserveRefusal::Closed),
        }
    }
}

/// The answer to a reservation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReserveResponse {
    /// What came of it.
    pub state: ReserveState,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// Its epoch, which the journal entry names.
    pub warehouse_epoch: u64,
    /// What is kept; of a refusal, what is short.
    pub lines: Vec<ProductUnits>,
}

/// What to do with an order's reservation: `DELETE /backend/reservations/{orderId}` releases it,
/// `POST /backend/reservations/{orderId}/commit` keeps it for good, `/consume` takes it off the stock.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReservationStep {
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// The allocation.
    pub allocation: u32,
    /// The owner's epoch.
    pub epoch: u64,
}

/// How far the packaging of an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum PackagingStatus {
    New,
    InProgress,
    Completed,
    Failed,
}

/// A line of a packaging request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackagingLine {
    /// The product.
    pub product_id: ProductId,
    /// Units ordered.
    pub quantity: u32,
    /// Units in the package.
    pub packaged_quantity: u32,
}

/// A packaging request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackagingView {
    /// The order.
    pub order_id: OrderId,
    /// How far it is.
    pub status: PackagingStatus,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// The lines.
    pub products: Vec<PackagingLine>,
}

/// `GET /backend/packages/{orderId}`: how far an order's package is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageView {
    /// The order.
    pub order_id: OrderId,
    /// Which of the order's allocations it is packed for.
    pub allocation: u32,
    /// How far it is.
    pub status: PackagingStatus,
    /// What lies in it.
    pub packed: Vec<ProductUnits>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A page of orders that wait for a picker.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackagingPage {
    /// The orders.
    pub packaging_request_ids: Vec<OrderId>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// `PUT /packaging/{orderId}/products/{productId}`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackagedUnits {
    /// Units in the package.
    pub quantity: u32,
}

/// `POST /packaging/{orderId}/fail`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackagingFailure {
    /// Why.
    pub reason: String,
}

/// `POST /admin/warehouses/{id}/close` and `/open`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WarehouseNotice {
    /// Why, for a person.
    pub reason: String,
    /// Whether the goods are lost.
    #[serde(default)]
    pub lost: bool,
}

/// `POST /admin/stock/receipts`: goods came in. Booked once for each reference.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StockReceipt {
    /// The product.
    pub product_id: ProductId,
    /// Where it came in.
    pub warehouse_id: WarehouseId,
    /// Units.
    pub quantity: u32,
    /// The document that came with them.
    pub reference: String,
}

/// `POST /admin/stock/adjustments`: what lies there is corrected, after a count or for damaged goods. Booked once for each
/// reference.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StockAdjustment {
    /// The product.
    pub product_id: ProductId,
    /// Where it lies.
    pub warehouse_id: WarehouseId,
    /// Units more, or fewer where negative.
    pub delta: i64,
    /// The document that says so.
    pub reference: String,
    /// Why, for a person.
    pub reason: String,
}
