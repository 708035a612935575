//! What befalls a chosen call of an order's saga: it never arrives, its answer is lost, or it is done twice.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use contracts::OrderId;
use http::header;
use http::request::Parts;
use tower::ServiceExt as _;

/// What signed calls carry, and nobody else's.
const SIGNED: &str = "AWS4-HMAC-SHA256";
/// Copies of the journal are asked for many orders at once, and one of three may fail anyway.
const JOURNAL: &str = "/orders/backend/journal";
/// A call's body is smaller.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    NeverArrives,
    AnswerLost,
    DoneTwice,
}

impl Harm {
    pub(crate) const ALL: [Harm; 3] = [Harm::NeverArrives, Harm::AnswerLost, Harm::DoneTwice];
}

/// The calls of orders in one region: what the services ask each other, what they write and what they publish. Clones
/// watch the same orders.
#[derive(Clone, Default)]
pub(crate) struct Harms(Arc<Mutex<Watch>>);

#[derive(Default)]
struct Watch {
    orders: BTreeMap<OrderId, Watched>,
    /// Calls to the cloud that are harmed with all their retries, by the SDK's name for them.
    invocations: BTreeMap<String, Harm>,
}

#[derive(Default)]
struct Watched {
    id: String,
    /// In the order in which they were made.
    calls: Vec<String>,
    /// Which of them is harmed, from 1, and how.
    planned: Option<(usize, Harm)>,
}

impl fmt::Debug for Harms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Harms")
    }
}

impl Harms {
    /// Counts an order's calls from now on, and harms one of them.
    pub(crate) fn watch(&self, order_id: OrderId, planned: Option<(usize, Harm)>) {
        let watched = Watched { id: order_id.to_string(), calls: Vec::new(), planned };
        self.watched().orders.insert(order_id, watched);
    }

    /// The calls that were made for an order.
    pub(crate) fn calls(&self, order_id: OrderId) -> Vec<String> {
        self.watched().orders.get(&order_id).map(|watched| watched.calls.clone()).unwrap_or_default()
    }

    /// The client of the region's cloud, with the harm.
    pub(crate) fn client(&self, inner: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Client { harms: self.clone(), inner })
    }

    /// The region's doors, with the harm for what services ask each other.
    pub(crate) fn doors(&self, inner: Router) -> Router {
        self.router(inner, |parts| {
            let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            value.is_some_and(|value| value.starts_with(SIGNED)) && !parts.uri.path().starts_with(JOURNAL)
        })
    }

    /// A third party, with the harm.
    pub(crate) fn third_party(&self, inner: Router) -> Router {
        self.router(inner, |_| true)
    }

    fn router(&self, inner: Router, counts: fn(&Parts) -> bool) -> Router {
        let harms = self.clone();
        Router::new().fallback(move |request: Request| harms.clone().pass(inner.clone(), request, counts))
    }

    fn watched(&self) -> MutexGuard<'_, Watch> {
        self.0.lock().unwrap()
    }

    /// A call is made: notes it with the orders that its text names, and says what befalls it.
    fn met(&self, call: &str, text: &str) -> Option<Harm> {
        let mut harm = None;
        for watched in self.watched().orders.values_mut().filter(|watched| text.contains(&watched.id)) {
            watched.calls.push(call.replace(&watched.id, "{order}"));
            let (number, planned) = (watched.calls.len(), watched.planned);
            harm = harm.or(planned.and_then(|(at, harm)| (at == number).then_some(harm)));
        }
        harm
    }

    async fn pass(self, inner: Router, request: Request, counts: fn(&Parts) -> bool) -> Response {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap();
        let (method, path) = (&parts.method, parts.uri.path());
        let mut harm = None;
        if counts(&parts) {
            let text = format!("{path} {}", String::from_utf8_lossy(&body));
            harm = self.met(&format!("{method} {path}"), &text);
        }
        match harm {
            None => answer(&inner, &parts, &body).await,
            Some(Harm::DoneTwice) => {
                answer(&inner, &parts, &body).await;
                answer(&inner, &parts, &body).await
            }
            Some(Harm::AnswerLost) => {
                answer(&inner, &parts, &body).await;
                std::future::pending().await
            }
            // Whoever asked waits until their time is up.
            Some(Harm::NeverArrives) => std::future::pending().await,
        }
    }
}

async fn answer(inner: &Router, parts: &Parts, body: &Bytes) -> Response {
    let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
    inner.clone().oneshot(request).await.unwrap()
}

#[derive(Clone, Debug)]
struct Client {
    harms: Harms,
    inner: SharedHttpClient,
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { harms: self.harms.clone(), inner })
    }
}

#[derive(Clone, Debug)]
struct Connector {
    harms: Harms,
    inner: SharedHttpConnector,
}

impl Connector {
    /// What befalls a call to the cloud: one that writes or publishes, with all tries of the SDK.
    fn harm(&self, request: &HttpRequest) -> Option<Harm> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let writes = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "PutEvents"];
        if !writes.contains(&operation) {
            return None;
        }
        let invocation = request.headers().get("amz-sdk-invocation-id").unwrap_or_default();
        if let Some(harm) = self.harms.watched().invocations.get(invocation) {
            return Some(*harm);
        }
        let text = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
        let harm = self.harms.met(&format!("{operation}{}", tables(&text)), &text)?;
        self.harms.watched().invocations.insert(invocation.to_owned(), harm);
        Some(harm)
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (harm, inner) = (self.harm(&request), self.inner.clone());
        HttpConnectorFuture::new(async move {
            let lost = || ConnectorError::io(std::io::Error::other("the connection is gone").into());
            let again = request.try_clone();
            match (harm, again) {
                (Some(Harm::NeverArrives), _) => Err(lost()),
                (Some(Harm::AnswerLost), _) => {
                    let _ = inner.call(request).await; // nobody hears it
                    Err(lost())
                }
                (Some(Harm::DoneTwice), Some(again)) => {
                    let _ = inner.call(request).await;
                    inner.call(again).await
                }
                _ => inner.call(request).await,
            }
        })
    }
}

/// The tables that a request names, each once, in order.
fn tables(text: &str) -> String {
    let mut named = Vec::new();
    for rest in text.split("\"TableName\":\"").skip(1) {
        let name = rest.split('"').next().unwrap_or_default();
        let name = name.rsplit("sim-").next().unwrap_or_default();
        if !named.contains(&name) {
            named.push(name);
        }
    }
    named.iter().map(|name| format!(" {name}")).collect()
}
