//! The orders service behind a socket, or on Lambda; with the word `found`, the founding of this region's copy of
//! the journal, once, at the platform's first installation.
//!
//! The platform's own service lives beside it: who drives a shard depends on which regions are heard and on what operators
//! decided, and that is known where it is heard.

use platform::{
    Platform, ops, regions,
    serve::{self, Failure},
    service::Host,
};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => serve::main(orders::NAME, host).await,
        Some("found") => serve::ended(orders::NAME, found().await),
        Some(other) => {
            let unknown = format!("`{other}` is unknown: say `found`, or nothing to serve");
            serve::ended(orders::NAME, Err(unknown.into()))
        }
    }
}

async fn found() -> Result<(), Failure> {
    Ok(orders::found(&serve::platform(orders::NAME).await?).await?)
}

fn host(platform: Platform) -> Host {
    let desk = regions::Desk::new(&platform);
    let (service, own) = (orders::service(platform.clone()), regions::service(&platform, &desk));
    let services = [service, own];
    let operators = ops::router(&platform, &desk, &services);
    let [service, own] = services;
    Host { service, beside: vec![own], operators }
}
