//! The orders service behind a socket, or on Lambda; with the word `found`, the founding of this region's copy of
//! the journal, once, at the platform's first installation.

//!
//! The platform's own service lives beside it: who drives a shard depends on which regions are heard and on what operators
//! decided, and that is known where it is heard.

use platform::{Platform, ops, regions, service::Host};
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    match std::env::args().nth(1).as_deref() {
        None => platform::serve::main(orders::NAME, host).await,
        Some("found") => Ok(orders::found(&platform::serve::platform(orders::NAME).await?).await?),
        Some(other) => Err(format!("`{other}` is unknown: say `found`, or nothing to serve").into()),
    }
}

fn host(platform: Platform) -> Host {
    let desk = regions::Desk::new(&platform);
    let (service, own) = (orders::service(platform.clone()), regions::service(&platform, &desk));
    let services = [service, own];
    let operators = ops::router(&platform, &desk, &services);
    let [service, own] = services;
    Host { service, beside: vec![own], operators }
}
