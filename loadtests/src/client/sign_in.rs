//! The two others that a customer talks to: the user pool and the payment provider.

use super::wire::{Reply, Request, Trouble};
use crate::population::Customer;
use serde::Deserialize;
use serde_json::json;

/// Signs in at a user pool, by name and password.
pub fn sign_in(client_id: &str, username: &str, password: &str) -> Request {
    let body = json!({
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": client_id,
        "AuthParameters": { "USERNAME": username, "PASSWORD": password },
    });
    let headers = vec![
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target", "AWSCognitoIdentityProviderService.InitiateAuth".to_owned()),
    ];
    Request { path: "/".to_owned(), headers, body: body.to_string() }
}

/// The token that the platform takes.
pub fn signed_in(reply: Reply<'_>) -> Result<String, Trouble> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        authentication_result: Tokens,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tokens {
        access_token: String,
    }
    if reply.status != 200 {
        return Err(Trouble::unknown(format!("the user pool answered with status {}", reply.status)));
    }
    let answer: Answer = serde_json::from_slice(reply.body)
        .map_err(|fault| Trouble::unknown(format!("the user pool's answer cannot be read: {fault}")))?;
    Ok(answer.authentication_result.access_token)
}

/// Authorises an amount on the customer's card, at the provider. The platform never sees the card.
pub fn pre_authorise(key: &str, customer: &Customer, amount: i64, currency: &str) -> Request {
    let body = json!({ "cardNumber": customer.card_number, "amount": amount, "currency": currency });
    let headers = vec![("content-type", "application/json".to_owned()), ("x-api-key", key.to_owned())];
    Request { path: "/preauth".to_owned(), headers, body: body.to_string() }
}

/// A token for the amount. It is kept in memory only.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreAuthorised {
    /// What to pay with.
    pub payment_token: String,
}

/// The provider's answer.
pub fn pre_authorised(reply: Reply<'_>) -> Result<PreAuthorised, Trouble> {
    if reply.status != 200 {
        return Err(Trouble::unknown(format!("the payment provider answered with status {}", reply.status)));
    }
    serde_json::from_slice(reply.body)
        .map_err(|_| Trouble::unknown("the payment provider's answer cannot be read"))
}
