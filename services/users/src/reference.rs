//! References: who is to be verified and since when, in a form that only we can make. Nothing is stored by making one.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use contracts::{Continent, Timestamp, UserId};

/// Tells our references from the age checker's webhooks, which are signed with the same key.
const PURPOSE: &str = "age reference";

/// What a reference says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) user_id: UserId,
    /// The customer's home continent, where the verdict is written.
    pub(crate) home: Continent,
    pub(crate) at: Timestamp,
}

/// Makes references and reads them.
#[derive(Clone)]
pub(crate) struct References(hmac::Key);

impl References {
    pub(crate) fn new(key: &str) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        let own = hmac::sign(&root, PURPOSE.as_bytes());
        References(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()))
    }

    /// Nothing in it needs to be encoded in an address.
    pub(crate) fn write(&self, said: &Reference) -> String {
        let said = format!("{} {} {}", said.at.0, said.home, said.user_id);
        let tag = hmac::sign(&self.0, said.as_bytes());
        format!("{}.{}", BASE64.encode(said), BASE64.encode(tag))
    }

    /// Nothing, where it is not ours.
    pub(crate) fn read(&self, text: &str) -> Option<Reference> {
        let (said, tag) = text.split_once('.')?;
        let (said, tag) = (BASE64.decode(said).ok()?, BASE64.decode(tag).ok()?);
        hmac::verify(&self.0, &said, &tag).ok()?;
        let said = String::from_utf8(said).ok()?;
        let mut parts = said.splitn(3, ' ');
        let at = Timestamp(parts.next()?.parse().ok()?);
        let home = Continent::from(parts.next()?);
        Some(Reference { user_id: UserId::from(parts.next()?), home, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference() -> Reference {
        Reference { user_id: "ann".into(), home: "eu".into(), at: Timestamp(1_764_000_000_123) }
    }

    #[test]
    fn a_reference_is_read_by_whoever_has_the_key() {
        let text = References::new("key").write(&reference());
        assert_eq!(References::new("key").read(&text), Some(reference()));
        assert_eq!(References::new("other").read(&text), None);
    }

    #[test]
    fn nobody_can_forge_one() {
        let references = References::new("key");
        let text = references.write(&reference());
        let (_, tag) = text.split_once('.').expect("two parts");
        let forged = format!("{}.{tag}", BASE64.encode("1764000000123 eu bob"));
        for text in [forged.as_str(), "", ".", tag, &text[1..]] {
            assert_eq!(references.read(text), None, "{text}");
        }
        let root = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        let said = "1764000000123 eu bob";
        let by_webhook_key = BASE64.encode(hmac::sign(&root, said.as_bytes()));
        assert_eq!(references.read(&format!("{}.{by_webhook_key}", BASE64.encode(said))), None);
    }
}
