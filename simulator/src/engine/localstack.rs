//! LocalStack in a container, started and ended by testcontainers.

use crate::sockets;
use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, header};
use std::{fmt, time::Duration};
use testcontainers::{
    ContainerAsync, GenericImage, ImageExt as _, TestcontainersError,
    core::{IntoContainerPort as _, client::ClientError},
    runners::AsyncRunner as _,
};

/// The last image of LocalStack that starts without a token.
pub const DEFAULT_IMAGE: &str = "localstack/localstack:4.14.0";

/// Where LocalStack listens in its container.
const PORT: u16 = 4566;
/// A container that is here is up within this time.
const UP_LIMIT: Duration = Duration::from_secs(120);
/// An image is here, and a container made of it, within this time: it may have to be pulled.
const MADE_LIMIT: Duration = Duration::from_secs(600);
/// How often it is asked whether it is up, and how long one question takes at most.
const ASK_EVERY: Duration = Duration::from_millis(500);
const ASK_LIMIT: Duration = Duration::from_secs(2);
/// The engine ends a container within this time.
const END_LIMIT: Duration = Duration::from_secs(30);
/// Lines of a log that are shown of a container that ended.
const LAST_LINES: usize = 5;

/// Which LocalStack.
#[derive(Clone, PartialEq, Eq)]
pub struct LocalStack {
    /// The image.
    pub image: String,
    /// What newer images want to see before they start.
    pub token: Option<String>,
}

impl fmt::Debug for LocalStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalStack").field("image", &self.image).finish_non_exhaustive()
    }
}

/// Why there is no LocalStack. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum LocalStackError {
    /// No engine.
    #[error(
        "no Docker engine answers (DOCKER_HOST, or else unix:///var/run/docker.sock): start one, or use --cloud embedded \
         or --endpoint ({0})"
    )]
    NoEngine(String),
    /// No image.
    #[error("image {image} cannot be pulled: name one that is here by --image, or pull it by hand ({cause})")]
    NoImage {
        /// Which.
        image: String,
        /// What the engine says.
        cause: String,
    },
    /// No room.
    #[error("the disk of the Docker engine is full: make room (`docker system prune`) and start again ({0})")]
    DiskFull(String),
    /// It did not want to.
    #[error(
        "{image} refuses to start without a valid licence: set LOCALSTACK_AUTH_TOKEN, or leave --image out, which takes \
         {DEFAULT_IMAGE}; its last words: {words}"
    )]
    Unlicensed {
        /// Which.
        image: String,
        /// The end of its log.
        words: String,
    },
    /// It ended.
    #[error("{image} ended before it was up; its last words: {words}")]
    Ended {
        /// Which.
        image: String,
        /// The end of its log.
        words: String,
    },
    /// It never came up.
    #[error("{image} is not up within {} s; its last words: {words}", UP_LIMIT.as_secs())]
    NotUp {
        /// Which.
        image: String,
        /// The end of its log.
        words: String,
    },
    /// Anything else that the engine refuses.
    #[error("the Docker engine cannot run {image}: {cause}")]
    Engine {
        /// Which.
        image: String,
        /// What it says.
        cause: String,
    },
}

/// A running LocalStack. Dropped, it is removed as well, some time later.
pub struct Container {
    container: ContainerAsync<GenericImage>,
    image: String,
    url: String,
}

impl Container {
    /// Starts one and waits until it is up.
    ///
    /// # Errors
    /// [`LocalStackError`].
    pub async fn start(localstack: &LocalStack) -> Result<Container, LocalStackError> {
        let container = Container::make(localstack).await?;
        container.until_up().await?;
        Ok(container)
    }

    /// Has the engine make one and start it. It is not up yet: see [`Container::until_up`].
    ///
    /// # Errors
    /// [`LocalStackError`].
    pub async fn make(localstack: &LocalStack) -> Result<Container, LocalStackError> {
        let image = localstack.image.clone();
        let (name, tag) = name_and_tag(&image);
        let mut request = GenericImage::new(name, tag)
            .with_exposed_port(PORT.tcp())
            .with_startup_timeout(UP_LIMIT)
            // A queue's URL then has its region in its path, whichever host it is reached by.
            .with_env_var("SQS_ENDPOINT_STRATEGY", "path");
        if let Some(token) = &localstack.token {
            request = request.with_env_var("LOCALSTACK_AUTH_TOKEN", token);
        }
        let wrong = |fault: TestcontainersError| explain(&image, &fault);
        let late = || format!("not made within {} s", MADE_LIMIT.as_secs());
        let made = tokio::time::timeout(MADE_LIMIT, request.start()).await;
        let made = made.map_err(|_| LocalStackError::Engine { image: image.clone(), cause: late() })?;
        let container = made.map_err(wrong)?;
        let host = container.get_host().await.map_err(wrong)?.to_string().replace("localhost", "127.0.0.1");
        let url = match container.get_host_port_ipv4(PORT.tcp()).await {
            Ok(port) => format!("http://{host}:{port}"),
            // A container that has ended has no ports any more.
            Err(_) if !running(&container).await => return Err(ended(&container, &image).await),
            Err(fault) => return Err(wrong(fault)),
        };
        Ok(Container { container, image, url })
    }

    /// Where it is reached.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it with all that it holds.
    ///
    /// # Errors
    /// When the engine does not do it.
    pub async fn end(self) -> anyhow::Result<()> {
        let id = self.container.id().to_owned();
        let removed = tokio::time::timeout(END_LIMIT, self.container.rm()).await;
        removed
            .with_context(|| format!("container {id} is not gone in time"))?
            .with_context(|| format!("container {id}"))
    }

