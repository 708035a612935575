//! The RSA keys of user pools.

use std::fmt;

use anyhow::{Context as _, anyhow, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A pool's key pair, as it is handed from the process that made it to the regions that use it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolKey {
    /// The key's id in tokens and key sets.
    pub kid: String,
    /// The private key, PKCS#8 DER in Base64. Secret.
    pub pkcs8: String,
    /// The public modulus, as a JWK has it.
    pub n: String,
    /// The public exponent, as a JWK has it.
    pub e: String,
}

impl fmt::Debug for PoolKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Makes a pool's key: RSA with 2,048 bits. Takes tens of milliseconds.
///
/// # Errors
/// The random source or the crypto library failed.
pub fn generate_pool_key() -> anyhow::Result<PoolKey> {
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("an RSA key cannot be generated"))?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| anyhow!("an RSA key cannot be written"))?;
    let [n, e] = components(pair.public_key().as_ref()).context("an RSA public key has an unknown form")?;
    let fingerprint = digest(&SHA256, n);
    Ok(PoolKey {
        kid: STANDARD.encode(fingerprint.as_ref()),
        pkcs8: STANDARD.encode(der.as_ref()),
        n: URL_SAFE_NO_PAD.encode(n),
        e: URL_SAFE_NO_PAD.encode(e),
    })
}

/// A key ready to sign.
pub(super) struct SigningKey {
    kid: String,
    pair: KeyPair,
    /// Signs what only the pool itself reads again.
    private: hmac::Key,
    n: String,
    e: String,
}

impl SigningKey {
    pub(super) fn read(key: &PoolKey) -> anyhow::Result<Self> {
        let der = STANDARD.decode(&key.pkcs8).context("the private key is not Base64")?;
        let pair =
            KeyPair::from_pkcs8(&der).map_err(|error| anyhow!("the private key is refused: {error}"))?;
        let [n, e] = components(pair.public_key().as_ref()).context("the public key has an unknown form")?;
        let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
        ensure!(n == key.n && e == key.e, "the public key is not the private key's");
        let private = hmac::Key::new(hmac::HMAC_SHA256, digest(&SHA256, &der).as_ref());
        Ok(SigningKey { kid: key.kid.clone(), pair, private, n, e })
    }

    pub(super) fn jwk(&self) -> Value {
        json!({ "alg": "RS256", "kty": "RSA", "use": "sig", "kid": self.kid, "n": self.n, "e": self.e })
    }

    /// A JSON Web Token with these claims.
    pub(super) fn jwt(&self, claims: &Value) -> anyhow::Result<String> {
        let header = json!({ "kid": self.kid, "alg": "RS256" }).to_string();
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| anyhow!("a token cannot be signed"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The claims of a token that this key signed. Does not look at what they say.
    pub(super) fn claims(&self, jwt: &str) -> Option<Value> {
        let (signed, signature) = jwt.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public_key().as_ref());
        key.verify(signed.as_bytes(), &signature).ok()?;
        let (_, claims) = signed.split_once('.')?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }

    /// Seals a value that any replica of the pool can read again and nobody can make.
    pub(super) fn seal(&self, value: &Value) -> String {
        let text = URL_SAFE_NO_PAD.encode(value.to_string());
        let tag = hmac::sign(&self.private, text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    pub(super) fn unseal(&self, sealed: &str) -> Option<Value> {
        let (text, tag) = sealed.split_once('.')?;
        hmac::verify(&self.private, text.as_bytes(), &URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

/// Modulus and exponent of an `RSAPublicKey` in DER: a sequence of two integers.
fn components(der: &[u8]) -> Option<[&[u8]; 2]> {
    let (sequence, rest) = element(der, 0x30)?;
    let (n, after) = element(sequence, 0x02)?;
    let (e, end) = element(after, 0x02)?;
    (rest.is_empty() && end.is_empty()).then(|| [n, e].map(unsigned))
}

/// The content of the element of this kind that `der` starts with, and what follows it.
fn element(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk()?;
    if tag != kind {
        return None;
    }
    let (length, rest) = match first {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (
                bytes
                    .iter()
                    .try_fold(0usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))?,
                rest,
            )
        }
    };
    rest.split_at_checked(length)
}

/// An integer without the zero that says it is positive.
fn unsigned(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}
