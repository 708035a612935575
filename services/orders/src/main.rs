//! The orders service behind a socket, or on Lambda; with the word `found`, the founding of this region's copy of
//! the journal, once, at the platform's first installation.

use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    match std::env::args().nth(1).as_deref() {
        None => platform::serve::main(orders::NAME, orders::service).await,
        Some("found") => Ok(orders::found(&platform::serve::platform(orders::NAME).await?).await?),
        Some(other) => Err(format!("`{other}` is unknown: say `found`, or nothing to serve").into()),
    }
}
