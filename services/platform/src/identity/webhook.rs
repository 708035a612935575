//! Webhooks of partners, signed as Standard Webhooks says (standardwebhooks.com): HMAC-SHA256 of id, time and body.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use contracts::Timestamp;
use http::HeaderMap;

/// The header that tells a webhook from other requests.
pub(super) const SIGNATURE: &str = "webhook-signature";
/// A webhook older or newer than this is refused, milliseconds.
const WINDOW_MS: i64 = 5 * 60 * 1000;
/// Signatures of one webhook that are looked at, at most: there are two while a key is changed.
const SIGNATURES_MAX: usize = 4;
/// The name of the age checker, as [`Caller::Partner`](super::Caller::Partner) bears it.
pub const AGE_CHECK: &str = "age-check";

/// Checks the webhooks of one partner.
pub(super) struct Webhooks(hmac::Key);

impl Webhooks {
    pub(super) fn new(key: &str) -> Self {
        Webhooks(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()))
    }

    /// Whether the partner made this webhook, and not long ago.
    pub(super) fn verify(&self, now: Timestamp, headers: &HeaderMap, body: &[u8]) -> Option<()> {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        let (id, at) = (header("webhook-id")?, header("webhook-timestamp")?);
        let at_ms = at.parse::<i64>().ok()?.checked_mul(1000)?;
        if now.0.abs_diff(at_ms) > WINDOW_MS.unsigned_abs() {
            return None;
        }
        let signed = [id.as_bytes(), b".", at.as_bytes(), b".", body].concat();
        let given = header(SIGNATURE)?.split(' ').take(SIGNATURES_MAX);
        let mut given = given.filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
        given.any(|tag| hmac::verify(&self.0, &signed, &tag).is_ok()).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_S: i64 = 1_764_000_000;

    fn headers(key: &str, body: &[u8]) -> HeaderMap {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        let signed = [format!("msg_1.{AT_S}.").as_bytes(), body].concat();
        let tag = STANDARD.encode(hmac::sign(&key, &signed));
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("webhook-id", "msg_1".to_owned()),
            ("webhook-timestamp", AT_S.to_string()),
            (SIGNATURE, format!("v1a,nonsense v1,{tag}")),
        ] {
            headers.insert(name, value.parse().expect("a header"));
        }
        headers
    }

    fn holds(at_ms: i64, headers: &HeaderMap, body: &[u8]) -> bool {
        Webhooks::new("key").verify(Timestamp(at_ms), headers, body).is_some()
    }

    #[test]
    fn a_webhook_holds_for_five_minutes() {
        let signed = headers("key", b"{}");
        for (off_ms, fresh) in [(0, true), (WINDOW_MS, true), (-WINDOW_MS, true), (WINDOW_MS + 1, false)] {
            assert_eq!(holds(AT_S * 1000 + off_ms, &signed, b"{}"), fresh, "{off_ms}");
        }
        assert!(!holds(AT_S * 1000 - WINDOW_MS - 1, &signed, b"{}"));
    }

    #[test]
    fn whatever_was_signed_cannot_be_changed() {
        let now = AT_S * 1000;
        assert!(!holds(now, &headers("key", b"{}"), b"{ }"));
        assert!(!holds(now, &headers("other", b"{}"), b"{}"));
        for (name, value) in
            [("webhook-id", "msg_2"), ("webhook-timestamp", "1764000001"), (SIGNATURE, "v1,")]
        {
            let mut changed = headers("key", b"{}");
            changed.insert(name, value.parse().expect("a header"));
            assert!(!holds(now, &changed, b"{}"), "{name}");
        }
    }
}
