//! The cloud a region runs on: an AWS of its own, speaking the real wire protocols.
//!
//! A `Cloud` is DynamoDB with streams, an EventBridge bus that feeds SQS queues, and Cognito user pools, all in
//! memory and all of one region. Two doors lead to the same state: an in-process HTTP client for the SDKs of
//! the region's own services, and an axum router for everybody else. The door is where faults, throttling and
//! metering act.
//!
//! What differs from AWS on purpose:
//! - signatures are not checked: who may call whom is the platform's business and is tested there; the region
//!   is the configuration's, not the signature scope's;
//! - what is not emulated answers `UnknownOperationException` and is counted, it never pretends;
//! - a table's change history is kept only as long as replication needs it.

mod bus;
mod clock;
mod dice;
mod door;
mod dump;
mod dynamo;
mod faults;
mod identity;
mod in_process;
mod listener;
mod queues;
mod replication;
mod reply;
mod tripwire;
mod upstream;
mod usage;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, ensure};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use contracts::resources::{self, Subscription, TableSpec};

pub use dump::{Dump, QueueDepth};
pub use dynamo::{Item, PlainItem};
pub use faults::{FaultSettings, Faults, Service};
pub use identity::{PoolConfig, PoolKey, SeedUser, Trigger, generate_pool_key};
pub use replication::{
    Applied, CopyBatch, Due, OutgoingBatch, ReplicatedBatch, ReplicatedWrite, ReplicationSource, TableCopy,
};
pub use tripwire::{Moment, Step, Tripwire};
pub use upstream::{PoolMade, PoolName, Upstream, UpstreamSpec};
pub use usage::{EventUsage, OperationUsage, REPLICATED_WRITE, Usage};

use bus::Bus;
use dice::Dice;
use dynamo::Dynamo;
use identity::Identity;
use queues::Queues;
use usage::Meter;

/// The clock of a cloud: milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a region's cloud is made of.
pub struct CloudConfig {
    /// The region's name, such as `eu-west-1`.
    pub region: String,
    /// The environment, part of every resource's name.
    pub env: String,
    /// The account, 12 digits.
    pub account: String,
    /// The tables of all services.
    pub tables: Vec<TableSpec>,
    /// Who listens to which events.
    pub subscriptions: Vec<Subscription>,
    /// The user pools that sign in here.
    pub pools: Vec<PoolConfig>,
    /// Where everything random comes from.
    pub seed: u64,
    /// The only clock used for state; waiting is tokio's.
    pub clock: Clock,
    /// What stands behind the doors in place of the embedded engines.
    pub upstream: Option<UpstreamSpec>,
}

/// One region's cloud. Cheap to clone; all clones share the state.
#[derive(Clone)]
pub struct Cloud(Arc<Region>);

/// The state behind the doors.
struct Region {
    faults: Faults,
    dice: Arc<Dice>,
    meter: Arc<Meter>,
    dynamo: Dynamo,
    queues: Queues,
    bus: Bus,
    identity: Identity,
    /// Where it is there, the tables above are its ledger, the bus its rules and its tap, and the queues stay empty.
    upstream: Option<Upstream>,
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cloud").finish_non_exhaustive()
    }
}

impl Cloud {
    /// Creates tables, bus, rules, queues and pools.
    ///
    /// # Errors
    /// A configuration that cannot work.
    pub async fn start(config: CloudConfig) -> anyhow::Result<Cloud> {
        check(&config)?;
        let dice = Arc::new(Dice::new(config.seed));
        let meter = Arc::new(Meter::default());
        let dynamo = Dynamo::start(&config, meter.clone());
        let queues = Queues::create(&config);
        let bus = Bus::create(&config, &queues, dice.clone())?;
        let identity = Identity::create(&config, dice.clone())?;
        let upstream =
            config.upstream.map(|spec| Upstream::new(spec, &config.env, config.clock)).transpose()?;
        let faults = Faults::default();
        let region = Region { faults, dice, meter, dynamo, queues, bus, identity, upstream };
        if let Some(upstream) = &region.upstream {
            upstream.prepare(&region).await?;
        }
        Ok(Cloud(Arc::new(region)))
    }

    /// The in-process door: give it to the SDK clients of the region's own services.
    pub fn http_client(&self) -> SharedHttpClient {
        in_process::client(self.0.clone())
    }

    /// The HTTP door: serve it on a listener for other regions and for stock clients.
    pub fn router(&self) -> axum::Router {
        listener::router(self.0.clone())
    }

    /// What was used since the start.
    pub fn usage(&self) -> Usage {
        self.0.meter.usage()
    }

    /// Everything the region holds, for the checks, wherever it is.
    ///
    /// # Errors
    /// Where it is elsewhere: something could not be read.
    pub async fn survey(&self) -> anyhow::Result<Dump<PlainItem>> {
        match &self.0.upstream {
            Some(upstream) => upstream.dump(&self.0).await,
            None => Ok(self.dump()),
        }
    }

