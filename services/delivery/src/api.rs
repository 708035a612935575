//! The routes.

use crate::{desk::Desk, domain::Report, error::Error, pricing};
use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use contracts::{
    OrderId,
    bodies::delivery::{
        DeliveryPage, DeliveryReport, DeliveryView, PricingRequest, PricingResponse, ReleaseRequest,
        ReturnReport,
    },
};
use platform::{
    ApiError, Deadline, Json, Staff,
    identity::DeliveryStaff,
    page,
    request::{CalledBy, Callers, PageQuery, Path, Query},
};

/// Only the order's owner asks.
struct Orders;

impl Callers for Orders {
    const NAMES: &'static [&'static str] = &["orders"];
}

/// Who asks before there is an order.
struct Shops;

impl Callers for Shops {
    const NAMES: &'static [&'static str] = &["orders", "frontend-api"];
}

pub(crate) fn routes(desk: Desk) -> Router {
    Router::new()
        .route("/backend/pricing", post(price))
        .route("/backend/{order_id}", get(look_up))
        .route("/backend/{order_id}/release", post(release))
        .route("/new", get(waiting))
        .route("/{order_id}", get(look_up_by_staff))
        .route("/{order_id}/start", post(start))
        .route("/{order_id}/complete", post(complete))
        .route("/{order_id}/fail", post(fail))
        .route("/{order_id}/returned", post(returned))
        .with_state(desk)
}

async fn price(
    _: CalledBy<Shops>,
    Json(request): Json<PricingRequest>,
) -> Result<Json<PricingResponse>, ApiError> {
    Ok(Json(pricing::price(request).map_err(Error::Invalid)?))
}

async fn release(
    State(desk): State<Desk>,
    _: CalledBy<Orders>,
    Path(order_id): Path<OrderId>,
    deadline: Deadline,
    Json(request): Json<ReleaseRequest>,
) -> Result<Json<DeliveryView>, ApiError> {
    Ok(Json(desk.release(order_id, &request, deadline).await?))
}

async fn look_up(
    State(desk): State<Desk>,
    _: CalledBy<Orders>,
    Path(order_id): Path<OrderId>,
) -> Result<Json<DeliveryView>, ApiError> {
    Ok(Json(desk.look_up(order_id).await?))
}

async fn look_up_by_staff(
    State(desk): State<Desk>,
    _: Staff<DeliveryStaff>,
    Path(order_id): Path<OrderId>,
) -> Result<Json<DeliveryView>, ApiError> {
    Ok(Json(desk.look_up(order_id).await?))
}

async fn waiting(
    State(desk): State<Desk>,
    _: Staff<DeliveryStaff>,
    Query(asked): Query<PageQuery>,
) -> Result<Json<DeliveryPage>, ApiError> {
    let page = desk.waiting(page::limit(asked.limit), asked.next_token.as_deref()).await?;
    Ok(Json(DeliveryPage { deliveries: page.items, next_token: page.next_token }))
}

async fn start(
    State(desk): State<Desk>,
    _: Staff<DeliveryStaff>,
    Path(order_id): Path<OrderId>,
    deadline: Deadline,
) -> Result<Json<DeliveryView>, ApiError> {
    Ok(Json(desk.report(order_id, &Report::Start, deadline).await?))
}

async fn complete(
    State(desk): State<Desk>,
    _: Staff<DeliveryStaff>,
    Path(order_id): Path<OrderId>,
    deadline: Deadline,
    Json(said): Json<DeliveryReport>,
) -> Result<Json<DeliveryView>, ApiError> {
    Ok(Json(desk.report(order_id, &Report::Complete(said), deadline).await?))
}

async fn fail(
    State(desk): State<Desk>,
    _: Staff<DeliveryStaff>,
    Path(order_id): Path<OrderId>,
    deadline: Deadline,
    Json(said): Json<DeliveryReport>,
) -> Result<Json<DeliveryView>, ApiError> {
    Ok(Json(desk.report(order_id, &Report::Fail(said), deadline).await?))
}

async fn returned(
    State(desk): State<Desk>,
    _: Staff<DeliveryStaff>,
    Path(order_id): Path<OrderId>,
    deadline: Deadline,
    Json(said): Json<ReturnReport>,
) -> Result<Json<DeliveryView>, ApiError> {
    Ok(Json(desk.report(order_id, &Report::Return(said), deadline).await?))
}
