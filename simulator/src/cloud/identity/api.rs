//! Cognito's operations.

use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::lock;
use super::super::reply::{Refusal, Reply};
use super::super::usage::Meter;
use super::Identity;
use super::pool::{Pool, Profile};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SignUp {
    client_id: String,
    username: String,
    password: String,
    #[serde(default)]
    user_attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConfirmSignUp {
    client_id: String,
    username: String,
    confirmation_code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AdminConfirm {
    user_pool_id: String,
    username: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AddToGroup {
    user_pool_id: String,
    username: String,
    group_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ForgotPassword {
    client_id: String,
    username: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResetPassword {
    client_id: String,
    username: String,
    confirmation_code: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InitiateAuth {
    auth_flow: String,
    client_id: String,
    #[serde(default)]
    auth_parameters: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetUser {
    access_token: String,
}

type Outcome = Result<Value, Refusal>;

/// Cognito calls a trigger so often before it gives up.
const TRIGGER_TRIES: u32 = 3;
/// And waits so long for each answer. (Cognito user pools guide, "Customizing user pool workflows with Lambda triggers".)
const TRIGGER_LIMIT: Duration = Duration::from_secs(5);

impl Identity {
    /// Answers one operation; `None` if it is not emulated.
    pub(in super::super) async fn call(&self, operation: &str, body: &str, meter: &Meter) -> Option<Reply> {
        let result = match operation {
            "SignUp" => self.sign_up(body),
            "ConfirmSignUp" => self.confirm_sign_up(body).await,
            "AdminConfirmSignUp" => self.admin_confirm(body).await,
            "AdminAddUserToGroup" => self.add_to_group(body),
            "ForgotPassword" => self.forgot_password(body),
            "ConfirmForgotPassword" => self.reset_password(body),
            "InitiateAuth" => self.initiate_auth(body),
            "GetUser" => self.get_user(body),
            "ListUserPools" => Ok(self.list()),
            _ => return None,
        };
        meter.identity_call(operation);
        Some(result.map(|answer| answer.to_string()).into())
    }

    fn sign_up(&self, body: &str) -> Outcome {
        let request: SignUp = read(body)?;
        let email = request.user_attributes.into_iter().find(|attribute| attribute.name == "email");
        let email = email.map(|attribute| attribute.value).unwrap_or_default();
        if request.username.is_empty() || !email.contains('@') {
            return Err(Refusal::new(
                "InvalidParameterException",
                "A username and an e-mail address are required.",
            ));
        }
        let sub = self.of_client(&request.client_id)?.sign_up(
            request.username,
            &request.password,
            email.clone(),
        )?;
        Ok(json!({ "UserConfirmed": false, "UserSub": sub, "CodeDeliveryDetails": delivery(&email) }))
    }

    async fn confirm_sign_up(&self, body: &str) -> Outcome {
        let request: ConfirmSignUp = read(body)?;
        let pool = self.of_client(&request.client_id)?;
        let user = pool.confirm(&request.username, &request.confirmation_code)?;
        self.confirmed(pool, &request.username, &user).await
    }

    async fn admin_confirm(&self, body: &str) -> Outcome {
        let request: AdminConfirm = read(body)?;
        let pool = self.with_id(&request.user_pool_id)?;
        let user = pool.admin_confirm(&request.username)?;
        self.confirmed(pool, &request.username, &user).await
    }

    /// The user is confirmed whatever comes of the trigger, as with Cognito.
    async fn confirmed(&self, pool: &Pool, username: &str, user: &Profile) -> Outcome {
        let attributes = json!({
            "sub": user.sub, "email": user.email, "email_verified": "true", "cognito:user_status": "CONFIRMED",
        });
        self.tell(&pool.id, &pool.client_id, username, attributes).await
    }

    /// Calls the trigger, where somebody listens.
    pub(in super::super) async fn tell(
        &self,
        pool_id: &str,
        client_id: &str,
        username: &str,
        attributes: Value,
    ) -> Outcome {
        let trigger = lock(&self.confirmed).as_ref().and_then(Weak::upgrade);
        let Some(trigger) = trigger else { return Ok(json!({})) };
        let event = json!({
            "version": "1", "triggerSource": "PostConfirmation_ConfirmSignUp", "region": self.region,
            "userPoolId": pool_id, "userName": username,
            "callerContext": { "awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": client_id },
            "request": { "userAttributes": attributes }, "response": {},
        });
        let mut failed = String::new();
        for _ in 0..TRIGGER_TRIES {
            match tokio::time::timeout(TRIGGER_LIMIT, trigger(event.clone())).await {
                Ok(Ok(_)) => return Ok(json!({})),
                Ok(Err(cause)) => failed = cause,
                Err(_) => failed = format!("no answer within {} s", TRIGGER_LIMIT.as_secs()),
            }
        }
        let message = format!("PostConfirmation failed with error {failed}.");
        Err(Refusal::new("UserLambdaValidationException", message))
    }

    fn add_to_group(&self, body: &str) -> Outcome {
        let request: AddToGroup = read(body)?;
        self.with_id(&request.user_pool_id)?.add_to_group(&request.username, request.group_name)?;
        Ok(json!({}))
    }

    fn forgot_password(&self, body: &str) -> Outcome {
        let request: ForgotPassword = read(body)?;
        let email = self.of_client(&request.client_id)?.forgot_password(&request.username)?;
        Ok(json!({ "CodeDeliveryDetails": delivery(&email) }))
    }

    fn reset_password(&self, body: &str) -> Outcome {
        let request: ResetPassword = read(body)?;
        let pool = self.of_client(&request.client_id)?;
        pool.reset_password(&request.username, &request.confirmation_code, &request.password)?;
        Ok(json!({}))
    }

    fn initiate_auth(&self, body: &str) -> Outcome {
        let request: InitiateAuth = read(body)?;
        let pool = self.of_client(&request.client_id)?;
        let parameter = |name: &str| {
            let missing =
                || Refusal::new("InvalidParameterException", format!("Missing required parameter {name}"));
            request.auth_parameters.get(name).ok_or_else(missing)
        };
        let tokens = match request.auth_flow.as_str() {
            "USER_PASSWORD_AUTH" => pool.sign_in(parameter("USERNAME")?, parameter("PASSWORD")?)?,
            "REFRESH_TOKEN_AUTH" | "REFRESH_TOKEN" => pool.refresh(parameter("REFRESH_TOKEN")?)?,
            flow => {
                let message = format!("Auth flow {flow} is not enabled for this client");
                return Err(Refusal::new("InvalidParameterException", message));
            }
        };
        Ok(json!({ "AuthenticationResult": tokens, "ChallengeParameters": {} }))
    }

    fn get_user(&self, body: &str) -> Outcome {
        let request: GetUser = read(body)?;
        let signed = |pool| Pool::signed(pool, &request.access_token).map(|claims| (pool, claims));
        let invalid = || Refusal::new("NotAuthorizedException", "Invalid Access Token");
        let (pool, claims) = self.pools.iter().find_map(signed).ok_or_else(invalid)?;
        pool.user_of(&claims)
    }

    fn list(&self) -> Value {
        let pools = self.pools.iter().map(|pool| json!({ "Id": pool.id, "Name": pool.id }));
        json!({ "UserPools": pools.collect::<Vec<_>>() })
    }

    fn of_client(&self, client_id: &str) -> Result<&Pool, Refusal> {
        self.pools.iter().find(|pool| pool.client_id == client_id).ok_or_else(|| {
            Refusal::new("ResourceNotFoundException", format!("User pool client {client_id} does not exist."))
        })
    }

    fn with_id(&self, pool_id: &str) -> Result<&Pool, Refusal> {
        self.pools.iter().find(|pool| pool.id == pool_id).ok_or_else(|| {
            Refusal::new("ResourceNotFoundException", format!("User pool {pool_id} does not exist."))
        })
    }
}

fn delivery(email: &str) -> Value {
    let (name, domain) = email.split_once('@').unwrap_or((email, ""));
    let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
    let masked = format!("{}***@{}***", first(name), first(domain));
    json!({ "Destination": masked, "DeliveryMedium": "EMAIL", "AttributeName": "email" })
}

fn read<T: DeserializeOwned>(body: &str) -> Result<T, Refusal> {
    serde_json::from_str(body).map_err(|error| Refusal::malformed(&error))
}
