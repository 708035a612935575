//! What regions ask each other, and what administrators may read. None of it is for customers.

use super::{Desk, NAME};
use crate::{
    ApiError, Deadline, Json, Staff,
    identity::Admin,
    request::{CalledBy, Callers, Path},
    routes::{Routes, Who, get, post},
};
use axum::extract::State;
use contracts::{
    Code, Region,
    bodies::ops::{OutboxLag, RegionStanding, RegionsView},
};
use std::time::Duration;

/// An answer that waits for other regions is on its way this much before the caller's budget ends.
const MARGIN: Duration = Duration::from_millis(50);

/// Only another region's platform.
struct Platforms;

impl Callers for Platforms {
    const NAMES: &'static [&'static str] = &[NAME];
}

pub(super) fn routes(desk: Desk) -> Routes {
    let platforms = Who::services::<Platforms>();
    Routes::new()
        .route(
            get("/backend/regions", Who::staff::<Admin>(), "Shows all regions as this one sees them")
                .gives::<RegionsView>(),
            regions,
        )
        .route(
            post("/backend/regions/{region}/state", platforms, "Takes a decision about a region")
                .takes::<RegionStanding>()
                .gives::<RegionStanding>(),
            take,
        )
        .route(
            get(
                "/backend/outbox-lag",
                platforms,
                "Says how long its oldest event has been waiting for the bus",
            )
            .gives::<OutboxLag>(),
            outbox_lag,
        )
        .with_state(desk)
}

/// For the public door, in the name of an administrator.
async fn regions(
    State(desk): State<Desk>,
    _: Staff<Admin>,
    deadline: Deadline,
) -> Result<Json<RegionsView>, ApiError> {
    Ok(Json(desk.view(deadline.earlier(MARGIN)).await))
}

async fn take(
    State(desk): State<Desk>,
    _: CalledBy<Platforms>,
    Path(region): Path<Region>,
    Json(told): Json<RegionStanding>,
) -> Result<Json<RegionStanding>, ApiError> {
    if told.region != region {
        return Err(ApiError::new(Code::BadRequest, "The path and the body name two regions"));
    }
    Ok(Json(desk.take(told).await?))
}

async fn outbox_lag(State(desk): State<Desk>, _: CalledBy<Platforms>) -> Json<OutboxLag> {
    Json(desk.outbox_lag().await)
}
