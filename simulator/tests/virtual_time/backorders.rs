//! Orders that wait for goods which have run out, until a lorry brings more.

use crate::support::{Fault, LOSE_AMERICA, kept, records, run_scenario, scenario};
use contracts::ids::OrderId;
use simulator::{
    history::{self, HistoryRecord, Op},
    scenario::Scenario,
};
use std::collections::{BTreeMap, BTreeSet};

fn scarce(name: &str, after_s: f64, faults: &[(f64, f64, Fault)]) -> Scenario {
    let mut scenario = scenario(name, after_s, faults);
    scenario.load.open_loop_rps = 30.0;
    (scenario.load.backorder_pct, scenario.load.mix.track) = (40.0, 60.0);
    scenario
}

/// The statuses in which customers saw each order that was made to wait for goods.
fn seen_waiting(records: &[HistoryRecord]) -> BTreeMap<OrderId, BTreeSet<&str>> {
    let made = records.iter().filter(|record| {
        record.op == Op::CreateOrder && record.order_status.as_deref() == Some("BACKORDERED")
    });
    let mut seen: BTreeMap<OrderId, BTreeSet<&str>> =
        made.filter_map(|record| Some((record.order_id?, BTreeSet::new()))).collect();
    for record in records {
        let statuses = record.order_id.and_then(|id| seen.get_mut(&id));
        statuses.into_iter().for_each(|statuses| statuses.extend(record.order_status.as_deref()));
    }
    seen
}

#[test]
fn orders_that_wait_for_goods_go_on_when_a_lorry_brings_them() {
    let outcome = run_scenario(&scarce("scarce", 24.0, &[]));
    kept(
        &outcome,
        &["D1", "D2", "D3", "D5", "G1", "G2", "P2", "P5", "P7", "S1", "S2", "S3", "S4", "S5", "H1"],
    );
    let orders = outcome.evidence.orders;
    assert!(orders.backordered >= 5 && orders.served_later >= 5, "{orders:?}");
    let records = records(&outcome);
    let seen = seen_waiting(&records);
    let arrived = seen.values().filter(|statuses| statuses.contains("FULFILLED"));
    assert!(arrived.count() > 0, "no customer saw that the goods came: {seen:?}");
    // Who would not wait was told so, and that is a good answer.
    let sold_out = |record: &&HistoryRecord| record.code == Some(contracts::error::Code::OutOfStock);
    let refused: Vec<_> = records.iter().filter(sold_out).map(|record| record.outcome).collect();
    assert!(!refused.is_empty() && refused.iter().all(|one| *one == history::Outcome::PlannedRefusal));
}

#[test]
fn orders_that_wait_for_goods_outlive_the_region_that_took_them() {
    let outcome = run_scenario(&scarce("scarce-flood", 24.0, &[(9.0, f64::INFINITY, LOSE_AMERICA)]));
    assert!(outcome.lost_orders.is_empty(), "{:?}", outcome.lost_orders);
    kept(&outcome, &["D1", "D2", "D3", "G1", "G2", "P5", "S1", "S2", "S4", "S5", "H1", "R1"]);
    let orders = outcome.evidence.orders;
    assert!(orders.backordered >= 5 && orders.served_later >= 5, "{orders:?}");
}

#[test]
fn nobody_waits_where_nothing_is_scarce() {
    let mut scenario = scarce("plenty", 4.0, &[]);
    scenario.load.backorder_pct = 0.0;
    let orders = run_scenario(&scenario).evidence.orders;
    assert!(orders.acknowledged > 0);
    assert_eq!((orders.backordered, orders.served_later), (0, 0));
}
