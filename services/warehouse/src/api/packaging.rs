//! Packaging, for pickers.

use super::Orders;
use crate::{
    error::WarehouseError,
    store::{NO_REQUEST, Picked, Store},
};
use axum::extract::State;
use contracts::{
    OrderId, ProductId, WarehouseId,
    bodies::warehouse::{PackageView, PackagedUnits, PackagingFailure, PackagingPage, PackagingView},
};
use platform::{
    ApiError, Json, Staff,
    identity::WarehouseStaff,
    page,
    request::{CalledBy, Path, Query},
    routes::{Routes, Who, get, post, put},
};
use serde::Deserialize;

type Picker = Staff<WarehouseStaff>;

/// The longest reason, bytes.
const REASON_BYTES_MAX: usize = 500;

pub(super) fn routes() -> Routes<Store> {
    let (orders, picker) = (Who::services::<Orders>(), Who::staff::<WarehouseStaff>());
    Routes::new()
        .route(
            get("/backend/packages/{order_id}", orders, "How far an order's package is")
                .gives::<PackageView>(),
            package,
        )
        .route(
            get("/packaging/new", picker, "A page of orders that wait for a picker")
                .pages()
                .field::<WarehouseId>("warehouse", "Only those of this warehouse")
                .gives::<PackagingPage>(),
            waiting,
        )
        .route(get("/packaging/{order_id}", picker, "What to pack").gives::<PackagingView>(), one)
        .route(post("/packaging/{order_id}/start", picker, "A picker begins").also(&[409]), start)
        .route(
            put("/packaging/{order_id}/products/{product_id}", picker, "A picker puts units in the package")
                .takes::<PackagedUnits>()
                .also(&[409]),
            put_in_package,
        )
        .route(post("/packaging/{order_id}/complete", picker, "A picker is done").also(&[409]), complete)
        .route(
            post("/packaging/{order_id}/fail", picker, "A picker gives up")
                .takes::<PackagingFailure>()
                .also(&[409]),
            fail,
        )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    limit: Option<i64>,
    next_token: Option<String>,
    warehouse: Option<WarehouseId>,
}

async fn waiting(
    State(store): State<Store>,
    _picker: Picker,
    Query(list): Query<List>,
) -> Result<Json<PackagingPage>, ApiError> {
    let limit = page::limit(list.limit);
    let page = match &list.warehouse {
        Some(warehouse) => store.waiting(warehouse, limit, list.next_token.as_deref()).await?,
        None => store.waiting_here(limit, list.next_token.as_deref()).await?,
    };
    Ok(Json(page))
}

async fn package(
    State(store): State<Store>,
    _: CalledBy<Orders>,
    Path(order_id): Path<OrderId>,
) -> Result<Json<PackageView>, ApiError> {
    let packaging = store.packaging(order_id).await?.ok_or(NO_REQUEST)?;
    Ok(Json(packaging.package()))
}

async fn one(
    State(store): State<Store>,
    _picker: Picker,
    Path(order_id): Path<OrderId>,
) -> Result<Json<PackagingView>, ApiError> {
    let packaging = store.packaging(order_id).await?.ok_or(NO_REQUEST)?;
    Ok(Json(packaging.view()))
}

async fn start(
    State(store): State<Store>,
    _picker: Picker,
    Path(order_id): Path<OrderId>,
) -> Result<Json<()>, ApiError> {
    store.picked(order_id, &Picked::Start).await?;
    Ok(Json(()))
}

async fn put_in_package(
    State(store): State<Store>,
    _picker: Picker,
    Path((order_id, product_id)): Path<(OrderId, ProductId)>,
    Json(units): Json<PackagedUnits>,
) -> Result<Json<()>, ApiError> {
    store.put_in_package(order_id, product_id, units.quantity).await?;
    Ok(Json(()))
}

async fn complete(
    State(store): State<Store>,
    _picker: Picker,
    Path(order_id): Path<OrderId>,
) -> Result<Json<()>, ApiError> {
    store.picked(order_id, &Picked::Complete).await?;
    Ok(Json(()))
}

async fn fail(
    State(store): State<Store>,
    _picker: Picker,
    Path(order_id): Path<OrderId>,
    Json(failure): Json<PackagingFailure>,
) -> Result<Json<()>, ApiError> {
    if failure.reason.trim().is_empty() || failure.reason.len() > REASON_BYTES_MAX {
        return Err(WarehouseError::invalid("reason", "LENGTH", "must have 1 to 500 bytes").into());
    }
    store.picked(order_id, &Picked::Fail(failure.reason)).await?;
    Ok(Json(()))
}
