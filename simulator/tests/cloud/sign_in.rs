//! Cognito, as an app without an SDK calls it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use simulator::cloud::{PoolConfig, PoolKey, SeedUser, Trigger, generate_pool_key};

use crate::support::World;

const ISSUER: &str = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_americas";

fn pool(key: &PoolKey, primary: bool) -> PoolConfig {
    let ann = SeedUser {
        username: "ann".to_owned(),
        password: "correct horse".to_owned(),
        sub: "0190-ann".to_owned(),
        groups: vec!["admin".to_owned()],
        email: "ann@example.com".to_owned(),
    };
    PoolConfig {
        id: "us-east-1_americas".to_owned(),
        client_id: "shop".to_owned(),
        continent: "americas".to_owned(),
        primary,
        key: key.clone(),
        users: vec![ann],
    }
}

async fn idp(world: &World, operation: &str, body: Value) -> (u16, Value) {
    world.call(&format!("AWSCognitoIdentityProviderService.{operation}"), body).await
}

async fn sign_in(world: &World, username: &str, password: &str) -> (u16, Value) {
    let parameters = json!({ "USERNAME": username, "PASSWORD": password });
    let body = json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "shop", "AuthParameters": parameters });
    idp(world, "InitiateAuth", body).await
}

fn claims(keys: &Value, token: &str, audience: Option<&str>) -> Value {
    let keys: JwkSet = serde_json::from_value(keys.clone()).unwrap();
    let jwk = keys.find(&decode_header(token).unwrap().kid.unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[ISSUER]);
    // The test's clock stands in 2026.
    validation.validate_exp = false;
    match audience {
        Some(audience) => validation.set_audience(&[audience]),
        None => validation.validate_aud = false,
    }
    decode::<Value>(token, &DecodingKey::from_jwk(jwk).unwrap(), &validation).unwrap().claims
}

#[tokio::test]
async fn tokens_verify_against_the_published_keys() {
    let key = generate_pool_key().unwrap();
    let world = World::with_pools("us-east-1", vec![pool(&key, true)]).await;
    let (status, answer) = sign_in(&world, "ann", "correct horse").await;
    assert_eq!(status, 200, "{answer}");
    let tokens = &answer["AuthenticationResult"];
    let (_, keys) = world.get("/us-east-1_americas/.well-known/jwks.json").await;
    assert_eq!(keys, world.cloud.jwks());
    let access = claims(&keys, tokens["AccessToken"].as_str().unwrap(), None);
    assert_eq!((&access["sub"], &access["token_use"]), (&json!("0190-ann"), &json!("access")));
    assert_eq!((&access["client_id"], &access["cognito:groups"]), (&json!("shop"), &json!(["admin"])));
    assert_eq!(access["exp"].as_i64().unwrap() - access["iat"].as_i64().unwrap(), 3600);
    let id = claims(&keys, tokens["IdToken"].as_str().unwrap(), Some("shop"));
    assert_eq!((&id["cognito:username"], &id["email"]), (&json!("ann"), &json!("ann@example.com")));
    let refresh = json!({ "REFRESH_TOKEN": tokens["RefreshToken"] });
    let body = json!({ "AuthFlow": "REFRESH_TOKEN_AUTH", "ClientId": "shop", "AuthParameters": refresh });
    let (status, answer) = idp(&world, "InitiateAuth", body).await;
    assert_eq!(status, 200, "{answer}");
    let access = answer["AuthenticationResult"]["AccessToken"].clone();
    let (_, user) = idp(&world, "GetUser", json!({ "AccessToken": access })).await;
    assert_eq!(user["Username"], "ann");
    world.advance(3_600_000);
    let (status, answer) = idp(&world, "GetUser", json!({ "AccessToken": access })).await;
    assert_eq!((status, &answer["message"]), (400, &json!("Access Token has expired")));
    let (status, _) = world.get("/nobody/.well-known/jwks.json").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_user_signs_up_confirms_and_resets_the_password() {
    let key = generate_pool_key().unwrap();
    let world = World::with_pools("us-east-1", vec![pool(&key, true)]).await;
    let email = json!([{ "Name": "email", "Value": "bob@example.com" }]);
    let sign_up = |password: &str| json!({ "ClientId": "shop", "Username": "bob", "Password": password, "UserAttributes": email });
    assert_eq!(idp(&world, "SignUp", sign_up("short")).await.1["__type"], "InvalidPasswordException");
    assert_eq!(idp(&world, "SignUp", sign_up("long enough")).await.0, 200);
    assert_eq!(idp(&world, "SignUp", sign_up("long enough")).await.1["__type"], "UsernameExistsException");
    assert_eq!(sign_in(&world, "bob", "long enough").await.1["__type"], "UserNotConfirmedException");
    let code = || world.cloud.mailed_code("us-east-1_americas", "bob").unwrap();
    let confirm = |code: &str| json!({ "ClientId": "shop", "Username": "bob", "ConfirmationCode": code });
    assert_eq!(idp(&world, "ConfirmSignUp", confirm("nope")).await.1["__type"], "CodeMismatchException");
    assert_eq!(idp(&world, "ConfirmSignUp", confirm(&code())).await.0, 200);
    assert_eq!(sign_in(&world, "bob", "long enough").await.0, 200);
    assert_eq!(sign_in(&world, "bob", "wrong").await.1["__type"], "NotAuthorizedException");
    idp(&world, "ForgotPassword", json!({ "ClientId": "shop", "Username": "bob" })).await;
    let mut reset = confirm(&code());
    reset["Password"] = "another one".into();
    assert_eq!(idp(&world, "ConfirmForgotPassword", reset).await.0, 200);
    assert_eq!(sign_in(&world, "bob", "another one").await.0, 200);
    let group = json!({ "UserPoolId": "us-east-1_americas", "Username": "bob", "GroupName": "warehouse" });
    assert_eq!(idp(&world, "AdminAddUserToGroup", group).await.0, 200);
    let (_, answer) = sign_in(&world, "bob", "another one").await;
    let token = answer["AuthenticationResult"]["AccessToken"].as_str().unwrap();
    assert_eq!(claims(&world.cloud.jwks(), token, None)["cognito:groups"], json!(["warehouse"]));
}

#[tokio::test]
async fn the_trigger_is_called_when_a_user_has_confirmed_and_three_times_where_it_fails() {
    let key = generate_pool_key().unwrap();
    let world = World::with_pools("us-east-1", vec![pool(&key, true)]).await;
    let (calls, told, failing) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(json!(null))), "eve");
    let (counted, kept) = (calls.clone(), told.clone());
    let trigger: Arc<Trigger> = Arc::new(move |event| {
        counted.fetch_add(1, Ordering::SeqCst);
        let fails = event["userName"] == failing;
        *kept.lock().unwrap() = event.clone();
        async move { if fails { Err("no".to_owned()) } else { Ok(event) } }.boxed()
    });
    world.cloud.call_when_confirmed(&trigger);
    for name in ["bob", failing] {
        let email = json!([{ "Name": "email", "Value": format!("{name}@example.com") }]);
        let body = json!({ "ClientId": "shop", "Username": name, "Password": "long enough", "UserAttributes": email });
        assert_eq!(idp(&world, "SignUp", body).await.0, 200);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0, "nobody has confirmed");
    let admin = |name: &str| json!({ "UserPoolId": "us-east-1_americas", "Username": name });
    assert_eq!(idp(&world, "AdminConfirmSignUp", admin("bob")).await.0, 200);
    let event = told.lock().unwrap().clone();
    assert_eq!(event["triggerSource"], "PostConfirmation_ConfirmSignUp");
    assert_eq!(event["request"]["userAttributes"]["email"], "bob@example.com");
    assert_eq!(
        (idp(&world, "AdminConfirmSignUp", admin("bob")).await.0, calls.load(Ordering::SeqCst)),
        (400, 1)
    );
    let (status, answer) = idp(&world, "AdminConfirmSignUp", admin(failing)).await;
    assert_eq!((status, &answer["__type"]), (400, &json!("UserLambdaValidationException")));
    assert_eq!(calls.load(Ordering::SeqCst), 4);
    assert_eq!(sign_in(&world, failing, "long enough").await.0, 200, "confirmed all the same");
    drop(trigger);
    let forgot = json!({ "ClientId": "shop", "Username": "bob" });
    assert_eq!(idp(&world, "ForgotPassword", forgot).await.0, 200);
}

