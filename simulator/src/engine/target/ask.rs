//! How customers ask before and after the load: one at a time, not faster than the scenario's load, through their edges.

use crate::edge::Edge;
use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use loadtests::{
    accounts::SignedIn,
    client::{Reply, Request, Trouble},
};
use platform::network::Network;
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Interval, MissedTickBehavior, interval, timeout},
};

/// One question takes no longer.
const LIMIT: Duration = Duration::from_secs(5);

/// Whoever asks.
pub(super) struct Asker {
    network: Network,
    /// The address of each kind of customers' edge.
    edges: BTreeMap<String, String>,
    turns: Mutex<Interval>,
}

impl Asker {
    /// `rps`: questions a second at most.
    pub(super) fn new(network: Network, edges: &BTreeMap<String, Edge>, rps: f64) -> Asker {
        let mut turns = interval(Duration::from_secs_f64(1.0 / rps));
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let edges = edges.iter().map(|(name, edge)| (name.clone(), edge.url.clone())).collect();
        Asker { network, edges, turns: Mutex::new(turns) }
    }

    /// Asks as a customer, and reads the answer.
    pub(super) async fn customer<T>(
        &self,
        one: &SignedIn,
        request: Request,
        read: impl FnOnce(Reply<'_>) -> Result<T, Trouble>,
    ) -> anyhow::Result<T> {
        let edge = self.edges.get(&one.customer.continent).context("the customer has no edge")?;
        self.at(edge, request, read).await
    }

    /// Asks anybody.
    pub(super) async fn at<T>(
        &self,
        base: &str,
        request: Request,
        read: impl FnOnce(Reply<'_>) -> Result<T, Trouble>,
    ) -> anyhow::Result<T> {
        self.turns.lock().await.tick().await;
        let url = format!("{}{}", base.trim_end_matches('/'), request.path);
        let named = |builder: http::request::Builder, (name, value)| builder.header(name, value);
        let builder = request.headers.into_iter().fold(http::Request::post(url), named);
        let sent = self.network.send(builder.body(Bytes::from(request.body))?);
        let answer = timeout(LIMIT, sent).await.context("no answer in time")??;
        let reply = Reply { status: answer.status().as_u16(), body: answer.body() };
        read(reply).map_err(|trouble| anyhow!(trouble.why))
    }
}
