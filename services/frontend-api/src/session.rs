//! One request as its resolvers see it: who calls, how long it may take, and how it went.

use crate::error;
use async_graphql::{Context, Error, Guard};
use contracts::Code;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use platform::{Caller, Deadline, calls::Credential, deadline, identity::Person, replay::Replay};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    time::Duration,
};

/// Calls to the services end this much before the caller's budget does.
const MARGIN: Duration = Duration::from_millis(20);

/// A request.
pub(crate) struct Session {
    pub(crate) caller: Caller,
    pub(crate) deadline: Deadline,
    /// The header of that name; for createOrder it must agree with the input.
    pub(crate) idempotency_key: Option<String>,
    authorization: Option<HeaderValue>,
    /// The HTTP status of the answer: the worst that any field ran into.
    status: AtomicU16,
    /// Whether a command in it was a repeat.
    replayed: AtomicBool,
}

impl Session {
    pub(crate) fn new(caller: Caller, deadline: Deadline, headers: &HeaderMap) -> Self {
        let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
        Session {
            caller,
            deadline: deadline.earlier(MARGIN),
            idempotency_key: key.map(str::to_owned),
            authorization: headers.get(header::AUTHORIZATION).cloned(),
            status: AtomicU16::new(StatusCode::OK.as_u16()),
            replayed: AtomicBool::new(false),
        }
    }

    /// The same caller, with the usual time for one more answer.
    pub(crate) fn again(&self) -> Self {
        Session {
            caller: self.caller.clone(),
            deadline: Deadline::within(deadline::DEFAULT).earlier(MARGIN),
            idempotency_key: None,
            authorization: self.authorization.clone(),
            status: AtomicU16::new(StatusCode::OK.as_u16()),
            replayed: AtomicBool::new(false),
        }
    }

    /// The caller's own token, to be passed on. A signature is good for one address only, so it is not.
    pub(crate) fn credential(&self) -> Credential {
        match (&self.caller, &self.authorization) {
            (Caller::Person(_), Some(token)) => Credential::Passed(token.clone()),
            _ => Credential::None,
        }
    }

    /// The signed-in caller.
    pub(crate) fn person(&self) -> Result<&Person, Error> {
        self.caller.person().map_err(|refused| error::told(&refused))
    }

    /// Remembers a failure that another region might not have. GraphQL's own answers all have status 200;
    /// the edge goes by the status, so these do not.
    pub(crate) fn note(&self, code: Code) {
        if matches!(code, Code::Deadline | Code::DurabilityUnavailable | Code::Internal | Code::RateLimited) {
            self.status.fetch_max(code.status(), Ordering::Relaxed);
        }
    }

    /// The body of an answer; that it was given before is remembered.
    pub(crate) fn opened<T>(&self, answer: Replay<T>) -> T {
        self.replayed.fetch_or(answer.again, Ordering::Relaxed);
        answer.body
    }

    /// Whether any command of the request had its answer already.
    pub(crate) fn replayed(&self) -> bool {
        self.replayed.load(Ordering::Relaxed)
    }

    /// The HTTP status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status.load(Ordering::Relaxed)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// The session of a resolver's request.
pub(crate) fn of<'a>(ctx: &Context<'a>) -> Result<&'a Session, Error> {
    ctx.data::<Arc<Session>>().map(|session| &**session)
}

/// Lets any signed-in person through.
pub(crate) struct SignedIn;

impl Guard for SignedIn {
    async fn check(&self, ctx: &Context<'_>) -> Result<(), Error> {
        of(ctx)?.person().map(drop)
    }
}

/// Lets members of a group, and of `admin`, through.
pub(crate) struct StaffOf(pub(crate) &'static str);

impl Guard for StaffOf {
    async fn check(&self, ctx: &Context<'_>) -> Result<(), Error> {
        of(ctx)?.caller.staff(self.0).map(drop).map_err(|refused| error::told(&refused))
    }
}
