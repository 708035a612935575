//! The same service on AWS Lambda: HTTP events go to the router, queue events to the consumer, what a user pool tells to
//! whoever listens to it. Workers work while the function is awake; the schedule wakes it, and has those step that must not
//! run in several processes of a region at once.

use crate::{Service, identity::SignedBy, serve::flush, service::Host, telemetry::Telemetry, user_pool};
use futures::future::join_all;
use lambda_http::{
    Adapter, LambdaEvent,
    lambda_runtime::{self, service_fn},
    request::LambdaRequest,
};
use serde_json::{Value, json};
use std::{error::Error, sync::Arc, time::Duration};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// Each step of a schedule has this long; the function itself has 12 s.
const STEP_LIMIT: Duration = Duration::from_secs(6);
/// How long the schedule keeps a function awake for what its workers find to do. It is frozen right after.
const AWAKE_FOR: Duration = Duration::from_secs(2);

/// Says that the host hands on an answer when it is complete, so that a stream must end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WholeAnswers;

/// Lambda sets this for every function.
const RUNTIME_VARIABLE: &str = "AWS_LAMBDA_RUNTIME_API";

/// Whether this process is a Lambda function.
#[allow(clippy::disallowed_methods)] // the runtime's own variable, read once at start
pub fn inside() -> bool {
    std::env::var_os(RUNTIME_VARIABLE).is_some()
}

/// Runs what a process hosts as a Lambda function.
///
/// # Errors
/// When the runtime's interface does not answer, or a worker ends.
pub async fn run(host: Host, telemetry: Option<Telemetry>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut workers = JoinSet::new();
    host.services().for_each(|service| service.start_as_one_of_many(&mut workers));
    let (host, telemetry) = (Arc::new(host), Arc::new(telemetry));
    let handler = service_fn(move |event: LambdaEvent<Value>| {
        let (host, telemetry) = (host.clone(), telemetry.clone());
        async move {
            let handled = handle(&host, event).await;
            flush(telemetry.as_ref().as_ref()).await;
            handled
        }
    });
    tokio::select! {
        ran = lambda_runtime::run(handler) => ran,
        Some(ended) = workers.join_next() => Err(format!("a worker ended: {ended:?}").into()),
    }
}

