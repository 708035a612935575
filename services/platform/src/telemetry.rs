//! Spans and metrics for an OpenTelemetry collector, where the configuration names one.
//!
//! Services write spans with `tracing`; here they become OpenTelemetry's, and go out in batches over OTLP (protobuf
//! over HTTP, <https://opentelemetry.io/docs/specs/otlp/>). Without a collector nothing of this runs.

use crate::{config::Config, network::Network, trace::TraceContext};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::{
    Context, KeyValue, global,
    metrics::Histogram,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider},
};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, metrics::SdkMeterProvider, trace::SdkTracerProvider};
use std::{sync::Arc, time::Duration};
use tokio::runtime::Handle;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, registry::LookupSpan};

/// The name under which instruments and tracers are known.
const SCOPE: &str = "bigsmokes";
/// One export at the most.
const EXPORT_LIMIT: Duration = Duration::from_secs(5);
/// Bounds of the buckets of request durations, seconds: the promise of one second lies on one of them.
const DURATION_BOUNDS_S: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 2.5, 5.0, 10.0];

/// The collector cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("otlp_url: {0}")]
pub struct TelemetryError(String);

/// What leaves this process for the collector. Ends with its owner, after what is waiting was sent.
pub struct Telemetry {
    spans: SdkTracerProvider,
    metrics: SdkMeterProvider,
}

impl Telemetry {
    /// Begins to export for the service `name`, where a collector is configured. Meters made from now on are heard.
    ///
    /// # Errors
    /// When the address of the collector is none.
    pub fn start(
        name: &'static str,
        config: &Config,
        network: &Network,
    ) -> Result<Option<Self>, TelemetryError> {
        let Some(url) = &config.otlp_url else { return Ok(None) };
        let url = url.trim_end_matches('/');
        let client: Arc<dyn HttpClient> =
            Arc::new(Collector { network: network.clone(), runtime: Handle::current() });
        let resource = Resource::builder_empty()
            .with_service_name(name)
            .with_attribute(KeyValue::new("cloud.region", config.region.to_string()))
            .with_attribute(KeyValue::new("deployment.environment.name", config.env.clone()))
            .build();
        let spans = spans(url, client.clone()).map_err(|cause| TelemetryError(cause.to_string()))?;
        let metrics = metrics(url, client).map_err(|cause| TelemetryError(cause.to_string()))?;
        let spans =
            SdkTracerProvider::builder().with_batch_exporter(spans).with_resource(resource.clone()).build();
        let metrics =
            SdkMeterProvider::builder().with_periodic_exporter(metrics).with_resource(resource).build();
        global::set_meter_provider(metrics.clone());
        Ok(Some(Telemetry { spans, metrics }))
    }

    /// Turns spans into OpenTelemetry's.
    pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        tracing_opentelemetry::layer().with_tracer(self.spans.tracer(SCOPE))
    }

    /// Sends what is waiting. Lambda freezes a process between two events, so each event ends with this.
    pub async fn flush(&self) {
        let (spans, metrics) = (self.spans.clone(), self.metrics.clone());
        // The exporters wait for the network, which must go on meanwhile.
        let flushed =
            tokio::task::spawn_blocking(move || spans.force_flush().and(metrics.force_flush())).await;
        if !matches!(flushed, Ok(Ok(()))) {
            tracing::debug!(?flushed, "the collector did not take everything");
        }
    }
}

fn spans(
    url: &str,
    client: Arc<dyn HttpClient>,
) -> Result<SpanExporter, opentelemetry_otlp::ExporterBuildError> {
    SpanExporter::builder()
        .with_http()
        .with_shared_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{url}/v1/traces"))
        .with_timeout(EXPORT_LIMIT)
        .build()
}

fn metrics(
    url: &str,
    client: Arc<dyn HttpClient>,
) -> Result<MetricExporter, opentelemetry_otlp::ExporterBuildError> {
    MetricExporter::builder()
        .with_http()
        .with_shared_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{url}/v1/metrics"))
        .with_timeout(EXPORT_LIMIT)
        .build()
}

/// The way to the collector: our own network, from whichever thread an exporter runs on.
#[derive(Debug)]
struct Collector {
    network: Network,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let network = self.network.clone();
        let sending = async move { tokio::time::timeout(EXPORT_LIMIT, network.send(request)).await };
        Ok(self.runtime.spawn(sending).await???)
    }
}

/// How long the requests of a service took. Heard where a collector is configured.
#[derive(Clone)]
pub struct Durations(Option<Histogram<f64>>);

impl Durations {
    /// The instrument, by OpenTelemetry's semantic conventions for HTTP servers.
    pub fn new(config: &Config) -> Self {
        let instrument = || {
            global::meter(SCOPE)
                .f64_histogram("http.server.request.duration")
                .with_unit("s")
                .with_boundaries(DURATION_BOUNDS_S.to_vec())
                .build()
        };
        Durations(config.otlp_url.is_some().then(instrument))
    }

