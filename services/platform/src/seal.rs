//! Sealed payment tokens: only the payment service opens them, in any region.

use crate::{config::Secrets, world::World};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest,
};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

/// The text is not something that this key sealed for this purpose.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed text cannot be opened")]
pub struct Unopenable;

/// Seals and opens short texts with AES-256-GCM.
pub struct Seal(LessSafeKey);

impl Seal {
    /// A seal with the configured payment key.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn payment(secrets: &Secrets) -> Result<Self, Unopenable> {
        let key = digest::digest(&digest::SHA256, secrets.payment_key.as_bytes());
        UnboundKey::new(&AES_256_GCM, key.as_ref())
            .map(|key| Seal(LessSafeKey::new(key)))
            .map_err(|_| Unopenable)
    }

    /// Seals `plain`; it can only be opened with the same `purpose` (such as the order's id).
    ///
    /// # Errors
    /// When the text is too long for the cipher.
    pub fn close(&self, world: &World, purpose: &str, plain: &str) -> Result<String, Unopenable> {
        let mut nonce = [0u8; NONCE_LEN];
        world.random_bytes(&mut nonce);
        let mut bytes = plain.as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut bytes,
            )
            .map_err(|_| Unopenable)?;
        Ok(STANDARD_NO_PAD.encode([&nonce[..], &bytes].concat()))
    }

    /// Opens what [`Seal::close`] made.
    ///
    /// # Errors
    /// When it was sealed by another key or for another purpose, or changed since.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<String, Unopenable> {
        let bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| Unopenable)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or(Unopenable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopenable)?;
        let mut sealed = sealed.to_vec();
        let plain = self.0.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut sealed);
        String::from_utf8(plain.map_err(|_| Unopenable)?.to_vec()).map_err(|_| Unopenable)
    }
}
