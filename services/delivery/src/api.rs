//! The routes.

use crate::{desk::Desk, domain::Report, error::Error, pricing};
use axum::extract::State;
use contracts::{
    OrderId,
    bodies::{
        Forgotten,
        delivery::{
            DeliveryPage, DeliveryReport, DeliveryView, PricingRequest, PricingResponse, ReleaseRequest,
            ReturnReport,
        },
    },
};
use platform::{
    ApiError, Deadline, Json, Staff,
    identity::DeliveryStaff,
    page,
    request::{CalledBy, Callers, PageQuery, Path, Query},
    routes::{Routes, Who, get, post},
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

pub(crate) fn routes(desk: Desk) -> Routes {
    let (owner, shops, courier) =
        (Who::services::<Orders>(), Who::services::<Shops>(), Who::staff::<DeliveryStaff>());
    Routes::new()
        .route(
            post("/backend/pricing", shops, "The price of a delivery")
                .takes::<PricingRequest>()
                .gives::<PricingResponse>(),
            price,
        )
        .route(get("/backend/{order_id}", owner, "How far a delivery is").gives::<DeliveryView>(), look_up)
        .route(
            post("/backend/{order_id}/release", owner, "Lets a paid order go")
                .takes::<ReleaseRequest>()
                .gives::<DeliveryView>()
                .also(&[409]),
            release,
        )
        .route(
            post("/backend/{order_id}/forget", owner, "Forgets here whom an order went to")
                .gives::<Forgotten>()
                .also(&[409]),
            forget,
        )
        .route(
            get("/new", courier, "A page of deliveries that wait for a courier")
                .pages()
                .gives::<DeliveryPage>(),
            waiting,
        )
        .route(get("/{order_id}", courier, "How far a delivery is").gives::<DeliveryView>(), look_up_by_staff)
        .route(
            post("/{order_id}/start", courier, "A courier takes a parcel")
                .gives::<DeliveryView>()
                .also(&[409]),
            start,
        )
        .route(
            post("/{order_id}/complete", courier, "A courier hands a parcel over")
                .takes::<DeliveryReport>()
                .gives::<DeliveryView>()
                .also(&[409]),
            complete,
        )
        .route(
            post("/{order_id}/fail", courier, "A courier brings a parcel back")
                .takes::<DeliveryReport>()
                .gives::<DeliveryView>()
                .also(&[409]),
            fail,
        )
        .route(
            post("/{order_id}/returned", courier, "Goods of a delivered order came back")
                .takes::<ReturnReport>()
                .gives::<DeliveryView>()
                .also(&[409]),
            returned,
        )
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

async fn forget(
    State(desk): State<Desk>,
    _: CalledBy<Orders>,
    Path(order_id): Path<OrderId>,
) -> Result<Json<Forgotten>, ApiError> {
    Ok(Json(Forgotten { everything: desk.forget_person(order_id).await? }))
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
