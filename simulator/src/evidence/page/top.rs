//! The head of the page: what was run, the verdict, and five figures.

use crate::evidence::verdict::Verdict;
use crate::evidence::{Evidence, words};
use crate::scenario::Metric;
use maud::{Markup, html};

pub(super) fn header(evidence: &Evidence) -> Markup {
    let facts = [
        ("Started", evidence.started_at.clone()),
        ("Load", format!("{} s", words::decimal(evidence.duration_s, 0))),
        ("Seed", evidence.seed.to_string()),
        ("Commit", evidence.commit.clone()),
        ("Engine", evidence.engine.clone()),
        ("Cloud", evidence.cloud.clone()),
        ("Durability", evidence.durability.clone()),
    ];
    html! {
        p.over { "BigSmokes resilience evidence · " (evidence.scenario) }
        h1 { (evidence.title) }
        @if !evidence.description.is_empty() { p.about { (evidence.description) } }
        div.facts {
            @for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
                span { (name) " " b { (value) } }
            }
        }
    }
}

pub(super) fn banner(evidence: &Evidence) -> Markup {
    let (class, sign) = match evidence.verdict {
        Verdict::GoalsMet => ("good", check()),
        Verdict::Inconclusive | Verdict::GoalMissed => ("doubt", dash()),
        _ => ("bad", cross()),
    };
    html! {
        div class={ "banner " (class) } role="status" {
            (sign)
            div {
                h2 { (words::headline(evidence)) }
                p { (words::claim(evidence)) }
                @if !evidence.reasons.is_empty() {
                    ul { @for reason in &evidence.reasons { li { (reason) } } }
                }
            }
        }
    }
}

fn sign(path: &str) -> Markup {
    html! {
        svg viewBox="0 0 52 52" aria-hidden="true" {
            circle cx="26" cy="26" r="24" fill="none" stroke="currentColor" stroke-width="3" {}
            path d=(path) fill="none" stroke="currentColor" stroke-width="4.5" stroke-linecap="round" stroke-linejoin="round" {}
        }
    }
}

fn check() -> Markup {
    sign("M15 27 l8 8 l15 -17")
}

fn cross() -> Markup {
    sign("M17 17 L35 35 M35 17 L17 35")
}

fn dash() -> Markup {
    sign("M26 14 V30 M26 37.5 V38")
}

pub(super) fn tiles(evidence: &Evidence) -> Markup {
    let orders = &evidence.orders;
    let limit = |metric| evidence.target(metric).map(|target| words::decimal(target, 3));
    let doubled = match orders.duplicated {
        0 => "none doubled".to_owned(),
        doubled => format!("{} doubled", words::count(doubled)),
    };
    html! {
        div.tiles {
            (tile("Confirmed orders lost", &words::count(orders.lost), "", &format!("of {}, {doubled}", words::count(orders.acknowledged))))
            (tile("Answered well and in time", &words::figure(evidence.availability, "%"), "%", &against("goal at least", limit(Metric::Availability), "%")))
            (tile("Slowest answer of all", &words::decimal(evidence.latency_ms.max, 0), "ms", &against("limit", limit(Metric::LatencyMax), "ms")))
            (tile("99 of 100 answers within", &words::decimal(evidence.latency_ms.p99, 0), "ms", &format!("half within {} ms", words::decimal(evidence.latency_ms.p50, 0))))
            @match evidence.rto_s {
                Some(seconds) => (tile("Orders taken again after", &words::decimal(seconds, 1), "s", &against("goal at most", limit(Metric::Rto), "s"))),
                None => (tile("Attempts to order", &words::count(orders.attempted), "", &format!("{} refused, {} unknown", words::count(orders.refused), words::count(orders.ambiguous)))),
            }
        }
    }
}

fn against(word: &str, target: Option<String>, unit: &str) -> String {
    target.map_or_else(|| "no goal set".to_owned(), |target| format!("{word} {target} {unit}"))
}

fn tile(what: &str, value: &str, unit: &str, against: &str) -> Markup {
    html! {
        div.tile {
            div.what { (what) }
            div.value { (value) @if !unit.is_empty() { small { " " (unit) } } }
            div.against { (against) }
        }
    }
}
