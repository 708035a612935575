//! A scenario from a seed: a world, a load, and a timeline of faults that the platform promises to survive.

use super::timeline;
use crate::{
    scenario::{Goal, GoalPhase, Load, Metric, Mix, Op, Phases, ReplicationSpec, Scenario, Settle, reader},
    topology::{self, Topology, budget},
};
use loadtests::dice::{Dice, dice};
use rand::RngExt as _;

/// The world that is varied.
const WORLD: &str = include_str!("../../../scenarios/topologies/three-continents.toml");
/// Retries of events take longer and longer pauses; after this time every order must be settled all the same.
const SETTLE_WITHIN_S: f64 = 300.0;

/// The scenario of a seed, always the same one.
pub fn draw(seed: u64) -> Scenario {
    let topology = world(&mut dice(seed, "swarm world"));
    let mut of_load = dice(seed, "swarm load");
    let phases = phases(&mut of_load);
    let mut load = load(&mut of_load);
    (load.mix.cancel, load.mix.returns) = commands(&mut dice(seed, "swarm commands"));
    load.unverified_pct = unverified(&mut dice(seed, "swarm ages"));
    load.backorder_pct = backorders(&mut dice(seed, "swarm backorders"));
    let replication = replication(&mut dice(seed, "swarm replication"));
    let faults = timeline::draw(&mut dice(seed, "swarm faults"), &topology, &phases);
    Scenario {
        name: format!("swarm-{seed}"),
        title: format!("What chance made of seed {seed}"),
        description: String::new(),
        seed,
        topology,
        load,
        phases,
        faults,
        goals: vec![every_promise()],
        settle: Settle { within_s: SETTLE_WITHIN_S, idle_s: 0.0 },
        replication,
    }
}

/// The world without variations.
pub(super) fn three_continents() -> Topology {
    let source = reader::Source::new("three-continents.toml", WORLD);
    let table = source.parse(WORLD);
    topology::read(reader::Section::root(&source, &table))
}

/// How replication is where nothing is varied.
pub(super) fn usual_replication() -> ReplicationSpec {
    ReplicationSpec { lag_ms: 300, jitter_pct: 30.0 }
}

/// Nothing is said of speed: under such faults it is not promised.
fn every_promise() -> Goal {
    Goal {
        id: "every-promise".to_owned(),
        metric: Metric::Violations,
        phase: GoalPhase::Whole,
        home: None,
        op: Op::Equal,
        target: 0.0,
        unit: Metric::Violations.unit().to_owned(),
    }
}

fn world(dice: &mut Dice) -> Topology {
    let mut world = three_continents();
    if dice.random_bool(0.3) {
        leave_out(&mut world, "sa-east-1");
    }
    world.shards_per_continent = one_of(dice, &[1, 2, 4, 16, 32]);
    world.heartbeat_ms = 10 * dice.random_range(2..=10);
    // Impatience leads to takeovers from owners that live: those must be harmless too.
    world.suspect_after_ms = (10 * dice.random_range(10..=80)).max(2 * world.heartbeat_ms);
    world.jitter_pct = f32::from(dice.random_range(0u8..=40));
    world.provider_rtt_ms = dice.random_range(5..=80);
    world.carrier_rtt_ms = dice.random_range(5..=80);
    vary_hedges(dice, &mut world);
    world
}

/// The edge's patience must leave time for the answer.
fn vary_hedges(dice: &mut Dice, world: &mut Topology) {
    for place in 0..world.customers.len() {
        let usual = world.customers[place].hedge_after_ms;
        world.customers[place].hedge_after_ms = 10 * dice.random_range(10..=45);
        if budget(world).iter().any(|line| !line.closes()) {
            world.customers[place].hedge_after_ms = usual;
        }
    }
}

/// A region that no continent needs for its journal.
fn leave_out(world: &mut Topology, name: &str) {
    world.regions.retain(|region| region.name.as_str() != name);
    for customers in &mut world.customers {
        customers.rtt_ms.retain(|region, _| region.as_str() != name);
    }
}

fn phases(dice: &mut Dice) -> Phases {
    let steady_s = f64::from(dice.random_range(2u8..=5));
    Phases { steady_s, fault_s: 1.0, failing_over_s: 3.0, after_s: f64::from(dice.random_range(8u8..=15)) }
}

fn load(dice: &mut Dice) -> Load {
    let weight = |dice: &mut Dice| f32::from(dice.random_range(0u8..=30));
    Load {
        open_loop_rps: f64::from(dice.random_range(10u8..=25)),
        mix: Mix {
            browse: weight(dice),
            search: weight(dice) / 3.0,
            cart: weight(dice) / 3.0,
            buy: 20.0 + weight(dice),
            track: weight(dice),
            cancel: 0.0,
            returns: 0.0,
        },
        goose_users: 0,
        // A few customers meet each other's orders and keys; many spread over the shards.
        customers: one_of(dice, &[12, 30, 60, 120]),
        unverified_pct: 0.0,
        backorder_pct: 0.0,
    }
}

