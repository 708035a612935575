//! The tokens of a signed-in user, with Cognito's claims.

use serde_json::{Value, json};

use super::super::dice::Dice;
use super::keys::SigningKey;
use super::pool::Profile;

/// Access and id tokens live this long.
pub(super) const TOKEN_SECONDS: i64 = 3600;
/// Refresh tokens live thirty days.
const REFRESH_SECONDS: i64 = 30 * 24 * 3600;

/// Whom and what tokens are for.
pub(super) struct Issue<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) username: &'a str,
    pub(super) user: &'a Profile,
    pub(super) now_s: i64,
    /// The sign-in that the tokens go back to.
    pub(super) session: Session,
}

/// A sign-in, remembered by its refresh token alone.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) origin: String,
    pub(super) signed_in_at_s: i64,
}

impl Issue<'_> {
    pub(super) fn access(&self, key: &SigningKey, dice: &Dice) -> anyhow::Result<String> {
        let mut claims = self.shared("access", dice);
        claims["client_id"] = self.client_id.into();
        claims["scope"] = "aws.cognito.signin.user.admin".into();
        claims["username"] = self.username.into();
        key.jwt(&claims)
    }

    pub(super) fn id(&self, key: &SigningKey, dice: &Dice) -> anyhow::Result<String> {
        let mut claims = self.shared("id", dice);
        claims["aud"] = self.client_id.into();
        claims["cognito:username"] = self.username.into();
        claims["email"] = self.user.email.as_str().into();
        claims["email_verified"] = self.user.confirmed.into();
        key.jwt(&claims)
    }

    fn shared(&self, token_use: &str, dice: &Dice) -> Value {
        let mut claims = json!({
            "sub": self.user.sub,
            "iss": self.issuer,
            "token_use": token_use,
            "origin_jti": self.session.origin,
            "jti": dice.uuid(),
            "auth_time": self.session.signed_in_at_s,
            "iat": self.now_s,
            "exp": self.now_s + TOKEN_SECONDS,
        });
        // Cognito leaves the claim out for a user without groups.
        if !self.user.groups.is_empty() {
            claims["cognito:groups"] = self.user.groups.iter().map(String::as_str).collect();
        }
        claims
    }

    pub(super) fn refresh(&self, key: &SigningKey) -> String {
        key.seal(&json!({
            "username": self.username,
            "origin": self.session.origin,
            "signed_in_at": self.session.signed_in_at_s,
        }))
    }
}

/// The user and the sign-in behind a refresh token; `None` if it is not ours or too old.
pub(super) fn refreshed(key: &SigningKey, token: &str, now_s: i64) -> Option<(String, Session)> {
    let sealed = key.unseal(token)?;
    let signed_in_at_s = sealed["signed_in_at"].as_i64()?;
    if now_s >= signed_in_at_s + REFRESH_SECONDS {
        return None;
    }
    let session = Session { origin: sealed["origin"].as_str()?.to_owned(), signed_in_at_s };
    Some((sealed["username"].as_str()?.to_owned(), session))
}
