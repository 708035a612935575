//! Placing an order: the attempt gets a name, goes to the orders service in the caller's name, and its
//! outcome is told, refusals and failures included.

use super::{
    inputs::{CreateOrderRequest, lines},
    outputs::Order,
};
use crate::{
    clients::Clients,
    domain::{self, Key},
    session::Session,
};
use async_graphql::{Enum, Result, SimpleObject};
use contracts::{Code, bodies::orders};
use platform::ApiError;

/// How many continents hold an acknowledged order.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "orders::Durability")]
pub(crate) enum Durability {
    /// Two of three: it survives the loss of any one.
    MultiContinent,
    /// One.
    LocalOnly,
}

/// The outcome of an attempt.
#[derive(SimpleObject)]
pub(crate) struct CreateOrderResponse {
    success: bool,
    message: String,
    errors: Option<Vec<String>>,
    order: Option<Order>,
    code: Option<String>,
    /// Whether the same attempt, under the same key, may still succeed.
    retryable: Option<bool>,
    durability: Option<Durability>,
}

/// Places an order.
pub(super) async fn place(
    clients: &Clients,
    session: &Session,
    input: CreateOrderRequest,
) -> Result<CreateOrderResponse> {
    let mut request = match request(input) {
        Ok(request) => request,
        Err(error) => return Ok(refused(session, &error)),
    };
    let header = session.idempotency_key.as_deref();
    let (key, note) = match domain::key(request.idempotency_key.as_deref(), header) {
        Key::Given(key) => (key, ""),
        Key::Absent => {
            let now = clients.platform().world.now();
            (domain::derived_key(&session.person()?.user_id, &request, now), DERIVED)
        }
        Key::Contradictory => {
            let text = "Idempotency-Key and idempotencyKey differ";
            return Ok(refused(session, &ApiError::new(Code::BadRequest, text)));
        }
    };
    request.idempotency_key = Some(key.clone());
    let answer = clients.create_order(&request, &key, session).await;
    let mut response = match answer {
        Ok(answer) => told(session, answer),
        Err(error) => refused(session, &error.into()),
    };
    response.message.push_str(note);
    Ok(response)
}

/// Added to the message where the client did not name the attempt.
const DERIVED: &str = " (idempotencyKey is absent: the same order within ten minutes counts as a repeat)";

fn request(input: CreateOrderRequest) -> Result<orders::CreateOrderRequest, ApiError> {
    Ok(orders::CreateOrderRequest {
        products: lines(input.products).map_err(ApiError::invalid)?,
        address: input.address.into(),
        delivery_price: input.delivery_price,
        payment_token: input.payment_token,
        currency: input.currency,
        idempotency_key: input.idempotency_key,
        allow_backorder: input.allow_backorder.unwrap_or(false),
        accept_partial: input.accept_partial.unwrap_or(true),
        cart_id: input.cart_id.map(|id| id.0),
    })
}

/// The orders service's own answer.
fn told(session: &Session, answer: orders::CreateOrderResponse) -> CreateOrderResponse {
    if let (false, Some(code)) = (answer.success, answer.code) {
        session.note(code);
    }
    CreateOrderResponse {
        success: answer.success,
        message: answer.message,
        errors: Some(answer.errors),
        order: answer.order.map(Into::into),
        code: answer.code.map(|code| code.to_string()),
        retryable: answer.retryable,
        durability: answer.durability.map(Into::into),
    }
}

/// An attempt that failed, or was refused before it reached the orders service.
fn refused(session: &Session, error: &ApiError) -> CreateOrderResponse {
    session.note(error.code());
    let body = error.body();
    let details = body.details.iter().map(|fault| format!("{}: {}", fault.field, fault.message));
    let mut errors: Vec<String> = details.collect();
    if errors.is_empty() {
        errors.push(body.message.clone());
    }
    CreateOrderResponse {
        success: false,
        message: body.message.clone(),
        errors: Some(errors),
        order: None,
        code: Some(body.code.to_string()),
        retryable: Some(body.retryable),
        durability: None,
    }
}
