//! The operators' routes.

use super::{
    letter::Named,
    operator::{OPERATORS, Operator},
    parked::Parked,
};
use crate::{
    ApiError, Deadline, Json,
    identity::Admin,
    regions::Desk,
    request::Path,
    routes::{RouteSpec, Routes, Who, get, post},
};
use axum::extract::State;
use contracts::{
    Region,
    bodies::ops::{ParkedEvents, Redriven, RegionState, RegionsView, StateAnswer, StateRequest},
};
use std::time::Duration;

/// Calls to others end this much before the operator's budget does.
const MARGIN: Duration = Duration::from_millis(50);

/// What the routes work with.
#[derive(Clone)]
struct Api {
    desk: Desk,
    parked: Parked,
}

pub(super) fn routes(desk: Desk, parked: Parked) -> Routes {
    let to = |state| {
        move |State(api): State<Api>,
              operator: Operator,
              deadline: Deadline,
              Path(region): Path<Region>,
              Json(request): Json<StateRequest>| {
            decide(api, operator, (region, state), request, deadline)
        }
    };
    Routes::new()
        .route(operators(get("/ops/regions", OPERATORS, "Shows all regions")).gives::<RegionsView>(), regions)
        .route(
            decision("/ops/regions/{region}/drain", "Sends nobody new to a region"),
            to(RegionState::Drained),
        )
        .route(
            decision("/ops/regions/{region}/evacuate", "Lets others drive a region's orders"),
            to(RegionState::Evacuated),
        )
        .route(
            decision("/ops/regions/{region}/restore", "Lets a region serve again"),
            to(RegionState::Active),
        )
        .route(operators(get("/ops/dlq", OPERATORS, "Shows what is parked")).gives::<ParkedEvents>(), dlq)
        .route(
            operators(post("/ops/dlq/{id}/redrive", OPERATORS, "Tries parked events again"))
                .gives::<Redriven>(),
            redrive,
        )
        .with_state(Api { desk, parked })
}

fn operators(route: RouteSpec) -> RouteSpec {
    route.or(Who::staff::<Admin>())
}

fn decision(path: &'static str, summary: &'static str) -> RouteSpec {
    operators(post(path, OPERATORS, summary)).takes::<StateRequest>().gives::<StateAnswer>().also(&[409])
}

async fn regions(State(api): State<Api>, _: Operator, deadline: Deadline) -> Json<RegionsView> {
    Json(api.desk.view(deadline.earlier(MARGIN)).await)
}

async fn decide(
    api: Api,
    operator: Operator,
    (region, state): (Region, RegionState),
    request: StateRequest,
    deadline: Deadline,
) -> Result<Json<StateAnswer>, ApiError> {
    let (by, deadline) = (operator.to_string(), deadline.earlier(MARGIN));
    Ok(Json(api.desk.decide(&region, state, &request.reason, &by, deadline).await?))
}

async fn dlq(
    State(api): State<Api>,
    _: Operator,
    deadline: Deadline,
) -> Result<Json<ParkedEvents>, ApiError> {
    Ok(Json(api.parked.list(deadline).await?))
}

async fn redrive(
    State(api): State<Api>,
    operator: Operator,
    deadline: Deadline,
    Path(id): Path<String>,
) -> Result<Json<Redriven>, ApiError> {
    let redriven = api.parked.redrive(Named::parse(&id), deadline).await?;
    tracing::info!(by = %operator, count = redriven.count, "an operator had parked events tried again");
    Ok(Json(redriven))
}
