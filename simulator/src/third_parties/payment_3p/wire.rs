//! What the provider hears and says. Amounts are minor units.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `POST /preauth`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreauthRequest {
    /// 16 digits.
    pub card_number: String,
    /// The most that may be captured, more than 0.
    pub amount: u64,
    /// ISO 4217; `USD` when absent.
    #[serde(default)]
    pub currency: Option<String>,
}

/// The answer to a pre-authorisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreauthAnswer {
    /// Stands for the card and the amount from now on.
    pub payment_token: Uuid,
}

/// `POST /check`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckRequest {
    /// The token.
    pub payment_token: Uuid,
    /// What it should cover, more than 0.
    pub amount: u64,
}

/// The answer to a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckAnswer {
    /// Whether that much could be captured now.
    pub ok: bool,
}

/// `POST /updateAmount`, `/processPayment`, `/cancelPayment`, `/refund`: whatever moves or frees money.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MoveRequest {
    /// The token.
    pub payment_token: Uuid,
    /// How much. A capture without it takes all that is left; a void has none; the others must have it.
    #[serde(default)]
    pub amount: Option<u64>,
    /// A repeated key is answered as the first time, without another effect.
    #[serde(default)]
    pub idempotency_key: Option<String>,
}

/// The answer to a [`MoveRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveAnswer {
    /// Whether it was done.
    pub ok: bool,
    /// The provider's own name for it, refusals included.
    pub reference: String,
    /// How much was moved, 0 when nothing was.
    pub amount: u64,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `GET /payments/by-key/{idempotencyKey}`: how an operation ended whose answer was lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ByKey {
    /// What was asked for.
    pub operation: Operation,
    /// Whether it was done.
    pub ok: bool,
    /// How much was moved.
    pub amount: u64,
    /// The provider's own name for it.
    pub reference: String,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// SHA-256 of the token's text, in hexadecimal.
    pub payment_token_hash: String,
}

/// `GET /tokens/{paymentToken}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenView {
    /// What became of it.
    pub state: TokenState,
    /// The most that may be captured.
    pub authorised: u64,
    /// What was captured.
    pub captured: u64,
    /// What was given back.
    pub refunded: u64,
    /// ISO 4217.
    pub currency: String,
    /// The card's last digits.
    pub last4: String,
    /// Tells two cards apart without their numbers.
    pub card_hash: String,
}

/// What became of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenState {
    /// Nothing was captured yet.
    Authorised,
    /// Something was captured.
    Captured,
    /// All that was captured was given back.
    Refunded,
    /// Nothing was captured, and nothing can be any more.
    Voided,
}

/// What can be done with money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// An amount is reserved on a card.
    Preauth,
    /// Money is taken.
    Capture,
    /// The rest of an authorisation is freed.
    Void,
    /// Money is given back.
    Refund,
    /// An authorisation is lowered.
    Update,
}

/// One line of the ledger. Lines are never changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// From 1, without gaps.
    pub seq: u64,
    /// When, ms since the Unix epoch by the provider's clock.
    pub at_ms: i64,
    /// What was asked for.
    pub operation: Operation,
    /// The token.
    pub token: Uuid,
    /// How much was moved, or asked for when refused.
    pub amount: u64,
    /// The idempotency key.
    pub key: Option<String>,
    /// Whether it was done.
    pub ok: bool,
    /// The provider's own name for it.
    pub reference: String,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A repeated key: the first answer was given again and nothing happened.
    pub replayed: bool,
}
