//! Cognito: tokens that verify, groups, refusals.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::place::Place;

async fn tokens(place: &Place) -> Value {
    let (status, answer) = place.sign_in("ann", "correct horse").await;
    assert_eq!(status, 200, "{answer}");
    answer["AuthenticationResult"].clone()
}

async fn claims(place: &Place, token: &str, audience: Option<&str>) -> Value {
    let (status, keys) = place.get(&format!("/{}/.well-known/jwks.json", place.pool.id)).await;
    assert_eq!(status, 200);
    let keys: JwkSet = serde_json::from_value(keys).unwrap();
    let jwk = keys.find(&decode_header(token).unwrap().kid.unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[&place.pool.issuer]);
    match audience {
        Some(audience) => validation.set_audience(&[audience]),
        None => validation.validate_aud = false,
    }
    decode::<Value>(token, &DecodingKey::from_jwk(jwk).unwrap(), &validation).unwrap().claims
}

pub(crate) async fn tokens_verify_against_the_published_keys(place: Place) {
    let tokens = tokens(&place).await;
    let access = claims(&place, tokens["AccessToken"].as_str().unwrap(), None).await;
    assert_eq!((access["sub"].as_str(), &access["token_use"]), (Some(&*place.pool.ann), &json!("access")));
    assert_eq!(access["client_id"].as_str(), Some(&*place.pool.client_id));
    assert_eq!(access["cognito:groups"], json!(["admin"]));
    assert_eq!(access["exp"].as_i64().unwrap() - access["iat"].as_i64().unwrap(), 3600);
    let id = claims(&place, tokens["IdToken"].as_str().unwrap(), Some(&place.pool.client_id)).await;
    assert_eq!((&id["cognito:username"], &id["email"]), (&json!("ann"), &json!("ann@example.com")));
}

pub(crate) async fn a_session_is_refreshed(place: Place) {
    let refresh = json!({ "REFRESH_TOKEN": tokens(&place).await["RefreshToken"] });
    let body = json!({ "AuthFlow": "REFRESH_TOKEN_AUTH", "ClientId": place.pool.client_id,
        "AuthParameters": refresh });
    let (status, answer) = place.idp("InitiateAuth", body).await;
    assert_eq!(status, 200, "{answer}");
    let access = answer["AuthenticationResult"]["AccessToken"].as_str().unwrap();
    assert_eq!(claims(&place, access, None).await["sub"].as_str(), Some(&*place.pool.ann));
}

pub(crate) async fn a_wrong_password_and_an_unknown_user_are_refused(place: Place) {
    let (status, answer) = place.sign_in("ann", "wrong horse").await;
    assert_eq!((status, &answer["__type"]), (400, &json!("NotAuthorizedException")));
    let (status, answer) = place.sign_in("nobody", "correct horse").await;
    assert_eq!(status, 400);
    let kind = answer["__type"].as_str().unwrap();
    assert!(["NotAuthorizedException", "UserNotFoundException"].contains(&kind), "{answer}");
    let body = json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "nobody",
        "AuthParameters": { "USERNAME": "ann", "PASSWORD": "correct horse" } });
    let (status, answer) = place.idp("InitiateAuth", body).await;
    assert_eq!((status, &answer["__type"]), (400, &json!("ResourceNotFoundException")));
}

pub(crate) async fn a_token_tells_who_somebody_is(place: Place) {
    let access = tokens(&place).await["AccessToken"].clone();
    let (status, user) = place.idp("GetUser", json!({ "AccessToken": access })).await;
    assert_eq!((status, &user["Username"]), (200, &json!("ann")));
    let (status, answer) = place.idp("GetUser", json!({ "AccessToken": "a.b.c" })).await;
    assert_eq!((status, &answer["__type"]), (400, &json!("NotAuthorizedException")));
}

pub(crate) async fn whoever_did_not_confirm_cannot_sign_in(place: Place) {
    let email = json!([{ "Name": "email", "Value": "bob@example.com" }]);
    let body = json!({ "ClientId": place.pool.client_id, "Username": "bob", "Password": "long enough",
        "UserAttributes": email });
    let (status, answer) = place.idp("SignUp", body.clone()).await;
    assert_eq!((status, &answer["UserConfirmed"]), (200, &json!(false)), "{answer}");
    let (_, answer) = place.idp("SignUp", body).await;
    assert_eq!(answer["__type"], "UsernameExistsException");
    let (_, answer) = place.sign_in("bob", "long enough").await;
    assert_eq!(answer["__type"], "UserNotConfirmedException");
    let body = json!({ "UserPoolId": place.pool.id, "Username": "bob" });
    assert_eq!(place.idp("AdminConfirmSignUp", body).await.0, 200);
    assert_eq!(place.sign_in("bob", "long enough").await.0, 200);
}

pub(crate) async fn a_wrong_code_confirms_nobody(place: Place) {
    let email = json!([{ "Name": "email", "Value": "eve@example.com" }]);
    let body = json!({ "ClientId": place.pool.client_id, "Username": "eve", "Password": "long enough",
        "UserAttributes": email });
    assert_eq!(place.idp("SignUp", body).await.0, 200);
    let body = json!({ "ClientId": place.pool.client_id, "Username": "eve", "ConfirmationCode": "nope" });
    let (_, answer) = place.idp("ConfirmSignUp", body).await;
    assert_eq!(answer["__type"], "CodeMismatchException");
}
