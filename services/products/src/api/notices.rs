//! Routes of customers who wait for a product to come in again.

use crate::{
    domain::notices::{self, Told},
    error::Error,
    store::{Catalogue, Notices, Store},
};
use axum::extract::State;
use contracts::{
    ProductId,
    bodies::products::{Notice, NoticeList, NoticeRequest},
};
use platform::{
    ApiError, Customer, Json,
    request::Path,
    routes::{Routes, Who, get, put},
};

/// The catalogue, and who waits for what.
#[derive(Clone)]
struct Counter {
    store: Store,
    notices: Notices,
}

pub(super) fn routes(store: Store, notices: Notices) -> Routes {
    Routes::new()
        .route(
            get("/notices", Who::Person, "What came in again of what the caller waited for, newest first")
                .gives::<NoticeList>(),
            mine,
        )
        .route(
            put(
                "/notices/{product_id}",
                Who::Person,
                "Has the caller told when a product comes in again, or not",
            )
            .takes::<NoticeRequest>()
            .gives::<NoticeRequest>()
            .also(&[409]),
            ask,
        )
        .with_state(Counter { store, notices })
}

async fn mine(
    State(counter): State<Counter>,
    Customer(person): Customer,
) -> Result<Json<NoticeList>, ApiError> {
    let told = counter.notices.told_to(&person.user_id).await.map_err(Error::from)?;
    let catalogue = counter.store.catalogue().await.map_err(Error::from)?;
    let notices = notices::listed(told).into_iter().map(|told| notice(&catalogue, &told));
    Ok(Json(NoticeList { notices: notices.collect() }))
}

fn notice(catalogue: &Catalogue, told: &Told) -> Notice {
    let product = catalogue.get(&told.product_id).filter(|product| product.active).cloned();
    Notice { product_id: told.product_id, at: told.at, product }
}

async fn ask(
    State(counter): State<Counter>,
    Customer(person): Customer,
    Path(product_id): Path<ProductId>,
    Json(asked): Json<NoticeRequest>,
) -> Result<Json<NoticeRequest>, ApiError> {
    if asked.on {
        // What is no longer sold never comes in again.
        let catalogue = counter.store.catalogue().await.map_err(Error::from)?;
        catalogue.get(&product_id).filter(|product| product.active).ok_or(Error::NotFound)?;
    }
    counter.notices.ask(&person.user_id, product_id, asked.on).await.map_err(Error::from)?;
    Ok(Json(asked))
}
