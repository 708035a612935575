//! Packaging, for pickers.

use crate::{
    error::WarehouseError,
    store::{NO_REQUEST, Picked, Store},
};
use axum::{
    Router,
    extract::State,
    routing::{get, post, put},
};
use contracts::{
    OrderId, ProductId, WarehouseId,
    bodies::warehouse::{PackageView, PackagedUnits, PackagingFailure, PackagingPage, PackagingView},
};
use platform::{
    ApiError, Caller, Json, Staff,
    identity::WarehouseStaff,
    page,
    request::{Path, Query},
};
use serde::Deserialize;

type Picker = Staff<WarehouseStaff>;

/// The longest reason, bytes.
const REASON_BYTES_MAX: usize = 500;

pub(super) fn routes() -> Router<Store> {
    Router::new()
        .route("/backend/packages/{order_id}", get(package))
        .route("/packaging/new", get(waiting))
        .route("/packaging/{order_id}", get(one))
        .route("/packaging/{order_id}/start", post(start))
        .route("/packaging/{order_id}/products/{product_id}", put(put_in_package))
        .route("/packaging/{order_id}/complete", post(complete))
        .route("/packaging/{order_id}/fail", post(fail))
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
    caller: Caller,
    Path(order_id): Path<OrderId>,
) -> Result<Json<PackageView>, ApiError> {
    caller.service_in(&["orders"])?;
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
