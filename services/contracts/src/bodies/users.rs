//! What the users service gives.

use crate::{
    events::ProductUnits,
    ids::{CartId, UserId},
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The age for which customers are verified, years: the highest that a destination asks for, as a customer has one verdict
/// and orders to several countries.
pub const MINIMUM_AGE: u8 = 21;

/// What is known of a customer's age. Neither birth date nor document is stored anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgeView {
    /// The verdict as of now.
    pub verdict: AgeVerdict,
    /// Until when a passed one holds, where it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}

/// The answer to `POST /me/age-verification`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgeVerification {
    /// The verdict as of now.
    pub state: AgeVerdict,
    /// The page of the age checker, where there is something to verify.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// `POST /backend/age-verifications/callback`: what the age checker found. Anything more is refused, so that no birth
/// date can come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgeCallback {
    /// What the page was opened with.
    pub reference: String,
    /// `PASSED` or `FAILED`.
    pub verdict: AgeVerdict,
    /// How it was found out, such as `document`.
    pub method: String,
    /// The age checker's own name for the verification.
    pub provider_reference: String,
    /// Until when it holds, where it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}

/// `GET /me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The caller.
    pub user_id: UserId,
    /// The verdict as of now.
    pub age_verdict: AgeVerdict,
}

/// `POST /cart/merge`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MergeRequest {
    /// The cart that the caller filled before they signed in.
    pub anonymous_cart_id: CartId,
}

/// A cart: what every route of carts answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CartView {
    /// The cart: a signed-in customer's bears their own id.
    pub cart_id: String,
    /// What lies in it.
    pub items: Vec<ProductUnits>,
}
