//! Stock and the warehouses themselves.

use crate::{
    error::WarehouseError,
    store::{Notice, Site, Store},
};
use axum::extract::State;
use contracts::{
    FieldError, ProductId, WarehouseId,
    bodies::warehouse::{StockAdjustment, StockReceipt, WarehouseNotice},
    stock::StockLevel,
};
use platform::{
    ApiError, Caller, Json, Staff,
    branches::Branched,
    identity::WarehouseStaff,
    request::Path,
    routes::{Routes, Who, get, post},
};
use schemars::JsonSchema;
use serde::Serialize;

/// Units of one receipt at the most.
const RECEIPT_UNITS_MAX: u32 = 1_000_000;
/// Units that one adjustment adds or takes away at the most.
const ADJUSTED_UNITS_MAX: u64 = 1_000_000;
/// The longest text, bytes.
const TEXT_BYTES_MAX: usize = 200;

pub(super) fn routes() -> Routes<Store> {
    let staff = Who::staff::<WarehouseStaff>();
    Routes::new()
        .route(
            get("/backend/stock/{product_id}", Who::Services(SHOPS), "Where a product lies")
                .or(staff)
                .gives::<Vec<StockLevel>>(),
            levels_of,
        )
        .route(
            get("/backend/warehouses/{warehouse_id}/stock", Who::Services(SHOPS), "What lies in a warehouse")
                .or(staff)
                .gives::<Vec<StockLevel>>(),
            levels_in,
        )
        .route(
            post("/admin/stock/receipts", staff, "Goods came in")
                .takes::<StockReceipt>()
                .gives::<StockLevel>()
                .also(&[404, 409]),
            receive,
        )
        .route(
            post("/admin/stock/adjustments", staff, "What lies there is corrected")
                .takes::<StockAdjustment>()
                .gives::<StockLevel>()
                .also(&[404, 409]),
            adjust,
        )
        .route(
            post("/admin/warehouses/{warehouse_id}/open", staff, "A warehouse works again")
                .takes::<WarehouseNotice>()
                .gives::<SiteView>()
                .also(&[409]),
            open,
        )
        .route(
            post("/admin/warehouses/{warehouse_id}/close", staff, "A warehouse stands still or is lost")
                .takes::<WarehouseNotice>()
                .gives::<SiteView>()
                .also(&[409]),
            close,
        )
}

/// The services that sell it.
const SHOPS: &[&str] = &["orders", "frontend-api"];

/// Whoever may look at stock: services that sell it, and staff.
fn may_look(caller: &Caller) -> Result<(), ApiError> {
    match caller {
        Caller::Service(_) => caller.service_in(SHOPS).map(drop),
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
    sound(receipt_faults(&receipt))?;
    Ok(Json(store.receive(&receipt).await?))
}

async fn adjust(
    State(store): State<Store>,
    _staff: Staff<WarehouseStaff>,
    Json(adjustment): Json<StockAdjustment>,
) -> Result<Json<StockLevel>, ApiError> {
    sound(adjustment_faults(&adjustment))?;
    Ok(Json(store.adjust(&adjustment).await?))
}

fn sound(faults: Vec<FieldError>) -> Result<(), WarehouseError> {
    if faults.is_empty() { Ok(()) } else { Err(WarehouseError::Invalid(faults)) }
}

fn receipt_faults(receipt: &StockReceipt) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if !(1..=RECEIPT_UNITS_MAX).contains(&receipt.quantity) {
        faults.push(FieldError::new("quantity", "RANGE", format!("must be 1 to {RECEIPT_UNITS_MAX}")));
    }
    faults.extend(text_fault("reference", &receipt.reference));
    faults
}

fn adjustment_faults(adjustment: &StockAdjustment) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if !(1..=ADJUSTED_UNITS_MAX).contains(&adjustment.delta.unsigned_abs()) {
        let message = format!("must be 1 to {ADJUSTED_UNITS_MAX} units more or fewer");
        faults.push(FieldError::new("delta", "RANGE", message));
    }
    faults.extend(text_fault("reference", &adjustment.reference));
    faults.extend(text_fault("reason", &adjustment.reason));
    faults
}

fn text_fault(field: &str, text: &str) -> Option<FieldError> {
    let wrong = text.trim().is_empty() || text.len() > TEXT_BYTES_MAX;
    wrong.then(|| FieldError::new(field, "LENGTH", format!("must have 1 to {TEXT_BYTES_MAX} bytes")))
}

/// A warehouse as staff see it.
#[derive(Serialize, JsonSchema)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adjustment_says_how_many_and_why() {
        let adjustment = |delta, reason: &str| StockAdjustment {
            product_id: ProductId(uuid::Uuid::from_u128(1)),
            warehouse_id: "wh".into(),
            delta,
            reference: "count 1".into(),
            reason: reason.into(),
        };
        for delta in [1, -1, 1_000_000, -1_000_000] {
            assert!(adjustment_faults(&adjustment(delta, "counted")).is_empty(), "{delta}");
        }
        for delta in [0, 1_000_001, -1_000_001, i64::MIN, i64::MAX] {
            assert_eq!(adjustment_faults(&adjustment(delta, "counted"))[0].field, "delta", "{delta}");
        }
        for reason in ["", "  ", &"x".repeat(201)] {
            assert_eq!(adjustment_faults(&adjustment(1, reason))[0].field, "reason");
        }
    }
}