/// Handles one event of any of the four kinds.
///
/// # Errors
/// When the event is of none of them, a worker's step failed, or what a user pool tells could not be stored.
pub async fn handle(host: &Host, event: LambdaEvent<Value>) -> Result<Value, Box<dyn Error + Send + Sync>> {
    let (mut payload, context) = event.into_parts();
    if payload["Records"][0]["eventSource"] == "aws:sqs" {
        return Ok(queue_event(&host.service, &payload).await);
    }
    if payload["detail-type"] == "Scheduled Event" {
        return scheduled(host).await;
    }
    if user_pool::sent(&payload) {
        let taken = user_pool::take(host.service.on_sign_up.as_ref(), payload).await;
        return taken.map_err(|cause| cause.to_string().into());
    }
    // A stage bears the name of the service that it stands before. It is no part of the path, as lambda_http would have it.
    let stage = payload["requestContext"]["stage"].as_str().unwrap_or_default();
    let (router, hosted) = (host.router_of(stage), host.hosted(stage));
    if payload["requestContext"].is_object() {
        payload["requestContext"]["stage"] = json!("$default");
    }
    let signed_by = payload["requestContext"]["identity"]["userArn"].as_str();
    let signed_by = signed_by.map(|arn| SignedBy { session: arn.to_owned(), hosted });
    let request: LambdaRequest = serde_json::from_value(payload)?;
    let router = router.map_request(move |mut request: lambda_http::Request| {
        request.extensions_mut().insert(WholeAnswers);
        if let Some(signed_by) = signed_by.clone() {
            request.extensions_mut().insert(signed_by);
        }
        request
    });
    let response = Adapter::from(router).oneshot(LambdaEvent::new(request, context)).await?;
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

async fn scheduled(host: &Host) -> Result<Value, Box<dyn Error + Send + Sync>> {
    let alone = host.services().flat_map(|service| &service.workers).filter(|worker| worker.alone);
    let steps = join_all(alone.map(|worker| async {
        let stepped = tokio::time::timeout(STEP_LIMIT, worker.step()).await;
        stepped.unwrap_or_else(|_| Err("no end".into())).map_err(|cause| format!("{}: {cause}", worker.name))
    }));
    let (steps, ()) = tokio::join!(steps, tokio::time::sleep(AWAKE_FOR));
    steps.into_iter().collect::<Result<(), String>>()?;
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{consumer::NotApplied, user_pool::NewUser};
    use std::sync::Mutex;

    fn service(router: axum::Router, on_sign_up: Option<user_pool::OnSignUp>) -> Service {
        Service { name: "things", router, workers: Vec::new(), consumer: None, on_sign_up }
    }

    #[tokio::test]
    async fn what_a_user_pool_tells_goes_to_whoever_listens_and_comes_back() {
        let told: Arc<Mutex<Vec<NewUser>>> = Arc::default();
        let kept = told.clone();
        let on_sign_up = move |user: NewUser| -> futures::future::BoxFuture<'static, Result<(), NotApplied>> {
            kept.lock().expect("whole").push(user);
            Box::pin(std::future::ready(Ok(())))
        };
        let listening = |on_sign_up| Host::from(service(axum::Router::new(), on_sign_up));
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

    fn http(stage: &str, path: &str, role: Option<&str>) -> LambdaEvent<Value> {
        let arn = role.map(|role| format!("arn:aws:sts::123456789012:assumed-role/{role}/session"));
        let event = json!({
            "version": "1.0", "resource": "/{rest+}", "path": path, "httpMethod": "GET",
            "headers": { "host": "things.test" }, "multiValueHeaders": { "host": ["things.test"] },
            "queryStringParameters": null, "multiValueQueryStringParameters": null, "pathParameters": null,
            "stageVariables": null, "body": null, "isBase64Encoded": false,
            "requestContext": {
                "accountId": "123456789012", "resourceId": "r", "stage": stage, "requestId": "1", "httpMethod": "GET",
                "path": format!("/{stage}{path}"), "apiId": "a", "resourcePath": "/{rest+}", "protocol": "HTTP/1.1",
                "identity": { "sourceIp": "127.0.0.1", "userArn": arn },
            },
        });
        LambdaEvent::new(event, lambda_runtime::Context::default())
    }

    #[tokio::test]
    async fn a_stage_leads_to_its_service_and_tells_who_signed() {
        let who = |name: &'static str| {
            let who = move |signed_by: Option<axum::Extension<SignedBy>>| async move {
                format!("{name} {}", signed_by.map_or("nobody".to_owned(), |by| by.0.session))
            };
            axum::Router::new().route("/who", axum::routing::get(who))
        };
        let beside = Service { name: crate::regions::NAME, ..service(who("platform"), None) };
        let operators = axum::Router::new().route("/ops/who", axum::routing::get(async || "operators"));
        let host = Host { service: service(who("things"), None), beside: vec![beside], operators };
        let body = async |event| handle(&host, event).await.expect("handled")["body"].clone();
        let role = "arn:aws:sts::123456789012:assumed-role/r/session";
        assert_eq!(body(http("things", "/who", Some("r"))).await, format!("things {role}"));
        assert_eq!(body(http("things", "/who", None)).await, "things nobody");
        assert_eq!(body(http("platform", "/who", None)).await, "platform nobody");
        assert_eq!(body(http("platform", "/ops/who", None)).await, "operators");
        assert_eq!(
            handle(&host, http("things", "/ops/who", None)).await.expect("handled")["statusCode"],
            404
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_schedule_has_those_step_that_work_alone() {
        let steps: Arc<Mutex<Vec<&str>>> = Arc::default();
        let worker = |name: &'static str| {
            let steps = steps.clone();
            crate::Worker::new(name, Duration::from_secs(1), move || {
                steps.lock().expect("whole").push(name);
                std::future::ready(if name == "fails" { Err("no table") } else { Ok(()) })
            })
        };
        let working = |workers| Host::from(Service { workers, ..service(axum::Router::new(), None) });
        let minute = || {
            let event = json!({ "detail-type": "Scheduled Event", "source": "aws.events" });
            LambdaEvent::new(event, lambda_runtime::Context::default())
        };
        let well = working(vec![worker("beside others"), worker("alone").alone()]);
        assert!(handle(&well, minute()).await.is_ok());
        assert_eq!(*steps.lock().expect("whole"), ["alone"]);
        let ill = working(vec![worker("fails").alone(), worker("alone").alone()]);
        let failed = handle(&ill, minute()).await.expect_err("one step failed").to_string();
        assert_eq!(failed, "fails: no table");
        assert_eq!(*steps.lock().expect("whole"), ["alone", "fails", "alone"]);
    }
}
