//! What a request says beside its body: axum's extractors, with refusals in our own error body.

use crate::{ApiError, Caller};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use contracts::Code;
use http::request::Parts;
use serde::{Deserialize, de::DeserializeOwned};
use std::{convert::Infallible, marker::PhantomData};

/// The parameters of the path. One that cannot be read is 400 `BAD_REQUEST`.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = <axum::extract::Path<T> as FromRequestParts<S>>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(value)| Path(value))
            .map_err(|_| ApiError::new(Code::BadRequest, "The path holds something that is not an id"))
    }
}

/// The query string. One that cannot be read is 400 `BAD_REQUEST`.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Query(value)| Query(value))
            .map_err(|rejection| ApiError::new(Code::BadRequest, rejection.body_text()))
    }
}

/// The services that may call a route.
pub trait Callers {
    /// Their names.
    const NAMES: &'static [&'static str];
}

/// A signed call by one of the services that `C` names, as an extractor: 401 without any caller, 403 for any
/// other. Put it before the body: who may not call hears nothing about bodies.
#[derive(Clone, Copy, Debug)]
pub struct CalledBy<C>(PhantomData<C>);

impl<S: Sync, C: Callers> FromRequestParts<S> for CalledBy<C> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.service_in(C::NAMES).map(|_| CalledBy(PhantomData))
    }
}

/// Which page of a list is wanted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageQuery {
    /// Items on the page; see [`crate::page::limit`].
    #[serde(default)]
    pub limit: Option<i64>,
    /// Where the page begins.
    #[serde(default)]
    pub next_token: Option<String>,
}

/// The tag of a version, quotes included, as `ETag`, `If-Match` and `If-None-Match` have it.
pub fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// The request's `If-None-Match`.
#[derive(Clone, Debug)]
pub struct IfNoneMatch(String);

impl IfNoneMatch {
    /// Whether the caller already has what `etag` (quotes included) names.
    pub fn matches(&self, etag: &str) -> bool {
        self.0.split(',').map(str::trim).any(|held| held == "*" || held.trim_start_matches("W/") == etag)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        let held = parts.headers.get(http::header::IF_NONE_MATCH);
        Ok(held.and_then(|value| value.to_str().ok()).map(|value| IfNoneMatch(value.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_found_in_a_list_and_behind_a_weak_mark() {
        let held = IfNoneMatch(r#""1", W/"2""#.into());
        assert!(held.matches(r#""1""#) && held.matches(r#""2""#));
        assert!(!held.matches(r#""3""#));
        assert!(IfNoneMatch("*".into()).matches(r#""3""#));
    }
}