    /// Waits until it is up.
    ///
    /// # Errors
    /// [`LocalStackError::Unlicensed`], [`LocalStackError::Ended`], [`LocalStackError::NotUp`] and
    /// [`LocalStackError::DiskFull`].
    pub async fn until_up(&self) -> Result<(), LocalStackError> {
        let up = async {
            while !self.is_up().await {
                if !running(&self.container).await {
                    return Err(ended(&self.container, &self.image).await);
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
            Ok(())
        };
        let image = self.image.clone();
        match tokio::time::timeout(UP_LIMIT, up).await {
            Ok(up) => up,
            Err(_) => Err(LocalStackError::NotUp { image, words: last_words(&self.container).await }),
        }
    }

    async fn is_up(&self) -> bool {
        let authority = self.url.trim_start_matches("http://");
        let request =
            Request::get(format!("{}/_localstack/health", self.url)).header(header::HOST, authority);
        let (Ok(request), Ok(network)) = (request.body(Bytes::new()), sockets::to_names(false)) else {
            return false;
        };
        let answer = tokio::time::timeout(ASK_LIMIT, network.send(request)).await;
        answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status().is_success()))
    }
}

async fn running(container: &ContainerAsync<GenericImage>) -> bool {
    container.is_running().await.unwrap_or(false)
}

async fn ended(container: &ContainerAsync<GenericImage>, image: &str) -> LocalStackError {
    why_it_ended(image, last_words(container).await)
}

/// What a container that ended died of, as far as its log tells.
fn why_it_ended(image: &str, words: String) -> LocalStackError {
    let (image, low) = (image.to_owned(), words.to_lowercase());
    let has = |words: &[&str]| words.iter().any(|word| low.contains(word));
    match () {
        () if has(&["no space left on device"]) => LocalStackError::DiskFull(words),
        () if has(&["license", "licence", "auth_token", "auth token"]) => {
            LocalStackError::Unlicensed { image, words }
        }
        () => LocalStackError::Ended { image, words },
    }
}

/// The end of a container's log, in one line.
async fn last_words(container: &ContainerAsync<GenericImage>) -> String {
    let logs = async {
        let out = container.stdout_to_vec().await.unwrap_or_default();
        [out, container.stderr_to_vec().await.unwrap_or_default()].concat()
    };
    // The log of a container that goes on has no end.
    let log = tokio::time::timeout(ASK_LIMIT, logs).await.unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.len() {
        0 => "none".to_owned(),
        count => lines[count.saturating_sub(LAST_LINES)..].join(" | "),
    }
}

/// An image's name and what stands behind its last colon, where that is no port.
fn name_and_tag(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

/// What the engine's refusal means.
fn explain(image: &str, fault: &TestcontainersError) -> LocalStackError {
    let cause = whole(fault);
    let low = cause.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| low.contains(word));
    if has(&["no space left on device"]) {
        return LocalStackError::DiskFull(cause);
    }
    let unreached = [
        "error trying to connect",
        "connection refused",
        "connecterror",
        "client error (connect)",
        "socket not found",
    ];
    match fault {
        _ if has(&unreached) => LocalStackError::NoEngine(cause),
        TestcontainersError::Client(ClientError::Init(_) | ClientError::InvalidDockerHost(_)) => {
            LocalStackError::NoEngine(cause)
        }
        TestcontainersError::Client(ClientError::PullImage { .. }) => {
            LocalStackError::NoImage { image: image.to_owned(), cause }
        }
        _ => LocalStackError::Engine { image: image.to_owned(), cause },
    }
}

/// An error with what lies behind it, as far as that says more.
fn whole(fault: &TestcontainersError) -> String {
    let mut text = fault.to_string();
    let mut behind = std::error::Error::source(fault);
    while let Some(cause) = behind {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        behind = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_a_name_and_a_tag() {
        assert_eq!(name_and_tag(DEFAULT_IMAGE), ("localstack/localstack", "4.14.0"));
        assert_eq!(name_and_tag("registry:5000/localstack"), ("registry:5000/localstack", "latest"));
        assert_eq!(name_and_tag("localstack@sha256:0a1b"), ("localstack@sha256", "0a1b"));
    }

    #[test]
    fn last_words_tell_a_licence_from_a_full_disk_and_from_the_rest() {
        let of = |words: &str| why_it_ended("an/image:1", words.to_owned()).to_string();
        assert!(
            of("License activation failed! ... LOCALSTACK_AUTH_TOKEN").contains("set LOCALSTACK_AUTH_TOKEN")
        );
        assert!(of("OSError: [Errno 28] No space left on device").contains("make room"));
        assert_eq!(of("none"), "an/image:1 ended before it was up; its last words: none");
    }

    #[test]
    fn the_engines_refusals_say_what_to_do() {
        let of = |cause: &str| explain("an/image:1", &TestcontainersError::other(cause)).to_string();
        assert!(
            of("error trying to connect: No such file or directory")
                .contains("use --cloud embedded or --endpoint")
        );
        assert!(of("write /var/lib/docker/x: no space left on device").contains("make room"));
        assert!(of("driver failed").starts_with("the Docker engine cannot run an/image:1: "));
    }

    #[test]
    fn a_token_is_not_shown() {
        let localstack = LocalStack { image: "an/image:1".to_owned(), token: Some("secret".to_owned()) };
        assert!(!format!("{localstack:?}").contains("secret"));
    }
}
