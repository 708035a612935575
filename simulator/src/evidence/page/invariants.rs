//! Every invariant with its counts.

use super::mark;
use crate::checks::Standing;
use crate::evidence::{Evidence, InvariantReport, words};
use maud::{Markup, html};

/// The groups of the contract, by the letter of their ids.
const GROUPS: &[(char, &str)] = &[
    ('D', "Durability"),
    ('G', "Progress"),
    ('P', "Payment"),
    ('S', "Stock"),
    ('H', "Shipping and compliance"),
    ('E', "Events"),
    ('R', "Regions"),
    ('L', "Service level"),
    ('X', "Security"),
];

pub(super) fn section(evidence: &Evidence) -> Markup {
    if evidence.invariants.is_empty() {
        return html! {};
    }
    let with =
        |standing| evidence.invariants.iter().filter(|invariant| invariant.standing == standing).count();
    let checked: u64 = evidence.invariants.iter().map(|invariant| invariant.checked).sum();
    let (compared, never) = match evidence.from_outside {
        true => ("what customers are shown afterwards", "the tables"),
        false => ("what every surviving region, the payment provider and the carrier hold", "a lost place"),
    };
    let lead = format!(
        "After the run a checker that shares no code with the services compared what customers were told with {compared}: {} comparisons. {} invariants were kept, {} broken, {} not judged. What only {never} could tell is counted as unjudged, never as kept.",
        words::count(checked),
        with(Standing::Kept),
        with(Standing::Broken),
        with(Standing::NotJudged)
    );
    html! {
        section.long {
            h2 { "Invariants" }
            p.lead { (lead) }
            table {
                thead { tr { th { "Id" } th { "What must hold" } th.n { "Checked" } th.n { "Violations" } th.n { "Unjudged" } th { "Result" } } }
                tbody { @for (letter, name) in GROUPS { (group(evidence, *letter, name)) } }
            }
        }
    }
}

fn group(evidence: &Evidence, letter: char, name: &str) -> Markup {
    let members: Vec<&InvariantReport> =
        evidence.invariants.iter().filter(|i| i.id.starts_with(letter)).collect();
    html! {
        @if !members.is_empty() {
            tr.group { td colspan="6" { (name) } }
            @for invariant in members { (row(invariant)) }
        }
    }
}

fn row(invariant: &InvariantReport) -> Markup {
    let class = match invariant.standing {
        Standing::Kept => "good",
        Standing::Broken => "bad",
        Standing::NotJudged => "doubt",
    };
    html! {
        tr {
            td { b { (invariant.id) } }
            td {
                (invariant.title)
                @if let Some(why) = &invariant.not_judged { div.muted { "Not judged: " (why) "." } }
                @if !invariant.examples.is_empty() { (examples(invariant)) }
            }
            td.n { (words::count(invariant.checked)) }
            td.n { (words::count(invariant.violations)) }
            td.n { (words::count(invariant.unjudged)) }
            td { (mark(class, words::standing(invariant.standing))) }
        }
    }
}

fn examples(invariant: &InvariantReport) -> Markup {
    let more = invariant.violations.saturating_sub(invariant.examples.len() as u64);
    html! {
        ul.examples {
            @for example in &invariant.examples { li { (example) } }
            @if more > 0 { li { "and " (words::count(more)) " more" } }
        }
    }
}
