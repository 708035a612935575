//! One listener's socket.

use super::{Listening, Ticket};
use crate::{ApiError, World};
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use contracts::{FieldError, events::source, schemas};
use serde::Deserialize;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::oneshot,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

/// A listener is asked so often whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Whoever has said nothing for so long is gone.
const SILENT_MAX: Duration = Duration::from_secs(60);
/// One message is on its way for so long at most.
const SEND_LIMIT: Duration = Duration::from_secs(5);

/// What a listener says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Said {
    action: String,
    service_name: String,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It did not take what it had asked for.
    Slow,
    /// It has said nothing for long.
    Silent,
    /// The process ends.
    Away,
    /// It went by itself, or cannot be reached.
    Gone,
}

impl End {
    fn frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            End::Slow => (close_code::POLICY, "too slow: too many events waited"),
            End::Silent => (close_code::POLICY, "nothing was heard for a minute"),
            End::Away => (close_code::AWAY, "the process ends"),
            End::Gone => return None,
        };
        Some(CloseFrame { code, reason: reason.into() })
    }
}

/// Serves a listener until it goes or is cut off.
pub(super) async fn serve(mut socket: WebSocket, listening: Listening, world: World) {
    let Listening { ticket, events, cut } = listening;
    let mut connection = Connection { socket: &mut socket, ticket: &ticket, world: &world, cut };
    let end = connection.run(events).await;
    tracing::info!(?end, "an operator no longer listens to events");
    if let Some(frame) = end.frame() {
        // Whoever does not take this either is not waited for.
        let _ = timeout(SEND_LIMIT, socket.send(Message::Close(Some(frame)))).await;
    }
}

struct Connection<'a> {
    socket: &'a mut WebSocket,
    ticket: &'a Ticket,
    world: &'a World,
    cut: oneshot::Receiver<()>,
}

impl Connection<'_> {
    async fn run(&mut self, mut events: tokio::sync::mpsc::Receiver<Arc<str>>) -> End {
        let mut heard = self.world.instant();
        let mut pings = interval_at(heard + PING_EVERY, PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let next = tokio::select! {
                biased;
                cut = &mut self.cut => return end_of(cut.is_ok()),
                message = self.socket.recv() => {
                    heard = self.world.instant();
                    match message {
                        Some(Ok(message)) => self.answer(message),
                        Some(Err(_)) | None => return End::Gone,
                    }
                }
                now = pings.tick() => match is_silent(heard, now) {
                    true => return End::Silent,
                    false => Some(Message::Ping(bytes::Bytes::new())),
                },
                // While the registry lives it holds the other end, and cuts before it lets go of it.
                Some(event) = events.recv() => Some(Message::text(&*event)),
            };
            if let Some(message) = next
                && let Err(end) = self.send(message).await
            {
                return end;
            }
        }
    }

    /// Sends a message, unless it is cut off meanwhile.
    async fn send(&mut self, message: Message) -> Result<(), End> {
        tokio::select! {
            biased;
            cut = &mut self.cut => Err(end_of(cut.is_ok())),
            sent = timeout(SEND_LIMIT, self.socket.send(message)) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(End::Gone),
                Err(_) => Err(End::Slow),
            }
        }
    }

    /// What a message is answered with.
    fn answer(&self, message: Message) -> Option<Message> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Some(refusal("message", "FORM", "must be text".into())),
            // What was asked by a ping is answered by the protocol itself; a close is followed by the end.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return None,
        };
        Some(match read(&text) {
            Ok((service, source)) => {
                self.ticket.register(source);
                Message::text(json!({ "registered": service }).to_string())
            }
            Err(refusal) => refusal,
        })
    }
}

/// The service that a message registers for, and the source of its events.
fn read(text: &str) -> Result<(String, &'static str), Message> {
    let said: Said =
        serde_json::from_str(text).map_err(|cause| refusal("message", "FORM", cause.to_string()))?;
    if said.action != "register" {
        return Err(refusal("action", "VALUE", "must be register".into()));
    }
    let names = schemas::PUBLISHED.iter().map(|(service, _)| *service).collect::<Vec<_>>().join(", ");
    let source = source::of_service(&said.service_name);
    let source = source.ok_or_else(|| refusal("serviceName", "VALUE", format!("must be one of {names}")))?;
    Ok((said.service_name, source))
}

fn refusal(field: &str, code: &str, message: String) -> Message {
    let error = ApiError::invalid(vec![FieldError::new(field, code, message)]);
    Message::text(json!(error.body()).to_string())
}

fn is_silent(heard: Instant, now: Instant) -> bool {
    now.saturating_duration_since(heard) >= SILENT_MAX
}

/// A cut comes with a word only where the listener is too slow.
fn end_of(slow: bool) -> End {
    if slow { End::Slow } else { End::Away }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_registers_for_a_service_that_there_is() {
        let read_as = |text: &str| match read(text) {
            Ok((service, source)) => format!("{service}: {source}"),
            Err(Message::Text(refused)) => {
                let refused: serde_json::Value = serde_json::from_str(&refused).expect("JSON");
                refused["details"][0]["field"].as_str().expect("a field").to_owned()
            }
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(read_as(r#"{"action":"register","serviceName":"orders"}"#), "orders: ecommerce.orders");
        for (text, field) in [
            (r#"{"action":"register","serviceName":"frontend-api"}"#, "serviceName"),
            (r#"{"action":"leave","serviceName":"orders"}"#, "action"),
            (r#"{"action":"register"}"#, "message"),
            ("register", "message"),
        ] {
            assert_eq!(read_as(text), field, "{text}");
        }
    }

    #[test]
    fn whoever_says_nothing_for_a_minute_is_gone() {
        let heard = Instant::now();
        assert!(!is_silent(heard, heard + SILENT_MAX / 2) && is_silent(heard, heard + SILENT_MAX));
        assert!(2 * PING_EVERY < SILENT_MAX, "two pings may be lost");
    }
}
