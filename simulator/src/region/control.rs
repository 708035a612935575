//! What only the simulator, and the replication of other regions, may ask of a region. No customer knows the
//! token, and no service does.

use super::{
    arrived::Arrived,
    opening::Opening,
    traffic::{Traffic, TrafficReport},
};
use crate::{
    cloud::{Applied, Cloud, Dump, FaultSettings, PlainItem, ReplicatedBatch, Usage},
    replication::{self, Replication, Return, TOKEN_HEADER},
};
use anyhow::Context as _;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use contracts::{ids::Region, order::OrderStatus};
use platform::Platform;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// A batch of replicated writes is smaller than this.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a region knows about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Which region.
    pub region: Region,
    /// The wall clock of its services, ms since the Unix epoch.
    pub wall_ms: i64,
    /// Regions that it does not hear.
    pub suspected: Vec<Region>,
    /// Requests at the public door.
    pub traffic: TrafficReport,
    /// Replication out of it.
    pub replication: replication::Status,
    /// Its copy of the journal, where it holds one.
    pub copy: Option<CopyReport>,
}

/// How far a copy of the journal is that lost what it held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyReport {
    /// Shards.
    pub shards: u64,
    /// Shards in which it votes.
    pub voting: u64,
}

impl CopyReport {
    /// Whether it votes in all of them.
    pub fn votes(&self) -> bool {
        self.voting >= self.shards
    }
}

/// What a region was used for since its start.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Metered {
    /// Its cloud.
    pub usage: Usage,
    /// Its doors.
    pub traffic: TrafficReport,
}

/// How far a region's orders are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersReport {
    /// Orders that it knows.
    pub known: u64,
    /// Orders that neither are over nor may wait, by status.
    pub open: BTreeMap<String, u64>,
    /// Items with events that are not published, or published and not cleared yet: orders, and what this region has to
    /// publish for other services.
    pub unpublished: u64,
    /// Writes of this region that others do not have yet.
    pub owed: BTreeMap<Region, u64>,
}

impl OrdersReport {
    /// Whether nothing is left to do, and the regions `present` have everything.
    pub fn at_rest<'r>(&self, mut present: impl Iterator<Item = &'r Region>) -> bool {
        self.open.is_empty() && self.unpublished == 0 && present.all(|region| !self.owed.contains_key(region))
    }
}

#[derive(Clone)]
pub(super) struct Control {
    pub(super) token: Arc<str>,
    pub(super) cloud: Cloud,
    pub(super) platform: Platform,
    pub(super) replication: Replication,
    pub(super) traffic: Arc<Traffic>,
    pub(super) opening: Opening,
}

pub(super) fn router(control: Control) -> Router {
    Router::new()
        .route("/_sim/report", get(report))
        .route("/_sim/orders", get(orders))
        .route("/_sim/dump", get(dump))
        .route("/_sim/tap", get(tap))
        .route("/_sim/usage", get(usage))
        .route("/_sim/meters", get(meters))
        .route("/_sim/redrive", post(redrive))
        .route("/_sim/faults", post(faults))
        .route("/_sim/replication", post(set_replication))
        .route("/_sim/replication/forget", post(forget))
        .route(replication::RETURN_PATH, post(fill))
        .route(replication::PATH, post(replicate))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(control.clone(), only_with_token))
        .with_state(control)
}

