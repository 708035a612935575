//! The network between regions: TCP proxies with distance, and with every way in which a network fails.
//!
//! Bytes are never lost or reordered inside a connection, because TCP would not let them be: what a network
//! swallows is sent again later, so a swallowed byte waits until packets pass again. No privilege is needed.

mod condition;
mod connection;
mod delay;
mod link;
mod mesh;
#[cfg(test)]
mod tests;

pub use condition::{Condition, Way};
pub(crate) use delay::Delay;
pub use link::{Link, LinkConfig, LinkCounters};
pub use mesh::{LinkReport, Mesh};
