//! Runs the whole platform in several regions, floods a continent and proves what was kept.

pub mod checks;
pub mod cli;
pub mod cloud;
pub mod command;
pub mod cost;
pub mod driver;
pub mod edge;
pub mod engine;
pub mod evidence;
pub mod export;
pub mod faults;
pub mod gate;
pub mod history;
pub mod links;
pub mod machine;
pub mod process;
pub mod region;
pub mod replication;
pub mod robots;
pub mod scenario;
pub mod serving;
pub mod sockets;
pub mod swarm;
pub mod third_parties;
pub mod topology;
pub mod watch;
