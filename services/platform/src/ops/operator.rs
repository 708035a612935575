//! Who may operate.

use crate::{ApiError, Caller, routes::Who};
use axum::extract::FromRequestParts;
use http::request::Parts;
use std::fmt;

/// The service as which operators' tools sign.
const SERVICE: &str = "ops";
/// Operators' tools, as routes name who may call them.
pub(crate) const OPERATORS: Who = Who::Services(&[SERVICE]);

/// An operator, as an extractor: 401 without any caller, 403 for any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operator(String);

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for Operator {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let name = match &caller {
            Caller::Service(_) => caller.service_in(&[SERVICE])?,
            Caller::Person(_) | Caller::Partner(_) | Caller::Anonymous => {
                caller.staff("admin")?.user_id.as_str()
            }
        };
        Ok(Operator(name.to_owned()))
    }
}
