//! What the evidence says was used is what the run's own files say, counted here by other means; and the costs follow it.

use super::support::{folder, run_scenario, scenario};
use serde_json::Value;
use simulator::{
    cost::{Consumption, CostReport, Data, Layout, Work},
    evidence::Evidence,
    scenario::{Goal, GoalPhase, Metric, Op, Scenario},
};
use std::{collections::BTreeSet, fs};

/// A calm run that measures the idle shop too.
fn metered() -> (Scenario, Evidence) {
    let mut scenario = scenario("cost", 8.0, &[]);
    scenario.settle.idle_s = 6.0;
    scenario.goals.push(Goal {
        id: "cheaper".to_owned(),
        metric: Metric::CostShare,
        phase: GoalPhase::Whole,
        home: None,
        op: Op::Less,
        target: 100.0,
        unit: Metric::CostShare.unit().to_owned(),
    });
    let evidence = run_scenario(&scenario).evidence;
    (scenario, evidence)
}

/// Sums of one field over all tables and operations of a region, those that replication wrote apart.
fn units(reading: &Value, region: &str, field: &str) -> (f64, f64) {
    let tables = reading["regions"][region]["usage"]["tables"].as_object().expect("tables");
    let operations = tables.values().flat_map(|table| table.as_object().expect("operations"));
    operations.fold((0.0, 0.0), |(own, copied), (operation, used)| {
        let amount = used[field].as_f64().expect("a number");
        if operation == "ReplicatedWrite" { (own, copied + amount) } else { (own + amount, copied) }
    })
}

fn near(a: f64, b: f64, part: f64) -> bool {
    (a - b).abs() <= part * b.abs().max(1.0)
}

#[test]
fn consumption_is_what_meters_and_history_say() {
    let (scenario, evidence) = metered();
    let used = evidence.consumption.as_ref().expect("measured");
    let usage = fs::read_to_string(folder("cost").join("usage.json")).expect("written");
    let usage: Value = serde_json::from_str(&usage).expect("JSON");
    for (name, region) in &used.regions {
        let of = |field: &str| {
            let (begin, rest) = (units(&usage["begin"], name, field), units(&usage["rest"], name, field));
            (rest.0 - begin.0, rest.1 - begin.1)
        };
        let sum =
            |of: fn(&simulator::cost::TableUse) -> f64| -> f64 { region.used.tables.values().map(of).sum() };
        let ((writes, copied), (reads, _)) = (of("write_units"), of("read_units"));
        assert!(near(sum(|table| table.write_units), writes, 1e-6), "{name}: writes");
        assert!(near(sum(|table| table.replicated_units), copied, 1e-6), "{name}: copies");
        assert!(near(sum(|table| table.read_units), reads, 1e-6), "{name}: reads");
        // A region that drives no orders writes nothing of its own.
        assert!(copied > 0.0 && reads > 0.0, "{name}: {copied} {reads}");
        assert!(!region.lost && region.idle.as_ref().is_some_and(|idle| idle.for_s >= 6.0), "{name}");
    }
    history_agrees(used);
    model_agrees(used, &scenario);
    a_changed_consumption_changes_the_goal(used, &scenario, &evidence);
}

/// The history knows which orders were promised and how often the doors were asked.
fn history_agrees(used: &Consumption) {
    let history = fs::read_to_string(folder("cost").join("history.jsonl")).expect("written");
    let records: Vec<Value> = history.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let made = records.iter().filter(|record| record["op"] == "create-order" && record["outcome"] == "ok");
    let orders: BTreeSet<&str> = made.filter_map(|record| record["order_id"].as_str()).collect();
    assert_eq!(used.orders, orders.len() as u64);
    let asked: u64 = records.iter().filter_map(|record| record["attempts"].as_u64()).sum();
    let door = used.total().services["frontend-api"];
    // Staff at work come on top of the customers.
    assert!(door.requests >= asked as f64 && asked > 0, "{} against {asked}", door.requests);
    assert!(door.busy_s > 0.0 && door.bytes_out > 10.0 * door.requests, "{door:?}");
    assert!(used.total().sent_bytes > 0.0 && used.stored_bytes_per_order > 100.0);
}

/// For the world and the traffic that were measured, the model gives what was measured.
fn model_agrees(used: &Consumption, scenario: &Scenario) {
    let work = Work::of(used).expect("orders");
    let peace = Layout::peace(&scenario.topology);
    let stood_s = used.regions.values().map(|region| region.stood_s).fold(0.0, f64::max);
    let orders_per_s = used.orders as f64 / stood_s;
    let modelled: f64 = peace
        .regions()
        .flat_map(|region| work.in_region(&peace, region, orders_per_s).tables.into_values())
        .map(|table| (table.write_units + table.replicated_units) * stood_s)
        .sum();
    assert!(near(modelled, used.write_units(), 0.03), "{modelled} against {}", used.write_units());
}

fn a_changed_consumption_changes_the_goal(used: &Consumption, scenario: &Scenario, evidence: &Evidence) {
    let data = Data::shipped().expect("data");
    let share = |used: &Consumption| {
        CostReport::of(used, &scenario.topology, &data).expect("orders").share_of_on_premises_pct
    };
    let goal = evidence.goals.iter().find(|goal| goal.id == "cheaper").expect("judged");
    assert_eq!(goal.measured, Some(share(used)));
    assert!(goal.pass, "{goal:?}");
    let mut more = used.clone();
    let table = more.regions.values_mut().next().and_then(|region| region.used.tables.get_mut("orders"));
    table.expect("there").write_units *= 1_000.0;
    assert!(share(&more) > share(used) + 0.1, "{} against {}", share(&more), share(used));
}