#[tokio::test]
async fn a_secondary_signs_in_and_refuses_the_rest() {
    let key = generate_pool_key().unwrap();
    let primary = World::with_pools("us-east-1", vec![pool(&key, true)]).await;
    let secondary = World::with_pools("eu-west-1", vec![pool(&key, false)]).await;
    let (_, at_home) = sign_in(&primary, "ann", "correct horse").await;
    // A session that began at home goes on abroad, with the same user and issuer.
    let refresh = json!({ "REFRESH_TOKEN": at_home["AuthenticationResult"]["RefreshToken"] });
    let body = json!({ "AuthFlow": "REFRESH_TOKEN_AUTH", "ClientId": "shop", "AuthParameters": refresh });
    let (status, abroad) = idp(&secondary, "InitiateAuth", body).await;
    assert_eq!(status, 200, "{abroad}");
    let token = abroad["AuthenticationResult"]["AccessToken"].as_str().unwrap();
    assert_eq!(claims(&primary.cloud.jwks(), token, None)["sub"], "0190-ann");
    assert_eq!(sign_in(&secondary, "ann", "correct horse").await.0, 200);
    let email = json!([{ "Name": "email", "Value": "bob@example.com" }]);
    let sign_up =
        json!({ "ClientId": "shop", "Username": "bob", "Password": "long enough", "UserAttributes": email });
    let forgot = json!({ "ClientId": "shop", "Username": "ann" });
    let confirm = json!({ "ClientId": "shop", "Username": "ann", "ConfirmationCode": "1" });
    for (operation, body) in [("SignUp", sign_up), ("ForgotPassword", forgot), ("ConfirmSignUp", confirm)] {
        let (status, answer) = idp(&secondary, operation, body).await;
        assert_eq!((status, &answer["__type"]), (400, &json!("NotAuthorizedException")));
        assert!(answer["message"].as_str().unwrap().starts_with("this replica cannot"), "{answer}");
    }
}
