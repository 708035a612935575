//! The engines that run a plan. In the live one the whole world is on one machine, in real time, over real
//! sockets; [`virtual_time`] runs the same world in one thread.
//!
//! The simulator's process holds what stands outside of all regions: edges, links, third parties, robots,
//! customers. Each region is a process of its own, or a host of a simulation, so that it can be lost as a region
//! is lost.

pub mod clouds;
pub mod collect;
pub mod folder;
pub mod journeys;
pub mod judge;
pub mod live;
pub mod load;
pub mod localstack;
pub mod neighbours;
pub mod outside;
pub mod people;
pub mod plan;
pub mod probes;
pub mod regions;
pub mod report;
pub mod settle;
pub mod sign_in;
pub mod stage;
pub mod target;
pub mod up;
pub mod virtual_time;

pub use crate::scenario::Engine;
pub use folder::RunFolder;
pub use neighbours::Neighbours;
pub use plan::{Plan, PoolKeys};
pub use stage::{Ports, Stage};
