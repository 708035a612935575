//! The operators' routes. They are no part of any service's router: a host mounts them where only the operators' network
//! reaches them, and they demand proof all the same.

mod api;
mod letter;
mod operator;
mod parked;

pub(crate) use operator::{OPERATORS, Operator};

use crate::{
    Platform, Service, layers, listener,
    openapi::{self, About},
    regions::Desk,
};
use axum::Router;
use parked::Parked;

/// Where they describe themselves.
pub const DESCRIPTION: &str = "/ops/openapi.json";

/// The operators' routes of a region, over the queues that its services consume.
pub fn router(platform: &Platform, desk: &Desk, services: &[Service]) -> Router {
    let consumers = services.iter().filter_map(|service| service.consumer.as_ref());
    let consumers = consumers.map(|consumer| consumer.name()).collect();
    let routes = api::routes(desk.clone(), Parked::new(platform, consumers));
    let (routes, table) = routes.merge(listener::routes(platform)).into_parts();
    let description = openapi::describe(About::at_root("operators"), DESCRIPTION, table);
    layers::layered(platform, crate::regions::NAME, routes)
        .route(DESCRIPTION, axum::routing::get(description))
}