async fn only_with_token(State(control): State<Control>, request: Request, next: Next) -> Response {
    let token = request.headers().get(TOKEN_HEADER).map(|value| value.as_bytes());
    match token == Some(control.token.as_bytes()) {
        true => next.run(request).await,
        false => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What went wrong inside, for the simulator's own eyes.
struct Fault(anyhow::Error);

impl From<anyhow::Error> for Fault {
    fn from(fault: anyhow::Error) -> Self {
        Fault(fault)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{:#}", self.0)).into_response()
    }
}

async fn report(State(control): State<Control>) -> Result<Json<Report>, Fault> {
    let platform = &control.platform;
    let regions = platform.config.regions.iter().map(|region| &region.name);
    Ok(Json(Report {
        region: platform.config.region.clone(),
        wall_ms: platform.world.now().0,
        suspected: regions.filter(|region| platform.liveness.suspected(region)).cloned().collect(),
        traffic: control.traffic.report(),
        replication: control.replication.status(),
        copy: copy_report(&control).await?,
    }))
}

async fn copy_report(control: &Control) -> anyhow::Result<Option<CopyReport>> {
    let config = &control.platform.config;
    if !config.journal_regions().any(|region| *region == config.region) {
        return Ok(None);
    }
    let leases = control.cloud.rows("platform.leases").await?;
    let voting = leases.iter().filter(|row| row.text("counted").is_some()).count() as u64;
    Ok(Some(CopyReport { shards: config.continents.len() as u64 * u64::from(config.shards), voting }))
}

async fn orders(State(control): State<Control>) -> Result<Json<OrdersReport>, Fault> {
    let here = (&control.platform.config.region, control.platform.world.now().0);
    let rows = control.cloud.rows("orders").await?;
    let arrived = Arrived::read(&control.cloud, &control.platform, &rows).await?;
    let seen = rows.iter().map(|row| OrderRow::of(row, here).unless(arrived.is_for(row)));
    let mut report = orders_report(seen);
    // As long as orders are under way nobody asks for the rest.
    if report.open.is_empty() && report.unpublished == 0 {
        let tables = control.cloud.survey().await?.tables;
        let rows = tables.iter().flat_map(|(table, rows)| rows.iter().map(move |row| (&**table, row)));
        let outboxes = rows.map(|(table, row)| (table, row.text("outbox")));
        report.unpublished = pending_of(&control.platform.config.region, outboxes);
    }
    let behind =
        control.replication.status().to.into_iter().map(|(region, progress)| (region, progress.behind));
    report.owed = behind.filter(|(_, behind)| *behind > 0).collect();
    Ok(Json(report))
}

async fn dump(State(control): State<Control>) -> Result<Json<Dump<PlainItem>>, Fault> {
    Ok(Json(control.cloud.survey().await?))
}

async fn tap(State(control): State<Control>) -> Json<Vec<Value>> {
    Json(control.cloud.tap())
}

async fn usage(State(control): State<Control>) -> Json<Usage> {
    Json(control.cloud.usage())
}

async fn meters(State(control): State<Control>) -> Json<Metered> {
    Json(Metered { usage: control.cloud.usage(), traffic: control.traffic.report() })
}

async fn redrive(State(control): State<Control>) -> Result<Json<usize>, Fault> {
    Ok(Json(control.cloud.redrive_all().await?))
}

async fn faults(State(control): State<Control>, Json(settings): Json<FaultSettings>) -> Result<(), Fault> {
    Ok(control.cloud.faults().set(settings)?)
}

async fn set_replication(State(control): State<Control>, Json(settings): Json<replication::Settings>) {
    control.replication.set(settings);
}

async fn forget(State(control): State<Control>, Json(regions): Json<Vec<Region>>) {
    control.replication.forget(&regions);
}

async fn fill(State(control): State<Control>, Json(back): Json<Return>) {
    control.replication.fill(&back);
}

async fn replicate(State(control): State<Control>, batch: Bytes) -> Result<Json<Applied>, Fault> {
    // It is the largest body there is: without a report of where in it a mistake is, it is read twice as fast.
    let batch: ReplicatedBatch = serde_json::from_slice(&batch).context("this is no batch of writes")?;
    let whole = batch.whole.map(|number| (Region::from(batch.from.as_str()), number));
    let applied = control.cloud.merge(batch).await?;
    if let Some((from, number)) = whole {
        control.opening.arrive(from, number);
    }
    Ok(Json(applied))
}

/// Rows with events that this region has to publish, of all rows by table with whose outbox they are in. Orders are left
/// out: of theirs only the highest branch counts.
fn pending_of<'a>(region: &Region, outboxes: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> u64 {
    let others = outboxes.filter(|(table, _)| *table != "orders");
    others.filter(|(_, outbox)| *outbox == Some(region.as_str())).count() as u64
}

/// What a row of the orders table says about how far its order is.
#[derive(Clone, Copy, Debug)]
struct OrderRow<'a> {
    order_id: &'a str,
    /// The highest branch of an order says where it stands.
    rank: (Option<u64>, Option<u64>),
    status: &'a str,
    /// Settled, or waiting for a person, for goods or for time to pass, as the service says; whether that is true the
    /// checks find out.
    still: bool,
    unpublished: bool,
}

/// What waits in an outbox of a region that is away is published by others, who may not write there: after this long,
/// ms, they have done so (services sweep every 2 s what is older than 5 s).
const PUBLISHED_BY_OTHERS_MS: i64 = 15_000;

impl<'a> OrderRow<'a> {
    /// A row as a region sees it at a moment, Unix ms.
    fn of(row: &'a PlainItem, (region, now_ms): (&Region, i64)) -> Self {
        let ours = row.text("outbox") == Some(region.as_str());
        let since_ms = row.whole("since").and_then(|since| i64::try_from(since).ok());
        let pending = row.entries("pending").is_some_and(|pending| pending > 0);
        OrderRow {
            order_id: row.text("orderId").unwrap_or_default(),
            rank: (row.whole("epoch"), row.whole("version")),
            status: row.text("status").unwrap_or("unreadable"),
            still: row.text("openShard").is_none_or(orders::store::only_waits_at),
            unpublished: pending && awaited(ours, since_ms, now_ms),
        }
    }
}

/// Whether the pending events of a row are still to be published, as far as this region can tell.
fn awaited(ours: bool, since_ms: Option<i64>, now_ms: i64) -> bool {
    ours || since_ms.is_none_or(|since_ms| now_ms.saturating_sub(since_ms) < PUBLISHED_BY_OTHERS_MS)
}

impl OrderRow<'_> {
    /// The same row of an order that goes on as soon as its owner looks, where `awaited` is here.
    fn unless(self, awaited: bool) -> Self {
        OrderRow { still: self.still && !awaited, ..self }
    }

    /// A row that is not an order does not rest, so that somebody looks at it.
    fn rests(&self) -> bool {
        let status: Result<OrderStatus, _> = serde_json::from_value(self.status.into());
        status.is_ok() && self.still
    }
}

