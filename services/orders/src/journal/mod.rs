//! The order journal: an order is acknowledged when its entry is on two of three continents.
//!
//! In the field's terms: Multi-Paxos with one leader per shard, the epoch as ballot, each key a register,
//! three acceptors on three continents. [`rules`] decides, [`acceptor`] is a continent's copy, [`owner`]
//! drives the shards of this region, [`lanes`] carries its writes to the [`copies`], and [`settle`] marks what
//! is chosen and closes what is stored elsewhere too. A copy that lost everything does not vote: [`rejoin`] reads
//! the two others, through their [`returning`] side, until it may. A shard that nobody drives is found by [`strays`].

pub mod acceptor;
pub mod copies;
mod forgetting;
pub mod lanes;
pub mod owner;
pub mod rejoin;
pub mod returning;
pub mod rules;
pub mod settle;
pub mod strays;

use contracts::{Continent, ShardId};
use platform::Config;

/// Continents that must hold an entry.
pub const W: usize = 2;

/// The shards of the orders that are at home on a continent.
pub fn shards_of(config: &Config, home: &Continent) -> impl Iterator<Item = ShardId> {
    (0..config.shards).map(move |number| ShardId(format!("{home}-{number:02}")))
}

/// All shards.
pub fn shards(config: &Config) -> Vec<ShardId> {
    config.continents.iter().flat_map(|continent| shards_of(config, &continent.id)).collect()
}
