//! SQS's operations.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::super::reply::{Refusal, Reply};
use super::super::usage::Meter;
use super::queue::RECEIVES_MAX;
use super::shelf::{Message, Receipt};
use super::{Queue, Queues};

/// How long a received message is hidden, unless the receiver says otherwise.
const HIDDEN_SECONDS: u64 = 30;
/// Twelve hours, SQS's limit.
const HIDDEN_SECONDS_MAX: u64 = 43_200;
const WAIT_SECONDS_MAX: u64 = 20;
const BATCH_MAX: usize = 10;
const BODY_BYTES_MAX: usize = 256 * 1024;
const DELAY_SECONDS_MAX: u64 = 900;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Receive {
    queue_url: String,
    max_number_of_messages: Option<usize>,
    visibility_timeout: Option<u64>,
    wait_time_seconds: Option<u64>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Send {
    queue_url: String,
    message_body: String,
    delay_seconds: Option<u64>,
    #[serde(default)]
    message_attributes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete {
    queue_url: String,
    receipt_handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteBatch {
    queue_url: String,
    entries: Vec<DeleteEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteEntry {
    id: String,
    receipt_handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeVisibility {
    queue_url: String,
    receipt_handle: String,
    visibility_timeout: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetUrl {
    queue_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    queue_name_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetAttributes {
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MoveTask {
    source_arn: String,
}

impl Queues {
    /// Answers one operation; `None` if it is not emulated. `host` is where the caller reached us.
    pub(in super::super) async fn call(
        &self,
        operation: &str,
        body: &str,
        host: Option<&str>,
        meter: &Meter,
    ) -> Option<Reply> {
        let result = match operation {
            "ReceiveMessage" => self.receive(body).await,
            "DeleteMessage" => self.delete(body),
            "DeleteMessageBatch" => self.delete_batch(body),
            "ChangeMessageVisibility" => self.change_visibility(body),
            "SendMessage" => self.send(body),
            "GetQueueUrl" => self.get_url(body, host),
            "ListQueues" => self.list(body, host),
            "GetQueueAttributes" => self.get_attributes(body),
            "StartMessageMoveTask" => self.start_move_task(body),
            _ => return None,
        };
        meter.queue_call(operation);
        Some(reply(result))
    }

    async fn receive(&self, body: &str) -> Result<String, Refusal> {
        let request: Receive = read(body)?;
        let queue = self.at(&request.queue_url)?;
        let max = within("MaxNumberOfMessages", request.max_number_of_messages.unwrap_or(1), 1, BATCH_MAX)?;
        let hidden = request.visibility_timeout.unwrap_or(HIDDEN_SECONDS);
        let hidden = within("VisibilityTimeout", hidden, 0, HIDDEN_SECONDS_MAX)?;
        let wait = within("WaitTimeSeconds", request.wait_time_seconds.unwrap_or(0), 0, WAIT_SECONDS_MAX)?;
        let received = queue.receive(max, hidden * 1000, Duration::from_secs(wait)).await;
        let mut asked = request.attribute_names;
        asked.extend(request.message_system_attribute_names);
        let messages: Vec<_> = received.iter().map(|message| shown(queue, message, &asked)).collect();
        // SQS leaves the list out where there is none.
        Ok(if messages.is_empty() { "{}".to_owned() } else { json!({ "Messages": messages }).to_string() })
    }

    fn delete(&self, body: &str) -> Result<String, Refusal> {
        let request: Delete = read(body)?;
        self.at(&request.queue_url)?.delete(receipt(&request.receipt_handle)?);
        Ok("{}".to_owned())
    }

    fn delete_batch(&self, body: &str) -> Result<String, Refusal> {
        let request: DeleteBatch = read(body)?;
        let queue = self.at(&request.queue_url)?;
        check_batch(request.entries.iter().map(|entry| entry.id.as_str()))?;
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for entry in request.entries {
            match receipt(&entry.receipt_handle) {
                Ok(receipt) => {
                    queue.delete(receipt);
                    done.push(json!({ "Id": entry.id }));
                }
                Err(refusal) => failed.push(json!({ "Id": entry.id, "SenderFault": true,
                    "Code": "ReceiptHandleIsInvalid", "Message": refusal.message })),
            }
        }
        Ok(json!({ "Successful": done, "Failed": failed }).to_string())
    }

    fn change_visibility(&self, body: &str) -> Result<String, Refusal> {
        let request: ChangeVisibility = read(body)?;
        let queue = self.at(&request.queue_url)?;
        let hidden = within("VisibilityTimeout", request.visibility_timeout, 0, HIDDEN_SECONDS_MAX)?;
        if queue.hide(receipt(&request.receipt_handle)?, hidden * 1000) {
            return Ok("{}".to_owned());
        }
        Err(Refusal::new("com.amazonaws.sqs#MessageNotInflight", "The message is not in flight."))
    }

    fn send(&self, body: &str) -> Result<String, Refusal> {
        let request: Send = read(body)?;
        let queue = self.at(&request.queue_url)?;
        if !request.message_attributes.is_empty() {
            return Err(Refusal::new(
                "com.amazonaws.sqs#UnsupportedOperation",
                "message attributes are not emulated",
            ));
        }
        if queue.is_full() {
            return Err(Refusal::new("com.amazonaws.sqs#OverLimit", "the queue is full"));
        }
        within("MessageBody", request.message_body.len(), 1, BODY_BYTES_MAX)?;
        let delay = within("DelaySeconds", request.delay_seconds.unwrap_or(0), 0, DELAY_SECONDS_MAX)?;
        let md5 = digest(&request.message_body);
        let number = queue.send(request.message_body.into(), delay * 1000);
        Ok(json!({ "MessageId": message_id(queue, number), "MD5OfMessageBody": md5 }).to_string())
    }

    fn get_url(&self, body: &str, host: Option<&str>) -> Result<String, Refusal> {
        let request: GetUrl = read(body)?;
        let queue = self.named(&request.queue_name).ok_or_else(no_such_queue)?;
        Ok(json!({ "QueueUrl": self.url(queue, host) }).to_string())
    }

    fn list(&self, body: &str, host: Option<&str>) -> Result<String, Refusal> {
        let request: List = read(body)?;
        let prefix = request.queue_name_prefix.unwrap_or_default();
        let queues = self.by_name.values().filter(|queue| queue.name.starts_with(&prefix));
        let urls: Vec<String> = queues.map(|queue| self.url(queue, host)).collect();
        Ok(json!({ "QueueUrls": urls }).to_string())
    }

    fn get_attributes(&self, body: &str) -> Result<String, Refusal> {
        let request: GetAttributes = read(body)?;
        let queue = self.at(&request.queue_url)?;
        let depth = queue.depth();
        let mut all = vec![
            ("QueueArn", self.arn(queue)),
            ("ApproximateNumberOfMessages", depth.visible.to_string()),
            ("ApproximateNumberOfMessagesNotVisible", depth.in_flight.to_string()),
            ("ApproximateNumberOfMessagesDelayed", depth.delayed.to_string()),
            ("VisibilityTimeout", HIDDEN_SECONDS.to_string()),
        ];
        if let Some(dead) = queue.dead_letters() {
            let policy = json!({ "deadLetterTargetArn": self.arn(dead), "maxReceiveCount": RECEIVES_MAX });
            all.push(("RedrivePolicy", policy.to_string()));
        }
        let attributes: Map<_, _> = all
            .into_iter()
            .filter(|(name, _)| is_asked(&request.attribute_names, name))
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        Ok(json!({ "Attributes": attributes }).to_string())
    }

    /// Moves a dead-letter queue's messages back, at once.
    fn start_move_task(&self, body: &str) -> Result<String, Refusal> {
        let request: MoveTask = read(body)?;
        let name = request.source_arn.rsplit(':').next().unwrap_or_default();
        let is_source = |queue: &&Arc<Queue>| queue.dead_letters().is_some_and(|dead| dead.name == name);
        let queue = self.by_name.values().find(is_source).ok_or_else(no_such_queue)?;
        queue.redrive();
        Ok(json!({ "TaskHandle": name }).to_string())
    }

    fn at(&self, url: &str) -> Result<&Arc<Queue>, Refusal> {
        url.rsplit('/').next().and_then(|name| self.named(name)).ok_or_else(no_such_queue)
    }

    fn url(&self, queue: &Queue, host: Option<&str>) -> String {
        match host {
            Some(host) => format!("http://{host}/{}/{}", self.account, queue.name),
            None => format!("https://sqs.{}.amazonaws.com/{}/{}", self.region, self.account, queue.name),
        }
    }

    fn arn(&self, queue: &Queue) -> String {
        format!("arn:aws:sqs:{}:{}:{}", self.region, self.account, queue.name)
    }
}

fn shown(queue: &Queue, message: &Message, asked: &[String]) -> Value {
    let mut shown = json!({
        "MessageId": message_id(queue, message.number),
        "ReceiptHandle": message.receipt(),
        "MD5OfBody": digest(&message.body),
        "Body": &*message.body,
    });
    let first = message.first_received_at_ms.unwrap_or(message.sent_at_ms);
    let attributes = [
        ("ApproximateReceiveCount", message.receives.to_string()),
        ("SentTimestamp", message.sent_at_ms.to_string()),
        ("ApproximateFirstReceiveTimestamp", first.to_string()),
    ];
    for (name, value) in attributes {
        if is_asked(asked, name) {
            shown["Attributes"][name] = value.into();
        }
    }
    shown
}

/// A message's id never changes while it is in a queue.
fn message_id(queue: &Queue, number: u64) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, format!("{}/{number}", queue.name).as_bytes()).to_string()
}

fn digest(body: &str) -> String {
    format!("{:x}", md5::compute(body))
}

fn is_asked(asked: &[String], name: &str) -> bool {
    asked.iter().any(|asked| asked == "All" || asked == name)
}

fn read<T: DeserializeOwned>(body: &str) -> Result<T, Refusal> {
    serde_json::from_str(body).map_err(|error| Refusal::malformed(&error))
}

fn receipt(handle: &str) -> Result<Receipt, Refusal> {
    let invalid = || {
        let message = format!("The input receipt handle {handle:?} is not a valid receipt handle.");
        Refusal::new("com.amazonaws.sqs#ReceiptHandleIsInvalid", message)
    };
    Receipt::parse(handle).ok_or_else(invalid)
}

fn check_batch<'a>(ids: impl ExactSizeIterator<Item = &'a str>) -> Result<(), Refusal> {
    let count = ids.len();
    let distinct: std::collections::BTreeSet<_> = ids.collect();
    match count {
        0 => Err(Refusal::new("com.amazonaws.sqs#EmptyBatchRequest", "There should be at least one entry.")),
        count if count > BATCH_MAX => {
            let message =
                format!("Maximum number of entries per request are {BATCH_MAX}. You have sent {count}.");
            Err(Refusal::new("com.amazonaws.sqs#TooManyEntriesInBatchRequest", message))
        }
        count if distinct.len() < count => {
            Err(Refusal::new("com.amazonaws.sqs#BatchEntryIdsNotDistinct", "An id is used twice."))
        }
        _ => Ok(()),
    }
}

fn within<T: PartialOrd + std::fmt::Display>(name: &str, value: T, min: T, max: T) -> Result<T, Refusal> {
    if value >= min && value <= max {
        return Ok(value);
    }
    let message =
        format!("Value {value} for parameter {name} is invalid. Reason: Must be between {min} and {max}.");
    Err(Refusal::new("com.amazonaws.sqs#InvalidParameterValue", message))
}

fn no_such_queue() -> Refusal {
    Refusal::new("com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist.")
}

fn reply(result: Result<String, Refusal>) -> Reply {
    let query_error = match &result {
        Err(refusal) if refusal.code.ends_with("#QueueDoesNotExist") => {
            Some("AWS.SimpleQueueService.NonExistentQueue;Sender".to_owned())
        }
        _ => None,
    };
    Reply { query_error, ..Reply::from(result) }
}
