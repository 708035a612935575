//! The door itself: every call passes here, whichever way it came in.

use std::sync::Arc;

use super::Region;
use super::faults::Service;
use super::reply::{Refusal, Reply};
use super::tripwire::Moment;

/// A call as either door hands it over.
pub(super) struct Call<'a> {
    /// The `X-Amz-Target` header: service and operation.
    pub(super) target: &'a str,
    /// The body as it came.
    pub(super) body: &'a [u8],
    /// The host the caller used, where queue URLs should lead back to it.
    pub(super) host: Option<&'a str>,
}

impl Region {
    pub(super) async fn answer(self: &Arc<Region>, call: Call<'_>) -> Reply {
        let Some((service, operation)) = addressed(call.target) else {
            return self.unknown(call.target);
        };
        self.faults.gate().opened().await;
        let (wait, throttled) = self.faults.at_door(service, &self.dice);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        if throttled {
            self.meter.throttled();
            return Reply::refused(&throttle(service));
        }
        let Ok(body) = std::str::from_utf8(call.body) else {
            return Reply::refused(&Refusal::new("SerializationException", "the body is not UTF-8"));
        };
        if self.faults.tripwire().reached(Moment::Before, operation, body) {
            return self.end_of_the_caller().await;
        }
        let elsewhere = match &self.upstream {
            // Boxed: every call of an embedded cloud would carry its size.
            Some(upstream) => Box::pin(upstream.answer(self, service, operation, &call, body)).await,
            None => None,
        };
        let answer = match service {
            _ if elsewhere.is_some() => elsewhere,
            Service::DynamoDb => self.dynamo.call(operation, body),
            Service::EventBridge => self.bus.call(operation, body, &self.faults, &self.meter),
            Service::Sqs => self.queues.call(operation, body, call.host, &self.meter).await,
            Service::Cognito => self.identity.call(operation, body, &self.meter).await,
        };
        if self.faults.tripwire().reached(Moment::After, operation, body) {
            return self.end_of_the_caller().await;
        }
        answer.unwrap_or_else(|| self.unknown(call.target))
    }

    /// Whoever asked does not live to learn what came of it, nor to ask for more.
    async fn end_of_the_caller(&self) -> Reply {
        self.faults.gate().close();
        std::future::pending().await
    }

    fn unknown(&self, target: &str) -> Reply {
        self.meter.unknown(target);
        Reply::unknown_operation(target)
    }
}

fn addressed(target: &str) -> Option<(Service, &str)> {
    let (prefix, operation) = target.split_once('.')?;
    let service = match prefix {
        "DynamoDB_20120810" | "DynamoDBStreams_20120810" => Service::DynamoDb,
        "AWSEvents" => Service::EventBridge,
        "AmazonSQS" => Service::Sqs,
        "AWSCognitoIdentityProviderService" => Service::Cognito,
        _ => return None,
    };
    Some((service, operation))
}

fn throttle(service: Service) -> Refusal {
    let code = match service {
        Service::DynamoDb => "ProvisionedThroughputExceededException",
        Service::EventBridge => "ThrottlingException",
        Service::Sqs => "RequestThrottled",
        Service::Cognito => "TooManyRequestsException",
    };
    Refusal::new(code, "Rate exceeded")
}
