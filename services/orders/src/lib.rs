//! Orders: the durable promise, and the saga that keeps it.
//!
//! [`create`] is the path of an order up to the answer: checks, reservation, [`journal`], answer. [`saga`]
//! is what follows: each step decided by [`domain::steps`], each change by [`domain::life`].

pub mod api;
pub mod clients;
pub mod commands;
pub mod create;
pub mod domain;
pub mod erasure;
pub mod error;
pub mod events;
pub mod journal;
pub mod left;
pub mod saga;
pub mod store;
pub mod tasks;
pub mod turns;

pub use events::SUBSCRIPTION;
pub use journal::returning::found;
pub use store::TABLES;

use journal::{owner::Owner, rejoin::Rejoin, settle::Settler, strays::Strays};
use platform::{Platform, Service, Worker, layers};
use saga::Saga;
use std::time::Duration;
use store::Store;
use tasks::Tasks;

/// The service's name in addresses, tables and signatures.
pub const NAME: &str = "orders";

/// Saga steps carried out at the same time.
const SAGA_WORKERS: usize = 8;
/// Items relayed to the bus at the same time.
const RELAY_WORKERS: usize = 4;
/// How often the owner looks at all of its open orders, for steps to try again and orders to adopt.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// How often the owner looks whether another one has fallen silent.
const LOOK_FOR_ORPHANS: Duration = Duration::from_millis(50);

/// How often the owner looks at the orders that only wait.
const LOOK_AT_WAITING: Duration = Duration::from_secs(30);
/// How often a region asks others whether they drive what they are taken to drive.
const LOOK_FOR_STRAYS: Duration = Duration::from_secs(3);

/// The service.
pub fn service(platform: Platform) -> Service {
    let store = Store::new(&platform);
    let owner = Owner::new(&platform);
    let saga = Saga::new(&platform, &store, &owner);
    let creator = create::Creator::new(&platform, &store, &owner);
    let commander = commands::Commander::new(&platform, &owner, &saga);
    let events = events::Events::new(&platform, &store, &owner, &saga);
    let consumer = events.consumer();
    let workers = workers(&platform, &store, &owner, &saga, [creator.tasks.clone(), commander.tasks.clone()]);
    let eraser = erasure::Eraser::new(&platform, &store, &owner.copies);
    let parts = api::Parts { platform: platform.clone(), store, creator, commander, eraser, owner, events };
    Service {
        name: NAME,
        router: layers::wrap(&platform, NAME, api::routes(api::Api::new(parts))),
        workers,
        consumer: Some(consumer),
        on_sign_up: None,
    }
}

fn workers(
    platform: &Platform,
    store: &Store,
    owner: &Owner,
    saga: &Saga,
    behind_answers: [Tasks; 2],
) -> Vec<Worker> {
    let (settler, rejoin) = (Settler::new(platform, owner), Rejoin::new(platform));
    let strays = Strays::new(platform, owner);
    let region = platform.config.region.0.clone();
    let (outbox, sweeping) = (store.outbox.clone(), store.outbox.clone());
    let (starting, orphans) = (owner.clone(), owner.clone());
    let (sweeper, waiting, next) = (saga.clone(), saga.clone(), saga.clone());
    let proposals = owner.tasks.clone();
    let mut workers = vec![
        Worker::new("orders-shards", Duration::from_secs(1), move || {
            let owner = starting.clone();
            async move { owner.take_initial().await }
        })
        .alone(),
        Worker::new("orders-orphans", LOOK_FOR_ORPHANS, move || {
            let owner = orphans.clone();
            async move { owner.take_orphans().await }
        })
        .alone(),
        Worker::new("orders-strays", LOOK_FOR_STRAYS, move || {
            let strays = strays.clone();
            async move { strays.look().await }
        })
        .alone(),
        Worker::new("orders-rejoin", Duration::from_secs(1), move || {
            let rejoin = rejoin.clone();
            async move { rejoin.step().await }
        }),
        Worker::new("orders-settle", Duration::from_millis(500), move || {
            let settler = settler.clone();
            async move { settler.round().await }
        }),
        Worker::new("orders-saga-sweep", SWEEP_EVERY, move || {
            let saga = sweeper.clone();
            async move { saga.sweep().await }
        }),
        Worker::new("orders-saga-waiting", LOOK_AT_WAITING, move || {
            let saga = waiting.clone();
            async move { saga.sweep_waiting().await }
        }),
        Worker::new("orders-outbox-sweep", Duration::from_secs(2), move || {
            let (outbox, region) = (sweeping.clone(), region.clone());
            async move { outbox.sweep(&[region]).await.map(drop) }
        }),
        Worker::new("orders-tasks", Duration::from_millis(200), move || {
            let [flights, commands] = behind_answers.clone();
            let proposals = proposals.clone();
            async move { proposals.reap().and(flights.reap()).and(commands.reap()) }
        }),
    ];
    workers.extend((0..SAGA_WORKERS).map(|_| {
        let saga = next.clone();
        Worker::new("orders-saga", Duration::ZERO, move || {
            let saga = saga.clone();
            async move { saga.next().await }
        })
    }));
    workers.extend((0..RELAY_WORKERS).map(|_| {
        let outbox = outbox.clone();
        Worker::new("orders-relay", Duration::ZERO, move || {
            let outbox = outbox.clone();
            async move { outbox.relay_next().await }
        })
    }));
    workers
}
