//! Routes.

mod packaging;
mod reservations;
mod stock;

use crate::events::Listener;
use axum::Router;

/// Every route of the service.
pub(crate) fn routes(listener: Listener) -> Router {
    let store = listener.store.clone();
    Router::new()
        .merge(reservations::routes())
        .merge(packaging::routes())
        .merge(stock::routes())
        .with_state(store)
        .merge(forwarded::routes().with_state(listener))
}

/// Events that reached the warehouse's region by way of another one.
mod forwarded {
    use crate::{NAME, events::Listener};
    use axum::{Router, extract::State, routing::post};
    use contracts::{Code, events::Event};
    use platform::{ApiError, Caller, Json};

    pub(super) fn routes() -> Router<Listener> {
        Router::new().route("/backend/events", post(apply))
    }

    async fn apply(
        State(listener): State<Listener>,
        caller: Caller,
        Json(event): Json<Event>,
    ) -> Result<Json<()>, ApiError> {
        caller.service_in(&[NAME])?;
        let applied = listener.apply_here(&event).await;
        // The sender's queue brings the event again.
        applied.map_err(|cause| ApiError::new(Code::InProgress, cause.to_string()))?;
        Ok(Json(()))
    }
}
