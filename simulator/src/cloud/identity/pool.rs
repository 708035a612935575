//! A user pool: its users and what may be done with them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use anyhow::ensure;
use serde_json::{Value, json};

use super::super::dice::Dice;
use super::super::reply::Refusal;
use super::super::{Clock, lock};
use super::PoolConfig;
use super::keys::SigningKey;
use super::password::{self, PasswordHash};
use super::tokens::{Issue, Session, TOKEN_SECONDS, refreshed};

/// Users a pool takes.
const USERS_MAX: usize = 500_000;

/// What tokens say of a user.
#[derive(Clone)]
pub(super) struct Profile {
    pub(super) sub: String,
    pub(super) email: String,
    pub(super) groups: BTreeSet<String>,
    pub(super) confirmed: bool,
}

/// One user.
struct User {
    profile: Profile,
    password: PasswordHash,
    /// The code last mailed, until it is used.
    code: Option<String>,
}

/// A user pool as this region serves it.
pub(super) struct Pool {
    pub(super) id: String,
    pub(super) client_id: String,
    pub(super) key: SigningKey,
    primary: bool,
    pub(super) issuer: String,
    users: Mutex<BTreeMap<String, User>>,
    clock: Clock,
    dice: Arc<Dice>,
}

impl Pool {
    pub(super) fn create(
        config: &PoolConfig,
        region: &str,
        clock: Clock,
        dice: Arc<Dice>,
    ) -> anyhow::Result<Self> {
        let home = config.id.split_once('_').map_or(region, |(home, _)| home);
        let mut users = BTreeMap::new();
        for seed in &config.users {
            let profile = Profile {
                sub: seed.sub.clone(),
                email: seed.email.clone(),
                groups: seed.groups.iter().cloned().collect(),
                confirmed: true,
            };
            let user = User { profile, password: PasswordHash::of(&seed.password, &dice), code: None };
            ensure!(
                users.insert(seed.username.clone(), user).is_none(),
                "user {} is named twice",
                seed.username
            );
        }
        Ok(Pool {
            id: config.id.clone(),
            client_id: config.client_id.clone(),
            key: SigningKey::read(&config.key)?,
            primary: config.primary,
            issuer: format!("https://cognito-idp.{home}.amazonaws.com/{}", config.id),
            users: Mutex::new(users),
            clock,
            dice,
        })
    }

    pub(super) fn now_s(&self) -> i64 {
        (self.clock)() / 1000
    }

    pub(super) fn mailed_code(&self, username: &str) -> Option<String> {
        lock(&self.users).get(username)?.code.clone()
    }

    /// Creates a user who still has to confirm; says the user's id.
    pub(super) fn sign_up(&self, username: String, password: &str, email: String) -> Result<String, Refusal> {
        self.only_primary("create users")?;
        check_password(password)?;
        let mut users = lock(&self.users);
        if users.contains_key(&username) {
            return Err(Refusal::new("UsernameExistsException", "User already exists"));
        }
        if users.len() >= USERS_MAX {
            return Err(Refusal::new("LimitExceededException", "the pool is full"));
        }
        let sub = self.dice.uuid().to_string();
        let profile = Profile { sub: sub.clone(), email, groups: BTreeSet::new(), confirmed: false };
        let password = PasswordHash::of(password, &self.dice);
        users.insert(username, User { profile, password, code: Some(self.new_code()) });
        Ok(sub)
    }

    /// Confirms a user by the code that was mailed; says whom.
    pub(super) fn confirm(&self, username: &str, code: &str) -> Result<Profile, Refusal> {
        self.only_primary("confirm users")?;
        self.change(username, |user| {
            use_code(user, code)?;
            user.profile.confirmed = true;
            Ok(user.profile.clone())
        })
    }

    /// Confirms a user by the operator's word; says whom.
    pub(super) fn admin_confirm(&self, username: &str) -> Result<Profile, Refusal> {
        self.only_primary("confirm users")?;
        self.change(username, |user| {
            if user.profile.confirmed {
                let message = "User cannot be confirmed. Current status is CONFIRMED";
                return Err(Refusal::new("NotAuthorizedException", message));
            }
            user.code = None;
            user.profile.confirmed = true;
            Ok(user.profile.clone())
        })
    }

    pub(super) fn add_to_group(&self, username: &str, group: String) -> Result<(), Refusal> {
        self.only_primary("change users")?;
        self.change(username, |user| {
            user.profile.groups.insert(group);
            Ok(())
        })
    }

    /// Mails a code for a new password; says the address.
    pub(super) fn forgot_password(&self, username: &str) -> Result<String, Refusal> {
        self.only_primary("reset passwords")?;
        let code = self.new_code();
        self.change(username, |user| {
            user.code = Some(code);
            Ok(user.profile.email.clone())
        })
    }

    pub(super) fn reset_password(&self, username: &str, code: &str, password: &str) -> Result<(), Refusal> {
        self.only_primary("reset passwords")?;
        check_password(password)?;
        let hash = PasswordHash::of(password, &self.dice);
        self.change(username, |user| {
            use_code(user, code)?;
            user.password = hash;
            Ok(())
        })
    }

