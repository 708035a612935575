//! The same service on AWS Lambda: HTTP events go to the router, queue events to the consumer, schedule
//! events to the workers, what a user pool tells to whoever listens to it.

use crate::{Service, serve::flush, telemetry::Telemetry, user_pool};
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

/// Handles one event of any of the four kinds.
///
/// # Errors
/// When the event is of none of them, a worker's step failed, or what a user pool tells could not be stored.
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
    if user_pool::sent(&payload) {
        let taken = user_pool::take(service.on_sign_up.as_ref(), payload).await;
        return taken.map_err(|cause| cause.to_string().into());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{consumer::NotApplied, user_pool::NewUser};
    use std::sync::Mutex;

    #[tokio::test]
    async fn what_a_user_pool_tells_goes_to_whoever_listens_and_comes_back() {
        let told: Arc<Mutex<Vec<NewUser>>> = Arc::default();
        let kept = told.clone();
        let on_sign_up = move |user: NewUser| -> futures::future::BoxFuture<'static, Result<(), NotApplied>> {
            kept.lock().expect("whole").push(user);
            Box::pin(std::future::ready(Ok(())))
        };
        let listening = |on_sign_up| Service {
            name: "things",
            router: axum::Router::new(),
            workers: Vec::new(),
            consumer: None,
            on_sign_up,
        };
        let event = json!({
            "triggerSource": "PostConfirmation_ConfirmSignUp", "userPoolId": "eu-west-1_abc",
            "request": { "userAttributes": { "sub": "ann", "email": "ann@example.com" } }, "response": {},
        });
        let handed = || LambdaEvent::new(event.clone(), lambda_runtime::Context::default());
        let answer = handle(&listening(Some(Arc::new(on_sign_up))), handed()).await.expect("taken");
        assert_eq!(answer, event);
        assert_eq!(told.lock().expect("whole")[0].user_id.as_str(), "ann");
        // The pool tries again where a function fails, so that nobody is forgotten.
        assert!(handle(&listening(None), handed()).await.is_err());
    }
}
