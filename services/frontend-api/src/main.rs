//! The frontend API behind a socket, or on Lambda; with the word `schema`, the schema in GraphQL's own language, as
//! AppSync wants it: `cargo run -p frontend-api -- schema > infra/graphql/schema.graphql`.

use std::{error::Error, io::Write};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    match std::env::args().nth(1).as_deref() {
        None => platform::serve::main(frontend_api::NAME, frontend_api::service).await,
        Some("schema") => Ok(std::io::stdout().write_all(frontend_api::sdl().as_bytes())?),
        Some(other) => Err(format!("`{other}` is unknown: say `schema`, or nothing to serve").into()),
    }
}
