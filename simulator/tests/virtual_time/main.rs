//! Whole runs in virtual time: that they show what a live one would, that a seed makes one history, and that
//! every fault is felt.

mod backorders;
mod commands;
mod cost;
mod planted;
mod regressions;
mod returns;
mod search;
mod support;
mod waiting;

use simulator::engine::virtual_time;
use support::{Fault, folder, options, run, scenario};

const FREEZE: Fault = Fault("freeze-region", "region = \"ap-southeast-1\"");
const PARTITION: Fault = Fault("partition", "from = \"eu-west-1\"\nto = \"ap-southeast-1\"");
const ONE_WAY: Fault = Fault("partition", "from = \"us-east-1\"\nto = \"eu-west-1\"\none_way = true");
const LATENCY: Fault = Fault("link-latency", "from = \"us-east-1\"\nto = \"eu-west-1\"\nadd_ms = 80");
const LOSS: Fault = Fault("link-loss", "from = \"eu-west-1\"\nto = \"us-east-1\"\npct = 5");
const RESET: Fault = Fault("link-reset", "from = \"us-east-1\"\nto = \"eu-west-1\"");
const LAG: Fault = Fault("replication-lag", "ms = 2500");
const PAUSE: Fault = Fault("pause-replication", "region = \"eu-west-1\"");
const SKEW: Fault = Fault("clock-skew", "region = \"us-east-1\"\nms = -4000");
const POWER: Fault = Fault("power-cut", "region = \"ap-southeast-1\"");
const CRASH: Fault = Fault(
    "crash-between-steps",
    "region = \"eu-west-1\"\noperation = \"TransactWriteItems\"\ntable = \"orders\"\nnth = 5",
);
const DUPLICATE: Fault = Fault("event-duplicate", "pct = 50");
const DELAY: Fault = Fault("event-delay", "pct = 50\nms = 800");
const REORDER: Fault = Fault("event-reorder", "pct = 50");
const REFUSE: Fault = Fault("provider-refuse", "pct = 30");
const SLOW: Fault = Fault("provider-slow", "ms = 150");
const NO_ANSWER: Fault = Fault("provider-answer-lost", "pct = 30");

#[test]
fn a_flood_is_survived_as_in_a_live_run() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/short-flood.toml");
    let scenario = simulator::scenario::load(path.as_ref()).expect("a scenario");
    let outcome = virtual_time::run(&scenario, &options(&scenario, "flood")).expect("a run");
    let evidence = outcome.evidence;
    assert_eq!(evidence.exit_code, 0, "{:?}", evidence.reasons);
    assert_eq!(evidence.engine, "virtual");
    assert!(evidence.faults[0].felt && evidence.orders.lost == 0);
    assert!(evidence.orders.acknowledged > 50, "{:?}", evidence.orders);
    for name in ["evidence.html", "history.jsonl", "latency.hlog", "logs/virtual.log"] {
        assert!(folder("flood").join(name).is_file(), "{name} is missing");
    }
}

#[test]
fn without_the_journal_the_same_flood_loses_orders() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/short-flood.toml");
    let scenario = simulator::scenario::load(path.as_ref()).expect("a scenario");
    let mut options = options(&scenario, "async");
    options.durability = platform::config::Durability::Async;
    let outcome = virtual_time::run(&scenario, &options).expect("a run");
    assert_eq!(outcome.evidence.exit_code, 11, "{:?}", outcome.evidence.reasons);
    assert!(!outcome.lost_orders.is_empty());
}

#[test]
fn one_seed_makes_one_history_and_another_seed_another() {
    let mut scenario = scenario("twice", 3.0, &[(1.0, 1.0, PARTITION), (1.2, 0.5, DUPLICATE)]);
    let options = options(&scenario, "twice");
    let twice = virtual_time::twice(&scenario, &options).expect("two runs");
    assert_eq!(twice.difference, None);
    assert_eq!(twice.first.elapsed, twice.second.elapsed);
    scenario.seed += 1;
    let other = virtual_time::run(&scenario, &support::options(&scenario, "other")).expect("a run");
    let history = |outcome: &virtual_time::Outcome| std::fs::read(&outcome.history).expect("written");
    assert!(history(&twice.first).len() > 10_000, "too little happened");
    assert_ne!(history(&twice.first), history(&other));
}

#[test]
fn faults_of_the_network_are_felt() {
    let faults = [
        (1.0, 2.0, LATENCY),
        (1.0, 2.0, LOSS),
        (3.5, 1.0, RESET),
        (5.0, 1.0, ONE_WAY),
        (6.5, 1.0, PARTITION),
    ];
    run("network", 8.0, &faults);
}

#[test]
fn faults_of_regions_are_felt() {
    run("regions", 9.0, &[(1.0, 1.5, FREEZE), (3.0, 2.0, SKEW), (3.0, 3.0, CRASH), (7.0, 1.5, POWER)]);
}

#[test]
fn faults_of_replication_are_felt() {
    run("replication", 5.0, &[(1.0, 1.5, LAG), (3.0, 1.5, PAUSE)]);
}

#[test]
fn faults_of_events_are_felt() {
    run("events", 5.0, &[(1.0, 3.0, DUPLICATE), (1.0, 3.0, DELAY), (1.0, 3.0, REORDER)]);
}

#[test]
fn faults_of_the_payment_provider_are_felt() {
    // The first orders are paid for some seconds after the load began.
    run("provider", 12.0, &[(1.0, 3.0, SLOW), (4.5, 3.0, REFUSE), (8.0, 3.0, NO_ANSWER)]);
}

#[test]
fn a_fault_that_an_engine_cannot_do_is_refused() {
    let path = support::write("refused", 3.0, &[(1.0, 1.0, SKEW), (1.0, 1.0, Fault("disk-full", ""))]);
    let refused = |engine| simulator::scenario::load_for(&path, engine).expect_err("refused").to_string();
    let (live, in_virtual_time) =
        (refused(simulator::scenario::Engine::Live), refused(simulator::scenario::Engine::Virtual));
    assert!(live.contains("a live run cannot do `clock-skew`"), "{live}");
    assert!(live.contains("a live run cannot do `disk-full`"), "{live}");
    assert!(!in_virtual_time.contains("clock-skew"), "{in_virtual_time}");
    assert!(in_virtual_time.contains("a virtual run cannot do `disk-full`"), "{in_virtual_time}");
}
