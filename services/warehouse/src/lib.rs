//! Stock where it physically is, reservations and packaging.
//!
//! A warehouse's stock is written only in the region that is the warehouse's home: a reservation is a
//! conditional write beside the goods. Every movement is a row of an append-only ledger, written in the
//! same transaction as the stock itself.

mod api;
mod clients;
mod domain;
mod error;
mod events;
mod expiry;
mod seed;
mod store;

pub use error::WarehouseError;
pub use events::SUBSCRIPTION;
pub use seed::seed;
pub use store::TABLES;

use events::Listener;
use platform::{Platform, Service, layers};
use store::Store;

/// The service's name, as in addresses.
pub const NAME: &str = "warehouse";

/// The service, ready to be run by a host.
pub fn service(platform: Platform) -> Service {
    let store = Store::new(&platform);
    let listener = Listener::new(&store);
    let mut workers = store.packaging_outbox.workers().to_vec();
    workers.extend(store.sites_outbox.workers());
    workers.extend(store.stock_outbox.workers());
    workers.extend(store.refusals_outbox.workers());
    workers.extend(store.reservations_outbox.workers());
    workers.push(expiry::worker(&store));
    Service {
        name: NAME,
        router: layers::wrap(&platform, NAME, api::routes(listener.clone())),
        workers,
        consumer: Some(listener.consumer()),
        on_sign_up: None,
    }
}
