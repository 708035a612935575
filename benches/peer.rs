//! The peer that the embedded DynamoDB is measured against: dynoxide in memory, behind the same SDK.

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use dynoxide::Database;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use std::fmt;

/// A door to dynoxide with one table, whose partition key is the text `id`.
#[derive(Clone)]
pub(crate) struct Peer(Database);

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Peer")
    }
}

/// The peer as an HTTP client of the SDK.
pub(crate) fn client(table: &str) -> SharedHttpClient {
    let database = Database::memory().expect("the peer starts");
    let declaration = json!({
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
    });
    database.create_table(serde_json::from_value(declaration).expect("a declaration")).expect("a table");
    SharedHttpClient::new(Peer(database))
}

impl Peer {
    fn answer(&self, operation: &str, body: &[u8]) -> String {
        match operation {
            "GetItem" => self.run(body, Database::get_item),
            "PutItem" => self.run(body, Database::put_item),
            "TransactWriteItems" => self.run(body, |database, request| {
                // The SDK adds a token to each, and the peer sweeps all of ten minutes at every one.
                let mut request: dynoxide::actions::transact_write_items::TransactWriteItemsRequest = request;
                request.client_request_token = None;
                database.transact_write_items(request)
            }),
            other => panic!("{other} is not measured"),
        }
    }

    fn run<Q: DeserializeOwned, A: Serialize>(
        &self,
        body: &[u8],
        execute: fn(&Database, Q) -> dynoxide::Result<A>,
    ) -> String {
        let request = serde_json::from_slice(body).expect("a request");
        serde_json::to_string(&execute(&self.0, request).expect("an answer")).expect("JSON")
    }
}

impl HttpClient for Peer {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Peer {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let answer = self.answer(operation, request.body().bytes().unwrap_or_default());
        let ok = StatusCode::try_from(200).expect("a status");
        let mut response = HttpResponse::new(ok, SdkBody::from(answer));
        response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        HttpConnectorFuture::ready(Ok(response))
    }
}
