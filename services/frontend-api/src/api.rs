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
    Router,
    extract::State,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, header};
use platform::{Caller, Deadline, Json, Platform};
use std::sync::Arc;

#[derive(Clone)]
struct Api {
    schema: Schema,
    /// Answers questions about the schema itself.
    about: Schema,
}

/// Every route of the service.
pub(crate) fn routes(platform: &Platform) -> Router {
    let api = Api { schema: schema::over(platform), about: schema::empty() };
    Router::new()
        .route("/graphql", get(explorer).post(run))
        .route("/schema.graphql", get(sdl))
        .with_state(Arc::new(api))
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
    let about = request.parsed_query().is_ok_and(about_schema);
    let session = Arc::new(Session::new(caller, deadline, &headers));
    let schema = if about { &api.about } else { &api.schema };
    let answer = schema.execute(request.data(session.clone())).await;
    (session.status(), Json(answer)).into_response()
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
