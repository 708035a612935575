//! The catalogue: what is sold and at what price.
//!
//! It publishes nothing and listens to nothing, and it calls nobody: the rooms `events` and `clients` that
//! the other services have are missing here.

mod api;
mod catalogue;
mod domain;
mod error;
mod store;

pub use catalogue::catalogue;
pub use store::TABLES;

use contracts::resources::Subscription;
use platform::{Platform, Service, TableError, layers};
use store::Store;

/// The name of the service.
pub const NAME: &str = "products";

/// The catalogue reacts to no events.
pub const SUBSCRIPTION: Option<Subscription> = None;

/// The service.
pub fn service(platform: Platform) -> Service {
    let router = layers::wrap(&platform, NAME, api::routes(Store::new(&platform)));
    Service { name: NAME, router, workers: Vec::new(), consumer: None }
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
