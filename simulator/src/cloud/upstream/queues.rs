//! SQS of an upstream: queue URLs that lead through the door, and what an operator sees.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::link::{CALL_LIMIT, CallError};
use super::{Call, QueueDepth, Region, Upstream};
use crate::cloud::reply::Reply;

/// Dead letters that are moved back in one go, as SQS hands them out.
const LETTERS_AT_ONCE: u32 = 10;

/// The queue behind a queue.
pub(super) fn dead_letters(queue: &str) -> String {
    format!("{queue}-dlq")
}

impl Upstream {
    pub(super) async fn queue_call(
        &self,
        region: &Arc<Region>,
        call: &Call<'_>,
        operation: &str,
        body: &str,
    ) -> Result<Reply, CallError> {
        region.meter.queue_call(operation);
        let request: Value = serde_json::from_str(body).unwrap_or_default();
        let body = match request["QueueUrl"].as_str() {
            Some(url) => {
                let url = at(url, self.link.authority());
                let mut request = request.clone();
                request["QueueUrl"] = url.into();
                request.to_string()
            }
            None => body.to_owned(),
        };
        let wait_s = request["WaitTimeSeconds"].as_u64().unwrap_or(0).min(20);
        let mut reply = self.link.send(call.target, body, CALL_LIMIT + Duration::from_secs(wait_s)).await?;
        if let Some(host) = call.host {
            lead_back(&mut reply, host);
        }
        Ok(reply)
    }

    /// How many messages each queue of the region holds.
    pub(super) async fn depths(&self, region: &Region) -> anyhow::Result<BTreeMap<String, QueueDepth>> {
        let mut depths = BTreeMap::new();
        for (_, _, queue) in region.bus.rules() {
            for queue in [dead_letters(&queue), queue] {
                depths.insert(queue.clone(), self.depth(&queue).await?);
            }
        }
        Ok(depths)
    }

    async fn depth(&self, queue: &str) -> anyhow::Result<QueueDepth> {
        let body = json!({ "QueueUrl": self.url_of(queue).await?, "AttributeNames": ["All"] });
        let answer = self.link.call("AmazonSQS.GetQueueAttributes", body).await?;
        let count = |name: &str| {
            let text = answer["Attributes"][name].as_str().unwrap_or("0");
            text.parse().with_context(|| format!("{name} of {queue} is {text:?}"))
        };
        Ok(QueueDepth {
            visible: count("ApproximateNumberOfMessages")?,
            in_flight: count("ApproximateNumberOfMessagesNotVisible")?,
            delayed: count("ApproximateNumberOfMessagesDelayed")?,
        })
    }

    async fn url_of(&self, queue: &str) -> anyhow::Result<String> {
        let answer = self.link.call("AmazonSQS.GetQueueUrl", json!({ "QueueName": queue })).await?;
        Ok(answer["QueueUrl"].as_str().with_context(|| format!("queue {queue} has no URL"))?.to_owned())
    }

    /// Moves the dead letters of all consumers back to their queues; says how many.
    pub(in super::super) async fn redrive_all(&self, region: &Region) -> anyhow::Result<usize> {
        let mut moved = 0;
        for (_, _, queue) in region.bus.rules() {
            moved += self.redrive(&queue).await?;
        }
        Ok(moved)
    }

    async fn redrive(&self, queue: &str) -> anyhow::Result<usize> {
        let (dead, alive) = (self.url_of(&dead_letters(queue)).await?, self.url_of(queue).await?);
        // Only what lies there now: a letter may die again before the last one is moved.
        let letters = self.depth(&dead_letters(queue)).await?.visible;
        let mut moved = 0;
        while moved < letters {
            let body = json!({ "QueueUrl": dead, "MaxNumberOfMessages": LETTERS_AT_ONCE });
            let received = self.link.call("AmazonSQS.ReceiveMessage", body).await?;
            let received = received["Messages"].as_array().cloned().unwrap_or_default();
            if received.is_empty() {
                break;
            }
            for letter in received {
                let body = json!({ "QueueUrl": alive, "MessageBody": letter["Body"] });
                self.link.call("AmazonSQS.SendMessage", body).await?;
                let body = json!({ "QueueUrl": dead, "ReceiptHandle": letter["ReceiptHandle"] });
                self.link.call("AmazonSQS.DeleteMessage", body).await?;
                moved += 1;
            }
        }
        Ok(moved)
    }
}

/// Has the queue URLs of an answer lead to where the caller asked.
fn lead_back(reply: &mut Reply, host: &str) {
    let Ok(mut answer) = serde_json::from_str::<Value>(&reply.body) else { return };
    let Some(members) = answer.as_object_mut() else { return };
    let mut found = false;
    for (name, member) in members.iter_mut() {
        let urls = match (name.as_str(), member) {
            ("QueueUrl", url) => std::slice::from_mut(url),
            ("QueueUrls", Value::Array(urls)) => urls.as_mut_slice(),
            _ => continue,
        };
        found = true;
        urls.iter_mut().for_each(|url| *url = at(url.as_str().unwrap_or_default(), host).into());
    }
    if found {
        reply.body = answer.to_string();
    }
}

/// A queue's URL at another host: the path names the queue.
fn at(url: &str, host: &str) -> String {
    let path =
        url.split_once("://").map_or(url, |(_, rest)| rest).split_once('/').map_or("", |(_, path)| path);
    format!("http://{host}/{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_the_same_at_any_host() {
        let url = "http://sqs.eu-west-1.localhost:4566/123456789012/orders";
        assert_eq!(at(url, "127.0.0.1:7"), "http://127.0.0.1:7/123456789012/orders");
        let mut reply = Reply::ok(json!({ "QueueUrls": [url] }).to_string());
        lead_back(&mut reply, "here:1");
        assert_eq!(reply.body, r#"{"QueueUrls":["http://here:1/123456789012/orders"]}"#);
    }
}
