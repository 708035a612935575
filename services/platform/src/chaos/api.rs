//! The routes by which operators command failures.

use super::{Chaos, Commanded};
use crate::{
    ApiError, Json,
    identity::Admin,
    ops::{OPERATORS, Operator},
    planted::Planted,
    request::Path,
    routes::{RouteSpec, Routes, Who, delete, post, put},
};
use axum::extract::State;
use contracts::{Code, FieldError};
use schemars::JsonSchema;
use serde::Deserialize;

/// Statuses that an operator can have a service answer with.
const STATUSES: std::ops::RangeInclusive<u16> = 400..=599;
/// A latency at most, milliseconds: nobody waits longer.
const LATENCY_MS_MAX: u64 = 60_000;
/// All of a hundred.
const PERCENT_MAX: u8 = 100;

/// Whether a flag is to be on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Flag {
    on: bool,
}

pub(super) fn routes(chaos: Chaos) -> Routes {
    Routes::new()
        .route(begins("/chaos/status/{code}", "Answers every request with a status, 400 to 599"), status)
        .route(ends("/chaos/status/{code}", "Answers as ever"), no_status)
        .route(begins("/chaos/latency/{ms}", "Answers every request late, by 60,000 ms at most"), latency)
        .route(ends("/chaos/latency/{ms}", "Answers at once again"), no_latency)
        .route(begins("/chaos/health", "Says on /healthz and /readyz that it is not well"), unhealthy)
        .route(ends("/chaos/health", "Says again how it is"), healthy)
        .route(
            begins("/chaos/drop/{percent}", "Leaves some of a hundred requests without an answer"),
            dropping,
        )
        .route(ends("/chaos/drop/{percent}", "Answers all requests again"), no_dropping)
        .route(begins("/chaos/crash", "Ends the process in a second, with nothing finished"), crash)
        .route(ends("/chaos/crash", "Takes the crash back, within that second"), no_crash)
        .route(
            command(put("/chaos/flags/{name}", OPERATORS, "Turns one of the planted defects on or off"))
                .takes::<Flag>(),
            flag,
        )
        .with_state(chaos)
}

fn begins(path: &'static str, summary: &'static str) -> RouteSpec {
    command(post(path, OPERATORS, summary)).also(&[422])
}

fn ends(path: &'static str, summary: &'static str) -> RouteSpec {
    command(delete(path, OPERATORS, summary))
}

fn command(route: RouteSpec) -> RouteSpec {
    route.or(Who::staff::<Admin>()).gives::<Commanded>()
}

type Answer = Result<Json<Commanded>, ApiError>;

async fn status(State(chaos): State<Chaos>, by: Operator, Path(code): Path<u16>) -> Answer {
    if !STATUSES.contains(&code) {
        return Err(out_of_range("code", "must be 400 to 599"));
    }
    Ok(noted(&by, chaos.change(|commanded| commanded.status = Some(code))))
}

async fn no_status(State(chaos): State<Chaos>, by: Operator, _: Path<u16>) -> Answer {
    Ok(noted(&by, chaos.change(|commanded| commanded.status = None)))
}

async fn latency(State(chaos): State<Chaos>, by: Operator, Path(ms): Path<u64>) -> Answer {
    if ms > LATENCY_MS_MAX {
        return Err(out_of_range("ms", "must be 0 to 60000"));
    }
    Ok(noted(&by, chaos.change(|commanded| commanded.latency_ms = ms)))
}

async fn no_latency(State(chaos): State<Chaos>, by: Operator, _: Path<u64>) -> Answer {
    Ok(noted(&by, chaos.change(|commanded| commanded.latency_ms = 0)))
}

async fn unhealthy(State(chaos): State<Chaos>, by: Operator) -> Answer {
    Ok(noted(&by, chaos.change(|commanded| commanded.unhealthy = true)))
}

async fn healthy(State(chaos): State<Chaos>, by: Operator) -> Answer {
    Ok(noted(&by, chaos.change(|commanded| commanded.unhealthy = false)))
}

async fn dropping(State(chaos): State<Chaos>, by: Operator, Path(percent): Path<u8>) -> Answer {
    if percent > PERCENT_MAX {
        return Err(out_of_range("percent", "must be 0 to 100"));
    }
    Ok(noted(&by, chaos.change(|commanded| commanded.drop_percent = percent)))
}

async fn no_dropping(State(chaos): State<Chaos>, by: Operator, _: Path<u8>) -> Answer {
    Ok(noted(&by, chaos.change(|commanded| commanded.drop_percent = 0)))
}

async fn crash(State(chaos): State<Chaos>, by: Operator) -> Answer {
    Ok(noted(&by, chaos.crash()))
}

async fn no_crash(State(chaos): State<Chaos>, by: Operator) -> Answer {
    Ok(noted(&by, chaos.do_not_crash()))
}

async fn flag(
    State(chaos): State<Chaos>,
    by: Operator,
    Path(name): Path<String>,
    Json(flag): Json<Flag>,
) -> Answer {
    let defect: Planted = name.parse().map_err(|cause| ApiError::new(Code::NotFound, format!("{cause}")))?;
    Ok(noted(&by, chaos.flag(defect, flag.on)))
}

fn out_of_range(field: &str, message: &str) -> ApiError {
    ApiError::invalid(vec![FieldError::new(field, "RANGE", message)])
}

fn noted(by: &Operator, commanded: Commanded) -> Json<Commanded> {
    tracing::warn!(%by, ?commanded, "an operator commands failures");
    Json(commanded)
}
