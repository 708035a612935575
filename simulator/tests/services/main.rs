//! The services' routers, over the embedded cloud and the third parties, entered by the front door.

#![allow(clippy::unwrap_used)]

mod abandoned;
mod additions;
mod consumers;
mod delivery;
mod destinations;
mod door;
mod drills;
mod erasure;
mod listening;
mod notices;
mod ops;
mod orders;
mod outbox;
mod outside;
mod paused;
mod payment;
mod products;
mod recommendations;
mod replays;
mod roles;
mod saga;
mod schemas;
mod sign_up;
mod support;
mod unclosed;
mod users;
mod validators;
mod warehouse;
