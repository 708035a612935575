//! A service: one router and its workers. Every host runs the same ones.

use crate::{consumer::Consumer, regions, user_pool::OnSignUp};
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
    /// Whether only one process of a region may do it all the time.
    pub(crate) alone: bool,
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
        Worker { name, pause, tick: Arc::new(tick), alone: false }
    }

    /// Says that two processes of one region would undo each other's work. Where a region may have several, as on Lambda, a
    /// step is taken when the schedule says so.
    pub fn alone(self) -> Self {
        Worker { alone: true, ..self }
    }

    /// Takes one step.
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
        self.workers.iter().cloned().for_each(|worker| spawn(worker, tasks));
        if let Some(consumer) = self.consumer.clone() {
            let step = move || {
                let consumer = consumer.clone();
                async move { consumer.poll().await }
            };
            spawn(Worker::new(self.name, Duration::ZERO, step), tasks);
        }
    }

    /// Starts the workers that may run in several processes of a region. What comes by the queue is brought by the host.
    pub(crate) fn start_as_one_of_many(&self, tasks: &mut JoinSet<&'static str>) {
        self.workers.iter().filter(|worker| !worker.alone).cloned().for_each(|worker| spawn(worker, tasks));
    }
}

fn spawn(worker: Worker, tasks: &mut JoinSet<&'static str>) {
    tasks.spawn(async move {
        let name = worker.name;
        worker.run().await;
        name
    });
}

/// What one process hosts: a service of its own, and those that live beside it because they share what it knows.
pub struct Host {
    /// The service that the process is named after.
    pub service: Service,
    /// Others.
    pub beside: Vec<Service>,
    /// The operators' routes, where the process has them.
    pub operators: Router,
}

impl From<Service> for Host {
    fn from(service: Service) -> Self {
        Host { service, beside: Vec::new(), operators: Router::new() }
    }
}

impl Host {
    /// Every service of the process.
    pub(crate) fn services(&self) -> impl Iterator<Item = &Service> {
        std::iter::once(&self.service).chain(&self.beside)
    }

    /// All doors behind one address: the service's own at the root, the others' at `/{service}/…`, operators' at `/ops/…`.
    pub(crate) fn router(&self) -> Router {
        gateway(&self.beside).merge(self.operators.clone()).fallback_service(self.service.router.clone())
    }

    /// The service that the process is named after, and the one of this name that it hosts beside it.
    pub(crate) fn hosted(&self, name: &str) -> Option<(&'static str, &'static str)> {
        let beside = self.beside.iter().find(|service| service.name == name)?;
        Some((self.service.name, beside.name))
    }

    /// The doors that stand under a service's own name; operators' are the platform's.
    pub(crate) fn router_of(&self, name: &str) -> Router {
        match self.beside.iter().find(|service| service.name == name) {
            Some(service) if name == regions::NAME => {
                self.operators.clone().fallback_service(service.router.clone())
            }
            Some(service) => service.router.clone(),
            None => self.service.router.clone(),
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
