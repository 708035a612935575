//! The region processes, as the simulator handles them.

mod machine;

use super::{
    clouds::Clouds,
    plan::{Addresses, Plan},
    virtual_time::Host,
};
use crate::{
    cloud::{Dump, FaultSettings, Usage},
    process::{self, Processes},
    region::{Metered, OrdersReport, Report},
    replication::{Settings, TOKEN_HEADER},
    sockets,
};
use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use contracts::ids::Region;
use http::{Method, Request, header};
use machine::Machine;
use platform::{network::Network, watch};
use serde::{Serialize, de::DeserializeOwned};
use std::{net::SocketAddr, path::Path, time::Duration};

/// A control route answers within this time. A dump of a long run takes seconds.
const CONTROL_LIMIT: Duration = Duration::from_secs(60);
/// A question between two moments of a fault must not hold the fault up.
const BRIEF_LIMIT: Duration = Duration::from_secs(2);

/// How a region stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It works.
    Up,
    /// Its process is stopped, and goes on later.
    Frozen,
    /// Nobody reaches it.
    Dark,
    /// Its process was killed.
    Dead,
}

/// A region's process.
pub struct RegionProcess {
    /// Which region.
    pub name: Region,
    /// Where it listens.
    pub address: SocketAddr,
    body: Body,
    control: Control,
    standing: watch::Sender<Standing>,
}

/// What a region runs in.
enum Body {
    Process(Box<Machine>),
    Simulated(Host),
}

/// Asks a region's control routes.
#[derive(Clone)]
pub struct Control {
    region: Region,
    base: String,
    token: String,
    network: Network,
}

impl RegionProcess {
    /// Starts a region's process, which then listens and waits to be told what it is.
    ///
    /// # Errors
    /// When it does not come up; a port in use is named.
    pub async fn start(
        processes: &Processes,
        name: &Region,
        port: u16,
        logs: &Path,
        token: &str,
        clouds: Clouds,
    ) -> anyhow::Result<Self> {
        let (machine, port) = Machine::start(processes, name, port, logs, clouds).await?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Ok(RegionProcess::new(name, address, Body::Process(Box::new(machine)), token))
    }

    /// A region on a simulated host, which waits to be told what it is.
    pub fn simulated(name: &Region, host: Host, token: &str) -> Self {
        RegionProcess::new(name, host.address(), Body::Simulated(host), token)
    }

    fn new(name: &Region, address: SocketAddr, body: Body, token: &str) -> Self {
        let control = Control::new(name.clone(), address, token);
        RegionProcess {
            name: name.clone(),
            address,
            body,
            control,
            standing: watch::Sender::new(Standing::Up),
        }
    }

    /// Tells it what it is.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn describe(&mut self, plan: &Plan, addresses: &Addresses) -> anyhow::Result<()> {
        let spec = plan.region(&self.name, addresses);
        match &self.body {
            Body::Process(machine) => machine.describe(spec).await,
            Body::Simulated(host) => {
                host.describe(spec);
                Ok(())
            }
        }
    }

    /// Waits until it serves.
    ///
    /// # Errors
    /// When it does not.
    pub async fn until_ready(&mut self) -> anyhow::Result<()> {
        match &self.body {
            Body::Process(machine) => machine.until_ready(&self.name).await,
            Body::Simulated(host) => host.until_ready().await,
        }
    }

    /// Its control routes.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Its process number, where it is a process.
    pub fn pid(&self) -> Option<u32> {
        match &self.body {
            Body::Process(machine) => Some(machine.child().pid()),
            Body::Simulated(_) => None,
        }
    }

    /// Processor time that it has used, seconds; `None` where that is not known.
    pub fn cpu_seconds(&self) -> Option<f64> {
        self.pid().and_then(process::cpu_seconds)
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// A watch of how it stands.
    pub fn watch(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Notes that nobody reaches it any more, or that somebody does again.
    pub fn set_dark(&self, dark: bool) {
        self.standing.send_replace(if dark { Standing::Dark } else { Standing::Up });
    }

    /// Notes that its end is planned.
    pub fn expect_end(&self) {
        self.standing.send_replace(Standing::Dead);
    }

    /// Kills it, with everything it holds.
    pub async fn kill(&self) {
        self.standing.send_replace(Standing::Dead);
        match &self.body {
            Body::Process(machine) => machine.kill(&self.name).await,
            Body::Simulated(host) => host.lose().await,
        }
    }

    /// Stops it without ending it.
    pub async fn freeze(&self) {
        self.standing.send_replace(Standing::Frozen);
        match &self.body {
            Body::Process(machine) => machine.child().freeze().await,
            Body::Simulated(host) => host.freeze(),
        }
    }

    /// Lets it go on.
    pub async fn thaw(&self) {
        match &self.body {
            Body::Process(machine) => machine.child().thaw().await,
            Body::Simulated(host) => host.thaw(),
        }
        self.standing.send_replace(Standing::Up);
    }

    /// Puts the wall clock of its services off. A process has the machine's clock, and keeps it.
    pub fn set_skew(&self, ms: i64) {
        if let Body::Simulated(host) = &self.body {
            host.set_skew(ms);
        }
    }

    /// Its host in a simulation.
    pub fn host(&self) -> Option<&Host> {
        match &self.body {
            Body::Process(_) => None,
            Body::Simulated(host) => Some(host),
        }
    }

    /// Takes its power away; what it has stored stays. A process stands still, out of reach: what it holds in
    /// memory is its store. A simulated region really ends.
    pub async fn cut_power(&self) {
        self.standing.send_replace(Standing::Dark);
        match &self.body {
            Body::Process(machine) => machine.child().freeze().await,
            Body::Simulated(host) => host.crash().await,
        }
    }

    /// Gives the power back.
    ///
    /// # Errors
    /// When it does not come up again.
    pub async fn restore_power(&self) -> anyhow::Result<()> {
        match &self.body {
            Body::Process(machine) => machine.child().thaw().await,
            Body::Simulated(host) => host.restart().await?,
        }
        self.standing.send_replace(Standing::Up);
        Ok(())
    }

    /// Starts it again after it was killed, with nothing of what it held, and waits until it serves.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_again(&self) -> anyhow::Result<()> {
        match &self.body {
            Body::Process(machine) => machine.start_again(&self.name, self.address.port()).await?,
            Body::Simulated(host) => host.restart().await?,
        }
        self.standing.send_replace(Standing::Up);
        Ok(())
    }

    /// Waits until the process ends without having been killed; for ever where that does not happen.
    pub async fn until_unplanned_end(&self) -> String {
        let Body::Process(machine) = &self.body else { return std::future::pending().await };
        loop {
            let child = machine.child();
            let status = child.until_ended().await;
            if self.standing() != Standing::Dead {
                let status = status.map_or_else(|| "unknown status".to_owned(), |status| status.to_string());
                return format!(
                    "region {} ended by itself ({status}); see {}",
                    self.name,
                    child.log().display()
                );
            }
            // It was meant to end; another process may take its place.
            let _ = self.standing.subscribe().wait_for(|standing| *standing != Standing::Dead).await;
        }
    }
}

