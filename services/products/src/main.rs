//! The catalogue: what is sold and at what price.

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    platform::serve::main(products::NAME, products::service).await
}
