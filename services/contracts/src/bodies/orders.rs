//! What the orders service takes and gives.

use crate::{
    address::Address,
    error::Code,
    events::ProductUnits,
    order::{Order, OrderLine},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `POST /`: make an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateOrderRequest {
    /// What is ordered, at the prices that the customer saw.
    pub products: Vec<OrderLine>,
    /// Where it goes.
    pub address: Address,
    /// The delivery price that the customer saw, minor units.
    pub delivery_price: i64,
    /// The provider's token for an authorisation that covers the total.
    pub payment_token: String,
    /// ISO 4217; USD where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Names the attempt. Over HTTP also as header `Idempotency-Key`, which must agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Whether to wait for stock.
    #[serde(default)]
    pub allow_backorder: bool,
    /// Whether a smaller package is welcome.
    #[serde(default = "yes")]
    pub accept_partial: bool,
    /// The cart it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cart_id: Option<String>,
}

fn yes() -> bool {
    true
}

/// How many continents hold an acknowledged order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Durability {
    /// Two of three: it survives the loss of any one.
    MultiContinent,
    /// One: the comparison run's promise.
    LocalOnly,
}

/// The answer to a request for an order. `success: true` is a promise: the order survives the loss of any
/// one continent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateOrderResponse {
    /// Whether the order exists.
    pub success: bool,
    /// For a person.
    pub message: String,
    /// Every reason of a refusal.
    #[serde(default)]
    pub errors: Vec<String>,
    /// The order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// For a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Whether the same request may succeed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// How durable the order is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durability: Option<Durability>,
}

/// `POST /{orderId}/cancel`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelRequest {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `POST /{orderId}/payment`: pay with another token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaymentRequest {
    /// The provider's token for an authorisation that covers the total.
    pub payment_token: String,
}

/// `POST /{orderId}/returns`: send goods back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReturnRequest {
    /// Which.
    pub lines: Vec<ProductUnits>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A page of a customer's orders, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderPage {
    /// The orders.
    pub orders: Vec<Order>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}
