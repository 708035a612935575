//! Orders that wait for somebody outside: for a proof of age, and for goods that come back.

use crate::support::{Fault, LOSE_AMERICA, kept, records, run_scenario, scenario};
use simulator::{
    history::{HistoryRecord, Op},
    scenario::Scenario,
};
use std::collections::BTreeSet;

fn waiting(name: &str, after_s: f64, faults: &[(f64, f64, Fault)]) -> Scenario {
    let mut scenario = scenario(name, after_s, faults);
    scenario.load.open_loop_rps = 30.0;
    scenario.load.unverified_pct = 30.0;
    (scenario.load.mix.track, scenario.load.mix.returns) = (60.0, 15.0);
    scenario
}

/// The statuses in which customers saw orders that had waited for a proof of age.
fn after_review(records: &[HistoryRecord]) -> BTreeSet<String> {
    let made = records.iter().filter(|record| {
        record.op == Op::CreateOrder && record.order_status.as_deref() == Some("AGE_REVIEW")
    });
    let made: BTreeSet<_> = made.filter_map(|record| record.order_id).collect();
    let later = records.iter().filter(|record| record.op != Op::CreateOrder);
    let later = later.filter(|record| record.order_id.is_some_and(|id| made.contains(&id)));
    later.filter_map(|record| record.order_status.clone()).collect()
}

#[test]
fn orders_go_on_or_end_with_the_verdict_and_what_came_back_is_refunded() {
    let outcome = run_scenario(&waiting("waiting", 18.0, &[]));
    kept(&outcome, &["D1", "D3", "D5", "G1", "G2", "P2", "P5", "P7", "S2", "S3", "S4", "S5", "H2"]);
    let records = records(&outcome);
    let seen = after_review(&records);
    for status in ["FULFILLED", "CANCELLED"] {
        assert!(seen.contains(status), "no order under review became {status}: {seen:?}");
    }
    assert!(records.iter().any(|record| record.order_status.as_deref() == Some("RETURNED")));
}

#[test]
fn without_their_home_orders_wait_and_those_of_others_go_on() {
    let outcome = run_scenario(&waiting("waiting-flood", 20.0, &[(4.0, f64::INFINITY, LOSE_AMERICA)]));
    assert!(outcome.lost_orders.is_empty(), "{:?}", outcome.lost_orders);
    kept(&outcome, &["D1", "D2", "D3", "G1", "G2", "P5", "S4", "S5", "H2", "R1"]);
    let seen = after_review(&records(&outcome));
    assert!(seen.contains("AGE_REVIEW") && seen.contains("FULFILLED"), "{seen:?}");
}
