//! Which trace a piece of work belongs to: the W3C Trace Context (<https://www.w3.org/TR/trace-context/>), from the
//! caller's header or the event's metadata into our own calls and events.
//!
//! Whatever runs within [`run`] knows its context by [`current`]. Tasks behind an answer do not: what they publish
//! joins the trace of its correlation id, which every region derives alike.

use crate::{telemetry, world::World};
use contracts::{events::Metadata, keys};
use http::HeaderMap;
use std::{fmt, future::Future, str::FromStr};
use tracing::{Instrument, Span};

/// The header of the trace.
pub const HEADER: &str = "traceparent";
/// The header that says what kind of work it is.
pub const BAGGAGE: &str = "baggage";
/// The member of the baggage that load tests carry.
pub const SYNTHETIC: &str = "synthetic_request=true";

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// A place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace; never 0.
    pub trace_id: u128,
    /// The span that what comes next is a part of; never 0.
    pub span_id: u64,
    /// Whether the trace is recorded.
    pub sampled: bool,
    /// Whether a load test caused it.
    pub synthetic: bool,
}

/// A text that is not a `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent")]
pub struct NotATraceparent;

impl FromStr for TraceContext {
    type Err = NotATraceparent;

    /// Reads `{version}-{trace id}-{span id}-{flags}`. Later versions may add to the end, and `ff` is none.
    fn from_str(text: &str) -> Result<Self, NotATraceparent> {
        let mut parts = text.split('-');
        let mut next = |digits| hex(parts.next().unwrap_or_default(), digits);
        let (version, trace_id, span_id, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        let more = parts.next().is_some();
        if version == 0xff || trace_id == 0 || span_id == 0 || (version == 0 && more) {
            return Err(NotATraceparent);
        }
        Ok(TraceContext { trace_id, span_id: span_id as u64, sampled: flags & 1 == 1, synthetic: false })
    }
}

fn hex(text: &str, digits: usize) -> Result<u128, NotATraceparent> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != digits || !text.bytes().all(lower) {
        return Err(NotATraceparent);
    }
    u128::from_str_radix(text, 16).map_err(|_| NotATraceparent)
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

impl TraceContext {
    /// The context that a request names. One that cannot be read is as good as none.
    pub fn of_request(headers: &HeaderMap) -> Option<Self> {
        let context: TraceContext = headers.get(HEADER)?.to_str().ok()?.parse().ok()?;
        let baggage = headers.get_all(BAGGAGE).iter().filter_map(|value| value.to_str().ok());
        let synthetic = baggage.flat_map(|list| list.split(',')).any(|member| member.trim() == SYNTHETIC);
        Some(TraceContext { synthetic, ..context })
    }

    /// The context in which an event came about.
    pub fn of_event(event: &Metadata) -> Option<Self> {
        event.traceparent.as_deref()?.parse().ok()
    }

    /// The trace of everything with this correlation id, as whoever publishes the event with this id sees it.
    pub fn of_correlation(correlation_id: &str, event_id: uuid::Uuid) -> Self {
        let named = uuid::Uuid::parse_str(correlation_id).map(|id| id.as_u128()).ok().filter(|id| *id != 0);
        let hashed = || u128::from_str_radix(&keys::sha256_hex(correlation_id.as_bytes())[..32], 16);
        TraceContext {
            trace_id: named.or_else(|| hashed().ok()).unwrap_or(1).max(1),
            span_id: event_id.as_u64_pair().1.max(1),
            sampled: true,
            synthetic: false,
        }
    }

    /// The next span: of the parent's trace, or of a new one.
    fn after(parent: Option<Self>, world: &World) -> Self {
        let [high, low, span_id] = world.trace_bits();
        let new = || (u128::from(high) << 64 | u128::from(low)).max(1);
        TraceContext {
            trace_id: parent.map_or_else(new, |parent| parent.trace_id),
            span_id: span_id.max(1),
            sampled: parent.is_none_or(|parent| parent.sampled),
            synthetic: parent.is_some_and(|parent| parent.synthetic),
        }
    }
}

/// The context of the work that asks.
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(|context| *context).ok()
}

/// Does work within a span: one of the parent's trace, or of a new one.
pub async fn run<T>(
    world: &World,
    span: Span,
    parent: Option<TraceContext>,
    work: impl Future<Output = T>,
) -> T {
    let context = telemetry::joined(&span, parent).unwrap_or_else(|| TraceContext::after(parent, world));
    if !span.is_disabled() {
        span.record("trace_id", tracing::field::display(format_args!("{:032x}", context.trace_id)));
    }
    CURRENT.scope(context, work.instrument(span)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn world() -> World {
        World::new(0, 1, aws_smithy_http_client::Builder::new().build_http())
    }

    #[test]
    fn the_example_of_the_recommendation_is_read_and_written() {
        let context: TraceContext = SAMPLE.parse().expect("a traceparent");
        assert_eq!(context.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!((context.span_id, context.sampled), (0x00f0_67aa_0ba9_02b7, true));
        assert_eq!(context.to_string(), SAMPLE);
    }

    #[test]
    fn what_is_not_one_is_refused_and_a_later_version_is_not() {
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let upper = SAMPLE.to_uppercase();
        let more = format!("{SAMPLE}-x");
        let invalid = SAMPLE.replacen("00", "ff", 1);
        for bad in ["", "00", zero, &upper, &more, &invalid, &SAMPLE[1..]] {
            assert_eq!(bad.parse::<TraceContext>(), Err(NotATraceparent), "{bad}");
        }
        assert!(more.replacen("00", "01", 1).parse::<TraceContext>().is_ok());
    }

    #[test]
    fn load_tests_say_so_in_the_baggage() {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, SAMPLE.parse().expect("a header"));
        assert!(!TraceContext::of_request(&headers).expect("a context").synthetic);
        headers.insert(BAGGAGE, "user=x, synthetic_request=true".parse().expect("a header"));
        assert!(TraceContext::of_request(&headers).expect("a context").synthetic);
    }

    #[tokio::test]
    async fn work_knows_its_trace_and_a_new_one_begins_without_a_parent() {
        let (world, parent) = (world(), SAMPLE.parse::<TraceContext>().expect("a traceparent"));
        let within = run(&world, Span::none(), Some(parent), async { current() }).await.expect("a context");
        assert_eq!(within.trace_id, parent.trace_id);
        assert_ne!(within.span_id, parent.span_id);
        let first = run(&world, Span::none(), None, async { current() }).await.expect("a context");
        let second = run(&world, Span::none(), None, async { current() }).await.expect("a context");
        assert_ne!(first.trace_id, second.trace_id);
        assert_eq!(current(), None);
    }

    #[test]
    fn an_event_made_again_elsewhere_is_in_the_same_place_of_the_same_trace() {
        let (order, event) = (uuid::Uuid::from_u128(7), uuid::Uuid::from_u128(9));
        let context = TraceContext::of_correlation(&order.to_string(), event);
        assert_eq!((context.trace_id, context.span_id), (7, 9));
        let named = TraceContext::of_correlation("warehouse-1", event);
        assert_eq!(named, TraceContext::of_correlation("warehouse-1", event));
        assert_ne!(named.trace_id, TraceContext::of_correlation("warehouse-2", event).trace_id);
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_again(trace_id in 1u128.., span_id in 1u64.., sampled: bool) {
            let context = TraceContext { trace_id, span_id, sampled, synthetic: false };
            prop_assert_eq!(context.to_string().parse(), Ok(context));
        }
    }
}
