//! The only public door: GraphQL over the services.
//!
//! It owns no table, listens to no event and decides nothing: it checks who calls, passes the call on in the
//! caller's own name, and tells the outcome so that the edge knows when to try another region.

mod api;
mod clients;
mod domain;
mod error;
mod schema;
mod session;
mod shelves;

use contracts::resources::{Subscription, TableSpec};
use platform::{Platform, Service, layers};

/// The service's name, as in addresses.
pub const NAME: &str = "frontend-api";
/// It owns no table.
pub const TABLES: &[TableSpec] = &[];
/// It listens to no event.
pub const SUBSCRIPTION: Option<Subscription> = None;

/// The service, ready to be run by a host.
pub fn service(platform: Platform) -> Service {
    Service {
        name: NAME,
        router: layers::wrap(&platform, NAME, api::routes(&platform)),
        workers: Vec::new(),
        consumer: None,
        on_sign_up: None,
    }
}

/// The schema in GraphQL's own language.
pub fn sdl() -> String {
    schema::empty().sdl()
}
