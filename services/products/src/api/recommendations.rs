//! What goes with a product.

use crate::{
    domain::baskets::{limit, recommend},
    error::Error,
    store::{Baskets, Store},
};
use axum::extract::State;
use contracts::{ProductId, bodies::products::Recommendations};
use platform::{
    ApiError, Json,
    request::{Path, Query},
    routes::{Routes, Who, get},
};
use serde::Deserialize;

/// The catalogue, and what was bought of it.
#[derive(Clone)]
struct Shop {
    store: Store,
    baskets: Baskets,
}

pub(super) fn routes(store: Store, baskets: Baskets) -> Routes {
    Routes::new()
        .route(
            get("/{product_id}/recommendations", Who::Anyone, "What goes with a product, best first")
                .field::<i64>("limit", "Products, 1 to 50; 10 where absent")
                .gives::<Recommendations>(),
            recommendations,
        )
        .with_state(Shop { store, baskets })
}

/// How many products are wanted.
#[derive(Deserialize)]
struct Wanted {
    limit: Option<i64>,
}

async fn recommendations(
    State(shop): State<Shop>,
    Path(product_id): Path<ProductId>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Recommendations>, ApiError> {
    let catalogue = shop.store.catalogue().await.map_err(Error::from)?;
    let product = catalogue.get(&product_id).ok_or(Error::NotFound)?;
    let bought = shop.baskets.bought().await;
    Ok(Json(Recommendations { products: recommend(product, &catalogue, &bought, limit(wanted.limit)) }))
}
