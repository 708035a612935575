//! What the carrier hears and says.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `POST /dispatches`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DispatchRequest {
    /// A repeated key is answered as the first time, without another parcel.
    pub key: String,
    /// The shop's order.
    pub order_id: String,
    /// Where to; only `country` is looked at.
    pub address: Value,
    /// What is in the parcel, as the shop describes it.
    pub lines: Value,
    /// Where it is fetched.
    pub warehouse_id: String,
    /// Whether only an adult may take it, against a signature.
    pub adult_signature: bool,
}

/// The answer to a dispatch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dispatched {
    /// The carrier's name for the parcel.
    pub tracking_id: String,
}

/// `POST /dispatches/{trackingId}/delivered`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveredRequest {
    /// Whether an adult signed.
    #[serde(default)]
    pub adult_signature: bool,
}

/// `POST /dispatches/{trackingId}/returned`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReturnedRequest {
    /// Why it could not be handed over.
    pub reason: String,
}

/// A parcel, as `GET /dispatches/by-key/{key}` tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dispatch {
    /// What was asked for.
    #[serde(flatten)]
    pub request: DispatchRequest,
    /// The carrier's name for the parcel.
    pub tracking_id: String,
    /// When it was taken, ms since the Unix epoch by the carrier's clock.
    pub dispatched_at_ms: i64,
    /// When it was handed over.
    pub delivered_at_ms: Option<i64>,
    /// Whether an adult signed when it was handed over.
    pub signed_by_adult: bool,
    /// Why it was brought back, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned_because: Option<String>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A parcel was taken.
    Dispatched,
    /// A key was voided: nothing is ever dispatched with it.
    Voided,
    /// A dispatch with a voided key was refused.
    Refused,
    /// A void came too late.
    VoidTooLate,
    /// A parcel was handed over.
    Delivered,
    /// A parcel could not be handed over and was brought back.
    Returned,
}

/// One line of the ledger. Lines are never changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// From 1, without gaps.
    pub seq: u64,
    /// When, ms since the Unix epoch by the carrier's clock.
    pub at_ms: i64,
    /// What happened.
    pub event: Event,
    /// The dispatch's key.
    pub key: String,
    /// The shop's order; absent where a key was voided that was never used.
    pub order_id: Option<String>,
    /// The parcel.
    pub tracking_id: Option<String>,
    /// Where it was fetched.
    pub warehouse_id: Option<String>,
    /// Where to, ISO 3166-1 alpha-2 as the shop wrote it.
    pub country: Option<String>,
    /// Demanded when dispatched; given when delivered.
    pub adult_signature: bool,
    /// A repetition: nothing happened.
    pub replayed: bool,
}
