//! A service: one router and its workers. Every host runs the same ones.

use crate::{consumer::Consumer, user_pool::OnSignUp};
use axum::Router;
use futures::future::BoxFuture;
use std::{fmt::Display, future::Future, sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// One step of a worker.
type Tick = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// How long a worker waits after a failed step.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Something that a service does by itself, step by step.
#[derive(Clone)]
pub struct Worker {
    /// For the log.
    pub name: &'static str,
    pause: Duration,
    tick: Tick,
}

impl Worker {
    /// A worker that takes a step, pauses, and takes the next one.
    pub fn new<F, E>(
        name: &'static str,
        pause: Duration,
        step: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let tick = move || -> BoxFuture<'static, Result<(), String>> {
            let step = step();
            Box::pin(async move { step.await.map_err(|cause| cause.to_string()) })
        };
        Worker { name, pause, tick: Arc::new(tick) }
    }

    /// Takes one step. A Lambda schedule calls this.
    ///
    /// # Errors
    /// When the step failed; the next one may work.
    pub async fn step(&self) -> Result<(), String> {
        (self.tick)().await
    }

    /// Takes steps for ever.
    pub async fn run(self) {
        loop {
            if let Err(cause) = self.step().await {
                tracing::warn!(worker = self.name, cause, "a step failed");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
            tokio::time::sleep(self.pause).await;
        }
    }
}

/// A service, ready to be run by a host.
pub struct Service {
    /// Its name, as in addresses.
    pub name: &'static str,
    /// All of its routes.
    pub router: Router,
    /// What it does by itself.
    pub workers: Vec<Worker>,
    /// The consumer of its queue, where it has one.
    pub consumer: Option<Consumer>,
    /// What it does when a customer has signed up, where it listens to the user pools.
    pub on_sign_up: Option<OnSignUp>,
}

impl Service {
    /// Starts the workers and the consumer. Whoever holds the set owns them: dropping it ends them.
    pub fn start(&self, tasks: &mut JoinSet<&'static str>) {
        for worker in self.workers.clone() {
            tasks.spawn(async move {
                let name = worker.name;
                worker.run().await;
                name
            });
        }
        if let Some(consumer) = self.consumer.clone() {
            let step = move || {
                let consumer = consumer.clone();
                async move { consumer.poll().await }
            };
            let worker = Worker::new(self.name, Duration::ZERO, step);
            let name = self.name;
            tasks.spawn(async move {
                worker.run().await;
                name
            });
        }
    }
}

/// All services of a region behind one door: `/{service}/…`.
pub fn gateway(services: &[Service]) -> Router {
    services.iter().fold(Router::new(), |gateway, service| {
        // Not `nest`: that would not let `/{service}/` through.
        gateway.nest_service(&format!("/{}", service.name), service.router.clone())
    })
}
