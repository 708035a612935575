//! The third parties, which survive every region, and regions that share them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::middleware::{self, Next};
use axum::response::Response;
use contracts::OrderId;
use platform::calls::Credential;
use platform::network::Network;
use platform::{Deadline, Platform, inbox};
use serde_json::json;
use simulator::third_parties::Clock;
use simulator::third_parties::carrier::{Carrier, CarrierConfig};
use simulator::third_parties::payment_3p::{PreauthAnswer, Provider, ProviderConfig};
use uuid::Uuid;

use crate::support::{NOW_MS, Needs, Running, eventually};

/// What every region's configuration holds.
const PROVIDER_KEY: &str = "provider key";

/// What is outside of all regions.
pub(crate) struct Outside {
    pub(crate) provider: Provider,
    pub(crate) carrier: Carrier,
    line: Line,
}

/// The line to the provider: it can be made to break right after the next capture reached it.
#[derive(Clone, Default)]
struct Line {
    breaks_at_capture: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
}

async fn over(State(line): State<Line>, request: axum::extract::Request, next: Next) -> Response {
    let capture = request.uri().path() == "/processPayment";
    if line.broken.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let answer = next.run(request).await;
    if capture && line.breaks_at_capture.swap(false, Ordering::SeqCst) {
        line.broken.store(true, Ordering::SeqCst);
        std::future::pending::<()>().await;
    }
    answer
}

impl Outside {
    pub(crate) fn new() -> Self {
        let clock: Clock = Arc::new(|| NOW_MS);
        let (rtt, jitter_pct) = (Duration::ZERO, 0.0);
        let provider = ProviderConfig { api_key: PROVIDER_KEY.to_owned(), rtt, jitter_pct };
        Outside {
            provider: Provider::new(7, clock.clone(), provider),
            carrier: Carrier::new(7, clock, CarrierConfig { rtt, jitter_pct }),
            line: Line::default(),
        }
    }

    /// The next capture is done, and nothing is heard of the provider from then on.
    pub(crate) fn break_line_at_capture(&self) {
        self.line.breaks_at_capture.store(true, Ordering::SeqCst);
    }

    pub(crate) fn mend_line(&self) {
        self.line.broken.store(false, Ordering::SeqCst);
    }

    /// A region with nothing in its tables, which no other region's rows reach: so is a successor that lost
    /// whatever was not yet copied.
    pub(crate) async fn region(&self, name: &str) -> Running {
        let network = Network::new();
        let line = middleware::from_fn_with_state(self.line.clone(), over);
        network.mount("provider.local", self.provider.router().layer(line));
        network.mount("carrier.local", self.carrier.router());
        let tables = [products::TABLES, delivery::TABLES, payment::TABLES].concat();
        let tables = tables.into_iter().chain([inbox::TABLE]).collect();
        let needs = Needs { tables, subscriptions: products::SUBSCRIPTION.into_iter().collect() };
        let build = |platform: Platform| {
            let (one, two, three) = (platform.clone(), platform.clone(), platform);
            vec![products::service(one), delivery::service(two), payment::service(three)]
        };
        Running::start(name, &network, needs, build, Router::new()).await
    }
}

/// A token of the provider for this amount.
pub(crate) async fn preauthorise(region: &Running, amount: i64) -> Uuid {
    let target = region.platform.calls.outside("provider", "http://provider.local");
    let body = json!({ "cardNumber": "4242424242424242", "amount": amount });
    let target = target.header("x-api-key", PROVIDER_KEY);
    let deadline = Deadline::within(Duration::from_secs(5));
    let answer = target.post::<PreauthAnswer>(Credential::None, "/preauth", &body, deadline).await;
    answer.unwrap().payment_token
}

/// The types of the events that the bus has had of an order. Copies do not count, nor does the order: the
/// bus promises neither.
pub(crate) fn told_so_far(region: &Running, order_id: OrderId) -> BTreeSet<String> {
    let id = json!(order_id);
    let tapped = region.cloud.tap().into_iter().filter(|event| event["detail"]["orderId"] == id);
    tapped.map(|event| event["detail-type"].as_str().unwrap().to_owned()).collect()
}

/// Waits for the relay, which works behind the answer, and demands that it told just these.
pub(crate) async fn assert_told(region: &Running, order_id: OrderId, types: &[&str]) {
    let told = eventually("events", async || {
        let told = told_so_far(region, order_id);
        (told.len() >= types.len()).then_some(told)
    })
    .await;
    assert!(told.iter().map(String::as_str).eq(types.iter().copied()), "{told:?} instead of {types:?}");
}

pub(crate) fn order(number: u128) -> OrderId {
    OrderId(Uuid::from_u128(number))
}
