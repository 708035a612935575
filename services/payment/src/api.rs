//! The routes.

use crate::{
    desk::Desk,
    domain::{Command, Effect, Operation},
    error::Error,
};
use axum::extract::State;
use contracts::{
    FieldError, OrderId,
    bodies::payment::{EffectRequest, PaymentView, ValidateRequest, ValidateResponse},
};
use platform::{
    ApiError, Deadline, Json,
    request::{CalledBy, Callers, Path},
    routes::{Routes, Who, get, post},
};

/// An effect key's length at most: what the provider takes.
const KEY_BYTES_MAX: usize = 128;

/// Only the order's owner asks.
struct Orders;

impl Callers for Orders {
    const NAMES: &'static [&'static str] = &["orders"];
}

pub(crate) fn routes(desk: Desk) -> Routes {
    let owner = Who::services::<Orders>();
    Routes::new()
        .route(
            post("/backend/validate", owner, "Whether a token covers a total")
                .takes::<ValidateRequest>()
                .gives::<ValidateResponse>(),
            validate,
        )
        .route(
            get("/backend/{order_id}", owner, "What is known of an order's money").gives::<PaymentView>(),
            look_up,
        )
        .route(
            post("/backend/{order_id}/capture", owner, "Takes the money of an order")
                .takes::<EffectRequest>()
                .gives::<PaymentView>()
                .also(&[402, 409]),
            capture,
        )
        .route(
            post("/backend/{order_id}/void", owner, "Lets an authorisation go")
                .takes::<EffectRequest>()
                .gives::<PaymentView>()
                .also(&[402, 409]),
            void,
        )
        .route(
            post("/backend/{order_id}/refund", owner, "Gives money of an order back")
                .takes::<EffectRequest>()
                .gives::<PaymentView>()
                .also(&[402, 409]),
            refund,
        )
        .with_state(desk)
}

async fn validate(
    State(desk): State<Desk>,
    _: CalledBy<Orders>,
    deadline: Deadline,
    Json(request): Json<ValidateRequest>,
) -> Result<Json<ValidateResponse>, ApiError> {
    if request.total <= 0 {
        let fault = FieldError::new("total", "RANGE", "must be more than 0");
        return Err(Error::Invalid(vec![fault]).into());
    }
    Ok(Json(desk.validate(&request, deadline).await?))
}

async fn look_up(
    State(desk): State<Desk>,
    _: CalledBy<Orders>,
    Path(order_id): Path<OrderId>,
) -> Result<Json<PaymentView>, ApiError> {
    Ok(Json(desk.look_up(order_id).await?))
}

async fn capture(
    desk: State<Desk>,
    _: CalledBy<Orders>,
    order_id: Path<OrderId>,
    deadline: Deadline,
    request: Json<EffectRequest>,
) -> Result<Json<PaymentView>, ApiError> {
    effect(Operation::Capture, desk, order_id, deadline, request).await
}

async fn void(
    desk: State<Desk>,
    _: CalledBy<Orders>,
    order_id: Path<OrderId>,
    deadline: Deadline,
    request: Json<EffectRequest>,
) -> Result<Json<PaymentView>, ApiError> {
    effect(Operation::Void, desk, order_id, deadline, request).await
}

async fn refund(
    desk: State<Desk>,
    _: CalledBy<Orders>,
    order_id: Path<OrderId>,
    deadline: Deadline,
    request: Json<EffectRequest>,
) -> Result<Json<PaymentView>, ApiError> {
    effect(Operation::Refund, desk, order_id, deadline, request).await
}

async fn effect(
    operation: Operation,
    State(desk): State<Desk>,
    Path(order_id): Path<OrderId>,
    deadline: Deadline,
    Json(request): Json<EffectRequest>,
) -> Result<Json<PaymentView>, ApiError> {
    let epoch = request.epoch;
    let command = command(operation, order_id, request).map_err(Error::Invalid)?;
    Ok(Json(desk.carry_out(order_id, &command, epoch, deadline).await?))
}

fn command(
    operation: Operation,
    order_id: OrderId,
    request: EffectRequest,
) -> Result<Command, Vec<FieldError>> {
    let mut faults = Vec::new();
    if request.amount < 0 || (request.amount == 0 && operation != Operation::Void) {
        faults.push(FieldError::new("amount", "RANGE", "must be more than 0"));
    }
    if request.attempt == 0 {
        faults.push(FieldError::new("attempt", "RANGE", "must be at least 1"));
    }
    let prefix = format!("{order_id}:{}:", operation.word());
    let rest = request.effect_key.strip_prefix(&prefix).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.');
    if rest.is_empty() || request.effect_key.len() > KEY_BYTES_MAX || !rest.bytes().all(plain) {
        faults.push(FieldError::new("effectKey", "FORM", format!("must begin with {prefix}")));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let EffectRequest { amount, currency, attempt, effect_key: key, payment_ref, .. } = request;
    Ok(Command { effect: Effect { operation, key, amount, attempt }, currency, payment_ref })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(effect_key: &str, amount: i64) -> EffectRequest {
        EffectRequest {
            amount,
            currency: "USD".into(),
            epoch: 1,
            home_region: "us-east-1".into(),
            attempt: 1,
            effect_key: effect_key.into(),
            payment_ref: "sealed".into(),
        }
    }

    #[test]
    fn a_key_must_name_the_order_and_the_operation() {
        let order_id = OrderId(uuid::Uuid::from_u128(7));
        let good = format!("{order_id}:capture:1");
        assert!(command(Operation::Capture, order_id, request(&good, 1)).is_ok());
        let other = format!("{}:capture:1", OrderId(uuid::Uuid::from_u128(8)));
        for bad in
            [other, format!("{order_id}:void:1"), format!("{order_id}:capture:"), format!("{good}/../x")]
        {
            let faults = command(Operation::Capture, order_id, request(&bad, 1)).expect_err("refused");
            assert_eq!(faults[0].field, "effectKey", "{bad}");
        }
    }

    #[test]
    fn only_a_void_may_have_no_amount() {
        let order_id = OrderId(uuid::Uuid::from_u128(7));
        let key = |operation: Operation| format!("{order_id}:{}:1", operation.word());
        let allowed =
            |operation, amount| command(operation, order_id, request(&key(operation), amount)).is_ok();
        assert!(allowed(Operation::Void, 0) && !allowed(Operation::Void, -1));
        assert!(!allowed(Operation::Capture, 0) && !allowed(Operation::Refund, 0));
    }
}
