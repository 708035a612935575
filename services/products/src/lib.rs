//! The catalogue: what is sold and at what price.
//!
//! Every region reads its own copy of the table. One region writes it; administrators' commands that arrive elsewhere
//! are handed on to that one.

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

use platform::{Platform, Service, TableError, layers};
use store::Store;

/// The name of the service.
pub const NAME: &str = "products";

/// The service.
pub fn service(platform: Platform) -> Service {
    let store = Store::new(&platform);
    let workers = store.outbox().workers().to_vec();
    let router = layers::wrap(&platform, NAME, api::routes(store.clone(), desk::Desk::new(&platform, store)));
    Service { name: NAME, router, workers, consumer: None }
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
