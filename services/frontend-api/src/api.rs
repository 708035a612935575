//! Routes.

use crate::{
    schema::{self, Schema},
    session::Session,
};
use async_graphql::{
    Request,
    http::GraphiQLSource,
    parser::types::{ExecutableDocument, Selection},
};
use axum::{
    extract::State,
    response::{
        Html, IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use contracts::Code;
use futures::{StreamExt, stream};
use http::{HeaderMap, header};
use platform::{
    ApiError, Caller, Deadline, Json, Platform,
    replay::Replay,
    routes::{Content, RouteSpec, Routes, SchemaOf, Who, get, post},
};
use schemars::json_schema;
use std::sync::Arc;

/// What a client accepts that follows something.
const EVENT_STREAM: &str = "text/event-stream";

#[derive(Clone)]
struct Api {
    schema: Schema,
    /// Answers questions about the schema itself.
    about: Schema,
}

/// Every route of the service.
pub(crate) fn routes(platform: &Platform) -> Routes {
    let api = Api { schema: schema::over(platform), about: schema::empty() };
    Routes::new()
        .route(get("/graphql", Who::Anyone, "An explorer").gives_text("text/html"), explorer)
        .route(graphql(post("/graphql", Who::Anyone, "Answers a GraphQL request")), run)
        .route(
            get("/schema.graphql", Who::Anyone, "The schema in GraphQL's own language")
                .gives_text("text/plain"),
            sdl,
        )
        .with_state(Arc::new(api))
}

/// GraphQL over HTTP: who may use which field is the schema's own matter.
fn graphql(route: RouteSpec) -> RouteSpec {
    let asked: SchemaOf = |_| {
        json_schema!({
            "type": "object",
            "properties": {
                "query": { "type": "string", "minLength": 1 },
                "variables": { "type": ["object", "null"] },
                "operationName": { "type": ["string", "null"] },
            },
            "required": ["query"],
        })
    };
    let told: SchemaOf = |_| {
        json_schema!({
            "type": "object",
            "properties": { "data": {}, "errors": { "type": "array", "items": { "type": "object" } } },
        })
    };
    RouteSpec { takes: Some(Content::Json(asked)), gives: Some(Content::Json(told)), ..route }
}

async fn explorer() -> Html<String> {
    Html(GraphiQLSource::build().endpoint("/graphql").title("BigSmokes").finish())
}

async fn sdl(State(api): State<Arc<Api>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], api.about.sdl())
}

async fn run(
    State(api): State<Arc<Api>>,
    caller: Caller,
    deadline: Deadline,
    headers: HeaderMap,
    Json(mut request): Json<Request>,
) -> Response {
    if request.query.is_empty() {
        return ApiError::new(Code::BadRequest, "Missing 'query' in body").into_response();
    }
    let about = request.parsed_query().is_ok_and(about_schema);
    let session = Arc::new(Session::new(caller, deadline, &headers));
    let schema = if about { &api.about } else { &api.schema };
    let request = request.data(session.clone());
    if wants_stream(&headers) {
        return follow(schema, request);
    }
    let answer = schema.execute(request).await;
    (session.status(), Replay { body: answer, again: session.replayed() }).into_response()
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.split(',').any(|kind| kind.trim() == EVENT_STREAM))
}

/// Each answer of a subscription as it comes, as server-sent events: GraphQL over SSE, in its "distinct connections
/// mode" (<https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>).
fn follow(schema: &Schema, request: Request) -> Response {
    let answers =
        schema.execute_stream(request).map(|answer| Event::default().event("next").json_data(answer));
    let end = stream::once(async { Ok(Event::default().event("complete")) });
    Sse::new(answers.chain(end)).keep_alive(KeepAlive::default()).into_response()
}

/// Whether a document asks about nothing but the schema.
fn about_schema(document: &ExecutableDocument) -> bool {
    document.operations.iter().all(|(_, operation)| {
        operation.node.selection_set.node.items.iter().all(|selection| match &selection.node {
            Selection::Field(field) => field.node.name.node.starts_with("__"),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
        })
    })
}

#[cfg(test)]
mod tests;
