//! The users service as a process of its own.

/// Runs the service until the process is told to stop.
#[tokio::main]
async fn main() -> std::process::ExitCode {
    platform::serve::main(users::NAME, users::service).await
}
