//! Operators who listen to events over a WebSocket.

use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use contracts::OrderId;
use contracts::events::{Event, Happening};
use futures::{SinkExt as _, StreamExt as _};
use http::{Request, header};
use platform::bus::{self, Aggregate};
use platform::network::Network;
use platform::regions::{self, Desk};
use platform::{Config, Platform, listener, ops};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use uuid::Uuid;

use crate::support::{Needs, Running, eventually};

type Socket = WebSocketStream<TcpStream>;

/// Listeners that a process takes at most.
const LISTENERS_MAX: usize = 16;

/// A region whose operators may listen, behind a socket of its own.
struct Place {
    region: Running,
    address: String,
    _serving: JoinSet<()>,
}

impl Place {
    async fn open(listened: bool) -> Place {
        let mut operators = Router::new();
        let build = |platform: Platform| {
            let desk = Desk::new(&platform);
            let services = vec![regions::service(&platform, &desk)];
            operators = ops::router(&platform, &desk, &services);
            services
        };
        let subscriptions = listened.then(listener::subscription).into_iter().collect();
        let needs = Needs { tables: regions::TABLES.to_vec(), subscriptions };
        let region = Running::start("eu-west-1", &Network::new(), needs, build, Router::new()).await;
        let listening = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listening.local_addr().unwrap().to_string();
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listening, operators).await.unwrap() });
        Place { region, address, _serving: serving }
    }

    /// Opens a WebSocket, signed as a service or by nobody.
    async fn connect(&self, signer: Option<&str>) -> Result<Socket, u16> {
        let url = format!("http://{}/ops/events", self.address);
        let mut request = format!("ws://{}/ops/events", self.address).into_client_request().unwrap();
        if let Some(signer) = signer {
            let mut signed =
                Request::get(url).header(header::HOST, &self.address).body(Bytes::new()).unwrap();
            let platform = &self.region.platform;
            platform.identity.sign(&platform.world, signer, &mut signed).unwrap();
            let proof = signed.headers().iter().filter(|(name, _)| *name != header::HOST);
            request.headers_mut().extend(proof.map(|(name, value)| (name.clone(), value.clone())));
        }
        let stream = TcpStream::connect(&self.address).await.unwrap();
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    async fn listen(&self, service: &str) -> Socket {
        let mut socket = self.connect(Some("ops")).await.unwrap();
        say(&mut socket, &json!({ "action": "register", "serviceName": service })).await;
        assert_eq!(heard(&mut socket).await, json!({ "registered": service }));
        socket
    }

    fn event(&self, version: u64) -> Event {
        let aggregate = Aggregate { kind: "delivery", id: "1", version, epoch: 1 };
        let order_id = OrderId(Uuid::from_u128(1));
        let happening = Happening::DeliveryStarted { order_id, tracking_id: version.to_string() };
        bus::event(&self.region.platform, aggregate, "test", happening)
    }
}

async fn say(socket: &mut Socket, message: &Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

async fn next(socket: &mut Socket) -> Message {
    let next = tokio::time::timeout(Duration::from_secs(10), socket.next());
    next.await.expect("something comes").expect("the socket is open").unwrap()
}

async fn heard(socket: &mut Socket) -> Value {
    serde_json::from_str(next(socket).await.to_text().unwrap()).unwrap()
}

#[tokio::test]
async fn an_operator_hears_the_events_of_the_service_that_it_registered_for() {
    let place = Place::open(true).await;
    let (mut delivery, mut orders) = (place.listen("delivery").await, place.listen("orders").await);
    let event = place.event(1);
    place.region.publish(&event).await;
    let envelope = heard(&mut delivery).await;
    assert_eq!(
        (&envelope["source"], &envelope["detail-type"]),
        (&json!("ecommerce.delivery"), &json!("DeliveryStarted"))
    );
    assert_eq!(Event::from_envelope(&envelope).unwrap(), event);
    // One that registers later hears what comes then, and nothing from before.
    say(&mut orders, &json!({ "action": "register", "serviceName": "delivery" })).await;
    assert_eq!(heard(&mut orders).await, json!({ "registered": "delivery" }));
    place.region.publish(&place.event(2)).await;
    assert_eq!(heard(&mut orders).await["detail"]["trackingId"], "2");
    assert_eq!(heard(&mut delivery).await["detail"]["trackingId"], "2");
}

#[tokio::test]
async fn what_cannot_be_registered_for_is_told_by_its_field() {
    let place = Place::open(true).await;
    let mut socket = place.listen("orders").await;
    say(&mut socket, &json!({ "action": "register", "serviceName": "cigars" })).await;
    let refused = heard(&mut socket).await;
    assert_eq!(
        (&refused["code"], &refused["details"][0]["field"]),
        (&json!("VALIDATION_FAILED"), &json!("serviceName"))
    );
}

#[tokio::test]
async fn only_operators_listen_and_only_so_many() {
    let place = Place::open(true).await;
    assert_eq!(place.connect(None).await.unwrap_err(), 401);
    assert_eq!(place.connect(Some("orders")).await.unwrap_err(), 403);
    let mut all = Vec::new();
    for _ in 0..LISTENERS_MAX {
        all.push(place.listen("orders").await);
    }
    assert_eq!(place.connect(Some("ops")).await.unwrap_err(), 429);
    all.pop();
    eventually("a place that was given up", async || place.connect(Some("ops")).await.ok()).await;
}

/// The whole test runs on one thread: while events are told, nobody sends any.
#[tokio::test]
async fn a_slow_listener_is_cut_off_and_told_why() {
    let place = Place::open(true).await;
    let mut socket = place.listen("delivery").await;
    for version in 0..1_000 {
        place.region.platform.listeners.tell(&place.event(version));
    }
    let frame = loop {
        if let Message::Close(frame) = next(&mut socket).await {
            break frame.unwrap();
        }
    };
    assert_eq!(u16::from(frame.code), 1008);
    assert!(frame.reason.as_str().starts_with("too slow"), "{frame}");
}

#[tokio::test]
async fn nobody_listens_where_the_configuration_does_not_say_so() {
    let place = Place::open(false).await;
    assert_eq!(place.connect(Some("ops")).await.unwrap_err(), 404);
    place.region.publish(&place.event(1)).await;
    assert_eq!(place.region.cloud.usage().events.unmatched, 1, "no queue gets it");
}

#[tokio::test]
async fn production_does_not_start_with_listeners() {
    let place = Place::open(true).await;
    let config = Config { env: "prod".into(), ..(*place.region.platform.config).clone() };
    let fault = config.validate().unwrap_err().to_string();
    assert!(fault.contains("event_listener: nobody listens to events in prod"), "{fault}");
    assert!(place.region.platform.config.validate().is_ok(), "elsewhere it does");
}
