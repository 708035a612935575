//! Whether requests may be sent to a service: its own tables and its own queue can be reached, and its region serves.
//! Other services are left out: where one of them fails, sending everybody away helps nobody.

use crate::{Deadline, Json, Platform};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use axum::response::{IntoResponse, Response};
use contracts::{
    bodies::ops::{Readiness, RegionState},
    resources::{Key, KeyType, TableSpec, queue_name},
};
use futures::future::{join_all, try_join};
use http::StatusCode;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// What was found holds for so long, however often somebody asks.
const HOLDS: Duration = Duration::from_secs(1);
/// One look at most.
const LIMIT: Duration = Duration::from_millis(500);
/// The key of an item that is in no table.
const NOBODY: &str = "readyz";

/// What the services of a process stand on: the tables that they opened and the queues that they consume, by service.
#[derive(Debug, Default)]
pub struct Grounds(Mutex<BTreeMap<String, Ground>>);

#[derive(Clone, Debug, Default)]
struct Ground {
    /// By their names.
    tables: BTreeMap<&'static str, TableSpec>,
    queues: BTreeSet<String>,
}

impl Grounds {
    pub(crate) fn table(&self, spec: &TableSpec) {
        self.lock().entry(spec.service.to_owned()).or_default().tables.insert(spec.table, *spec);
    }

    pub(crate) fn consumer(&self, env: &str, name: &str) {
        self.lock().entry(name.to_owned()).or_default().queues.insert(queue_name(env, name));
    }

    fn of(&self, service: &str) -> Ground {
        self.lock().get(service).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Ground>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was found last, and when.
type Found = Option<(Instant, Result<(), String>)>;

/// Looks for one service. Clones share what they find.
#[derive(Clone)]
pub struct Readyz {
    platform: Platform,
    service: &'static str,
    found: Arc<tokio::sync::Mutex<Found>>,
}

impl Readyz {
    /// For a service.
    pub fn new(platform: &Platform, service: &'static str) -> Self {
        Readyz { platform: platform.clone(), service, found: Arc::default() }
    }

    /// The answer to `GET /readyz`: 200, or 503 with the reason.
    pub async fn answer(self) -> Response {
        let (status, reason) = match self.check().await {
            Ok(()) => (StatusCode::OK, None),
            Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, Some(reason)),
        };
        (status, Json(Readiness { ready: reason.is_none(), reason })).into_response()
    }

    async fn check(&self) -> Result<(), String> {
        let here = &self.platform.config.region;
        match self.platform.liveness.standings.state_of(here) {
            RegionState::Active => self.reached().await,
            state => Err(format!("{here} is {state}")),
        }
    }

    /// Whoever asks while somebody looks waits for what is found.
    async fn reached(&self) -> Result<(), String> {
        let mut found = self.found.lock().await;
        let now = self.platform.world.instant();
        let fresh = |at: &Instant| now.saturating_duration_since(*at) < HOLDS;
        if let Some((_, known)) = found.as_ref().filter(|(at, _)| fresh(at)) {
            return known.clone();
        }
        let looked = Deadline::within(LIMIT).bound(self.look()).await;
        let known = looked.unwrap_or_else(|_| Err(format!("no answer within {} ms", LIMIT.as_millis())));
        *found = Some((now, known.clone()));
        known
    }

    async fn look(&self) -> Result<(), String> {
        let ground = self.platform.grounds.of(self.service);
        let tables = join_all(ground.tables.values().map(|table| self.table(table)));
        let queues = join_all(ground.queues.iter().map(|queue| self.queue(queue)));
        let all = |each: Vec<Result<(), String>>| each.into_iter().collect::<Result<(), String>>();
        try_join(async { all(tables.await) }, async { all(queues.await) }).await.map(drop)
    }

    /// Reads an item that is not there: half a read unit, and the same door that every request goes through.
    async fn table(&self, spec: &TableSpec) -> Result<(), String> {
        let name = spec.physical_name(&self.platform.config.env);
        let mut read = self.platform.aws.dynamodb.get_item().table_name(&name);
        for key in std::iter::once(spec.partition).chain(spec.sort) {
            read = read.key(key.name, nobody(key));
        }
        let failed = |code: Option<&str>| format!("table {name}: {}", code.unwrap_or("no answer"));
        read.send().await.map(drop).map_err(|error| failed(error.code()))
    }

    async fn queue(&self, name: &str) -> Result<(), String> {
        let found = self.platform.aws.queues.get_queue_url().queue_name(name).send().await;
        let failed = |code: Option<&str>| format!("queue {name}: {}", code.unwrap_or("no answer"));
        found.map(drop).map_err(|error| failed(error.code()))
    }
}

fn nobody(key: Key) -> aws_sdk_dynamodb::types::AttributeValue {
    match key.kind {
        KeyType::Text => crate::tables::text(NOBODY),
        KeyType::Number => crate::tables::number(0),
    }
}
