//! What may be told of a parked event, and how one is named. Pure.

use crate::regions::OpsError;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use contracts::{Timestamp, bodies::ops::ParkedEvent};
use serde_json::Value;

/// Between a consumer's name and a message's or event's id.
const BETWEEN: char = ':';

/// Parked events of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named<'a> {
    /// All of them.
    All {
        /// Whose.
        consumer: &'a str,
    },
    /// Those with this id, the message's or the event's.
    One {
        /// Whose.
        consumer: &'a str,
        /// Which.
        id: &'a str,
    },
}

impl<'a> Named<'a> {
    /// Reads `{consumer}` or `{consumer}:{id}`.
    pub(super) fn parse(text: &'a str) -> Self {
        match text.split_once(BETWEEN) {
            Some((consumer, id)) => Named::One { consumer, id },
            None => Named::All { consumer: text },
        }
    }

    pub(super) fn consumer(self) -> &'a str {
        match self {
            Named::All { consumer } | Named::One { consumer, .. } => consumer,
        }
    }

    /// Whether a message is meant.
    pub(super) fn means(self, message: &Message) -> bool {
        match self {
            Named::All { .. } => true,
            Named::One { id, .. } => {
                message.message_id() == Some(id) || event_id(&body(message)).as_deref() == Some(id)
            }
        }
    }
}

/// What is told of a message: never what it says.
pub(super) fn shown(consumer: &str, message: &Message) -> ParkedEvent {
    let body = body(message);
    let attribute = |name| message.attributes().and_then(|all| all.get(&name)?.parse::<i64>().ok());
    let received = attribute(MessageSystemAttributeName::ApproximateReceiveCount);
    ParkedEvent {
        id: format!("{consumer}{BETWEEN}{}", message.message_id().unwrap_or_default()),
        consumer: consumer.to_owned(),
        event_id: event_id(&body),
        detail_type: word(&body["detail-type"]),
        order_id: order_id(&body["detail"]),
        received: received.and_then(|times| u32::try_from(times).ok()).unwrap_or(1),
        since: attribute(MessageSystemAttributeName::SentTimestamp).map(Timestamp),
    }
}

fn body(message: &Message) -> Value {
    serde_json::from_str(message.body().unwrap_or_default()).unwrap_or_default()
}

fn event_id(body: &Value) -> Option<String> {
    word(&body["detail"]["metadata"]["eventId"])
}

/// The order that an event is about, wherever its kind has it.
fn order_id(detail: &Value) -> Option<String> {
    let metadata = &detail["metadata"];
    let aggregate = (metadata["aggregate"] == "order").then(|| &metadata["aggregateId"]);
    [&detail["orderId"], &detail["new"]["orderId"]].into_iter().chain(aggregate).find_map(word)
}

/// A short text of letters, digits and signs that ids and names have; anything else could be anything.
fn word(value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| (1..=64).contains(&text.len()))?;
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    plain.then(|| text.to_owned())
}

/// The consumer that is meant, where there is one.
pub(super) fn consumer<'c>(
    consumers: &'c [&'static str],
    named: Named<'_>,
) -> Result<&'c &'static str, OpsError> {
    consumers.iter().find(|consumer| **consumer == named.consumer()).ok_or(OpsError::UnknownConsumer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(body: &Value) -> Message {
        Message::builder()
            .message_id("m-1")
            .body(body.to_string())
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "3")
            .attributes(MessageSystemAttributeName::SentTimestamp, "1790000000000")
            .build()
    }

    #[test]
    fn an_event_is_told_by_its_names_alone() {
        let event = json!({ "detail-type": "OrderModified", "detail": {
            "metadata": { "eventId": "e-1", "aggregate": "order", "aggregateId": "o-1" },
            "new": { "paymentRef": "secret" } } });
        let shown = shown("payment", &message(&event));
        assert_eq!((shown.id.as_str(), shown.received), ("payment:m-1", 3));
        assert_eq!(shown.since, Some(Timestamp(1_790_000_000_000)));
        let names = [&shown.event_id, &shown.detail_type, &shown.order_id].map(|name| name.as_deref());
        assert_eq!(names, [Some("e-1"), Some("OrderModified"), Some("o-1")]);
        assert!(!serde_json::to_string(&shown).unwrap().contains("secret"));
    }

    #[test]
    fn what_is_no_event_has_no_names() {
        for body in [json!("text"), json!({ "detail-type": "a secret, with words", "detail": 1 })] {
            let shown = shown("orders", &message(&body));
            assert_eq!((shown.event_id, shown.detail_type, shown.order_id), (None, None, None));
        }
    }

    #[test]
    fn a_message_is_meant_by_its_own_id_or_its_events() {
        let message = message(&json!({ "detail": { "metadata": { "eventId": "e-1" } } }));
        for (text, means) in
            [("orders", true), ("orders:m-1", true), ("orders:e-1", true), ("orders:x", false)]
        {
            let named = Named::parse(text);
            assert_eq!((named.consumer(), named.means(&message)), ("orders", means), "{text}");
        }
        assert!(matches!(consumer(&["orders"], Named::parse("nobody:1")), Err(OpsError::UnknownConsumer)));
    }
}
