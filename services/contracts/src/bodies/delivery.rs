//! What the delivery service takes and gives.

use crate::{
    address::Address,
    events::ProductUnits,
    ids::{OrderId, Region, WarehouseId},
    order::OrderLine,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `POST /backend/pricing`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PricingRequest {
    /// What is sent.
    pub products: Vec<OrderLine>,
    /// Where to.
    pub address: Address,
}

/// The price of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PricingResponse {
    /// Minor units.
    pub pricing: i64,
    /// ISO 4217.
    pub currency: String,
}

/// `POST /backend/{orderId}/release`: this order is paid, let it go. Sent by the order's owner after the
/// dispatch intent is journalled.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseRequest {
    /// The owner's epoch.
    pub epoch: u64,
    /// The owner's region.
    pub home_region: Region,
    /// Where it goes.
    pub address: Address,
    /// What is in it.
    pub lines: Vec<ProductUnits>,
    /// Where it lies.
    pub warehouse_id: WarehouseId,
    /// Whether it can still be handed to the carrier from there: false once the warehouse is lost. Then the
    /// key is voided at the carrier, unless the parcel already left.
    pub dispatchable: bool,
    /// Whether an adult must sign.
    pub requires_adult_signature: bool,
}

/// `POST /{orderId}/returned`: goods of a delivered order came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReturnReport {
    /// Which.
    pub lines: Vec<ProductUnits>,
    /// Whether they can be sold again.
    pub resaleable: bool,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum DeliveryStatus {
    New,
    InProgress,
    Completed,
    Failed,
    /// Will never leave: its dispatch key is voided at the carrier.
    Voided,
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    /// The order.
    pub order_id: OrderId,
    /// How far it is.
    pub status: DeliveryStatus,
    /// Where it goes.
    pub address: Address,
    /// The carrier's number, once handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_id: Option<String>,
    /// Whether an adult must sign.
    pub requires_adult_signature: bool,
    /// Where it leaves from.
    pub warehouse_id: WarehouseId,
    /// What the customer sent back, once it has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_back: Option<ReturnReport>,
    /// +1 for each change.
    pub version: u64,
}

/// `POST /{orderId}/start`, `/complete`, `/fail`, by delivery staff.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeliveryReport {
    /// Whether an adult signed.
    #[serde(default)]
    pub adult_signature: Option<bool>,
    /// Why it failed.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A page of deliveries that wait for a courier.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<DeliveryView>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}
