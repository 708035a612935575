//! Stock clients of a door: the SDKs that the services use, and calls by hand.

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// The SDKs at one door.
pub(crate) struct Door {
    pub(crate) tables: aws_sdk_dynamodb::Client,
    pub(crate) events: aws_sdk_eventbridge::Client,
    pub(crate) queues: aws_sdk_sqs::Client,
}

impl Door {
    pub(crate) fn new(http: SharedHttpClient, endpoint: Option<&str>) -> Self {
        macro_rules! client {
            ($sdk:ident) => {{
                let mut config = $sdk::Config::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .region(Region::new("eu-west-1"))
                    .credentials_provider(Credentials::new("test", "test", None, None, "test"))
                    .retry_config(RetryConfig::disabled())
                    .http_client(http.clone());
                config.set_endpoint_url(endpoint.map(str::to_owned));
                $sdk::Client::from_conf(config.build())
            }};
        }
        Door {
            tables: client!(aws_sdk_dynamodb),
            events: client!(aws_sdk_eventbridge),
            queues: client!(aws_sdk_sqs),
        }
    }
}

/// A JSON call by hand, as a client without an SDK makes it.
pub(crate) async fn call(endpoint: &str, target: &str, body: Value) -> (u16, Value) {
    let request = http::Request::post(endpoint)
        .header("x-amz-target", target)
        .header("content-type", "application/x-amz-json-1.1")
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    let response = hyper().request(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

pub(crate) async fn get(endpoint: &str, path: &str) -> (u16, Value) {
    let response = hyper().get(format!("{endpoint}{path}").parse().unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn hyper() -> Hyper<Tcp, Full<Bytes>> {
    Hyper::builder(TokioExecutor::new()).build_http()
}

pub(crate) fn wire() -> SharedHttpClient {
    SharedHttpClient::new(Wire(hyper()))
}

#[derive(Clone, Debug)]
struct Wire(Hyper<Tcp, Full<Bytes>>);

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let hyper = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
            let request =
                request.map(|body| Full::new(Bytes::copy_from_slice(body.bytes().unwrap_or_default())));
            let response = hyper.request(request).await.map_err(|e| ConnectorError::io(e.into()))?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|e| ConnectorError::io(e.into()))?.to_bytes();
            HttpResponse::try_from(http::Response::from_parts(parts, SdkBody::from(body)))
                .map_err(|e| ConnectorError::other(e.into(), None))
        })
    }
}
