//! The same service on AWS Lambda: HTTP events go to the router, queue events to the consumer, schedule
//! events to the workers.

use crate::{Service, serve::flush, telemetry::Telemetry};
use lambda_http::{
    Adapter, LambdaEvent,
    lambda_runtime::{self, service_fn},
    request::LambdaRequest,
};
use serde_json::{Value, json};
use std::{error::Error, sync::Arc};
use tower::ServiceExt;

/// Lambda sets this for every function.
const RUNTIME_VARIABLE: &str = "AWS_LAMBDA_RUNTIME_API";

/// Whether this process is a Lambda function.
#[allow(clippy::disallowed_methods)] // the runtime's own variable, read once at start
pub fn inside() -> bool {
    std::env::var_os(RUNTIME_VARIABLE).is_some()
}

/// Runs one service as a Lambda function.
///
/// # Errors
/// When the runtime's interface does not answer.
pub async fn run(service: Service, telemetry: Option<Telemetry>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (service, telemetry) = (Arc::new(service), Arc::new(telemetry));
    let handler = service_fn(move |event: LambdaEvent<Value>| {
        let (service, telemetry) = (service.clone(), telemetry.clone());
        async move {
            let handled = handle(&service, event).await;
            flush(telemetry.as_ref().as_ref()).await;
            handled
        }
    });
    lambda_runtime::run(handler).await
}

/// Handles one event of any of the three kinds.
///
/// # Errors
/// When the event is of none of them, or a worker's step failed.
pub async fn handle(
    service: &Service,
    event: LambdaEvent<Value>,
) -> Result<Value, Box<dyn Error + Send + Sync>> {
    let (payload, context) = event.into_parts();
    if payload["Records"][0]["eventSource"] == "aws:sqs" {
        return Ok(queue_event(service, &payload).await);
    }
    if payload["detail-type"] == "Scheduled Event" {
        return scheduled(service).await;
    }
    let request: LambdaRequest = serde_json::from_value(payload)?;
    let adapter = Adapter::from(service.router.clone());
    let response = adapter.oneshot(LambdaEvent::new(request, context)).await?;
    Ok(serde_json::to_value(response)?)
}

/// Applies each record; only those that were not applied come back.
async fn queue_event(service: &Service, payload: &Value) -> Value {
    let mut failures = Vec::new();
    for record in payload["Records"].as_array().into_iter().flatten() {
        let applied = match &service.consumer {
            Some(consumer) => consumer.apply(record["body"].as_str().unwrap_or_default()).await,
            None => Err(crate::consumer::NotApplied("the service has no consumer".into())),
        };
        if let Err(cause) = applied {
            tracing::warn!(service = service.name, %cause, "an event comes back later");
            failures.push(json!({ "itemIdentifier": record["messageId"] }));
        }
    }
    json!({ "batchItemFailures": failures })
}

async fn scheduled(service: &Service) -> Result<Value, Box<dyn Error + Send + Sync>> {
    for worker in &service.workers {
        worker.step().await?;
    }
    Ok(Value::Null)
}
