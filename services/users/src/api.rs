//! Routes.

use crate::{domain, error::UsersError, store::Store};
use axum::{
    Router,
    extract::State,
    routing::{get, put},
};
use contracts::{
    UserId,
    bodies::users::{AgeView, CartView, Me},
    events::ProductUnits,
};
use platform::{ApiError, Caller, Customer, Json, request::Path};

/// Every route of the service.
pub(crate) fn routes(store: Store) -> Router {
    Router::new()
        .route("/me", get(me))
        .route("/backend/{user_id}/age", get(age))
        .route("/cart", get(cart))
        .route("/cart/items", put(put_in_cart))
        .with_state(store)
}

async fn me(State(store): State<Store>, Customer(person): Customer) -> Result<Json<Me>, ApiError> {
    let age_verdict = store.age(&person.user_id).await?.verdict;
    Ok(Json(Me { user_id: person.user_id, age_verdict }))
}

async fn age(
    State(store): State<Store>,
    caller: Caller,
    Path(user_id): Path<UserId>,
) -> Result<Json<AgeView>, ApiError> {
    caller.service_in(&["orders"])?;
    Ok(Json(store.age(&user_id).await?))
}

async fn cart(State(store): State<Store>, Customer(person): Customer) -> Result<Json<CartView>, ApiError> {
    Ok(Json(store.cart(person.user_id.as_str()).await?))
}

async fn put_in_cart(
    State(store): State<Store>,
    Customer(person): Customer,
    Json(item): Json<ProductUnits>,
) -> Result<Json<CartView>, ApiError> {
    if let Some(fault) = domain::fault(&item) {
        return Err(UsersError::Invalid(fault).into());
    }
    Ok(Json(store.put_in_cart(person.user_id.as_str(), item).await?))
}
