//! The service's binary as AWS Lambda runs it: a runtime interface that hands out events one by one, and AWS
//! behind it. Both are played here.

#![allow(clippy::unwrap_used)]

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use contracts::{Continent, Region};
use platform::config::{
    Config, ContinentConfig, Durability, Heard, PoolConfig, RegionConfig, Secrets, SignBy,
};
use serde_json::{Value, json};
use std::{
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
};

const LIMIT: Duration = Duration::from_secs(20);
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000001";

/// What the interface hands out, and what came back.
struct Interface {
    events: Mutex<mpsc::Receiver<Value>>,
    answers: mpsc::Sender<(String, Value)>,
    /// Operations that were asked of AWS, each with its credential's scope.
    asked: mpsc::Sender<(String, String)>,
}

async fn next(State(interface): State<Arc<Interface>>) -> Response {
    match interface.events.lock().await.recv().await {
        Some(event) => {
            let headers = [
                ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
                ("lambda-runtime-deadline-ms", "4102444800000"),
                (
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:eu-west-1:123456789012:function:products",
                ),
                ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"),
            ];
            (headers, Json(event)).into_response()
        }
        None => std::future::pending().await,
    }
}

async fn ended(
    State(interface): State<Arc<Interface>>,
    Path((_, how)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    interface.answers.send((how, serde_json::from_slice(&body).unwrap())).await.unwrap();
    StatusCode::ACCEPTED
}

/// A DynamoDB in which nothing is.
async fn aws(State(interface): State<Arc<Interface>>, headers: HeaderMap) -> Json<Value> {
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
    interface.asked.send((header("x-amz-target"), header("authorization"))).await.unwrap();
    Json(json!({}))
}

fn config(aws_endpoint: String) -> Config {
    let places = [("us-east-1", "am"), ("eu-west-1", "eu"), ("ap-southeast-1", "ap")];
    let region = |(name, continent): (&str, &str)| RegionConfig {
        name: Region::from(name),
        continent: Continent::from(continent),
        url: format!("http://{name}.example/{{service}}"),
    };
    let continent = |(name, continent): (&str, &str)| ContinentConfig {
        id: Continent::from(continent),
        journal_region: Region::from(name),
        successors: vec![Region::from(name)],
    };
    Config {
        env: "tests".into(),
        region: "eu-west-1".into(),
        aws_endpoint: Some(aws_endpoint),
        regions: places.map(region).to_vec(),
        continents: places.map(continent).to_vec(),
        shards: 1,
        warehouses: Vec::new(),
        pools: Vec::<PoolConfig>::new(),
        durability: Durability::Journal,
        sign_by: SignBy::Keys,
        provider_url: "http://provider.example".into(),
        carrier_url: "http://carrier.example".into(),
        age_check_url: "http://age-check.example".into(),
        otlp_url: None,
        event_listener: false,
        metrics: false,
        heard: Heard::Asked,
        heartbeat_ms: 50,
        suspect_after_ms: 250,
        secrets: Secrets {
            service_key: "service key".into(),
            payment_key: "payment key".into(),
            provider_key: "provider key".into(),
            age_check_key: "age check key".into(),
        },
    }
}

/// An event as API Gateway makes it of a request (payload format 2.0).
fn request(path: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": { "host": "products.example" }, "isBase64Encoded": false,
        "requestContext": {
            "accountId": "123456789012", "apiId": "api", "domainName": "products.example", "domainPrefix": "api",
            "requestId": "id", "routeKey": "$default", "stage": "$default", "timeEpoch": 1_790_000_000_000_u64,
            "http": { "method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test" },
        },
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_lambda_the_binary_answers_events_with_the_same_router() {
    let (events, handed_out) = mpsc::channel(4);
    let (answers, mut answered) = mpsc::channel(4);
    let (asked, mut aws_asked) = mpsc::channel(16);
    let interface = Arc::new(Interface { events: Mutex::new(handed_out), answers, asked });
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{how}", post(ended))
        .fallback(aws)
        .with_state(interface);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });

    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("lambda-config.json");
    std::fs::write(&path, serde_json::to_vec(&config(format!("http://{address}"))).unwrap()).unwrap();
    let mut function = Command::new(env!("CARGO_BIN_EXE_products"))
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "products")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("BIGSMOKES_CONFIG", &path)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();

    let mut invoke = async |event: Value| {
        events.send(event).await.unwrap();
        tokio::time::timeout(LIMIT, answered.recv()).await.unwrap().unwrap()
    };
    let (how, healthy) = invoke(request("/healthz")).await;
    assert_eq!(
        (how.as_str(), &healthy["statusCode"], &healthy["body"]),
        ("response", &json!(200), &json!("ok"))
    );

    let (how, missing) = invoke(request(&format!("/{UNKNOWN}"))).await;
    assert_eq!((how.as_str(), &missing["statusCode"]), ("response", &json!(404)));
    let body: Value = serde_json::from_str(missing["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["code"], "NOT_FOUND");
    let (operation, authorization) = aws_asked.recv().await.unwrap();
    assert!(operation.starts_with("DynamoDB_20120810."), "{operation}");
    assert!(authorization.contains("/eu-west-1/dynamodb/aws4_request"), "{authorization}");

    // What is no event of ours is an error of this invocation, and the function goes on.
    let (how, error) = invoke(json!({ "hello": "world" })).await;
    assert_eq!(how, "error", "{error}");
    let (how, healthy) = invoke(request("/healthz")).await;
    assert_eq!((how.as_str(), &healthy["statusCode"]), ("response", &json!(200)));

    assert!(function.try_wait().unwrap().is_none(), "the function ended");
    function.kill().unwrap();
    function.wait().unwrap();
}
