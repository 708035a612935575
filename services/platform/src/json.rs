//! JSON bodies: axum's, with refusals in our own error body.

use crate::ApiError;
use axum::{
    extract::{FromRequest, Request, rejection::JsonRejection},
    response::{IntoResponse, Response},
};
use contracts::Code;
use serde::{Serialize, de::DeserializeOwned};

/// A JSON body, as an extractor and as an answer. A body that cannot be read is 400 `BAD_REQUEST`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(body)) => Ok(Json(body)),
            Err(rejection) => Err(refusal(&rejection)),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The rejection's own text names the place but may also quote the body, which may hold a payment token:
/// only a missing field is told by name.
fn refusal(rejection: &JsonRejection) -> ApiError {
    let message = match rejection {
        JsonRejection::JsonDataError(_) => missing_field(&rejection.body_text())
            .map_or_else(|| "Failed to parse JSON body".into(), |field| format!("Missing '{field}' in body")),
        JsonRejection::MissingJsonContentType(_) => "The content type must be application/json".into(),
        _ => "Failed to parse JSON body".into(),
    };
    ApiError::new(Code::BadRequest, message)
}

fn missing_field(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("missing field `")?;
    rest.split_once('`').map(|(field, _)| field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Wanted {
        #[allow(dead_code)] // only its absence matters
        products: Vec<u32>,
    }

    async fn refused(body: &'static str) -> ApiError {
        let request = Request::post("/")
            .header("content-type", "application/json")
            .body(Body::from(body))
            .expect("a request");
        Json::<Wanted>::from_request(request, &()).await.expect_err("refused")
    }

    #[tokio::test]
    async fn a_refusal_names_a_missing_field_and_never_quotes_the_body() {
        for (body, message) in [
            ("{", "Failed to parse JSON body"),
            ("{}", "Missing 'products' in body"),
            (r#"{"products":"tok_secret"}"#, "Failed to parse JSON body"),
        ] {
            let refused = refused(body).await;
            assert_eq!(refused.code(), Code::BadRequest);
            assert_eq!(refused.body().message, message);
        }
    }
}
