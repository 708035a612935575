//! The frontend API behind a socket, or on Lambda; with the word `schema`, the schema in GraphQL's own language, as
//! AppSync wants it: `cargo run -p frontend-api -- schema > infra/graphql/schema.graphql`.

use platform::serve;
use std::{io::Write, process::ExitCode};

#[tokio::main]
async fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => serve::main(frontend_api::NAME, frontend_api::service).await,
        Some("schema") => {
            let written = std::io::stdout().write_all(frontend_api::sdl().as_bytes());
            serve::ended(frontend_api::NAME, written.map_err(Into::into))
        }
        Some(other) => {
            let unknown = format!("`{other}` is unknown: say `schema`, or nothing to serve");
            serve::ended(frontend_api::NAME, Err(unknown.into()))
        }
    }
}
