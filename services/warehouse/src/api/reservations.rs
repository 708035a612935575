//! Reservations, for the orders service.

use crate::{domain::reservation::Step, error::WarehouseError, store::Store};
use axum::{
    Router,
    extract::State,
    routing::{delete, post},
};
use contracts::{
    FieldError, OrderId,
    bodies::warehouse::{ReservationStep, ReserveRequest, ReserveResponse},
    events::ProductUnits,
};
use platform::{ApiError, Caller, Json, request::Path};
use std::collections::BTreeSet;

/// Lines of one order at the most.
const LINES_MAX: usize = 30;
/// Units of one line at the most.
const UNITS_MAX: u32 = 99;

pub(super) fn routes() -> Router<Store> {
    Router::new()
        .route("/backend/reservations", post(reserve))
        .route("/backend/reservations/{order_id}", delete(release))
        .route("/backend/reservations/{order_id}/commit", post(commit))
        .route("/backend/reservations/{order_id}/consume", post(consume))
}

async fn reserve(
    State(store): State<Store>,
    caller: Caller,
    Json(request): Json<ReserveRequest>,
) -> Result<Json<ReserveResponse>, ApiError> {
    caller.service_in(&["orders"])?;
    let faults = faults(&request.lines);
    if !faults.is_empty() {
        return Err(WarehouseError::Invalid(faults).into());
    }
    Ok(Json(store.reserve(&request).await?))
}

fn faults(lines: &[ProductUnits]) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if lines.is_empty() || lines.len() > LINES_MAX {
        faults.push(FieldError::new("lines", "LENGTH", format!("must be 1 to {LINES_MAX} lines")));
    }
    let mut seen = BTreeSet::new();
    for (index, line) in lines.iter().enumerate() {
        if !(1..=UNITS_MAX).contains(&line.quantity) {
            let text = format!("must be 1 to {UNITS_MAX}");
            faults.push(FieldError::new(format!("lines[{index}].quantity"), "RANGE", text));
        }
        if !seen.insert(line.product_id) {
            faults.push(FieldError::new(format!("lines[{index}].productId"), "DUPLICATE", "is there twice"));
        }
    }
    faults
}

async fn release(
    store: State<Store>,
    caller: Caller,
    path: Path<OrderId>,
    body: Json<ReservationStep>,
) -> Result<Json<()>, ApiError> {
    step(store, caller, path, body, Step::Release).await
}

async fn commit(
    store: State<Store>,
    caller: Caller,
    path: Path<OrderId>,
    body: Json<ReservationStep>,
) -> Result<Json<()>, ApiError> {
    step(store, caller, path, body, Step::Commit).await
}

async fn consume(
    store: State<Store>,
    caller: Caller,
    path: Path<OrderId>,
    body: Json<ReservationStep>,
) -> Result<Json<()>, ApiError> {
    step(store, caller, path, body, Step::Consume).await
}

async fn step(
    State(store): State<Store>,
    caller: Caller,
    Path(order_id): Path<OrderId>,
    Json(command): Json<ReservationStep>,
    step: Step,
) -> Result<Json<()>, ApiError> {
    caller.service_in(&["orders"])?;
    store.step(order_id, step, &command).await?;
    Ok(Json(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::ProductId;

    fn line(number: u128, quantity: u32) -> ProductUnits {
        ProductUnits { product_id: ProductId(uuid::Uuid::from_u128(number)), quantity }
    }

    #[test]
    fn lines_have_rules() {
        assert!(faults(&[line(1, 1), line(2, 99)]).is_empty());
        assert_eq!(faults(&[])[0].code, "LENGTH");
        assert_eq!(faults(&[line(1, 0)])[0].field, "lines[0].quantity");
        assert_eq!(faults(&[line(1, 100)])[0].code, "RANGE");
        assert_eq!(faults(&[line(1, 1), line(1, 1)])[0].code, "DUPLICATE");
        let many: Vec<_> = (0..31).map(|number| line(number, 1)).collect();
        assert_eq!(faults(&many)[0].code, "LENGTH");
    }
}
