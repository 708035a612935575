//! Sign-up at the user pool, and what the shop hears of it.

use std::collections::BTreeSet;

use contracts::schemas;
use http::Method;
use platform::network::Network;
use platform::user_pool;
use serde_json::{Value, json};

use crate::support::{Needs, Running, eventually};
use crate::users::found;

const POOL: &str = "us-east-1_americas";
const PASSWORD: &str = "long enough, I hope";

async fn start() -> Running {
    let needs = Needs { tables: users::TABLES.to_vec(), subscriptions: Vec::new() };
    let build = |platform| vec![users::service(platform)];
    Running::start("us-east-1", &Network::new(), needs, build, axum::Router::new()).await
}

/// Signs somebody up: the id that the pool gives.
async fn sign_up(region: &Running, username: &str) -> String {
    let email = json!([{ "Name": "email", "Value": format!("{username}@example.com") }]);
    let body =
        json!({ "ClientId": "shop", "Username": username, "Password": PASSWORD, "UserAttributes": email });
    let (status, answer) = region.cognito("SignUp", &body).await;
    assert_eq!(status, 200, "{answer}");
    answer["UserSub"].as_str().unwrap().to_owned()
}

async fn confirm(region: &Running, username: &str) -> u16 {
    let code = region.cloud.mailed_code(POOL, username).unwrap();
    let body = json!({ "ClientId": "shop", "Username": username, "ConfirmationCode": code });
    region.cognito("ConfirmSignUp", &body).await.0
}

/// What a pool sends when a user has confirmed.
fn confirmed(pool: &str, sub: &str) -> Value {
    let attributes = json!({ "sub": sub, "email": "zoe@example.com" });
    json!({
        "triggerSource": "PostConfirmation_ConfirmSignUp", "userPoolId": pool,
        "request": { "userAttributes": attributes }, "response": {},
    })
}

async fn told(region: &Running) -> Vec<Value> {
    eventually("a customer to be told of", async || {
        let told = region.tapped("UserCreated");
        (!told.is_empty()).then_some(told)
    })
    .await
}

fn profiles(region: &Running) -> Vec<Value> {
    region.cloud.dump_table("users.profiles").unwrap()
}

#[tokio::test]
async fn whoever_confirms_is_a_customer_and_whoever_does_not_is_nobody() {
    let region = start().await;
    let zoe = sign_up(&region, "zoe").await;
    sign_up(&region, "max").await;
    assert!(profiles(&region).is_empty(), "a sign-up that nobody confirmed is stored nowhere");
    assert_eq!(confirm(&region, "zoe").await, 200);
    let told = told(&region).await;
    assert_eq!(
        (told.len(), &told[0]["userId"], &told[0]["email"]),
        (1, &json!(zoe), &json!("zoe@example.com"))
    );
    let fields: BTreeSet<&str> = told[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(["userId", "email", "metadata"]));
    schemas::validators().check("UserCreated", &told[0]).unwrap();
    // The address stands only in what was pending.
    let mut profile = profiles(&region).pop().unwrap();
    profile.as_object_mut().unwrap().remove("pending");
    assert!(profile["createdAt"].is_string() && !profile.to_string().contains("example.com"), "{profile}");
}

#[tokio::test]
async fn a_pool_that_tells_twice_makes_one_customer() {
    let region = start().await;
    let zoe = sign_up(&region, "zoe").await;
    assert_eq!(confirm(&region, "zoe").await, 200);
    told(&region).await;
    let once = profiles(&region);
    let service = users::service(region.platform.clone());
    let again = confirmed(POOL, &zoe);
    assert_eq!(user_pool::take(service.on_sign_up.as_ref(), again.clone()).await.unwrap(), again);
    let (now, before) = (&profiles(&region)[0], &once[0]);
    assert_eq!((&now["version"], &now["createdAt"]), (&before["version"], &before["createdAt"]));
    assert_eq!(region.tapped("UserCreated").len(), 1);
    let elsewhere = user_pool::take(service.on_sign_up.as_ref(), confirmed("eu-west-1_other", &zoe)).await;
    assert!(elsewhere.unwrap_err().0.contains("userPoolId"), "a pool that is not ours");
}

#[tokio::test]
async fn a_verdict_leaves_the_customer_and_the_customer_the_verdict() {
    let region = start().await;
    sign_up(&region, "zoe").await;
    assert_eq!(confirm(&region, "zoe").await, 200);
    let request = json!({ "USERNAME": "zoe", "PASSWORD": PASSWORD });
    let request = json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "shop", "AuthParameters": request });
    let (_, answer) = region.cognito("InitiateAuth", &request).await;
    let token = answer["AuthenticationResult"]["AccessToken"].as_str().unwrap();
    let me = async || region.ask(token, Method::GET, "/users/me", &Value::Null).await.1;
    assert_eq!(me().await["ageVerdict"], "PENDING");
    let verdict = found(&crate::users::reference(&region, token).await, "PASSED");
    let now = region.platform.world.now().0;
    assert_eq!(crate::users::webhook(&region, crate::users::KEY, now, &verdict).await, 200);
    assert_eq!(me().await["ageVerdict"], "PASSED");
    let profile = profiles(&region).pop().unwrap();
    assert!(profile["createdAt"].is_string() && profile["version"] == json!(2), "{profile}");
    // Seeded before anybody was told of the sign-up.
    users::seed(&region.platform, &[("eve".into(), contracts::bodies::users::AgeVerdict::Passed)])
        .await
        .unwrap();
    let service = users::service(region.platform.clone());
    user_pool::take(service.on_sign_up.as_ref(), confirmed(POOL, "eve")).await.unwrap();
    let eve = profiles(&region).into_iter().find(|profile| profile["userId"] == "eve").unwrap();
    assert_eq!((&eve["ageVerdict"], &eve["version"]), (&json!("PASSED"), &json!(2)));
}
