//! The orders service behind a socket, or on Lambda.

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    platform::serve::main(orders::service).await
}
