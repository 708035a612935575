//! Delivery prices and shipments.
//!
//! Orders releases what is paid; couriers hand it over to the carrier and report what became of it. The
//! carrier is outside every region: it alone knows for certain what left, and it is asked, by key, before
//! anything is done twice.

mod api;
mod clients;
mod countries;
mod desk;
mod domain;
mod error;
mod events;
mod pricing;
mod store;

pub use events::SUBSCRIPTION;
pub use store::TABLES;

use platform::{Platform, Service, layers};

/// The name of the service.
pub const NAME: &str = "delivery";

/// The service.
pub fn service(platform: Platform) -> Service {
    let store = store::Store::new(&platform);
    let workers = store.outbox().workers().to_vec();
    let router = layers::wrap(&platform, NAME, api::routes(desk::Desk::new(&platform, store)));
    Service { name: NAME, router, workers, consumer: None, on_sign_up: None }
}
