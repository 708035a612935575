//! Failures on command, for drills: a service can be told to fail, to be slow, to leave requests without an answer, to say
//! that it is not well, or to crash. Only a build with the feature `chaos` has these routes, and the crate's own tests;
//! without it they are not compiled in, and nothing of them can be turned on.
//!
//! What is commanded holds for one service in one process, and as long as the process lives. It concerns every route of
//! the service but these themselves. Heartbeats are the process's own, not a service's: only a crash stops them.

mod api;
#[cfg(test)]
mod tests;

use crate::{Platform, planted::Planted, routes::Routes};
use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::task::JoinSet;

/// Where all of its routes lie.
const PREFIX: &str = "/chaos/";
/// The paths that say how the service is.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];
/// A request that is dropped is held so long at most: longer than any caller waits.
const HELD: Duration = Duration::from_secs(60);
/// A crash comes so long after its command: the answer gets out, and the command can be taken back.
const CRASH_AFTER: Duration = Duration::from_secs(1);

/// What is commanded now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Commanded {
    /// The status that every request is answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// By how much every answer is late, milliseconds.
    latency_ms: u64,
    /// Of a hundred requests, how many get no answer.
    drop_percent: u8,
    /// Whether the service says that it is not well.
    unhealthy: bool,
    /// Whether the process is about to crash.
    crashing: bool,
    /// The planted defects that are turned on.
    flags: Vec<String>,
}

/// A service's failures on command. Clones are the same ones.
#[derive(Clone)]
pub(crate) struct Chaos(Arc<Parts>);

struct Parts {
    platform: Platform,
    commanded: Mutex<Commanded>,
    /// The crash that is about to come. It ends with whoever holds it.
    crash: Mutex<JoinSet<()>>,
    /// Ends the process at once, with nothing finished.
    end: fn(),
}

impl Chaos {
    /// Nothing is commanded yet.
    pub(crate) fn new(platform: &Platform) -> Self {
        Chaos::ending(platform, || std::process::abort())
    }

    fn ending(platform: &Platform, end: fn()) -> Self {
        let (platform, commanded, crash) = (platform.clone(), Mutex::default(), Mutex::default());
        Chaos(Arc::new(Parts { platform, commanded, crash, end }))
    }

    /// The routes by which operators command.
    pub(crate) fn routes(&self) -> Routes {
        api::routes(self.clone())
    }

    /// Puts what is commanded in front of a service.
    pub(crate) fn around(self, service: Router) -> Router {
        service.layer(middleware::from_fn_with_state(self, as_commanded))
    }

    fn change(&self, change: impl FnOnce(&mut Commanded)) -> Commanded {
        let mut commanded = lock(&self.0.commanded);
        change(&mut commanded);
        drop(commanded);
        self.commanded()
    }

    fn commanded(&self) -> Commanded {
        let on = |(_, defect): &(&str, Planted)| self.0.platform.world.has(*defect);
        let flags = Planted::ALL.iter().filter(|flag| on(flag)).map(|(name, _)| (*name).to_owned()).collect();
        let crashing = !lock(&self.0.crash).is_empty();
        Commanded { flags, crashing, ..lock(&self.0.commanded).clone() }
    }

    /// Has the process crash in a moment.
    fn crash(&self) -> Commanded {
        let end = self.0.end;
        let mut crash = lock(&self.0.crash);
        if crash.is_empty() {
            crash.spawn(async move {
                tokio::time::sleep(CRASH_AFTER).await;
                tracing::error!("the process crashes, as it was commanded");
                end();
            });
        }
        drop(crash);
        self.commanded()
    }

    /// Takes that back, where it is not too late.
    fn do_not_crash(&self) -> Commanded {
        *lock(&self.0.crash) = JoinSet::new();
        self.commanded()
    }

    fn flag(&self, defect: Planted, on: bool) -> Commanded {
        match on {
            true => self.0.platform.world.plant(defect),
            false => self.0.platform.world.uproot(defect),
        }
        self.commanded()
    }

    fn drops_the_next(&self, percent: u8) -> bool {
        percent > 0 && self.0.platform.world.random_u64() % 100 < u64::from(percent)
    }
}

/// Lets a request through, or does to it what is commanded.
async fn as_commanded(State(chaos): State<Chaos>, request: Request, next: Next) -> Response {
    let commanded = lock(&chaos.0.commanded).clone();
    let path = request.uri().path();
    if path.starts_with(PREFIX) {
        return next.run(request).await;
    }
    if HEALTH.contains(&path) && commanded.unhealthy {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if commanded.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(commanded.latency_ms)).await;
    }
    if chaos.drops_the_next(commanded.drop_percent) {
        tokio::time::sleep(HELD).await;
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match commanded.status.and_then(|status| StatusCode::from_u16(status).ok()) {
        Some(status) => status.into_response(),
        None => next.run(request).await,
    }
}

/// Whoever panicked in between left it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
