//! The tables: goals, phases, faults, orders, load, cost, machine, and what is not claimed.

use super::{mark, section};
use crate::evidence::{
    Evidence, GoalResult, LoadReport, MachineReport, ReplicationReport, UsageReport, words,
};
use crate::scenario::Meaning;
use maud::{Markup, html};

pub(super) fn goals(evidence: &Evidence) -> Markup {
    if evidence.goals.is_empty() {
        return html! {};
    }
    let table = html! {
        table {
            thead { tr { th { "Goal" } th { "Kind" } th { "Phase" } th.n { "Target" } th.n { "Measured" } th { "Result" } } }
            tbody { @for goal in &evidence.goals {
                tr {
                    td {
                        (goal.id)
                        @if let Some(why) = &goal.not_judged { div.muted { "Not judged: " (why) "." } }
                    }
                    td.muted { (kind(goal.meaning)) }
                    td { (words::scope(goal)) }
                    td.n { (words::target_in_words(goal)) }
                    td.n { b { (words::measured(goal)) } }
                    td { (result(goal)) }
                }
            } }
        }
    };
    let lead = "Set in the scenario file before the run. A promise that is missed fails the run outright; a run that misses a goal of strength was too weak to prove anything.";
    section("Goals", lead, table)
}

fn result(goal: &GoalResult) -> Markup {
    match (&goal.not_judged, goal.pass) {
        (Some(_), _) => mark("doubt", "not judged"),
        (None, true) => mark("good", "met"),
        (None, false) => mark("bad", "missed"),
    }
}

fn kind(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Invariant => "promise",
        Meaning::Service => "service",
        Meaning::Strength => "strength",
    }
}

/// The name of the row that sums up all phases.
const WHOLE: &str = "whole run";

pub(super) fn phases(evidence: &Evidence) -> Markup {
    let ms = |value| words::decimal(value, 0);
    let row = |name: &str,
               from_to: String,
               requests: u64,
               good: u64,
               share: f64,
               l: &crate::evidence::Latency,
               orders: u64| {
        html! {
            tr class=[(name == WHOLE).then_some("sum")] {
                td { (name) } td.n { (from_to) } td.n { (words::count(requests)) } td.n { (words::count(requests - good.min(requests))) }
                td.n { (words::figure(share, "%")) " %" }
                td.n { (ms(l.p50)) } td.n { (ms(l.p99)) } td.n { (ms(l.p999)) } td.n { b { (ms(l.max)) } } td.n { (words::count(orders)) }
            }
        }
    };
    let sum = |of: fn(&crate::evidence::PhaseReport) -> u64| evidence.phases.iter().map(of).sum::<u64>();
    let table = html! {
        table {
            thead { tr {
                th { "Phase" } th.n { "Seconds" } th.n { "Requests" } th.n { "Not good" } th.n { "Availability" }
                th.n { "p50, ms" } th.n { "p99, ms" } th.n { "p99.9, ms" } th.n { "Slowest, ms" } th.n { "Orders" }
            } }
            tbody {
                @for phase in &evidence.phases {
                    @let from_to = format!("{}–{}", words::decimal(phase.from_s, 1), words::decimal(phase.to_s, 1));
                    (row(&phase.name, from_to, phase.requests, phase.good, phase.availability, &phase.latency_ms, phase.orders))
                }
                (row(WHOLE, words::decimal(evidence.duration_s, 1), sum(|p| p.requests), sum(|p| p.good), evidence.availability, &evidence.latency_ms, sum(|p| p.orders)))
            }
        }
        (month(evidence))
    };
    let lead = "Judged by an open-loop driver: requests are sent at planned moments whether or not earlier ones were answered, and time counts from the planned moment to the last byte. Good is the wanted answer, or a refusal that the load planned, within the limit.";
    if evidence.phases.is_empty() {
        html! {}
    } else {
        section("Phase by phase", lead, table)
    }
}

fn month(evidence: &Evidence) -> Markup {
    let spent = words::decimal(words::month_spent_pct(evidence), 3);
    html! {
        p.lead style="margin-top:10px" {
            "99.9 % of a month leaves 43 min 12 s for failures. What failed here would use " (spent) " % of that."
            @if let Some(worst) = evidence.worst_minute { " In the worst minute " (words::figure(worst, "%")) " % of the answers were good." }
        }
    }
}

pub(super) fn faults(evidence: &Evidence) -> Markup {
    if evidence.faults.is_empty() {
        return html! {};
    }
    let table = html! {
        table {
            thead { tr { th.n { "At, s" } th.n { "Until, s" } th { "Fault" } th { "What shows that it was felt" } th { "Felt" } } }
            tbody { @for fault in &evidence.faults {
                tr {
                    td.n { (words::decimal(fault.at_s, 1)) }
                    td.n { @match fault.until_s { Some(until) => (words::decimal(until, 1)), None => "never healed" } }
                    td { b { (fault.label) } @if !fault.plain.is_empty() { div.muted { (fault.plain) } } }
                    td { (fault.shown_by) }
                    td { @if fault.felt { (mark("good", "felt")) } @else { (mark("bad", "not felt")) } }
                }
            } }
        }
    };
    section(
        "What was broken",
        "A fault that nothing felt proves nothing, so each one must show its effect.",
        table,
    )
}

