//! How long a request may still take.

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{Extensions, HeaderMap, request::Parts},
};
use std::{convert::Infallible, future::Future, time::Duration};
use tokio::time::Instant;

/// The header that carries the remaining budget in milliseconds.
pub const HEADER: &str = "x-deadline-ms";

/// The budget where the caller states none.
pub const DEFAULT: Duration = Duration::from_millis(900);

/// The moment by which the answer must be on its way.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

/// The budget ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time budget ran out")]
pub struct Expired;

impl Deadline {
    /// A deadline `budget` from now.
    pub fn within(budget: Duration) -> Self {
        Deadline(Instant::now() + budget)
    }

    /// What is left.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The earlier of this deadline and one `limit` from now.
    pub fn at_most(self, limit: Duration) -> Self {
        Deadline(self.0.min(Instant::now() + limit))
    }

    /// This deadline, `margin` earlier: outbound calls end before the caller's own budget does.
    pub fn earlier(self, margin: Duration) -> Self {
        Deadline(self.0.checked_sub(margin).unwrap_or(self.0))
    }

    /// Runs `work` until the deadline.
    ///
    /// # Errors
    /// [`Expired`] when the budget ran out first; `work` is dropped then.
    pub async fn bound<T>(self, work: impl Future<Output = T>) -> Result<T, Expired> {
        tokio::time::timeout_at(self.0, work).await.map_err(|_| Expired)
    }

    /// The value of the header for a call made now.
    pub fn header_value(self) -> String {
        self.remaining().as_millis().to_string()
    }

    /// The deadline that a request was given before, or else states.
    pub(crate) fn of(extensions: &Extensions, headers: &HeaderMap) -> Self {
        if let Some(deadline) = extensions.get::<Deadline>() {
            return *deadline;
        }
        let stated = headers.get(HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
        let budget = stated.map_or(DEFAULT, Duration::from_millis);
        Deadline::within(budget.min(Duration::from_secs(30)))
    }
}

impl<S: Sync> FromRequestParts<S> for Deadline {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Deadline::of(&parts.extensions, &parts.headers))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Deadline {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(Some(Deadline::of(&parts.extensions, &parts.headers)))
    }
}
