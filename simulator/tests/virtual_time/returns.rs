//! Regions that come back: with their data, with nothing, and after they were only cut off.

use crate::support::{Fault, LOSE_AMERICA, kept, records, run, run_scenario, scenario};
use simulator::history::HistoryRecord;

const FOR_EVER: f64 = f64::INFINITY;
const LOSE_EUROPE: Fault = Fault("kill-region", "region = \"eu-west-1\"");
const CUT_POWER_OF_AMERICA: Fault = Fault("power-cut", "region = \"us-east-1\"");
const CUT_POWER_OF_EUROPE: Fault = Fault("kill-region", "region = \"eu-west-1\"\nkeep_data = true");

/// What the first copy lost the second one must not take with it: the first has read it back.
#[test]
fn a_copy_that_lost_everything_saves_orders_when_the_next_one_is_lost() {
    let faults = [(3.0, 4.0, LOSE_EUROPE), (8.6, FOR_EVER, LOSE_AMERICA)];
    // Some must still be buying when the second region goes.
    let mut scenario = scenario("empty-then-loss", 10.5, &faults);
    scenario.load.customers = 90;
    scenario.load.open_loop_rps = 30.0;
    let outcome = run_scenario(&scenario);
    assert!(outcome.lost_orders.is_empty(), "{:?}", outcome.lost_orders);
    kept(&outcome, &["D1", "D2", "R1", "G1"]);
}

#[test]
fn a_region_that_comes_back_with_nothing_ends_like_the_others() {
    let outcome = run("empty-and-back", 8.5, &[(3.0, 4.0, LOSE_EUROPE)]);
    kept(&outcome, &["D1", "D2", "D5", "R1", "G1"]);
}

#[test]
fn shards_fail_over_and_back_and_over_again() {
    let faults =
        [(1.2, 1.5, CUT_POWER_OF_AMERICA), (4.0, 1.5, CUT_POWER_OF_EUROPE), (7.0, 1.0, CUT_POWER_OF_AMERICA)];
    let outcome = run("over-back-over", 9.0, &faults);
    kept(&outcome, &["D5", "R1", "G1"]);
}

#[test]
fn who_is_cut_off_refuses_in_time_while_the_others_serve() {
    let cut = |to| Fault("partition", to);
    let faults = [
        (1.5, 3.0, cut("from = \"us-east-1\"\nto = \"eu-west-1\"")),
        (1.5, 3.0, cut("from = \"us-east-1\"\nto = \"ap-southeast-1\"")),
    ];
    let mut scenario = scenario("both-sides", 6.0, &faults);
    // Else the other side's answer would be there first, and what the cut-off side says is not waited for.
    scenario.topology.customers.iter_mut().for_each(|customers| customers.hedge_after_ms = 940);
    let outcome = run_scenario(&scenario);
    kept(&outcome, &["D3", "D4", "D5", "H1", "P1", "R1", "G1", "L1"]);
    let records = records(&outcome);
    let begun_ms = records.iter().map(|record| record.wall_ms).min().expect("records");
    // Whatever was promised while the cut was new had reached a majority before it.
    let during = |record: &&HistoryRecord| (2_500..4_000).contains(&(record.wall_ms - begun_ms));
    let orders: Vec<&HistoryRecord> =
        records.iter().filter(during).filter(|record| record.is_attempt()).collect();
    let by = |region: &str| {
        let served = |record: &&&HistoryRecord| {
            record.acknowledged() && record.served_by.as_ref().is_some_and(|by| by.as_str() == region)
        };
        orders.iter().filter(served).count()
    };
    assert!(by("eu-west-1") + by("ap-southeast-1") > 0, "nobody served: {} orders", orders.len());
    assert_eq!(by("us-east-1"), 0, "who hears only itself serves nobody");
    let refused = orders.iter().filter(|record| record.refused_by.contains(&"us-east-1".into()));
    assert!(refused.count() > 0, "the cut-off side said nothing");
    assert!(orders.iter().all(|record| record.latency_us.is_none_or(|us| us <= 1_000_000)));
}