pub(super) fn orders_and_load(evidence: &Evidence) -> Markup {
    let orders = &evidence.orders;
    let rows = [
        ("Attempts to order", orders.attempted),
        ("Orders confirmed to customers", orders.acknowledged),
        ("Attempts refused", orders.refused),
        ("Attempts whose fate the customer could not know", orders.ambiguous),
        ("Confirmed orders lost", orders.lost),
        ("Orders doubled", orders.duplicated),
        ("Orders that waited for goods", orders.backordered),
        ("Of these, served when goods came in", orders.served_later),
    ];
    html! { section { div.two {
        div { h2 { "Orders" } table { tbody { @for (name, number) in rows { (pair(name, &words::count(number))) } } } }
        @if let Some(load) = &evidence.load { div { (journeys(load)) } }
    } } }
}

fn pair(name: &str, value: &str) -> Markup {
    html! { tr { td { (name) } td.n { b { (value) } } } }
}

fn journeys(load: &LoadReport) -> Markup {
    let ms = |value| words::decimal(value, 0);
    html! {
        h2 { "Journeys beside it (Goose)" }
        p.lead { (words::count(load.users)) " customers at work, " (words::count(load.requests)) " requests, " (words::count(load.failures)) " failed. They add pressure; the open-loop driver judges." }
        table {
            thead { tr { th { "Step" } th.n { "Requests" } th.n { "Failed" } th.n { "p50, ms" } th.n { "p99, ms" } th.n { "Slowest" } } }
            tbody { @for step in &load.steps {
                tr { td { (step.name) } td.n { (words::count(step.requests)) } td.n { (words::count(step.failures)) } td.n { (ms(step.p50_ms)) } td.n { (ms(step.p99_ms)) } td.n { (ms(step.max_ms)) } }
            } }
        }
        @if !load.orders.is_empty() {
            p.lead style="margin-top:8px" { "Orders: " @for (i, (outcome, number)) in load.orders.iter().enumerate() { @if i > 0 { ", " } (words::count(*number)) " " (outcome) } "." }
        }
    }
}

pub(super) fn cost_and_machine(evidence: &Evidence) -> Markup {
    if evidence.usage.is_none() && evidence.replication.is_none() && evidence.machine.is_none() {
        return html! {};
    }
    html! { section { div.two {
        div {
            @if let Some(usage) = &evidence.usage { (cost(usage)) }
            @if let Some(replication) = &evidence.replication { (copies(replication)) }
        }
        @if let Some(machine) = &evidence.machine { div { (machine_table(machine)) } }
    } } }
}

fn cost(usage: &UsageReport) -> Markup {
    let per_order = |value| words::decimal(value, 1);
    html! {
        h2 { "What an order uses" }
        p.lead { "Measured over all regions and divided by " (words::count(usage.orders)) " orders; prices turn it into money." }
        table { tbody {
            (pair("Write request units", &per_order(usage.write_units_per_order)))
            (pair("Read request units", &per_order(usage.read_units_per_order)))
            (pair("Events published", &per_order(usage.events_per_order)))
            (pair("Queue calls", &per_order(usage.queue_calls_per_order)))
            @if let Some(cpu) = usage.cpu_ms_per_order { (pair("Processor time, ms", &per_order(cpu))) }
            @for (operation, calls) in &usage.unknown_operations {
                (pair(&format!("Calls refused because not emulated: {operation}"), &words::count(*calls)))
            }
        } }
    }
}

fn copies(replication: &ReplicationReport) -> Markup {
    let ms = |value| format!("{} ms", words::decimal(value, 0));
    html! {
        h3 { "Replication between regions" }
        table { tbody {
            (pair("Writes copied", &words::count(replication.copied)))
            (pair("Writes stranded in a lost region", &words::count(replication.stranded)))
            (pair("Lag: half within", &ms(replication.lag_p50_ms)))
            (pair("Lag: 99 % within", &ms(replication.lag_p99_ms)))
            (pair("Lag: longest", &ms(replication.lag_max_ms)))
        } }
    }
}

fn machine_table(machine: &MachineReport) -> Markup {
    let pct = |value| format!("{} %", words::decimal(value, 1));
    let ms = |value| format!("{} ms", words::decimal(value, 1));
    html! {
        h2 { "The machine" }
        p.lead { "A run on a machine that was busy with other things, and whose driver was late for it, does not count." }
        table { tbody {
            (pair("Processors", &words::count(machine.cores)))
            (pair("Used by the run", &pct(machine.own_pct)))
            (pair("Used by other programs", &pct(machine.foreign_pct)))
            (pair("Taken by the hypervisor", &pct(machine.steal_pct)))
            (pair("Driver late, 99th percentile", &ms(machine.driver_late_p99_ms)))
            (pair("Driver late, at most", &ms(machine.driver_late_max_ms)))
        } }
        @if !machine.note.is_empty() { p.lead style="margin-top:8px" { (machine.note) } }
    }
}

pub(super) fn boundaries(evidence: &Evidence) -> Markup {
    if evidence.boundaries.is_empty() {
        return html! {};
    }
    let list = html! { ul.plain { @for sentence in &evidence.boundaries { li { (sentence) } } } };
    section(
        "What this does not claim",
        "Where the run differs from the real world, and what follows from that.",
        list,
    )
}

pub(super) fn replay(evidence: &Evidence) -> Markup {
    let body = html! {
        pre { (evidence.replay) }
        @if !evidence.not_exact.is_empty() { p.lead { (evidence.not_exact) } }
    };
    section(
        "Run it again",
        "The same faults at the same moments, and the same customers with the same wishes.",
        body,
    )
}
