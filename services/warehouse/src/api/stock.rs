//! Stock and the warehouses themselves.

use crate::{
    error::WarehouseError,
    store::{Notice, Site, Store},
};
use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use contracts::{
    FieldError, ProductId, WarehouseId,
    bodies::warehouse::{StockReceipt, WarehouseNotice},
    stock::StockLevel,
};
use platform::{ApiError, Caller, Json, Staff, branches::Branched, identity::WarehouseStaff, request::Path};
use serde::Serialize;

/// Units of one receipt at the most.
const RECEIPT_UNITS_MAX: u32 = 1_000_000;
/// The longest text, bytes.
const TEXT_BYTES_MAX: usize = 200;

pub(super) fn routes() -> Router<Store> {
    Router::new()
        .route("/backend/stock/{product_id}", get(levels_of))
        .route("/backend/warehouses/{warehouse_id}/stock", get(levels_in))
        .route("/admin/stock/receipts", post(receive))
        .route("/admin/warehouses/{warehouse_id}/open", post(open))
        .route("/admin/warehouses/{warehouse_id}/close", post(close))
}

/// Whoever may look at stock: services that sell it, and staff.
fn may_look(caller: &Caller) -> Result<(), ApiError> {
    match caller {
        Caller::Service(_) => caller.service_in(&["orders", "frontend-api"]).map(drop),
        _ => caller.staff("warehouse").map(drop),
    }
}

async fn levels_of(
    State(store): State<Store>,
    caller: Caller,
    Path(product_id): Path<ProductId>,
) -> Result<Json<Vec<StockLevel>>, ApiError> {
    may_look(&caller)?;
    Ok(Json(store.levels_of(product_id).await?))
}

async fn levels_in(
    State(store): State<Store>,
    caller: Caller,
    Path(warehouse_id): Path<WarehouseId>,
) -> Result<Json<Vec<StockLevel>>, ApiError> {
    may_look(&caller)?;
    Ok(Json(store.levels_in(&warehouse_id).await?))
}

async fn receive(
    State(store): State<Store>,
    _staff: Staff<WarehouseStaff>,
    Json(receipt): Json<StockReceipt>,
) -> Result<Json<StockLevel>, ApiError> {
    let faults = faults(&receipt);
    if !faults.is_empty() {
        return Err(WarehouseError::Invalid(faults).into());
    }
    Ok(Json(store.receive(&receipt).await?))
}

fn faults(receipt: &StockReceipt) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if !(1..=RECEIPT_UNITS_MAX).contains(&receipt.quantity) {
        faults.push(FieldError::new("quantity", "RANGE", format!("must be 1 to {RECEIPT_UNITS_MAX}")));
    }
    if receipt.reference.trim().is_empty() || receipt.reference.len() > TEXT_BYTES_MAX {
        faults.push(FieldError::new("reference", "LENGTH", format!("must have 1 to {TEXT_BYTES_MAX} bytes")));
    }
    faults
}

/// A warehouse as staff see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SiteView {
    warehouse_id: WarehouseId,
    open: bool,
    lost: bool,
    reason: String,
    epoch: u64,
    version: u64,
}

impl From<Site> for SiteView {
    fn from(site: Site) -> Self {
        SiteView {
            epoch: site.epoch(),
            version: site.version(),
            warehouse_id: site.warehouse_id,
            open: site.open,
            lost: site.lost,
            reason: site.reason,
        }
    }
}

async fn open(
    State(store): State<Store>,
    _staff: Staff<WarehouseStaff>,
    Path(warehouse_id): Path<WarehouseId>,
    Json(notice): Json<WarehouseNotice>,
) -> Result<Json<SiteView>, ApiError> {
    record(&store, warehouse_id, Notice::Open(notice)).await
}

async fn close(
    State(store): State<Store>,
    _staff: Staff<WarehouseStaff>,
    Path(warehouse_id): Path<WarehouseId>,
    Json(notice): Json<WarehouseNotice>,
) -> Result<Json<SiteView>, ApiError> {
    record(&store, warehouse_id, Notice::Close(notice)).await
}

async fn record(
    store: &Store,
    warehouse_id: WarehouseId,
    notice: Notice,
) -> Result<Json<SiteView>, ApiError> {
    let (Notice::Open(told) | Notice::Close(told)) = &notice;
    if told.reason.len() > TEXT_BYTES_MAX {
        return Err(WarehouseError::invalid("reason", "LENGTH", "must have at most 200 bytes").into());
    }
    Ok(Json(store.notice(&warehouse_id, &notice).await?.into()))
}
