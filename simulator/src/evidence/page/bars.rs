//! Bars against marks: objectives against what was reached, the latency budget against what was measured.

use super::chart::{self, AXIS, GRID, LIMIT, colours, line, rect, text};
use super::scale::{Scale, px};
use crate::evidence::{BudgetReport, Evidence, words};
use crate::scenario::Metric;
use crate::topology::BUDGET_LIMIT_MS;
use maud::{Markup, html};

const WIDTH: f64 = 1_120.0;

/// An objective: what, what was reached, what was wanted, in which unit.
struct Objective {
    name: &'static str,
    reached: f64,
    wanted: f64,
    unit: &'static str,
}

pub(super) fn objectives(evidence: &Evidence) -> Markup {
    let objective = |name, metric, reached: Option<f64>, unit| {
        Some(Objective { name, reached: reached?, wanted: evidence.target(metric)?, unit })
    };
    let rows = [
        objective("Recovery time (RTO)", Metric::Rto, evidence.rto_s, "s"),
        objective("Recovery point (RPO)", Metric::RpoOrders, evidence.rpo_orders.map(|n| n as f64), "orders"),
        objective("Slowest answer", Metric::LatencyMax, Some(evidence.latency_ms.max), "ms"),
    ];
    let rows: Vec<Objective> = rows.into_iter().flatten().collect();
    if rows.is_empty() {
        return html! {};
    }
    let height = 12.0 + 46.0 * rows.len() as f64;
    let chart = html! {
        figure { svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label="Objectives and what was reached" {
            @for (i, row) in rows.iter().enumerate() { (objective_row(row, 6.0 + 46.0 * i as f64)) }
        } }
    };
    let lead = "The bar is what was reached, the mark what is allowed: a bar that ends before its mark meets the objective. Recovery time is counted at the customers, from the loss to the first order confirmed again for those who were hit; recovery point is the number of confirmed orders that the loss took away.";
    super::section("Objectives", lead, chart)
}

fn objective_row(row: &Objective, top: f64) -> Markup {
    const FROM: f64 = 170.0;
    let highest = (row.wanted * 1.25).max(row.reached * 1.1).max(1.0);
    let scale = Scale::exact(highest, 620.0);
    let colour = if row.reached <= row.wanted { "#0072b2" } else { "#d55e00" };
    let mark = FROM + scale.at(row.wanted);
    let met = if row.reached <= row.wanted { "met" } else { "missed" };
    let (reached, wanted) = (words::figure(row.reached, row.unit), words::decimal(row.wanted, 2));
    html! {
        (text(0.0, top + 22.0, "start", 13, "#17212b", row.name))
        (rect(FROM, top + 8.0, scale.length, 20.0, "#eef2f5"))
        (rect(FROM, top + 8.0, scale.at(row.reached).max(1.5), 20.0, colour))
        (line((mark, top + 3.0), (mark, top + 33.0), "#17212b", 2.5, ""))
        (text(FROM + scale.length + 18.0, top + 22.0, "start", 14, "#17212b", &format!("{reached} {} of {wanted} allowed: {met}", row.unit)))
    }
}

pub(super) fn budget(evidence: &Evidence) -> Markup {
    if evidence.budget.is_empty() {
        return html! {};
    }
    let parts = evidence.budget.iter().flat_map(|line| line.parts.iter().map(|part| kind(&part.name)));
    let kinds = colours(parts);
    let (row, from) = (34.0, 236.0);
    let bottom = 22.0 + row * evidence.budget.len() as f64;
    let measured = evidence.budget.iter().filter_map(|line| line.measured_ms).fold(0.0, f64::max);
    let highest = evidence.budget.iter().map(|line| f64::from(line.total_ms)).fold(measured, f64::max);
    let scale = Scale::round(highest.max(f64::from(BUDGET_LIMIT_MS)), WIDTH - from - 170.0);
    let limit = from + scale.at(f64::from(BUDGET_LIMIT_MS));
    let chart = html! {
        figure { svg viewBox={ "0 0 " (WIDTH) " " (bottom + 42.0) } role="img" aria-label="Latency budget of the worst answer, and what was measured" {
            @for tick in scale.ticks() {
                @let x = from + scale.at(tick);
                (line((x, 16.0), (x, bottom), GRID, 1.0, ""))
                (text(x, bottom + 16.0, "middle", 11, AXIS, &words::decimal(tick, 0)))
            }
            (text(from + scale.length / 2.0, bottom + 34.0, "middle", 12, AXIS, "milliseconds"))
            @for (i, line) in evidence.budget.iter().enumerate() {
                (budget_row(line, 22.0 + row * i as f64, from, scale, &kinds))
            }
            (line((limit, 12.0), (limit, bottom), LIMIT, 1.4, "6 4"))
            (text(limit, 9.0, "middle", 11, LIMIT, &format!("cut off at {BUDGET_LIMIT_MS}")))
        } }
        (chart::key(kinds.iter().map(|(name, colour)| (*name, *colour, false)).chain([("measured, worst answer", "#17212b", true)])))
    };
    let lead = "What the worst answer may be spent on while a continent goes dark, worked out from the distances before the run; the black mark is the worst answer that was measured for those customers.";
    super::section("Latency budget", lead, chart)
}

/// The kind of a part, without the region's name.
fn kind(name: &str) -> &str {
    match name {
        _ if name.starts_with("customer to") => "way to the first region that answers",
        _ if name.starts_with("forwarded to") => "way on to the owner",
        "hedge" => "waiting before another continent is asked",
        _ => name,
    }
}

fn budget_row(budget: &BudgetReport, top: f64, from: f64, scale: Scale, kinds: &[(&str, &str)]) -> Markup {
    let colour_of =
        |name: &str| kinds.iter().find(|(k, _)| *k == kind(name)).map_or(AXIS, |(_, colour)| *colour);
    let mut spent = 0.0;
    let parts: Vec<(f64, f64, &str, u32)> = budget
        .parts
        .iter()
        .map(|part| {
            let x = from + scale.at(spent);
            spent += f64::from(part.ms);
            (x, scale.at(f64::from(part.ms)), colour_of(&part.name), part.ms)
        })
        .collect();
    let end = from + scale.length + 12.0;
    html! {
        (text(0.0, top + 17.0, "start", 13, "#17212b", &format!("{}, {} lost", budget.customers, budget.lost)))
        @for (x, width, colour, ms) in parts {
            (rect(x, top + 3.0, width - 1.0, 20.0, colour))
            @if width > 26.0 { (text(x + width / 2.0, top + 17.5, "middle", 11, ink_on(colour), &ms.to_string())) }
        }
        @if let Some(ms) = budget.measured_ms {
            @let x = from + scale.at(ms);
            rect x=(px(x - 2.0)) y=(px(top - 1.0)) width="4" height="28" fill="#17212b" stroke="#ffffff" stroke-width="1.2" {}
            (text(end, top + 17.0, "start", 12, "#17212b", &format!("{} planned, {} seen", budget.total_ms, words::decimal(ms, 0))))
        } @else {
            (text(end, top + 17.0, "start", 12, AXIS, &format!("{} planned", budget.total_ms)))
        }
    }
}

/// White or dark writing, whichever can be read on a colour.
fn ink_on(colour: &str) -> &'static str {
    match colour {
        "#e69f00" | "#56b4e9" | "#cc79a7" => "#17212b",
        _ => "#ffffff",
    }
}
