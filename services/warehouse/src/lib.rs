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
use platform::{Platform, Service, Worker, layers, outbox::Outbox};
use std::time::Duration;
use store::Store;

/// The service's name, as in addresses.
pub const NAME: &str = "warehouse";

/// How often expired reservations and unpublished events are looked for.
const SWEEP_PAUSE: Duration = Duration::from_secs(2);

/// The service, ready to be run by a host.
pub fn service(platform: Platform) -> Service {
    let store = Store::new(&platform);
    let listener = Listener::new(&store);
    let mut workers = outbox_workers(&platform, "warehouse packaging", &store.packaging_outbox).to_vec();
    workers.extend(outbox_workers(&platform, "warehouse sites", &store.sites_outbox));
    workers.push(expiry::worker(&store));
    Service {
        name: NAME,
        router: layers::wrap(&platform, NAME, api::routes(listener.clone())),
        workers,
        consumer: Some(listener.consumer()),
    }
}

/// The relay and the sweep of one outbox.
fn outbox_workers(platform: &Platform, name: &'static str, outbox: &Outbox) -> [Worker; 2] {
    let (relay, sweep, platform) = (outbox.clone(), outbox.clone(), platform.clone());
    let relay = move || {
        let outbox = relay.clone();
        async move { outbox.relay_next().await }
    };
    let sweep = move || {
        let (outbox, sweepers) = (sweep.clone(), sweepers(&platform));
        async move { outbox.sweep(&sweepers).await.map(drop) }
    };
    [Worker::new(name, Duration::ZERO, relay), Worker::new(name, SWEEP_PAUSE, sweep)]
}

/// Whose pending events this region publishes: its own, and those of regions that are not heard from.
fn sweepers(platform: &Platform) -> Vec<String> {
    let regions = platform.config.regions.iter().map(|region| &region.name);
    let swept =
        regions.filter(|region| **region == platform.config.region || platform.liveness.suspected(region));
    swept.map(|region| region.0.clone()).collect()
}
