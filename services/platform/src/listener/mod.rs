//! Operators who listen to what happens in a region, over a WebSocket: for looking on while something is tried out. Not
//! for production, where nobody may read customers' orders as they go by.
//!
//! Where the configuration says so (`event_listener`), every event of the region's bus goes to one more queue, and its
//! consumer hands each to whoever has registered for the service that it comes from. Nobody is waited for: who is too
//! slow is cut off, and what nobody listens to is gone. Where the configuration does not say so there is no route, no
//! queue and no consumer.

mod socket;
#[cfg(test)]
mod tests;

use crate::{
    ApiError, Platform, World,
    consumer::{Consumer, NotApplied},
    identity::Admin,
    ops::{OPERATORS, Operator},
    regions,
    routes::{Routes, Who, get},
};
use axum::{
    extract::{
        State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use contracts::{
    Code,
    events::{Event, source},
    resources::{Interest, Subscription},
    schemas,
};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
};
use tokio::sync::{mpsc, oneshot};

/// Where operators listen.
const PATH: &str = "/ops/events";
/// Listeners of a process at most.
const LISTENERS_MAX: usize = 16;
/// Events that wait for a listener at most; the next one cuts it off.
const WAITING_MAX: usize = 256;
/// The longest message that a listener may send, bytes.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// The rule on the bus, where operators may listen: every event.
pub fn subscription() -> Subscription {
    static ALL: LazyLock<Vec<Interest>> = LazyLock::new(|| {
        let all = |(service, kinds): &(&str, &'static [&'static str])| {
            Some(Interest::all(source::of_service(service)?, kinds))
        };
        schemas::PUBLISHED.iter().filter_map(all).collect()
    });
    Subscription { consumer: regions::NAME, events: &ALL }
}

/// Whoever listens to the events of this process's region. Clones are the same listeners.
#[derive(Clone, Default)]
pub struct Listeners(Arc<Mutex<Registry>>);

#[derive(Default)]
struct Registry {
    next: u64,
    listening: BTreeMap<u64, Listener>,
}

/// A listener, as whoever tells it sees it.
struct Listener {
    /// The sources that it registered for.
    sources: BTreeSet<&'static str>,
    events: mpsc::Sender<Arc<str>>,
    /// Cuts it off: by a word where it is too slow, by being dropped where the process ends.
    cut: oneshot::Sender<()>,
}

/// A listener's own end.
struct Listening {
    ticket: Ticket,
    events: mpsc::Receiver<Arc<str>>,
    cut: oneshot::Receiver<()>,
}

/// A listener's place among the others, given up when it goes. It does not keep the others alive: they end with the
/// process, and it with them.
struct Ticket {
    id: u64,
    listeners: Weak<Mutex<Registry>>,
}

impl Ticket {
    fn register(&self, source: &'static str) {
        let Some(listeners) = self.listeners.upgrade() else { return };
        if let Some(listener) = lock(&listeners).listening.get_mut(&self.id) {
            listener.sources.insert(source);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(listeners) = self.listeners.upgrade() {
            lock(&listeners).listening.remove(&self.id);
        }
    }
}

impl Listeners {
    /// A place for one more; none where there are too many.
    fn join(&self) -> Option<Listening> {
        let mut registry = lock(&self.0);
        if registry.listening.len() >= LISTENERS_MAX {
            return None;
        }
        let ((events, receiver), (cut, cut_off)) = (mpsc::channel(WAITING_MAX), oneshot::channel());
        let id = registry.next;
        registry.next += 1;
        registry.listening.insert(id, Listener { sources: BTreeSet::new(), events, cut });
        let ticket = Ticket { id, listeners: Arc::downgrade(&self.0) };
        Some(Listening { ticket, events: receiver, cut: cut_off })
    }

    /// Tells an event to whoever registered for its source, and cuts off who has not taken the ones before.
    pub fn tell(&self, event: &Event) {
        let source = event.happening.source();
        let mut registry = lock(&self.0);
        let wants = |listener: &Listener| listener.sources.contains(source);
        if !registry.listening.values().any(wants) {
            return;
        }
        let text: Arc<str> = envelope(event).to_string().into();
        let full = |listener: &Listener| wants(listener) && listener.events.try_send(text.clone()).is_err();
        let slow: Vec<u64> =
            registry.listening.iter().filter(|(_, one)| full(one)).map(|(id, _)| *id).collect();
        for id in slow {
            if let Some(listener) = registry.listening.remove(&id) {
                let _ = listener.cut.send(()); // it may have gone by itself
            }
        }
    }

    /// The consumer of the queue.
    pub(crate) fn consumer(platform: &Platform) -> Consumer {
        let listeners = platform.listeners.clone();
        let handler = move |event: Event| -> BoxFuture<'static, Result<(), NotApplied>> {
            listeners.tell(&event);
            Box::pin(std::future::ready(Ok(())))
        };
        Consumer::new(platform, regions::NAME, Arc::new(handler))
    }
}

/// The event as the bus has it, but for the bus's own id, account and time.
fn envelope(event: &Event) -> Value {
    json!({
        "version": "0",
        "id": event.metadata.event_id,
        "source": event.happening.source(),
        "detail-type": event.happening.detail_type(),
        "time": event.metadata.produced_at,
        "region": event.metadata.home_region,
        "resources": [event.metadata.aggregate_id],
        "detail": event.detail(),
    })
}

/// What the route works with.
#[derive(Clone)]
struct Api {
    world: World,
    listeners: Listeners,
}

/// The route by which operators listen; none where the configuration does not say so.
pub(crate) fn routes(platform: &Platform) -> Routes {
    if !platform.config.event_listener {
        return Routes::new();
    }
    let api = Api { world: platform.world.clone(), listeners: platform.listeners.clone() };
    let summary = "Listens to a service's events over a WebSocket: register {serviceName}";
    let route = get(PATH, OPERATORS, summary).or(Who::staff::<Admin>()).also(&[101, 400]);
    Routes::new().route(route, listen).with_state(api)
}

async fn listen(
    State(api): State<Api>,
    operator: Operator,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|why| ApiError::new(Code::BadRequest, why.body_text()))?;
    let full = || ApiError::new(Code::RateLimited, format!("{LISTENERS_MAX} listen already"));
    let listening = api.listeners.join().ok_or_else(full)?;
    tracing::info!(by = %operator, "an operator listens to events");
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| socket::serve(socket, listening, api.world)))
}

/// Every change leaves it whole.
fn lock(registry: &Mutex<Registry>) -> MutexGuard<'_, Registry> {
    registry.lock().unwrap_or_else(PoisonError::into_inner)
}
