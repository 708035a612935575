//! Routes.

mod packaging;
mod reservations;
mod stock;

use crate::events::Listener;
use platform::{request::Callers, routes::Routes};

/// The orders service, which keeps goods for its orders.
struct Orders;

impl Callers for Orders {
    const NAMES: &'static [&'static str] = &["orders"];
}

/// Every route of the service.
pub(crate) fn routes(listener: Listener) -> Routes {
    let store = listener.store.clone();
    Routes::new()
        .merge(reservations::routes())
        .merge(packaging::routes())
        .merge(stock::routes())
        .with_state(store)
        .merge(forwarded::routes().with_state(listener))
}

/// Events that reached the warehouse's region by way of another one.
mod forwarded {
    use crate::{NAME, events::Listener};
    use axum::extract::State;
    use contracts::{Code, events::Event};
    use platform::{
        ApiError, Json,
        request::{CalledBy, Callers},
        routes::{Routes, Who, post},
    };

    /// The warehouse service of another region.
    struct Own;

    impl Callers for Own {
        const NAMES: &'static [&'static str] = &[NAME];
    }

    pub(super) fn routes() -> Routes<Listener> {
        let route = post("/backend/events", Who::services::<Own>(), "Applies an event of another region");
        Routes::new().route(route.takes::<Event>().also(&[409]), apply)
    }

    async fn apply(
        State(listener): State<Listener>,
        _: CalledBy<Own>,
        Json(event): Json<Event>,
    ) -> Result<Json<()>, ApiError> {
        let applied = listener.apply_here(&event).await;
        // The sender's queue brings the event again.
        applied.map_err(|cause| ApiError::new(Code::InProgress, cause.to_string()))?;
        Ok(Json(()))
    }
}
