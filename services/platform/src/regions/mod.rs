//! What operators decided about regions: each region keeps it in a small table, tells every other one, and counts whoever
//! is evacuated as silent.
//!
//! A decision is told twice: by a signed call, whose answer says who took it, and on the heartbeats' streams, which also
//! reach a region that was away. Of two decisions about a region the one with the higher epoch stands everywhere.

mod api;
mod clients;
mod desk;
mod domain;
mod error;
mod standings;
mod store;

pub use desk::Desk;
pub use error::OpsError;
pub use standings::Standings;

use crate::{Platform, Service, Worker, layers, listener::Listeners, liveness};
use std::time::Duration;

/// The service's name, as in addresses.
pub const NAME: &str = liveness::SERVICE;

/// Every table of the platform's own service.
pub const TABLES: &[contracts::resources::TableSpec] = &[store::TABLE];

/// How often it is looked whether something is left to store or to publish. Where nothing was ever decided, nothing is.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The platform's own service: heartbeats, and what regions tell each other about themselves.
pub fn service(platform: &Platform, desk: &Desk) -> Service {
    let told = layers::wrap(platform, NAME, api::routes(desk.clone()));
    let mut workers = liveness::workers(platform);
    workers.extend(self::workers(desk));
    let consumer = platform.config.event_listener.then(|| Listeners::consumer(platform));
    Service {
        name: NAME,
        router: liveness::routes(platform).merge(told),
        workers,
        consumer,
        on_sign_up: None,
    }
}

fn workers(desk: &Desk) -> [Worker; 2] {
    let (keeping, relaying) = (desk.clone(), desk.clone());
    [
        Worker::new("regions", LOOK_EVERY, move || {
            let desk = keeping.clone();
            async move { desk.keep_up().await }
        }),
        Worker::new("regions-relay", Duration::ZERO, move || {
            let desk = relaying.clone();
            async move { desk.relay_next().await }
        }),
    ]
}
