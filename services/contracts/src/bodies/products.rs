//! What the products service takes and gives.

use crate::{order::OrderLine, product::Product};
use serde::{Deserialize, Serialize};

/// `POST /backend/validate`: are these lines what the catalogue says?
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ValidateRequest {
    /// The lines of an order.
    pub products: Vec<OrderLine>,
}

/// The answer, with status 200 either way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ValidateResponse {
    /// [`ALL_VALID`], or the reasons joined by `". "`.
    pub message: String,
    /// The true values of the products that differ; absent when all are valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products: Option<Vec<serde_json::Value>>,
}

/// The message of a valid answer.
pub const ALL_VALID: &str = "All products are valid";

/// A page of products.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductPage {
    /// The products, in a stable order.
    pub products: Vec<Product>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}