impl Control {
    /// The control routes of a region that listens at `address`.
    pub fn new(region: Region, address: SocketAddr, token: &str) -> Self {
        let base = format!("http://{address}");
        Control { region, base, token: token.to_owned(), network: sockets::network(None) }
    }

    /// What the region knows about itself.
    ///
    /// # Errors
    /// As every question here: no answer in time, or not a good one.
    pub async fn report(&self) -> anyhow::Result<Report> {
        self.ask(Method::GET, "/_sim/report", &(), BRIEF_LIMIT).await
    }

    /// How far its orders are.
    ///
    /// # Errors
    /// As [`Control::report`].
    pub async fn orders(&self) -> anyhow::Result<OrdersReport> {
        self.ask(Method::GET, "/_sim/orders", &(), CONTROL_LIMIT).await
    }

    /// Everything it holds.
    ///
    /// # Errors
    /// As [`Control::report`].
    pub async fn dump(&self) -> anyhow::Result<Dump> {
        self.ask(Method::GET, "/_sim/dump", &(), CONTROL_LIMIT).await
    }

    /// The events it published.
    ///
    /// # Errors
    /// As [`Control::report`].
    pub async fn tap(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        self.ask(Method::GET, "/_sim/tap", &(), CONTROL_LIMIT).await
    }

    /// What it used.
    ///
    /// # Errors
    /// As [`Control::report`].
    pub async fn usage(&self) -> anyhow::Result<Usage> {
        self.ask(Method::GET, "/_sim/usage", &(), BRIEF_LIMIT).await
    }

    /// What it was used for, its doors included.
    ///
    /// # Errors
    /// As [`Control::report`].
    pub async fn meters(&self) -> anyhow::Result<Metered> {
        self.ask(Method::GET, "/_sim/meters", &(), BRIEF_LIMIT).await
    }

    /// Has its parked events tried again; says how many.
    ///
    /// # Errors
    /// As [`Control::report`].
    pub async fn redrive(&self) -> anyhow::Result<usize> {
        self.ask(Method::POST, "/_sim/redrive", &(), BRIEF_LIMIT).await
    }

    /// Changes what goes wrong in its cloud.
    ///
    /// # Errors
    /// As [`Control::report`].
    pub async fn set_faults(&self, settings: &FaultSettings) -> anyhow::Result<()> {
        self.ask(Method::POST, "/_sim/faults", settings, BRIEF_LIMIT).await
    }

    /// Changes how late its writes leave.
    ///
    /// # Errors
    /// As [`Control::report`].
    pub async fn set_replication(&self, settings: &Settings) -> anyhow::Result<()> {
        self.ask(Method::POST, "/_sim/replication", settings, BRIEF_LIMIT).await
    }

    /// Tells it that other regions are lost for good.
    ///
    /// # Errors
    /// As [`Control::report`].
    pub async fn forget(&self, lost: &[Region]) -> anyhow::Result<()> {
        self.ask(Method::POST, "/_sim/replication/forget", &lost, BRIEF_LIMIT).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
        limit: Duration,
    ) -> anyhow::Result<T> {
        let what = || format!("{path} of region {}", self.region);
        let body = if method == Method::GET { Bytes::new() } else { Bytes::from(serde_json::to_vec(body)?) };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::HOST, self.base.trim_start_matches("http://"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(TOKEN_HEADER, &self.token)
            .body(body)?;
        let answer = tokio::time::timeout(limit, self.read(request)).await;
        let (status, body) =
            answer.map_err(|_| anyhow!("{}: no answer in time", what()))?.with_context(what)?;
        if status != 200 {
            bail!("{}: status {status}: {}", what(), String::from_utf8_lossy(&body));
        }
        let body: &[u8] = if body.is_empty() { b"null" } else { &body };
        serde_json::from_slice(body).with_context(what)
    }

    /// Reads a whole answer, however long: a dump is longer than what services let each other send.
    async fn read(&self, request: Request<Bytes>) -> anyhow::Result<(u16, Bytes)> {
        let response = self.network.open(request).await?;
        let status = response.status().as_u16();
        let body = http_body_util::BodyExt::collect(response.into_body()).await;
        Ok((status, body.map_err(|cause| anyhow!("{cause}"))?.to_bytes()))
    }
}
