//! `evidence.html`: one file without any reference to the outside, for people who decide.

mod bars;
mod chart;
mod cost;
mod detail;
mod invariants;
mod scale;
mod timeline;
mod top;

use super::Evidence;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");

pub(super) fn render(evidence: &Evidence) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (evidence.scenario) ": " (evidence.verdict.to_string()) }
                style { (PreEscaped(STYLE)) }
            }
            body { main {
                (top::header(evidence))
                (top::banner(evidence))
                (top::tiles(evidence))
                (timeline::section(evidence))
                (detail::goals(evidence))
                (bars::objectives(evidence))
                (bars::budget(evidence))
                (detail::phases(evidence))
                (detail::faults(evidence))
                (invariants::section(evidence))
                (detail::orders_and_load(evidence))
                (cost::section(evidence))
                (detail::cost_and_machine(evidence))
                (detail::boundaries(evidence))
                (detail::replay(evidence))
                footer { "Made by the BigSmokes simulator from " code { "evidence.json" } " in the same folder, which is the source of every figure on this page." }
            } }
        }
    };
    page.into_string()
}

/// A section with a heading and a sentence about it.
fn section(title: &str, lead: &str, body: Markup) -> Markup {
    html! {
        section {
            h2 { (title) }
            @if !lead.is_empty() { p.lead { (lead) } }
            (body)
        }
    }
}

/// A word on a coloured ground. The word says it all; the colour only helps.
fn mark(class: &str, word: &str) -> Markup {
    html! { span class={ "mark " (class) } { (word) } }
}