/// What is asked of orders that are there: in half of the worlds nothing. Drawn apart, so that it changes no other draw.
fn commands(dice: &mut Dice) -> (f32, f32) {
    if dice.random_bool(0.5) {
        return (0.0, 0.0);
    }
    (f32::from(dice.random_range(1u8..=10)), f32::from(dice.random_range(0u8..=5)))
}

/// How many customers begin without a proof of age, percent: in half of the worlds none. Drawn apart as well.
fn unverified(dice: &mut Dice) -> f64 {
    if dice.random_bool(0.5) { 0.0 } else { f64::from(dice.random_range(5u8..=40)) }
}

/// How many orders are for goods that run out, percent: in half of the worlds none. Drawn apart as well.
fn backorders(dice: &mut Dice) -> f64 {
    if dice.random_bool(0.5) { 0.0 } else { f64::from(dice.random_range(5u8..=50)) }
}

fn replication(dice: &mut Dice) -> ReplicationSpec {
    ReplicationSpec {
        lag_ms: one_of(dice, &[0, 50, 300, 1_000, 3_000]),
        jitter_pct: f32::from(dice.random_range(0u8..=100)),
    }
}

pub(super) fn one_of<T: Copy>(dice: &mut Dice, all: &[T]) -> T {
    all[dice.random_range(0..all.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        scenario::{self, Engine, Fault},
        swarm::promise,
    };
    use std::collections::BTreeSet;

    const SEEDS: std::ops::RangeInclusive<u64> = 1..=1_000;

    fn kinds(scenario: &Scenario) -> BTreeSet<String> {
        scenario.faults.iter().map(|at| at.fault.kind()).collect()
    }

    #[test]
    fn a_seed_is_always_the_same_scenario() {
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), Scenario { seed: 7, ..draw(8) });
    }

    #[test]
    fn every_draw_lies_within_the_promise() {
        for scenario in SEEDS.map(draw) {
            assert_eq!(promise::inside(&scenario.topology, &scenario.faults), Ok(()), "{scenario:?}");
            assert!(scenario.faults.iter().all(|at| at.at_s >= scenario.phases.steady_s));
            assert!(scenario.faults.iter().all(|at| at.at_s < scenario.run_s()));
            assert!((10.0..=20.0).contains(&scenario.run_s()));
            assert!(scenario.load.orders_per_s() >= 1.5, "{:?}", scenario.load);
        }
    }

    #[test]
    fn orders_are_cancelled_in_some_worlds_and_sent_back_in_fewer() {
        let drawn: Vec<Scenario> = SEEDS.map(draw).collect();
        let count = |weight: fn(&Mix) -> f32| drawn.iter().filter(|one| weight(&one.load.mix) > 0.0).count();
        let (cancelled, returned) = (count(|mix| mix.cancel), count(|mix| mix.returns));
        assert!((400..600).contains(&cancelled), "{cancelled} of 1000");
        assert!((300..cancelled).contains(&returned), "{returned} of 1000");
    }

    #[test]
    fn in_half_of_the_worlds_some_customers_come_unverified() {
        let count = SEEDS.map(draw).filter(|one| one.load.unverified_pct > 0.0).count();
        assert!((400..600).contains(&count), "{count} of 1000");
    }

    #[test]
    fn in_half_of_the_worlds_goods_run_out() {
        let count = SEEDS.map(draw).filter(|one| one.load.backorder_pct > 0.0).count();
        assert!((400..600).contains(&count), "{count} of 1000");
    }

    #[test]
    fn every_kind_is_drawn_and_every_kind_is_left_out() {
        let drawn: Vec<Scenario> = SEEDS.map(draw).collect();
        for kind in Fault::KINDS {
            let with = drawn.iter().filter(|scenario| kinds(scenario).contains(kind)).count();
            assert!((30..=500).contains(&with), "{kind} in {with} of 1000");
        }
        for count in 0..=promise::FAULTS_MAX {
            let with = drawn.iter().filter(|scenario| scenario.faults.len() == count).count();
            assert!(with >= 20, "{count} faults in {with} of 1000");
        }
        let repeated = drawn.iter().filter(|scenario| kinds(scenario).len() < scenario.faults.len());
        assert!(repeated.count() > 100, "a few kinds over and over is what leaving kinds out is for");
    }

    #[test]
    fn every_draw_is_a_file_that_loads() {
        let folder = std::env::temp_dir().join(format!("bigsmokes-draws-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("made");
        for drawn in (1..=200).map(draw) {
            let path = folder.join(format!("{}.toml", drawn.name));
            std::fs::write(&path, drawn.to_toml().expect("written")).expect("written");
            assert_eq!(
                scenario::load_for(&path, Engine::Virtual).unwrap_or_else(|errors| panic!("{errors}")),
                drawn
            );
        }
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
