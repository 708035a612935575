//! Delivery prices and shipments.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    platform::serve::main(delivery::NAME, delivery::service).await
}
