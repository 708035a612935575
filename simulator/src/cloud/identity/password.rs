//! Passwords, as an emulator keeps them: salted, hashed once, compared in constant time.
//!
//! Once is far too cheap for real passwords. Here they are test data, and a slow hash would only slow down the
//! run that it does not protect.

use anyhow::anyhow;
use aws_lc_rs::hmac;

use super::super::dice::Dice;

const LENGTH_MIN: usize = 8;
const LENGTH_MAX: usize = 256;

/// A hashed password.
pub(super) struct PasswordHash {
    salt: hmac::Key,
    tag: hmac::Tag,
}

impl PasswordHash {
    pub(super) fn of(password: &str, dice: &Dice) -> Self {
        let salt = hmac::Key::new(hmac::HMAC_SHA256, &dice.bytes::<16>());
        let tag = hmac::sign(&salt, password.as_bytes());
        PasswordHash { salt, tag }
    }

    pub(super) fn is(&self, password: &str) -> bool {
        hmac::verify(&self.salt, password.as_bytes(), self.tag.as_ref()).is_ok()
    }
}

/// The policy of all pools.
pub(super) fn check(password: &str) -> anyhow::Result<()> {
    match password.len() {
        LENGTH_MIN..=LENGTH_MAX => Ok(()),
        0..LENGTH_MIN => Err(anyhow!("Password did not conform with policy: Password not long enough")),
        _ => Err(anyhow!("Password did not conform with policy: Password too long")),
    }
}
