//! What the products service takes and gives.

use crate::{
    ids::ProductId,
    order::OrderLine,
    product::{Package, Product},
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `POST /backend/validate`: are these lines what the catalogue says?
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ValidateRequest {
    /// The lines of an order.
    pub products: Vec<OrderLine>,
}

/// The answer, with status 200 either way.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ValidateResponse {
    /// [`ALL_VALID`], or the reasons joined by `". "`.
    pub message: String,
    /// The true values of the products that differ; absent when all are valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products: Option<Vec<serde_json::Value>>,
}

/// The message of a valid answer.
pub const ALL_VALID: &str = "All products are valid";

/// The currency of all prices so far, ISO 4217.
pub const CURRENCY: &str = "USD";

/// `PUT /admin/{productId}`: what a product is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductDraft {
    /// Its id, as in the path; it may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<ProductId>,
    /// Its name.
    pub name: String,
    /// Its package.
    pub package: Package,
    /// Its category, such as `robusto`.
    pub category: String,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Addresses of pictures.
    #[serde(default)]
    pub pictures: Vec<String>,
    /// Price of one unit in minor units.
    pub price: i64,
    /// ISO 4217; [`CURRENCY`] where absent.
    #[serde(default = "currency")]
    pub currency: String,
}

fn currency() -> String {
    CURRENCY.to_owned()
}

/// A page of products.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductPage {
    /// The products, in a stable order.
    pub products: Vec<Product>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// `GET /{productId}/recommendations`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recommendations {
    /// Products that may go with it, best first.
    pub products: Vec<Product>,
}

/// `PUT /notices/{productId}`: whether the caller wants to be told when the product comes in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NoticeRequest {
    /// Whether they do; true where absent.
    #[serde(default = "wanted")]
    pub on: bool,
}

fn wanted() -> bool {
    true
}

/// `GET /notices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NoticeList {
    /// What came in again, newest first.
    pub notices: Vec<Notice>,
}

/// A product that its customer waited for came in again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// The product.
    pub product_id: ProductId,
    /// When it came in.
    pub at: Timestamp,
    /// As the catalogue has it now; absent where it is no longer sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Product>,
}
