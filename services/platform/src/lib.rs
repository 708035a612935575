//! How any service is started, configured, observed and reached.
//!
//! A service is a [`service::Service`]: one axum router and some workers over a [`Platform`]. A host runs
//! it: a socket ([`serve`]), Lambda ([`lambda`]), or the simulator, which runs all of them in one process.

pub mod aws;
pub mod branches;
pub mod bus;
pub mod calls;
#[cfg(any(feature = "chaos", test))]
mod chaos;
pub mod config;
pub mod consumer;
mod credentials;
pub mod deadline;
pub mod error;
pub mod identity;
pub mod inbox;
pub mod json;
pub mod lambda;
pub mod layers;
pub mod listener;
pub mod liveness;
pub mod metrics;
pub mod network;
pub mod openapi;
pub mod ops;
pub mod outbox;
pub mod page;
pub mod planted;
pub mod ready;
pub mod regions;
pub mod replay;
pub mod request;
pub mod routes;
pub mod seal;
pub mod serve;
pub mod service;
pub mod tables;
pub mod telemetry;
pub mod trace;
pub mod user_pool;
pub mod watch;
pub mod world;

pub use config::Config;
pub use deadline::Deadline;
pub use error::ApiError;
pub use identity::{Caller, Customer, Staff};
pub use json::Json;
pub use service::{Service, Worker};
pub use tables::{Table, TableError};
pub use world::World;

use std::{ops::Deref, sync::Arc};

/// Everything a service is given: its world, its configuration, and ways to reach the cloud and its peers. Clones are
/// the same platform.
#[derive(Clone)]
pub struct Platform(Arc<Parts>);

impl Deref for Platform {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What a [`Platform`] is made of.
pub struct Parts {
    /// Time, randomness, ids.
    pub world: World,
    /// Read once, before anything starts.
    pub config: Arc<Config>,
    /// Clients of the region's cloud.
    pub aws: aws::Clients,
    /// Calls to other services, in this region and in others.
    pub calls: calls::Calls,
    /// Who callers are.
    pub identity: Arc<identity::Identity>,
    /// Which regions are heard from.
    pub liveness: liveness::Liveness,
    /// The outboxes of this process.
    pub outboxes: outbox::Outboxes,
    /// What its services stand on.
    pub grounds: ready::Grounds,
    /// Operators who listen to events.
    pub listeners: listener::Listeners,
}

impl Platform {
    /// Assembles a platform.
    ///
    /// # Errors
    /// When a key, key set or way to sign of the configuration cannot be used.
    pub fn new(world: World, config: Config, network: network::Network) -> Result<Self, config::ConfigError> {
        let config = Arc::new(config);
        let identity = Arc::new(identity::Identity::new(&config, &world)?);
        let aws = aws::Clients::new(&world, &config);
        let liveness = liveness::Liveness::new(world.clone(), &config, &network);
        let calls = calls::Calls::new(world.clone(), config.clone(), network, identity.clone());
        let (outboxes, grounds) = (outbox::Outboxes::default(), ready::Grounds::default());
        let listeners = listener::Listeners::default();
        let parts = Parts { world, config, aws, calls, identity, liveness, outboxes, grounds, listeners };
        Ok(Platform(Arc::new(parts)))
    }

    /// A table of this environment.
    pub fn table(&self, spec: &contracts::resources::TableSpec) -> Table {
        self.grounds.table(spec);
        Table::new(self.aws.dynamodb.clone(), self.world.clone(), spec, &self.config.env)
    }
}
