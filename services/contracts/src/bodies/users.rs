//! What the users service gives.

use crate::{events::ProductUnits, ids::UserId, time::Timestamp};
use serde::{Deserialize, Serialize};

/// What is known of a customer's age. Neither birth date nor document is stored anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AgeVerdict {
    /// Of age.
    Passed,
    /// Not verified yet, or not any more.
    Pending,
    /// Not of age.
    Failed,
}

/// `GET /backend/{userId}/age`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgeView {
    /// The verdict as of now.
    pub verdict: AgeVerdict,
    /// Until when a passed one holds, where it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}

/// `GET /me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The caller.
    pub user_id: UserId,
    /// The verdict as of now.
    pub age_verdict: AgeVerdict,
}

/// `GET /cart`, and the answer to `PUT /cart/items`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CartView {
    /// The cart: a signed-in customer's bears their own id.
    pub cart_id: String,
    /// What lies in it.
    pub items: Vec<ProductUnits>,
}
