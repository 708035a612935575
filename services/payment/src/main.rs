//! Payment checks, captures, voids and refunds, once each.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    platform::serve::main(payment::NAME, payment::service).await
}