    /// Notes a request.
    pub fn note(&self, method: &http::Method, route: &str, status: u16, took: Duration) {
        let Some(histogram) = &self.0 else { return };
        histogram.record(
            took.as_secs_f64(),
            &[
                KeyValue::new("http.request.method", method.to_string()),
                KeyValue::new("http.route", route.to_owned()),
                KeyValue::new("http.response.status_code", i64::from(status)),
            ],
        );
    }
}

/// The place of an exported span in its trace, once it has joined its parent's. Nothing, where spans are not exported.
pub(crate) fn joined(span: &Span, parent: Option<TraceContext>) -> Option<TraceContext> {
    if span.is_disabled() {
        return None;
    }
    if let Some(parent) = parent {
        span.set_parent(Context::new().with_remote_span_context(remote(parent))).ok()?;
    }
    let context = span.context();
    let exported = context.span().span_context().clone();
    exported.is_valid().then(|| TraceContext {
        trace_id: u128::from_be_bytes(exported.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(exported.span_id().to_bytes()),
        sampled: exported.is_sampled(),
        synthetic: parent.is_some_and(|parent| parent.synthetic),
    })
}

fn remote(parent: TraceContext) -> SpanContext {
    let (trace_id, span_id) = (TraceId::from(parent.trace_id), SpanId::from(parent.span_id));
    let flags = if parent.sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    SpanContext::new(trace_id, span_id, flags, true, TraceState::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{World, trace};
    use axum::{Router, extract::State, routing::post};
    use serde_json::json;
    use std::sync::Mutex;
    use tracing_subscriber::layer::SubscriberExt;

    type Seen = Arc<Mutex<Vec<(&'static str, Bytes)>>>;

    fn config(otlp_url: Option<String>) -> Config {
        let secrets =
            json!({ "service_key": "s", "payment_key": "p", "provider_key": "k", "age_check_key": "a" });
        let config = json!({
            "env": "tests", "region": "eu-west-1", "regions": [], "continents": [], "shards": 1, "warehouses": [],
            "pools": [], "provider_url": "", "carrier_url": "", "age_check_url": "", "heartbeat_ms": 1,
            "suspect_after_ms": 2, "secrets": secrets, "otlp_url": otlp_url,
        });
        serde_json::from_value(config).expect("a configuration")
    }

    /// A collector that keeps what it is told.
    async fn collector() -> (String, Seen) {
        let seen = Seen::default();
        let keep = |name: &'static str| {
            post(async move |State(seen): State<Seen>, body: Bytes| {
                seen.lock().expect("not poisoned").push((name, body));
            })
        };
        let router = Router::new().route("/v1/traces", keep("traces")).route("/v1/metrics", keep("metrics"));
        let router = router.with_state(seen.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, seen)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn spans_and_durations_reach_the_collector_in_the_callers_trace() {
        let (url, seen) = collector().await;
        let config = config(Some(url));
        let telemetry = Telemetry::start("users", &config, &Network::new()).expect("an address");
        let telemetry = telemetry.expect("configured");
        let subscriber = tracing_subscriber::registry().with(telemetry.layer());
        let guard = tracing::subscriber::set_default(subscriber);
        let parent: TraceContext =
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().expect("a traceparent");
        let world = World::new(0, 1, aws_smithy_http_client::Builder::new().build_http());
        let span = tracing::info_span!("request", trace_id = tracing::field::Empty);
        let within = trace::run(&world, span, Some(parent), async { trace::current() }).await;
        drop(guard);
        Durations::new(&config).note(&http::Method::GET, "/me", 200, Duration::from_millis(7));
        telemetry.flush().await;

        let within = within.expect("a context");
        let seen = seen.lock().expect("not poisoned");
        let told = |name, part: &[u8]| {
            seen.iter()
                .any(|(kind, body)| *kind == name && body.windows(part.len()).any(|window| window == part))
        };
        assert_eq!(within.trace_id, parent.trace_id);
        assert!(told("traces", &parent.trace_id.to_be_bytes()), "the trace");
        assert!(told("traces", &parent.span_id.to_be_bytes()), "the span's parent");
        assert!(told("traces", &within.span_id.to_be_bytes()), "the span that our own calls name");
        assert!(told("traces", b"users") && told("metrics", b"http.server.request.duration"));
    }

    #[tokio::test]
    async fn without_a_collector_nothing_is_exported() {
        assert!(Telemetry::start("users", &config(None), &Network::new()).expect("no fault").is_none());
        let started = Telemetry::start("users", &config(Some("not an address".into())), &Network::new());
        assert!(started.is_err_and(|fault| fault.to_string().starts_with("otlp_url")));
    }
}
