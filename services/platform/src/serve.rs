//! How a service's binary starts: a socket, or Lambda where its runtime is there.

use crate::{
    Config, Platform, World, credentials, lambda, network::Network, service::Host, telemetry::Telemetry,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use std::{error::Error, net::SocketAddr, path::PathBuf, process::ExitCode};
use tokio::{net::TcpListener, task::JoinSet};
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt};

/// Why a binary's work failed.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Names the configuration file.
const CONFIG_VARIABLE: &str = "BIGSMOKES_CONFIG";
/// Where to listen; `127.0.0.1:8080` where absent.
const LISTEN_VARIABLE: &str = "BIGSMOKES_LISTEN";

/// Runs the service `name` until the process is told to stop. It fails, and says why, when the configuration cannot be used,
/// the address cannot be listened on, or a worker ends.
pub async fn main<H: Into<Host>>(name: &'static str, build: impl FnOnce(Platform) -> H) -> ExitCode {
    ended(name, run(name, build).await)
}

/// What a binary's work came to; why it failed goes to standard error, in one line.
pub fn ended(name: &str, result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("{name}: {}", cause.to_string().replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

async fn run<H: Into<Host>>(name: &'static str, build: impl FnOnce(Platform) -> H) -> Result<(), Failure> {
    let (platform, telemetry) = observed(name).await?;
    let host = build(platform).into();
    if lambda::inside() {
        lambda::run(host, telemetry).await
    } else {
        let served = socket(host).await;
        flush(telemetry.as_ref()).await;
        served
    }
}

/// What a binary's work stands on: the machine's clock and network, and the configuration that the environment names.
///
/// # Errors
/// When the configuration cannot be used.
pub async fn platform(name: &'static str) -> Result<Platform, Failure> {
    observed(name).await.map(|(platform, _)| platform)
}

/// The platform, and what watches it. The watching begins first: instruments made before it would not be heard.
async fn observed(name: &'static str) -> Result<(Platform, Option<Telemetry>), Failure> {
    let config = Config::load(&config_path()?)?;
    let network = Network::secure().map_err(|cause| format!("no TLS without root certificates: {cause}"))?;
    let telemetry = Telemetry::start(name, &config, &network)?;
    log_to_stderr(telemetry.as_ref());
    let aws_http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
    let credentials =
        credentials::provider(config.aws_endpoint.as_deref(), &config.region, aws_http.clone()).await;
    Ok((Platform::new(World::real(aws_http, credentials), config, network)?, telemetry))
}

/// Sends what is still to be told to the collector.
pub(crate) async fn flush(telemetry: Option<&Telemetry>) {
    if let Some(telemetry) = telemetry {
        telemetry.flush().await;
    }
}

/// Structured logs on standard error, and spans to the collector where there is one.
fn log_to_stderr(telemetry: Option<&Telemetry>) {
    let subscriber = tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr))
        .with(telemetry.map(Telemetry::layer))
        .with(LevelFilter::INFO);
    // Already set where a host runs several services in one process: then its choice stands.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

#[allow(clippy::disallowed_methods)] // the one place where the environment is read
fn config_path() -> Result<PathBuf, String> {
    std::env::var_os(CONFIG_VARIABLE)
        .map(PathBuf::from)
        .ok_or_else(|| format!("{CONFIG_VARIABLE} must name the configuration file (JSON)"))
}

#[allow(clippy::disallowed_methods)] // the one place where the environment is read
fn listen_address() -> Result<SocketAddr, String> {
    let text = std::env::var(LISTEN_VARIABLE).unwrap_or_else(|_| "127.0.0.1:8080".into());
    text.parse().map_err(|_| format!("{LISTEN_VARIABLE}: {text} is not an address and port"))
}

async fn socket(host: Host) -> Result<(), Failure> {
    let address = listen_address()?;
    let listener =
        TcpListener::bind(address).await.map_err(|cause| format!("cannot listen on {address}: {cause}"))?;
    tracing::info!(service = host.service.name, %address, "listening");
    let mut tasks = JoinSet::new();
    host.services().for_each(|service| service.start(&mut tasks));
    let served = axum::serve(listener, host.router()).with_graceful_shutdown(stopped());
    tokio::select! {
        served = served => Ok(served?),
        Some(ended) = tasks.join_next() => Err(format!("a worker ended: {ended:?}").into()),
    }
}

async fn stopped() {
    // Without a signal handler the process ends at the signal, which is just as well.
    let _ = tokio::signal::ctrl_c().await;
}
