//! One region: a process of its own that holds the region's services and the region's cloud. When it is
//! killed, everything that was there is gone.

mod arrived;
mod assembly;
mod control;
mod opening;
mod protocol;
mod services;
mod traffic;

pub use assembly::{Base, Data, Running, answer_the_pools, start_cloud};
pub use control::{CopyReport, Metered, OrdersReport, Report};
pub use protocol::{RegionSpec, Word};
pub use services::{build, subscriptions, table_word, tables};
pub use traffic::{ServiceTraffic, TrafficReport};

use crate::process;
use anyhow::{Context as _, bail};
use axum::serve::ListenerExt as _;
use std::{io::Write as _, process::ExitCode, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Stdin},
    net::TcpListener,
};

/// How long a region waits for what it is to be.
const SPEC_LIMIT: Duration = Duration::from_secs(60);
/// What a region is told fits into this.
const SPEC_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What the command line of a region says; everything else comes over its standard input.
#[derive(Clone, Debug)]
pub struct RegionArguments {
    /// The port to listen on, 0 for any.
    pub port: u16,
    /// The process that started it.
    pub parent: u32,
}

/// Runs a region until its parent ends it.
pub async fn main(arguments: RegionArguments) -> ExitCode {
    let fault = match run(arguments).await {
        Ok(()) => return ExitCode::SUCCESS,
        Err(fault) => fault,
    };
    tracing::error!(fault = format!("{fault:#}"), "the region ends");
    say(&Word::Failed(format!("{fault:#}")));
    ExitCode::FAILURE
}

async fn run(arguments: RegionArguments) -> anyhow::Result<()> {
    process::die_with(arguments.parent)?;
    log_to_stderr();
    let address = ("127.0.0.1", arguments.port);
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen on 127.0.0.1:{}", arguments.port))?;
    say(&Word::Listening(listener.local_addr()?.port()));
    let mut input = BufReader::new(tokio::io::stdin());
    let spec = tokio::time::timeout(SPEC_LIMIT, read_spec(&mut input));
    let spec = spec.await.context("nobody said what this region is to be")??;
    let mut running = Running::start(spec).await?;
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true); // a socket that refuses is only slower
    });
    let serving = tokio::spawn(axum::serve(listener, running.router.clone()).into_future());
    let mut open = running.open.clone();
    let ready = async move {
        let _ = open.wait_for(|open| *open).await; // the region holds the other end
        say(&Word::Ready);
        std::future::pending::<()>().await
    };
    tokio::select! {
        biased;
        () = ready => Ok(()),
        () = closed(&mut input) => Ok(()),
        served = serving => bail!("the listener ended: {served:?}"),
        ended = running.tasks.join_next() => bail!("a worker ended: {ended:?}"),
    }
}

/// Reads what the region is to be: one line of JSON.
async fn read_spec(input: &mut BufReader<Stdin>) -> anyhow::Result<RegionSpec> {
    let mut line = String::new();
    input.take(SPEC_BYTES_MAX).read_line(&mut line).await?;
    // The message of a parser may quote what it read, and there are keys in it: only the place is told.
    serde_json::from_str(&line)
        .map_err(|fault| anyhow::anyhow!("the region's description is broken at column {}", fault.column()))
}

/// Waits until the parent has closed its end, as it does when it dies.
async fn closed(input: &mut BufReader<Stdin>) {
    let mut rest = [0; 256];
    while input.read(&mut rest).await.is_ok_and(|bytes| bytes > 0) {}
}

/// Tells the parent. When nobody listens any more there is nobody to tell that.
fn say(word: &Word) {
    let mut out = std::io::stdout().lock();
    let _ = serde_json::to_writer(&mut out, word);
    let _ = out.write_all(b"\n").and_then(|()| out.flush());
}

fn log_to_stderr() {
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::INFO)
        .with_writer(std::io::stderr)
        .finish();
    // Set once, at the start of the process; a second time cannot happen.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
