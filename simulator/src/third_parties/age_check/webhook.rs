//! A verdict on its way to the shop.

use crate::robots::Ground;
use anyhow::Context as _;
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use contracts::{bodies::users::AgeCallback, ids::Region};
use http::{Request, header};
use std::time::Duration;

/// One try takes no longer.
const LIMIT: Duration = Duration::from_secs(3);

/// Tells one region, signed as Standard Webhooks says (standardwebhooks.com).
///
/// # Errors
/// When the region does not take it: nobody knows whether it heard.
pub(super) async fn send(
    shop: &Ground,
    region: &Region,
    key: &hmac::Key,
    now_ms: i64,
    found: &AgeCallback,
) -> anyhow::Result<()> {
    let base = shop.base(region).context("not reachable")?;
    let (id, body) = (format!("msg_{}", found.provider_reference), serde_json::to_vec(found)?);
    let (at_s, signature) = signed(key, &id, now_ms, &body);
    let request = Request::post(format!("{base}/users/backend/age-verifications/callback"))
        .header(header::HOST, base.trim_start_matches("http://"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", at_s)
        .header("webhook-signature", signature)
        .body(Bytes::from(body))?;
    let answer =
        tokio::time::timeout(LIMIT, shop.network.send(request)).await.context("no answer in time")??;
    anyhow::ensure!(answer.status().is_success(), "status {}", answer.status());
    Ok(())
}

/// The time, in seconds since the Unix epoch, and the signature over id, time and body.
fn signed(key: &hmac::Key, id: &str, now_ms: i64, body: &[u8]) -> (String, String) {
    let at_s = (now_ms / 1_000).to_string();
    let content = [id.as_bytes(), b".", at_s.as_bytes(), b".", body].concat();
    let signature = format!("v1,{}", STANDARD.encode(hmac::sign(key, &content)));
    (at_s, signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's own libraries.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let body = br#"{"test": 2432232314}"#;
        let (at_s, signature) = signed(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330_000, body);
        assert_eq!(at_s, "1614265330");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