fn orders_report<'a>(rows: impl Iterator<Item = OrderRow<'a>>) -> OrdersReport {
    let mut latest: BTreeMap<&str, OrderRow<'_>> = BTreeMap::new();
    for row in rows {
        let entry = latest.entry(row.order_id).or_insert(row);
        if row.rank > entry.rank {
            *entry = row;
        }
    }
    let mut report = OrdersReport { known: latest.len() as u64, ..OrdersReport::default() };
    for row in latest.values() {
        report.unpublished += u64::from(row.unpublished);
        if !row.rests() {
            *report.open.entry(row.status.to_owned()).or_default() += 1;
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_whose_wait_is_over_does_not_rest() {
        let row = OrderRow {
            order_id: "a",
            rank: (None, None),
            status: "AGE_REVIEW",
            still: true,
            unpublished: false,
        };
        assert!(row.unless(false).rests() && !row.unless(true).rests());
    }

    #[test]
    fn the_highest_branch_of_an_order_counts() {
        let row = |order_id, rank: (u64, u64), status, still, unpublished| OrderRow {
            order_id,
            rank: (Some(rank.0), Some(rank.1)),
            status,
            still,
            unpublished,
        };
        let rows = [
            row("a", (2, 3), "NEW", false, true),
            row("a", (1, 9), "PACKAGED", false, false),
            row("b", (1, 1), "PAID", false, false),
            row("c", (1, 7), "FULFILLED", true, false),
            row("d", (1, 7), "NONSENSE", true, false),
        ];
        let report = orders_report(rows.into_iter());
        assert_eq!(report.known, 4);
        let open = ["NEW", "NONSENSE", "PAID"].map(|status| (status.to_owned(), 1));
        assert_eq!(report.open, BTreeMap::from(open));
        assert_eq!(report.unpublished, 1);
        assert!(!report.at_rest([].iter()));
    }

    #[test]
    fn what_others_published_of_a_region_that_is_away_is_not_waited_for() {
        assert!(awaited(true, Some(0), 60_000), "ours is cleared");
        assert!(awaited(false, Some(50_000), 60_000), "others may not have got to it");
        assert!(awaited(false, None, 60_000));
        assert!(!awaited(false, Some(45_000), 60_000));
    }

    #[test]
    fn rest_means_that_nothing_is_owed_to_those_who_are_there() {
        let owed = BTreeMap::from([("eu-west-1".into(), 3)]);
        let report = OrdersReport { owed, ..OrdersReport::default() };
        assert!(report.at_rest(["ap-southeast-1".into()].iter()));
        assert!(!report.at_rest(["ap-southeast-1".into(), "eu-west-1".into()].iter()));
    }

    #[test]
    fn each_region_answers_for_its_own_pending_events() {
        let outboxes = [
            ("orders", Some("eu-west-1")),
            ("delivery", Some("eu-west-1")),
            ("delivery", Some("us-east-1")),
            ("delivery", None),
        ];
        assert_eq!(pending_of(&"eu-west-1".into(), outboxes.into_iter()), 1);
    }
}
