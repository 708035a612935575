//! What a command starts, and that nothing of it is left behind.

use super::report;
use crate::{engine::clouds::Clouds, process::Processes};
use std::process::ExitCode;

/// What a command starts and must not leave behind.
#[derive(Default)]
pub(super) struct Owned {
    pub(super) processes: Processes,
    pub(super) clouds: Clouds,
}

/// Carries out work that has child processes and containers, until it is done or the user stops it; then none is left.
pub(super) async fn until_stopped(
    work: impl Future<Output = anyhow::Result<ExitCode>>,
    owned: &Owned,
    stopped: ExitCode,
) -> ExitCode {
    let outcome = tokio::select! {
        outcome = work => outcome,
        () = stop_signal() => Ok(stopped),
    };
    let ended = owned.processes.end_all().await.map_err(anyhow::Error::from);
    let ended = owned.clouds.end().await.and(ended);
    match (outcome, ended) {
        (Err(fault), _) => report(&fault),
        (Ok(_), Err(fault)) => report(&fault),
        (Ok(code), Ok(())) => code,
    }
}

/// Ctrl-C, or the polite signal of whoever manages processes.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
