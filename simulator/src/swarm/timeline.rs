//! What goes wrong in a drawn scenario.
//!
//! Each seed leaves a random half of the kinds of fault out altogether ("swarm testing", Groce and others, 2012):
//! some defects show only where one kind comes again and again, undisturbed by others.

use super::{draw::one_of, promise};
use crate::{
    cloud::Moment,
    scenario::{Fault, FaultAt, Phases},
    topology::Topology,
};
use contracts::ids::Region;
use loadtests::dice::Dice;
use rand::RngExt as _;

/// How often a fault is drawn anew where the last one would lie outside of the promise.
const TRIES: usize = 8;
/// Faults that heal may do so a little later than the load ends.
const HEALS_AFTER_LOAD_S: f64 = 2.0;

/// Draws a timeline that lies inside the promise.
pub(super) fn draw(dice: &mut Dice, topology: &Topology, phases: &Phases) -> Vec<FaultAt> {
    let kinds: Vec<&str> = Fault::KINDS.into_iter().filter(|_| dice.random_bool(0.5)).collect();
    let wanted = if kinds.is_empty() { 0 } else { dice.random_range(0..=promise::FAULTS_MAX) };
    let mut faults = Vec::new();
    for _ in 0..wanted * TRIES {
        if faults.len() == wanted {
            break;
        }
        let kind = weighted(dice, &kinds);
        faults.push(fault(dice, kind, topology, phases));
        if promise::inside(topology, &faults).is_err() {
            faults.pop();
        }
    }
    faults.sort_by(|one, two| one.at_s.total_cmp(&two.at_s));
    faults
}

/// One of the kinds, the more often the more ways it has to go wrong.
fn weighted<'k>(dice: &mut Dice, kinds: &[&'k str]) -> &'k str {
    let weight = |kind: &str| match kind {
        "crash-between-steps" => 10,
        "kill-region" => 3,
        _ => 1,
    };
    let all: Vec<&str> = kinds.iter().flat_map(|kind| std::iter::repeat_n(*kind, weight(kind))).collect();
    one_of(dice, &all)
}

/// Steps of services between which it matters whether they live: what they asked of a table.
/// The durable accept, which writes the token's row too, comes more often: it decides whether there is an order.
const STEPS: [(&str, &str); 14] = [
    ("TransactWriteItems", "orders.journal"),
    ("TransactWriteItems", "platform.leases"),
    ("TransactWriteItems", "orders.tokens"),
    ("TransactWriteItems", "orders.tokens"),
    ("TransactWriteItems", "orders.tokens"),
    ("PutItem", "orders"),
    ("TransactWriteItems", "orders"),
    ("UpdateItem", "orders"),
    ("TransactWriteItems", "warehouse.reservations"),
    ("TransactWriteItems", "warehouse"),
    ("TransactWriteItems", "payment"),
    ("PutItem", "delivery"),
    ("UpdateItem", "delivery"),
    ("TransactWriteItems", "platform.inbox"),
];

fn fault(dice: &mut Dice, kind: &str, topology: &Topology, phases: &Phases) -> FaultAt {
    let end_s = phases.steady_s + phases.after_s;
    // Orders must be under way when it comes, and some time be left for it to be felt.
    let at_s = tenths(dice, phases.steady_s, end_s - 1.0);
    let most_s = end_s + HEALS_AFTER_LOAD_S - at_s;
    // Half of them heal soon: then there is time for another one.
    let for_s =
        if dice.random_bool(0.5) { tenths(dice, 0.5, most_s) } else { tenths(dice, 0.5, most_s.min(3.0)) };
    FaultAt { at_s, fault: of_kind(dice, kind, topology, for_s) }
}

fn of_kind(dice: &mut Dice, kind: &str, topology: &Topology, for_s: f64) -> Fault {
    let pct = f32::from(one_of(dice, &[5u8, 20, 50, 100]));
    let region = region(dice, topology);
    let to = other(dice, topology, &region);
    match kind {
        "flood-continent" => {
            let place = dice.random_range(0..topology.continents.len());
            Fault::FloodContinent { continent: topology.continents[place].id.clone() }
        }
        "kill-region" => {
            let keep_data = dice.random_bool(0.5);
            let soonest_s = if keep_data { 0.0 } else { Fault::BACK_EMPTY_SOONEST_S };
            let back_after_s = dice.random_bool(0.5).then(|| for_s.max(soonest_s));
            Fault::KillRegion { region, keep_data, back_after_s }
        }
        "power-cut" => Fault::PowerCut { region, for_s },
        "crash-between-steps" => {
            let (operation, table) = one_of(dice, &STEPS);
            Fault::CrashBetweenSteps {
                region,
                moment: one_of(dice, &[Moment::Before, Moment::After]),
                operation: operation.to_owned(),
                table: table.to_owned(),
                word: None,
                nth: dice.random_range(1..=4),
                back_after_ms: one_of(dice, &[20, 100, 600, 2_000]),
                for_s,
            }
        }
        "clock-skew" => {
            Fault::ClockSkew { region, ms: one_of(dice, &[-60_000, -2_000, 500, 5_000, 60_000]), for_s }
        }
        "freeze-region" => Fault::FreezeRegion { region, for_s },
        "link-latency" => {
            Fault::LinkLatency { from: region, to, add_ms: one_of(dice, &[20, 100, 250, 600]), for_s }
        }
        "link-loss" => Fault::LinkLoss { from: region, to, pct, for_s },
        "link-reset" => Fault::LinkReset { from: region, to, for_s },
        "partition" => Fault::Partition { from: region, to, one_way: dice.random_bool(0.5), for_s },
        "replication-lag" => {
            let region = dice.random_bool(0.5).then_some(region);
            Fault::ReplicationLag { ms: one_of(dice, &[500, 2_000, 8_000]), region, for_s: Some(for_s) }
        }
        "pause-replication" => {
            Fault::PauseReplication { region: dice.random_bool(0.5).then_some(region), for_s }
        }
        "provider-refuse" => Fault::ProviderRefuse { pct, for_s },
        "provider-slow" => Fault::ProviderSlow { ms: one_of(dice, &[50, 300, 1_500]), for_s },
        "provider-answer-lost" => Fault::ProviderAnswerLost { pct, for_s },
        "event-duplicate" => Fault::EventDuplicate { pct, for_s },
        "event-delay" => Fault::EventDelay { pct, ms: one_of(dice, &[100, 1_000, 5_000]), for_s },
        _ => Fault::EventReorder { pct, for_s },
    }
}

/// A number of seconds with one digit after the point.
fn tenths(dice: &mut Dice, from_s: f64, to_s: f64) -> f64 {
    let (from, to) = ((from_s * 10.0).round() as u32, (to_s * 10.0).round() as u32);
    f64::from(dice.random_range(from..=to.max(from))) / 10.0
}

fn region(dice: &mut Dice, topology: &Topology) -> Region {
    topology.regions[dice.random_range(0..topology.regions.len())].name.clone()
}

fn other(dice: &mut Dice, topology: &Topology, than: &Region) -> Region {
    let others: Vec<&Region> =
        topology.regions.iter().map(|region| &region.name).filter(|name| *name != than).collect();
    others[dice.random_range(0..others.len())].clone()
}
