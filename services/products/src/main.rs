//! The catalogue: what is sold and at what price.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    platform::serve::main(products::NAME, products::service).await
}
