//! The catalogue: what is sold and at what price.
//!
//! Every region reads its own copy of the table. One region writes it; administrators' commands that arrive elsewhere
//! are handed on to that one.
//!
//! Beside the catalogue the service keeps what was bought together, to recommend it, and who waits for a product to come
//! in again. Of these every region writes rows of its own.

mod api;
mod catalogue;
mod clients;
mod desk;
mod domain;
mod error;
mod events;
mod store;

pub use catalogue::catalogue;
pub use events::SUBSCRIPTION;
pub use store::TABLES;

use events::Listener;
use platform::{Platform, Service, TableError, layers};
use store::{Baskets, Notices, Store};

/// The name of the service.
pub const NAME: &str = "products";

/// The service.
pub fn service(platform: Platform) -> Service {
    let (store, baskets, notices) = (Store::new(&platform), Baskets::new(&platform), Notices::new(&platform));
    let workers = store.outbox().workers().to_vec();
    let consumer = Listener::new(&platform, &baskets, &notices).consumer(&platform);
    let desk = desk::Desk::new(&platform, store.clone());
    let router = layers::wrap(&platform, NAME, api::routes(store, baskets, notices, desk));
    Service { name: NAME, router, workers, consumer: Some(consumer), on_sign_up: None }
}

/// Writes the embedded [`catalogue`] into this region's table; products that are there already stay as they are.
///
/// # Errors
/// When the table does not answer.
pub async fn seed(platform: &Platform) -> Result<(), SeedError> {
    let store = Store::new(platform);
    for product in catalogue()? {
        store.add(&product).await?;
    }
    Ok(())
}

/// Why the catalogue could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The embedded file is not a catalogue.
    #[error("catalogue.json: {0}")]
    Catalogue(#[from] serde_json::Error),
    /// The table refused.
    #[error(transparent)]
    Table(#[from] TableError),
}
