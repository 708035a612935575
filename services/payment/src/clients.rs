//! Calls to the payment provider. Tokens appear in its requests and nowhere else.

use crate::{
    domain::{Effect, Ended, Operation, TokenFacts},
    error::Error,
};
use platform::{
    Deadline, Platform,
    calls::{CallError, Credential, Target},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A check at most: a customer is waiting.
const CHECK_LIMIT: Duration = Duration::from_millis(400);
/// An effect at most, and a question about one.
const EFFECT_LIMIT: Duration = Duration::from_secs(2);
/// The part of the remaining budget that an effect may use up.
const EFFECT_SHARE: f64 = 0.6;
/// What is kept of the caller's budget to store the outcome.
const MARGIN: Duration = Duration::from_millis(60);

// Not `Debug`: these hold the token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckRequest<'a> {
    payment_token: &'a str,
    amount: i64,
}

#[derive(Deserialize)]
struct CheckAnswer {
    ok: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MoveRequest<'a> {
    payment_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    idempotency_key: &'a str,
}

/// How a request with a key ended.
#[derive(Deserialize)]
struct MoveAnswer {
    /// Only in the answer to a question about a key.
    #[serde(default)]
    operation: Option<String>,
    ok: bool,
    reference: String,
    amount: i64,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct TokenView {
    state: TokenState,
    authorised: i64,
    captured: i64,
    refunded: i64,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum TokenState {
    Authorised,
    Captured,
    Refunded,
    Voided,
}

/// The provider.
#[derive(Clone)]
pub(crate) struct Provider {
    platform: Platform,
}

impl Provider {
    pub(crate) fn new(platform: &Platform) -> Self {
        Provider { platform: platform.clone() }
    }

    /// Whether a token covers an amount. Anything but a well-formed answer is an error, or a no where the
    /// provider cannot read the token.
    pub(crate) async fn check(&self, token: &str, amount: i64, deadline: Deadline) -> Result<bool, Error> {
        let request = CheckRequest { payment_token: token, amount };
        let deadline = deadline.earlier(MARGIN).at_most(CHECK_LIMIT);
        let answer = self.target().post::<CheckAnswer>(Credential::None, "/check", &request, deadline).await;
        match answer {
            Ok(answer) => Ok(answer.ok),
            Err(CallError::Unexpected { status: 400 | 404 | 422, .. }) => Ok(false),
            Err(cause) => Err(Error::Provider(cause)),
        }
    }

    /// Asks for an effect. `None` where nobody knows how it ended.
    pub(crate) async fn ask_for(
        &self,
        effect: &Effect,
        token: &str,
        deadline: Deadline,
    ) -> Result<Option<Ended>, Error> {
        let path = match effect.operation {
            Operation::Capture => "/processPayment",
            Operation::Void => "/cancelPayment",
            Operation::Refund => "/refund",
        };
        let amount = (effect.operation != Operation::Void).then_some(effect.amount);
        let request = MoveRequest { payment_token: token, amount, idempotency_key: &effect.key };
        // Where no answer comes, some of the budget must be left to ask how it ended.
        let deadline = bounded(deadline).at_most(deadline.remaining().mul_f64(EFFECT_SHARE));
        let sent = self.target().post::<MoveAnswer>(Credential::None, path, &request, deadline).await;
        match sent {
            Ok(answer) => Ok(Some(ended(effect, answer))),
            Err(CallError::Unexpected { status: 400, .. }) => {
                Ok(Some(refused(effect, "the provider cannot read it")))
            }
            Err(CallError::Unexpected { status: 422, .. }) => Err(Error::KeyReused),
            Err(cause) => {
                tracing::warn!(key = effect.key, %cause, "the outcome of an effect is unknown");
                Ok(None)
            }
        }
    }

    /// How an effect ended, by its key. `None` where the provider has not heard of the key.
    pub(crate) async fn find(&self, effect: &Effect, deadline: Deadline) -> Result<Option<Ended>, Error> {
        let path = format!("/payments/by-key/{}", effect.key);
        let found = self.target().get::<MoveAnswer>(Credential::None, &path, bounded(deadline)).await;
        match found {
            Ok(answer) if answer.operation.as_deref() != Some(effect.operation.word()) => {
                Err(Error::KeyReused)
            }
            Ok(answer) => Ok(Some(ended(effect, answer))),
            Err(CallError::Unexpected { status: 404, .. }) => Ok(None),
            Err(cause) => Err(Error::Provider(cause)),
        }
    }

    /// What became of a token. `None` where the provider does not know it.
    pub(crate) async fn token(&self, token: &str, deadline: Deadline) -> Result<Option<TokenFacts>, Error> {
        // The token becomes a part of an address: nothing but what tokens are made of may.
        if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
            return Ok(None);
        }
        let path = format!("/tokens/{token}");
        let seen = self.target().get::<TokenView>(Credential::None, &path, bounded(deadline)).await;
        match seen {
            Ok(TokenView { state, authorised, captured, refunded }) => {
                let voided = state == TokenState::Voided;
                Ok(Some(TokenFacts { authorised, captured, refunded, voided }))
            }
            Err(CallError::Unexpected { status: 400 | 404, .. }) => Ok(None),
            Err(cause) => Err(Error::Provider(cause)),
        }
    }

    fn target(&self) -> Target<'_> {
        let config = &self.platform.config;
        let target = self.platform.calls.outside("payment provider", &config.provider_url);
        target.header("x-api-key", &config.secrets.provider_key)
    }
}

fn bounded(deadline: Deadline) -> Deadline {
    deadline.earlier(MARGIN).at_most(EFFECT_LIMIT)
}

fn ended(effect: &Effect, answer: MoveAnswer) -> Ended {
    let reference = answer.ok.then_some(answer.reference);
    Ended { effect: effect.clone(), done: answer.ok, amount: answer.amount, reference, reason: answer.reason }
}

fn refused(effect: &Effect, reason: &str) -> Ended {
    Ended { effect: effect.clone(), done: false, amount: 0, reference: None, reason: Some(reason.to_owned()) }
}
