//! The services' routers, over the embedded cloud and the third parties, entered by the front door.

#![allow(clippy::unwrap_used)]

mod delivery;
mod door;
mod ops;
mod orders;
mod outbox;
mod outside;
mod payment;
mod products;
mod replays;
mod roles;
mod schemas;
mod support;
mod users;
mod warehouse;
