//! Requests and answers as they go over the wire, and GraphQL's envelope.

use contracts::{
    error::{Code, ErrorBody},
    ids::Region,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A request, ready for any HTTP client. Always a `POST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The path below the base URL.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Request {
    /// A GraphQL operation by the holder of `token`.
    pub(super) fn graphql<V: Serialize>(token: &str, document: &str, variables: &V) -> Self {
        let body = serde_json::json!({ "query": document, "variables": variables }).to_string();
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("authorization", format!("Bearer {token}")),
            ("baggage", "synthetic_request=true".to_owned()),
        ];
        Request { path: "/graphql".to_owned(), headers, body }
    }

    pub(super) fn with_key(mut self, idempotency_key: &str) -> Self {
        self.headers.push(("idempotency-key", idempotency_key.to_owned()));
        self
    }

    /// The first thing a warm connection says: it asks for nothing.
    pub fn greeting() -> Self {
        let body = serde_json::json!({ "query": "{ __typename }" }).to_string();
        let headers = vec![("content-type", "application/json".to_owned())];
        Request { path: "/graphql".to_owned(), headers, body }
    }
}

/// An answer that arrived whole.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

/// What an edge says about an answer, in its headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EdgeNotes {
    /// The region that answered.
    pub served_by: Option<Region>,
    /// How many regions the edge asked.
    pub attempts: Option<u32>,
    /// The regions that said no, for now.
    pub refused_by: Vec<Region>,
}

impl EdgeNotes {
    /// Reads them; `header` gives a header's value by its name.
    pub fn read<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Self {
        let refused_by = header("x-refused-by").into_iter().flat_map(|names| names.split(','));
        EdgeNotes {
            served_by: header("x-served-by").map(Region::from),
            attempts: header("x-attempts").and_then(|attempts| attempts.parse().ok()),
            refused_by: refused_by.map(Region::from).collect(),
        }
    }
}

/// Why an answer is not the wanted one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Trouble {
    /// The code, where the answer names one.
    pub code: Option<Code>,
    /// Whether the platform said that the request was not carried out and never will be.
    pub refused: bool,
    /// For a person.
    pub why: String,
}

impl Trouble {
    /// Something that says nothing about what happened.
    pub fn unknown(why: impl Into<String>) -> Self {
        Trouble { code: None, refused: false, why: why.into() }
    }

    fn coded(code: Code, retryable: Option<bool>, message: &str) -> Self {
        let retryable = retryable.unwrap_or(code.retryable());
        // A word in a failed gateway's answer is no promise that nothing happened.
        let refused = !retryable && code.status() < 500;
        Trouble { code: Some(code), refused, why: format!("{code}: {message}") }
    }
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: Option<T>,
    #[serde(default)]
    errors: Vec<GraphQlError>,
}

#[derive(Deserialize)]
struct GraphQlError {
    message: String,
    #[serde(default)]
    extensions: Option<Extensions>,
}

#[derive(Deserialize)]
struct Extensions {
    #[serde(default)]
    code: Option<Code>,
    #[serde(default)]
    retryable: Option<bool>,
}

impl Reply<'_> {
    /// The data of a GraphQL answer.
    pub(super) fn data<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        if self.status != 200 {
            return Err(self.trouble());
        }
        let envelope: Result<Envelope<T>, _> = serde_json::from_slice(self.body);
        match envelope {
            Ok(Envelope { data: Some(data), errors }) if errors.is_empty() => Ok(data),
            Ok(Envelope { errors, .. }) => Err(from_errors(&errors)),
            // The data may be of another shape because the errors made it null.
            Err(fault) => match serde_json::from_slice::<Envelope<serde_json::Value>>(self.body) {
                Ok(envelope) if !envelope.errors.is_empty() => Err(from_errors(&envelope.errors)),
                _ => Err(Trouble::unknown(format!("the answer cannot be read: {fault}"))),
            },
        }
    }

    /// What an answer with an error status says.
    pub(super) fn trouble(&self) -> Trouble {
        match serde_json::from_slice::<ErrorBody>(self.body) {
            Ok(body) if self.status < 500 => Trouble::coded(body.code, Some(body.retryable), &body.message),
            Ok(body) => Trouble { refused: false, ..Trouble::coded(body.code, None, &body.message) },
            Err(_) => Trouble::unknown(format!("HTTP status {}", self.status)),
        }
    }
}

fn from_errors(errors: &[GraphQlError]) -> Trouble {
    let Some(first) = errors.first() else { return Trouble::unknown("the answer holds no data") };
    match &first.extensions {
        Some(Extensions { code: Some(code), retryable }) => Trouble::coded(*code, *retryable, &first.message),
        _ => Trouble::unknown(first.message.clone()),
    }
}
