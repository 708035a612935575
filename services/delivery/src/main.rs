//! Delivery prices and shipments.

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    platform::serve::main(delivery::NAME, delivery::service).await
}
