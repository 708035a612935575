//! A region that lost its tables opens its doors only when the others have sent them: a shop without a catalogue would
//! refuse orders for good.

use crate::replication::{RETURN_PATH, Return, TOKEN_HEADER};
use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use contracts::ids::Region;
use futures::future::join_all;
use platform::{World, network::Network, watch};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// One question takes no longer; the pause before it is asked again.
const ASK_LIMIT: Duration = Duration::from_secs(2);
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// Whoever has not sent everything after this time is not waited for, as long as one has.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the doors of a region are open. Clones are the same doors.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    open: Arc<watch::Sender<bool>>,
    /// Regions that have sent all their tables for this return.
    arrived: Arc<watch::Sender<BTreeSet<Region>>>,
    number: u64,
}

impl Opening {
    /// Open at once.
    pub(super) fn open() -> Opening {
        Opening::new(true, 0)
    }

    /// Closed until the tables are here.
    pub(super) fn closed(number: u64) -> Opening {
        Opening::new(false, number)
    }

    fn new(open: bool, number: u64) -> Opening {
        let arrived = Arc::new(watch::Sender::new(BTreeSet::new()));
        Opening { open: Arc::new(watch::Sender::new(open)), arrived, number }
    }

    pub(super) fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<bool> {
        self.open.subscribe()
    }

    pub(super) async fn until_open(&self) {
        let _ = self.open.subscribe().wait_for(|open| *open).await; // this holds the other end
    }

    /// A region has sent all of its tables for the return with this number.
    pub(super) fn arrive(&self, from: Region, number: u64) {
        if number == self.number {
            let mut arrived = self.arrived.borrow().clone();
            arrived.insert(from);
            self.arrived.send_replace(arrived);
        }
    }

    /// Asks every peer for its tables until each has heard it, and opens when they are here. Never ends.
    pub(super) async fn come_back(self, asking: Asking) -> &'static str {
        let all = join_all(asking.peers.iter().map(|(peer, url)| async {
            asking.ask(url, self.number).await;
            let _ = self.arrived.subscribe().wait_for(|arrived| arrived.contains(peer)).await;
        }));
        tokio::pin!(all);
        if tokio::time::timeout(PATIENCE, &mut all).await.is_err() {
            let _ = self.arrived.subscribe().wait_for(|arrived| !arrived.is_empty()).await;
        }
        let from = self.arrived.borrow().len();
        tracing::info!(from, of = asking.peers.len(), "the tables are here");
        self.open.send_replace(true);
        all.await;
        std::future::pending().await
    }
}

/// Whom a region asks that lost its tables.
pub(super) struct Asking {
    pub(super) here: Region,
    pub(super) peers: BTreeMap<Region, String>,
    pub(super) token: String,
    pub(super) network: Network,
    pub(super) world: World,
}

impl Asking {
    async fn ask(&self, url: &str, number: u64) {
        while !self.ask_once(url, number).await {
            tokio::time::sleep(self.world.jitter(ASK_AGAIN)).await;
        }
    }

    async fn ask_once(&self, url: &str, number: u64) -> bool {
        let host = url.parse::<http::Uri>().ok().and_then(|uri| uri.authority().map(ToString::to_string));
        let body = serde_json::to_vec(&Return { region: self.here.clone(), number }).unwrap_or_default();
        let request = http::Request::post(format!("{url}{RETURN_PATH}"))
            .header(header::HOST, host.unwrap_or_default())
            .header(header::CONTENT_TYPE, "application/json")
            .header(TOKEN_HEADER, &self.token)
            .body(Bytes::from(body));
        let Ok(request) = request else { return false };
        let answer = tokio::time::timeout(ASK_LIMIT, self.network.send(request)).await;
        answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status().is_success()))
    }
}

/// A layer that lets nobody in before the doors are open. The answer has no body: it is no sign of life.
pub(super) async fn only_when_open(State(opening): State<Opening>, request: Request, next: Next) -> Response {
    match opening.is_open() {
        true => next.run(request).await,
        false => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