    /// Signs a user in; the answer is Cognito's `AuthenticationResult`.
    pub(super) fn sign_in(&self, username: &str, password: &str) -> Result<Value, Refusal> {
        let profile = self.checked(username, password)?;
        let session = Session { origin: self.dice.uuid().to_string(), signed_in_at_s: self.now_s() };
        let issue = self.issue(username, &profile, session);
        let mut tokens = self.tokens(&issue)?;
        tokens["RefreshToken"] = issue.refresh(&self.key).into();
        Ok(tokens)
    }

    /// The confirmed user with this password. A copy, because signing takes long enough not to hold the lock.
    fn checked(&self, username: &str, password: &str) -> Result<Profile, Refusal> {
        let users = lock(&self.users);
        let user =
            users.get(username).filter(|user| user.password.is(password)).ok_or_else(wrong_password)?;
        if !user.profile.confirmed {
            return Err(Refusal::new("UserNotConfirmedException", "User is not confirmed."));
        }
        Ok(user.profile.clone())
    }

    /// New tokens for a sign-in; without a new refresh token, as Cognito has it.
    pub(super) fn refresh(&self, refresh_token: &str) -> Result<Value, Refusal> {
        let invalid = || Refusal::new("NotAuthorizedException", "Invalid Refresh Token");
        let (username, session) = refreshed(&self.key, refresh_token, self.now_s()).ok_or_else(invalid)?;
        let profile =
            lock(&self.users).get(&username).map(|user| user.profile.clone()).ok_or_else(invalid)?;
        self.tokens(&self.issue(&username, &profile, session))
    }

    /// The claims of a token that this pool signed, whatever they say.
    pub(super) fn signed(&self, token: &str) -> Option<Value> {
        self.key.claims(token)
    }

    /// The attributes of the user whose access token has these claims.
    pub(super) fn user_of(&self, claims: &Value) -> Result<Value, Refusal> {
        let refused = |why| Refusal::new("NotAuthorizedException", why);
        if claims["token_use"] != "access" || claims["iss"] != self.issuer.as_str() {
            return Err(refused("Invalid Access Token"));
        }
        if claims["exp"].as_i64().is_none_or(|end_s| end_s <= self.now_s()) {
            return Err(refused("Access Token has expired"));
        }
        let username = claims["username"].as_str().unwrap_or_default();
        let users = lock(&self.users);
        let user = &users.get(username).ok_or_else(no_such_user)?.profile;
        let attribute = |name: &str, value: &str| json!({ "Name": name, "Value": value });
        let attributes = [
            attribute("sub", &user.sub),
            attribute("email_verified", if user.confirmed { "true" } else { "false" }),
            attribute("email", &user.email),
        ];
        Ok(json!({ "Username": username, "UserAttributes": attributes }))
    }

    fn issue<'a>(&'a self, username: &'a str, user: &'a Profile, session: Session) -> Issue<'a> {
        let now_s = self.now_s();
        Issue { issuer: &self.issuer, client_id: &self.client_id, username, user, now_s, session }
    }

    fn tokens(&self, issue: &Issue<'_>) -> Result<Value, Refusal> {
        let internal = |error: anyhow::Error| Refusal::new("InternalErrorException", error.to_string());
        Ok(json!({
            "AccessToken": issue.access(&self.key, &self.dice).map_err(internal)?,
            "IdToken": issue.id(&self.key, &self.dice).map_err(internal)?,
            "ExpiresIn": TOKEN_SECONDS,
            "TokenType": "Bearer",
        }))
    }

    fn change<T>(
        &self,
        username: &str,
        change: impl FnOnce(&mut User) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        change(lock(&self.users).get_mut(username).ok_or_else(no_such_user)?)
    }

    fn only_primary(&self, what: &str) -> Result<(), Refusal> {
        if self.primary {
            return Ok(());
        }
        let message = format!("this replica cannot {what}: the primary of pool {} does that", self.id);
        Err(Refusal::new("NotAuthorizedException", message))
    }

    fn new_code(&self) -> String {
        format!("{:06}", self.dice.between(0..=999_999))
    }
}

fn check_password(password: &str) -> Result<(), Refusal> {
    password::check(password).map_err(|error| Refusal::new("InvalidPasswordException", error.to_string()))
}

fn use_code(user: &mut User, code: &str) -> Result<(), Refusal> {
    if user.code.as_deref() != Some(code) {
        return Err(Refusal::new(
            "CodeMismatchException",
            "Invalid verification code provided, please try again.",
        ));
    }
    user.code = None;
    Ok(())
}

/// The same for an unknown user, so that nobody learns who has an account.
fn wrong_password() -> Refusal {
    Refusal::new("NotAuthorizedException", "Incorrect username or password.")
}

fn no_such_user() -> Refusal {
    Refusal::new("UserNotFoundException", "User does not exist.")
}
