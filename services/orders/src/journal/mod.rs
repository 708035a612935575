//! The order journal: an order is acknowledged when its entry is on two of three continents.
//!
//! In the field's terms: Multi-Paxos with one leader per shard, the epoch as ballot, each key a register,
//! three acceptors on three continents. [`rules`] decides, [`acceptor`] is a continent's copy, [`owner`]
//! drives the shards of this region, [`lanes`] carries its writes to the copies, and [`settle`] marks what
//! is chosen and closes what is stored elsewhere too.

pub mod acceptor;
pub mod lanes;
pub mod owner;
pub mod rules;
pub mod settle;

/// Continents that must hold an entry.
pub const W: usize = 2;
