//! Puts a region together: its cloud, its platform, its services, its doors.

use super::{
    RegionSpec,
    control::{self, Control},
    opening::{self, Asking, Opening},
    services,
    traffic::{self, Traffic},
};
use crate::{
    cloud::{Clock, Cloud, CloudConfig, Trigger},
    gate::Gate,
    replication::{Place, Replication},
    sockets,
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use axum::{Router, middleware};
use futures::future::BoxFuture;
use loadtests::clock::RunClock;
use platform::{Platform, Service, World, listener, ops, regions, user_pool, watch};
use serde_json::Value;
use std::sync::{Arc, OnceLock};
use tokio::task::JoinSet;

/// A region at work.
pub struct Running {
    /// All of its doors behind one port: services, control, and its AWS for everything else.
    pub router: Router,
    /// Whatever works by itself. None of it ever ends; if one does, the region is broken.
    pub tasks: JoinSet<&'static str>,
    /// What its services stand on.
    pub platform: Platform,
    /// Whether it serves: one that lost its tables does so once the others have sent them.
    pub open: watch::Receiver<bool>,
}

/// What a region starts over.
pub struct Base {
    /// Its cloud.
    pub cloud: Cloud,
    /// Its clock and randomness.
    pub world: World,
    /// What is in the cloud.
    pub data: Data,
    /// Can hold all traffic between it and the rest of the world.
    pub gate: Option<Gate>,
}

/// What is in a region's cloud when its services start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// Nothing yet: it is the first start of the run, which writes what is there then.
    None,
    /// Nothing any more: what was there was lost, and what the other regions have comes from them.
    Lost,
    /// All that was there before a power cut.
    Kept,
}

impl Running {
    /// Starts the cloud, writes what is there at the start, and starts the services and the replication. A region that
    /// lost its data is filled by the others instead, and opens its doors after that.
    ///
    /// # Errors
    /// When the cloud, the platform or what is written at the start fails.
    pub async fn start(spec: RegionSpec) -> anyhow::Result<Running> {
        let (cloud, world) = cloud_and_world(&spec).await?;
        let data = if spec.lost { Data::Lost } else { Data::None };
        Running::over(spec, Base { cloud, world, data, gate: None }).await
    }

    /// The same over a cloud that is there already.
    ///
    /// # Errors
    /// As [`Running::start`].
    pub async fn over(spec: RegionSpec, base: Base) -> anyhow::Result<Running> {
        let Base { cloud, world, data, gate } = base;
        let network = sockets::network(gate);
        let platform = Platform::new(world.clone(), spec.platform.clone(), network.clone())?;
        let mut tasks = JoinSet::new();
        let (here, peers, token) = (&spec.platform.region, &spec.peers, &spec.control_token);
        let place = Place { here, peers, token, network: &network };
        let replication = Replication::start(&place, &cloud, &world, spec.replication, &mut tasks);
        let opening = match data {
            Data::Lost => Opening::closed(world.now().0.unsigned_abs()),
            Data::None | Data::Kept => Opening::open(),
        };
        if data == Data::None {
            seed(&platform, &spec).await?;
        }
        let desk = regions::Desk::new(&platform);
        let mut services = services::build(&platform);
        services.push(regions::service(&platform, &desk));
        tasks.spawn(answer_the_pools(&cloud, &services));
        let traffic = Arc::new(Traffic::new(&world, &services));
        // At the region's own address only: what customers reach goes through an edge, which passes on two paths.
        let operators = ops::router(&platform, &desk, &services);
        let doors = platform::service::gateway(&services)
            .route("/healthz", axum::routing::get(async || "ok"))
            .layer(middleware::from_fn_with_state(traffic.clone(), traffic::count))
            .layer(middleware::from_fn_with_state(opening.clone(), opening::only_when_open));
        // Before anything works by itself: it may call its neighbours at once.
        network.mount(&format!("{}.local", platform.config.region), doors.clone());
        if data == Data::Lost {
            let asking = Asking {
                here: here.clone(),
                peers: peers.clone(),
                token: token.clone(),
                network: network.clone(),
                world: world.clone(),
            };
            tasks.spawn(opening.clone().come_back(asking));
            tasks.spawn(start_when_open(services, opening.clone()));
        } else {
            services.iter().for_each(|service| service.start(&mut tasks));
        }
        let token = spec.control_token.as_str().into();
        let open = opening.watch();
        let control = Control {
            token,
            cloud: cloud.clone(),
            platform: platform.clone(),
            replication,
            traffic,
            opening,
        };
        let router = doors.merge(operators).merge(control::router(control)).fallback_service(cloud.router());
        Ok(Running { router, tasks, platform, open })
    }
}

/// Has a region's user pools tell the service that listens to them. Never ends: they call it as long as it lives.
pub fn answer_the_pools(cloud: &Cloud, services: &[Service]) -> impl Future<Output = &'static str> + use<> {
    let on_sign_up = services.iter().find_map(|service| service.on_sign_up.clone());
    let trigger: Arc<Trigger> = Arc::new(move |event: Value| -> BoxFuture<'static, Result<Value, String>> {
        let on_sign_up = on_sign_up.clone();
        Box::pin(async move {
            user_pool::take(on_sign_up.as_ref(), event).await.map_err(|cause| cause.to_string())
        })
    });
    cloud.call_when_confirmed(&trigger);
    async move {
        let _kept = trigger;
        std::future::pending().await
    }
}

/// Starts the services of a region that lost its tables once they are back. Ends as soon as one of them does.
async fn start_when_open(services: Vec<Service>, opening: Opening) -> &'static str {
    opening.until_open().await;
    let mut tasks = JoinSet::new();
    services.iter().for_each(|service| service.start(&mut tasks));
    match tasks.join_next().await {
        Some(Ok(ended)) => ended,
        _ => "a worker that failed",
    }
}

/// Writes what is there at the start.
async fn seed(platform: &Platform, spec: &RegionSpec) -> anyhow::Result<()> {
    if spec.first {
        services::seed_everywhere(platform, spec).await?;
    }
    services::seed_here(platform, spec).await
}

/// The cloud's only clock is the world's, and the world's only way to AWS is the cloud: one of them must
/// come first, and waits for the other.
async fn cloud_and_world(spec: &RegionSpec) -> anyhow::Result<(Cloud, World)> {
    let late: Arc<OnceLock<World>> = Arc::default();
    let (clock, start) = (late.clone(), RunClock::start());
    let cloud = start_cloud(
        spec,
        Arc::new(move || match clock.get() {
            Some(world) => world.now().0,
            None => start.wall_ms_at(start.now_us()),
        }),
    );
    let cloud = cloud.await?;
    let http: SharedHttpClient = cloud.http_client();
    let world = late.get_or_init(|| World::new(RunClock::start().origin_wall_ms(), spec.seed, http)).clone();
    Ok((cloud, world))
}

/// Starts the cloud of a region.
///
/// # Errors
/// As [`Cloud::start`].
pub async fn start_cloud(spec: &RegionSpec, clock: Clock) -> anyhow::Result<Cloud> {
    let listened = spec.platform.event_listener.then(listener::subscription);
    let config = CloudConfig {
        region: spec.platform.region.0.clone(),
        env: spec.platform.env.clone(),
        account: spec.account.clone(),
        tables: services::tables(),
        subscriptions: services::subscriptions().into_iter().chain(listened).collect(),
        pools: spec.pools.clone(),
        seed: spec.seed,
        clock,
        upstream: spec.upstream.clone(),
    };
    Cloud::start(config).await
}
