//! Payment checks, captures, voids and refunds, once each.

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    platform::serve::main(payment::NAME, payment::service).await
}
