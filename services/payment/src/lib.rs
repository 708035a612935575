//! Payment checks, captures, voids and refunds, once each.
//!
//! The order's owner journals what it intends and then asks here; the provider, outside every region, is
//! asked by key until it has said how an effect ended. Payment tokens come in, are sealed, and leave again
//! only towards the provider.

mod api;
mod clients;
mod desk;
mod domain;
mod error;
mod events;
mod store;

pub use events::SUBSCRIPTION;
pub use store::TABLES;

use platform::{Platform, Service, layers};

/// The name of the service.
pub const NAME: &str = "payment";

/// The service.
pub fn service(platform: Platform) -> Service {
    let store = store::Store::new(&platform);
    let workers = store.outbox().workers().to_vec();
    let router = layers::wrap(&platform, NAME, api::routes(desk::Desk::new(&platform, store)));
    Service { name: NAME, router, workers, consumer: None, on_sign_up: None }
}
