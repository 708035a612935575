//! The program. See [`simulator::cli`] for what it takes.

use clap::Parser as _;
use simulator::{cli::Cli, command};
use std::{process::ExitCode, time::Duration};

/// Five processes on two cores allocate for most of their time; this takes a seventh of it away.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What still runs when the work is done, such as a read of a pipe, has this long.
const LAST_MOMENTS: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => return command::report(&anyhow::Error::new(fault).context("no runtime")),
    };
    // On this thread, which lives as long as the process: children are tied to the thread that starts them.
    let code = runtime.block_on(command::run(cli));
    runtime.shutdown_timeout(LAST_MOMENTS);
    code
}
