//! Reservations, for the orders service.

use super::Orders;
use crate::{domain::reservation::Step, error::WarehouseError, store::Store};
use axum::extract::State;
use contracts::{
    FieldError, OrderId,
    bodies::warehouse::{ReservationStep, ReserveRequest, ReserveResponse},
    events::ProductUnits,
};
use platform::{
    ApiError, Json,
    request::{CalledBy, Path},
    routes::{Routes, Who, delete, post},
};
use std::collections::BTreeSet;

/// Lines of one order at the most.
const LINES_MAX: usize = 30;
/// Units of one line at the most.
const UNITS_MAX: u32 = 99;

pub(super) fn routes() -> Routes<Store> {
    let orders = Who::services::<Orders>();
    Routes::new()
        .route(
            post("/backend/reservations", orders, "Keeps units for an order, all or none")
                .takes::<ReserveRequest>()
                .gives::<ReserveResponse>()
                .also(&[404, 409]),
            reserve,
        )
        .route(
            delete("/backend/reservations/{order_id}", orders, "Releases a reservation")
                .takes::<ReservationStep>()
                .also(&[409]),
            release,
        )
        .route(
            post("/backend/reservations/{order_id}/commit", orders, "Keeps a reservation for good")
                .takes::<ReservationStep>()
                .also(&[409]),
            commit,
        )
        .route(
            post("/backend/reservations/{order_id}/consume", orders, "Takes what is reserved off the stock")
                .takes::<ReservationStep>()
                .also(&[409]),
            consume,
        )
}

async fn reserve(
    State(store): State<Store>,
    _: CalledBy<Orders>,
    Json(request): Json<ReserveRequest>,
) -> Result<Json<ReserveResponse>, ApiError> {
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
    _: CalledBy<Orders>,
    path: Path<OrderId>,
    body: Json<ReservationStep>,
) -> Result<Json<()>, ApiError> {
    step(store, path, body, Step::Release).await
}

async fn commit(
    store: State<Store>,
    _: CalledBy<Orders>,
    path: Path<OrderId>,
    body: Json<ReservationStep>,
) -> Result<Json<()>, ApiError> {
    step(store, path, body, Step::Commit).await
}

async fn consume(
    store: State<Store>,
    _: CalledBy<Orders>,
    path: Path<OrderId>,
    body: Json<ReservationStep>,
) -> Result<Json<()>, ApiError> {
    step(store, path, body, Step::Consume).await
}

async fn step(
    State(store): State<Store>,
    Path(order_id): Path<OrderId>,
    Json(command): Json<ReservationStep>,
    step: Step,
) -> Result<Json<()>, ApiError> {
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
