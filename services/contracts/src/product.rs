//! What is sold.

use crate::{ids::ProductId, time::Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Outer size in millimetres and weight in grams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    /// Millimetres.
    #[serde(default)]
    pub width: u32,
    /// Millimetres.
    #[serde(default)]
    pub length: u32,
    /// Millimetres.
    #[serde(default)]
    pub height: u32,
    /// Grams.
    #[serde(default)]
    pub weight: u32,
}

/// A product of the catalogue. Prices are integer minor units of `currency`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// Its id.
    pub product_id: ProductId,
    /// When it was first listed.
    pub created_date: Timestamp,
    /// When it last changed.
    pub modified_date: Timestamp,
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
    /// ISO 4217.
    pub currency: String,
    /// +1 for every committed change.
    pub version: u64,
    /// Whether it can be ordered.
    pub active: bool,
    /// Whether the buyer must be of age.
    pub age_restricted: bool,
}
