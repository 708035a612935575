//! Calls to the products service of another region.

use crate::{NAME, domain::change::Command};
use axum::http::{HeaderValue, Method, header};
use contracts::{Product, ProductId, Region};
use platform::{
    Deadline, Platform,
    calls::{CallError, Credential},
    request::etag,
};
use std::time::Duration;

/// What is left of the caller's time when the other region's answer must be here.
const MARGIN: Duration = Duration::from_millis(50);

/// Hands an administrator's command on to the region that writes, in the administrator's own name.
pub(crate) async fn forward(
    platform: &Platform,
    home: &Region,
    product_id: ProductId,
    command: &Command,
    token: HeaderValue,
    deadline: Deadline,
) -> Result<Product, CallError> {
    let (call, by) = (platform.calls.in_region(home, NAME), Credential::Passed(token));
    let (path, deadline) = (format!("/admin/{product_id}"), deadline.earlier(MARGIN));
    let if_match = header::IF_MATCH.as_str();
    match command {
        Command::Put { draft, if_version: Some(version) } => {
            call.header(if_match, etag(*version)).send(by, Method::PUT, &path, Some(draft), deadline).await
        }
        Command::Put { draft, if_version: None } => {
            call.send(by, Method::PUT, &path, Some(draft), deadline).await
        }
        Command::Delete { if_version } => {
            let call = call.header(if_match, etag(*if_version));
            call.send(by, Method::DELETE, &path, None::<&()>, deadline).await
        }
    }
}