    /// The items of one table, `service` or `service.table`, wherever they are.
    ///
    /// # Errors
    /// No such table, or one elsewhere that could not be read.
    pub async fn rows(&self, table: &str) -> anyhow::Result<Vec<PlainItem>> {
        match &self.0.upstream {
            Some(upstream) => upstream.items(&self.0.dynamo, table).await,
            None => self.items(table),
        }
    }

    /// Everything the embedded engines hold.
    pub fn dump(&self) -> Dump<PlainItem> {
        Dump { tables: self.0.dynamo.items(), queues: self.0.queues.depths() }
    }

    /// The items of one table of the embedded engine, `service` or `service.table`.
    ///
    /// # Errors
    /// No such table.
    pub fn items(&self, table: &str) -> anyhow::Result<Vec<PlainItem>> {
        self.0.dynamo.table_items(table)
    }

    /// As [`Cloud::items`], in plain JSON.
    ///
    /// # Errors
    /// No such table.
    pub fn dump_table(&self, table: &str) -> anyhow::Result<Vec<serde_json::Value>> {
        let items = self.items(table)?.into_iter();
        Ok(items.map(serde_json::to_value).collect::<Result<_, _>>()?)
    }

    /// The writes of this region's global tables, with a cursor at the oldest one kept.
    pub fn replication(&self) -> ReplicationSource {
        self.0.dynamo.replication()
    }

    /// Merges another region's writes into the global tables, wherever they are: per item, the last writer wins.
    ///
    /// # Errors
    /// As [`Cloud::apply`], or tables elsewhere that could not be written.
    pub async fn merge(&self, batch: ReplicatedBatch) -> anyhow::Result<Applied> {
        match &self.0.upstream {
            Some(upstream) => upstream.merge(&self.0.dynamo, batch).await,
            None => self.apply(batch),
        }
    }

    /// Merges another region's writes into the global tables of the embedded engine: per item, the last writer wins.
    ///
    /// # Errors
    /// A write that names no global table here or has no readable key; writes before it stay applied.
    pub fn apply(&self, batch: ReplicatedBatch) -> anyhow::Result<Applied> {
        self.0.dynamo.apply(batch)
    }

    /// The global tables as they are now, for a region that lost them: whole, or only what one region wrote last.
    ///
    /// # Errors
    /// The database failed to read a table.
    pub fn copy(&self, only: Option<&str>) -> anyhow::Result<TableCopy> {
        self.0.dynamo.copy(only)
    }

    /// The knobs at the door.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// The latest events the bus accepted, oldest first; `usage().events.tap_dropped` says how many older
    /// ones were let go.
    pub fn tap(&self) -> Vec<serde_json::Value> {
        self.0.bus.tap()
    }

    /// Moves a consumer's dead letters back to its queue; says how many.
    ///
    /// # Errors
    /// No such consumer.
    pub fn redrive(&self, consumer: &str) -> anyhow::Result<usize> {
        self.0.queues.redrive(consumer).with_context(|| format!("no queue for consumer {consumer}"))
    }

    /// Moves the dead letters of all consumers back to their queues; says how many.
    ///
    /// # Errors
    /// Queues elsewhere that did not answer.
    pub async fn redrive_all(&self) -> anyhow::Result<usize> {
        match &self.0.upstream {
            Some(upstream) => upstream.redrive_all(&self.0).await,
            None => Ok(self.0.queues.redrive_all()),
        }
    }

    /// The public keys of all pools that sign in here, as one key set.
    pub fn jwks(&self) -> serde_json::Value {
        self.0.identity.jwks()
    }

    /// Has the pools call this when a user has confirmed, for as long as the caller keeps it: Cognito's post confirmation
    /// trigger.
    pub fn call_when_confirmed(&self, trigger: &Arc<Trigger>) {
        self.0.identity.call_when_confirmed(trigger);
    }

    /// The code last mailed to a user of a pool, for tests that confirm a sign-up as a customer would.
    pub fn mailed_code(&self, pool_id: &str, username: &str) -> Option<String> {
        self.0.identity.mailed_code(pool_id, username)
    }
}

fn check(config: &CloudConfig) -> anyhow::Result<()> {
    ensure!(!config.region.is_empty(), "the region has no name");
    ensure!(
        config.account.len() == 12 && config.account.bytes().all(|b| b.is_ascii_digit()),
        "account {:?} is not 12 digits",
        config.account
    );
    let mut names: Vec<_> = config.tables.iter().map(|table| table.physical_name(&config.env)).collect();
    names.extend(config.subscriptions.iter().map(|s| resources::queue_name(&config.env, s.consumer)));
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        anyhow::bail!("{} is declared twice", pair[0]);
    }
    Ok(())
}

/// Locks state that stays consistent even if a holder panicked: every critical section here changes it in
/// steps that each leave it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
