//! What the payment service takes and gives.

use crate::{
    ids::{OrderId, Region},
    order::PaymentState,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `POST /backend/validate`: does this token cover this total?
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidateRequest {
    /// The provider's token.
    pub payment_token: String,
    /// Minor units.
    pub total: i64,
    /// The order it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// ISO 4217.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// The answer to a check. It binds nothing: the journal does.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidateResponse {
    /// Whether the token covers the total.
    pub ok: bool,
    /// The token, sealed: only the payment service can open it, in any region. Present when `ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_ref: Option<String>,
}

/// `POST /backend/{orderId}/capture`, `/void`, `/refund`. Idempotent by `effect_key`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EffectRequest {
    /// Minor units: what to capture or refund; what was authorised, for a void.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// The owner's epoch. Lower than the last one accepted for the order: 409 `STALE_EPOCH`.
    pub epoch: u64,
    /// The owner's region.
    pub home_region: Region,
    /// The number of the token, from 1.
    pub attempt: u32,
    /// The key that the provider sees: `{orderId}:capture:{n}`, `{orderId}:void:{n}`, `{orderId}:refund:{cause}`.
    pub effect_key: String,
    /// The sealed token.
    pub payment_ref: String,
}

/// What the payment service knows of an order's money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentView {
    /// The order.
    pub order_id: OrderId,
    /// Where it stands.
    pub state: PaymentState,
    /// Minor units.
    pub authorised: i64,
    /// Minor units.
    pub captured: i64,
    /// Minor units.
    pub refunded: i64,
    /// ISO 4217.
    pub currency: String,
    /// +1 for each change.
    pub version: u64,
}
