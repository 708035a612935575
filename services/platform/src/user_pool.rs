//! What a user pool calls: Cognito hands a service's function an event at certain moments (a Lambda trigger) and goes on
//! with what the function gives back. Only the confirmation of a sign-up concerns anybody here.

use crate::consumer::NotApplied;
use contracts::UserId;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// A user has confirmed their sign-up.
const SIGN_UP_CONFIRMED: &str = "PostConfirmation_ConfirmSignUp";
/// A user has confirmed a new password. Cognito calls the same function, and nobody here has to know.
const PASSWORD_CONFIRMED: &str = "PostConfirmation_ConfirmForgotPassword";

/// A customer who has confirmed their sign-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// The pool in which they did, such as `eu-west-1_abc`.
    pub pool: String,
    /// The customer.
    pub user_id: UserId,
    /// Their e-mail address, which the pool has verified.
    pub email: String,
}

/// What a service does about a new user.
pub type OnSignUp = Arc<dyn Fn(NewUser) -> BoxFuture<'static, Result<(), NotApplied>> + Send + Sync>;

/// Cognito's event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    trigger_source: String,
    user_pool_id: String,
    request: Request,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    user_attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    sub: UserId,
    email: String,
}

/// Whether an event is one that user pools send.
pub fn sent(event: &Value) -> bool {
    event["triggerSource"].is_string()
}

/// Has a service take in what a user pool tells, and gives back the event, as the pool demands.
///
/// # Errors
/// When the service does not listen to pools, the event is not one that it knows, or its effect could not be stored.
pub async fn take(on_sign_up: Option<&OnSignUp>, event: Value) -> Result<Value, NotApplied> {
    let on_sign_up =
        on_sign_up.ok_or_else(|| NotApplied("the service does not listen to user pools".into()))?;
    if let Some(user) = new_user(&event)? {
        on_sign_up(user).await?;
    }
    Ok(event)
}

fn new_user(event: &Value) -> Result<Option<NewUser>, NotApplied> {
    let told = Told::deserialize(event)?;
    let Attributes { sub: user_id, email } = told.request.user_attributes;
    match told.trigger_source.as_str() {
        SIGN_UP_CONFIRMED => Ok(Some(NewUser { pool: told.user_pool_id, user_id, email })),
        PASSWORD_CONFIRMED => Ok(None),
        other => Err(NotApplied(format!("triggerSource: nothing is known of {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(trigger: &str) -> Value {
        json!({
            "version": "1", "triggerSource": trigger, "region": "eu-west-1", "userPoolId": "eu-west-1_abc",
            "userName": "ann", "callerContext": { "awsSdkVersion": "1", "clientId": "shop" },
            "request": { "userAttributes": { "sub": "0190-ann", "email": "ann@example.com" } }, "response": {},
        })
    }

    #[test]
    fn only_a_confirmed_sign_up_makes_a_new_user() {
        let user = new_user(&told(SIGN_UP_CONFIRMED)).expect("known").expect("new");
        assert_eq!((user.pool.as_str(), user.user_id.as_str()), ("eu-west-1_abc", "0190-ann"));
        assert_eq!(user.email, "ann@example.com");
        assert_eq!(new_user(&told(PASSWORD_CONFIRMED)).expect("known"), None);
        // At this moment nobody has confirmed anything.
        assert!(new_user(&told("PreSignUp_SignUp")).is_err());
        let mut lacking = told(SIGN_UP_CONFIRMED);
        lacking["request"]["userAttributes"].as_object_mut().expect("fields").remove("email");
        assert!(new_user(&lacking).expect_err("lacking").0.contains("email"));
    }
}
