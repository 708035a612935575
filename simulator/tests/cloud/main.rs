//! The embedded cloud, entered by both its doors with the SDKs that the services use.

#![allow(clippy::unwrap_used)]

mod door;
mod events;
mod replicas;
mod sign_in;
mod support;
mod tables;
