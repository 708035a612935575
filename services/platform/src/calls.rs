//! Calls to other services: signed, bounded, and answered by a typed body or a typed error.

use crate::{
    config::Config,
    deadline::{self, Deadline},
    identity::Identity,
    network::Network,
    trace,
    world::World,
};
use bytes::Bytes;
use contracts::{ErrorBody, Region};
use http::{HeaderMap, Method, Request, header};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, sync::Arc};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No answer in time. The effect may have happened.
    #[error("{target}: no answer in time")]
    Timeout {
        /// Whom we called.
        target: String,
    },
    /// No answer at all. The effect may have happened.
    #[error("{target}: {cause}")]
    Unreachable {
        /// Whom we called.
        target: String,
        /// Why.
        cause: String,
    },
    /// An answer that says no, in our error body.
    #[error("{}: {}", .0.code, .0.message)]
    Refused(Box<ErrorBody>),
    /// An answer that is not what the contract says: treated as a failure.
    #[error("{target}: unexpected answer {status}: {cause}")]
    Unexpected {
        /// Whom we called.
        target: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        cause: String,
    },
}

impl CallError {
    /// The code of a refusal.
    pub fn code(&self) -> Option<contracts::Code> {
        match self {
            CallError::Refused(body) => Some(body.code),
            _ => None,
        }
    }
}

/// Makes calls. Clones share connections.
#[derive(Clone)]
pub struct Calls {
    world: World,
    config: Arc<Config>,
    urls: Arc<BTreeMap<Region, String>>,
    network: Network,
    identity: Arc<Identity>,
}

/// How a call proves who makes it.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Signed as this service.
    Service(&'static str),
    /// In the name of whoever called us: their own token.
    Passed(http::HeaderValue),
    /// Not at all (third parties have their own key header).
    None,
}

impl Calls {
    /// Calls over `network`.
    pub fn new(world: World, config: Arc<Config>, network: Network, identity: Arc<Identity>) -> Self {
        let urls = Arc::new(config.urls());
        Calls { world, config, urls, network, identity }
    }

    /// A call to a service in this region.
    pub fn here(&self, service: &str) -> Target<'_> {
        self.in_region(&self.config.region, service)
    }

    /// A call to a service in a region.
    pub fn in_region(&self, region: &Region, service: &str) -> Target<'_> {
        let url = self.urls.get(region).map(|url| url.replace("{service}", service)).unwrap_or_default();
        let name = format!("{service} in {region}");
        Target { calls: self, name, url, region: region.clone(), headers: Vec::new() }
    }

    /// A call to a third party.
    pub fn outside(&self, name: &str, url: &str) -> Target<'_> {
        let (name, url, region) = (name.to_owned(), url.to_owned(), self.config.region.clone());
        Target { calls: self, name, url, region, headers: Vec::new() }
    }

    /// The network below, for streams.
    pub fn network(&self) -> &Network {
        &self.network
    }
}

/// An answer of status 2xx.
#[derive(Clone, Debug)]
pub struct Answered<T> {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: T,
}

/// Whom to call.
pub struct Target<'a> {
    calls: &'a Calls,
    name: String,
    url: String,
    /// Whose API is called: a signature names it.
    region: Region,
    headers: Vec<(&'static str, String)>,
}

impl Target<'_> {
    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// `POST` with a body.
    ///
    /// # Errors
    /// When there is no well-formed answer of status 2xx in time.
    pub async fn post<T: DeserializeOwned>(
        self,
        credential: Credential,
        path: &str,
        body: &impl Serialize,
        deadline: Deadline,
    ) -> Result<T, CallError> {
        self.send(credential, Method::POST, path, Some(body), deadline).await
    }

    /// `GET`.
    ///
    /// # Errors
    /// As [`Target::post`].
    pub async fn get<T: DeserializeOwned>(
        self,
        credential: Credential,
        path: &str,
        deadline: Deadline,
    ) -> Result<T, CallError> {
        self.send(credential, Method::GET, path, None::<&()>, deadline).await
    }

    /// Any method.
    ///
    /// # Errors
    /// As [`Target::post`].
    pub async fn send<T: DeserializeOwned>(
        self,
        credential: Credential,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        deadline: Deadline,
    ) -> Result<T, CallError> {
        self.exchange(credential, method, path, body, deadline).await.map(|answered| answered.body)
    }

    /// Any method; gives the answer's headers too.
    ///
    /// # Errors
    /// As [`Target::post`].
    pub async fn exchange<T: DeserializeOwned>(
        self,
        credential: Credential,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        deadline: Deadline,
    ) -> Result<Answered<T>, CallError> {
        let mut request = self.request(&credential, method, path, body, deadline)?;
        if let Credential::Service(name) = credential {
            self.sign(name, &mut request, deadline).await?;
        }
        let answer = deadline.bound(self.calls.network.send(request)).await;
        let answer = answer.map_err(|_| CallError::Timeout { target: self.name.clone() })?;
        let answer = answer.map_err(|cause| CallError::Unreachable {
            target: self.name.clone(),
            cause: cause.to_string(),
        })?;
        let body = self.read(answer.status().as_u16(), answer.body())?;
        Ok(Answered { headers: answer.into_parts().0.headers, body })
    }

    fn request(
        &self,
        credential: &Credential,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        deadline: Deadline,
    ) -> Result<Request<Bytes>, CallError> {
        let fail = |cause: String| CallError::Unreachable { target: self.name.clone(), cause };
        let url = format!("{}{path}", self.url);
        let uri: http::Uri = url.parse().map_err(|_| fail(format!("{url} is not an address")))?;
        let host = uri.authority().map(|host| host.to_string()).unwrap_or_default();
        let mut request = Request::builder().method(method).uri(uri).header(header::HOST, host);
        request = request.header(deadline::HEADER, deadline.header_value());
        if let Some(context) = trace::current() {
            request = request.header(trace::HEADER, context.to_string());
            if context.synthetic {
                request = request.header(trace::BAGGAGE, trace::SYNTHETIC);
            }
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let bytes = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Bytes::from(serde_json::to_vec(body).map_err(|cause| fail(cause.to_string()))?)
            }
            None => Bytes::new(),
        };
        if let Credential::Passed(token) = credential {
            request = request.header(header::AUTHORIZATION, token);
        }
        request.body(bytes).map_err(|cause| fail(cause.to_string()))
    }

    async fn sign(
        &self,
        by: &str,
        request: &mut Request<Bytes>,
        deadline: Deadline,
    ) -> Result<(), CallError> {
        let calls = self.calls;
        let signed = deadline.bound(calls.identity.prove(&calls.world, by, &self.region, request)).await;
        let signed = signed.map_err(|_| CallError::Timeout { target: self.name.clone() })?;
        signed.map_err(|cause| CallError::Unreachable { target: self.name.clone(), cause: cause.to_string() })
    }

    fn read<T: DeserializeOwned>(&self, status: u16, body: &[u8]) -> Result<T, CallError> {
        let unexpected = |cause: String| CallError::Unexpected { target: self.name.clone(), status, cause };
        if (200..300).contains(&status) {
            let body = if body.is_empty() { b"null" } else { body };
            return serde_json::from_slice(body).map_err(|cause| unexpected(cause.to_string()));
        }
        match serde_json::from_slice::<ErrorBody>(body) {
            Ok(body) => Err(CallError::Refused(Box::new(body))),
            Err(_) => Err(unexpected(String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned())),
        }
    }
}
