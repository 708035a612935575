//! Figures and sentences for people.

use super::model::{Evidence, GoalResult};
use super::verdict::Verdict;
use crate::checks::Standing;
use crate::scenario::Op;

/// A count with thousands apart.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure with at most `places` decimals, thousands apart, without trailing zeros.
pub(crate) fn decimal(value: f64, places: usize) -> String {
    if !value.is_finite() {
        return "not measured".to_owned();
    }
    let text = format!("{:.places$}", value.abs());
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let whole = count(whole.parse().unwrap_or(u64::MAX));
    let rest = rest.trim_end_matches('0');
    let sign = if value < 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) { "-" } else { "" };
    if rest.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

/// A figure in its unit, with as many decimals as that unit deserves.
pub(super) fn figure(value: f64, unit: &str) -> String {
    let places = match unit {
        "%" => 3,
        "s" => 2,
        "ms" if value < 10.0 => 1,
        _ => 0,
    };
    decimal(shorten(value, unit), places)
}

/// 99.9996 % is not 100 %: what falls short of whole is never rounded up to it.
fn shorten(value: f64, unit: &str) -> f64 {
    if unit == "%" && value < 100.0 { (value * 1_000.0).floor() / 1_000.0 } else { value }
}

/// A goal's figure, with its unit.
pub(super) fn measured(goal: &GoalResult) -> String {
    if goal.not_judged.is_some() {
        return "not judged".to_owned();
    }
    goal.measured.map_or("not measured".to_owned(), |value| with_unit(figure(value, &goal.unit), &goal.unit))
}

/// A goal's target, with its unit.
pub(super) fn target(goal: &GoalResult) -> String {
    format!("{} {}", goal.op, with_unit(decimal(goal.target, 3), &goal.unit))
}

/// A goal's target for readers who do not read signs.
pub(super) fn target_in_words(goal: &GoalResult) -> String {
    let word = match goal.op {
        Op::Less => "below",
        Op::AtMost => "at most",
        Op::Equal => "exactly",
        Op::AtLeast => "at least",
        Op::More => "more than",
    };
    format!("{word} {}", with_unit(decimal(goal.target, 3), &goal.unit))
}

fn with_unit(figure: String, unit: &str) -> String {
    if unit.is_empty() { figure } else { format!("{figure} {unit}") }
}

/// The part of the run and the customers that a goal is about.
pub(super) fn scope(goal: &GoalResult) -> String {
    match &goal.home {
        Some(home) => format!("{}, {home}", goal.phase.word()),
        None => goal.phase.word().to_owned(),
    }
}

/// One word for how an invariant fared.
pub(super) fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Kept => "kept",
        Standing::Broken => "broken",
        Standing::NotJudged => "not judged",
    }
}

/// The verdict as a headline.
pub(super) fn headline(evidence: &Evidence) -> &'static str {
    match evidence.verdict {
        Verdict::GoalsMet if evidence.from_outside => "Customers saw every promise kept and every goal met",
        Verdict::GoalMissed if evidence.from_outside => {
            "Customers saw every promise kept, but a goal was missed"
        }
        Verdict::GoalsMet => "Every promise was kept and every goal met",
        Verdict::GoalMissed => "Every promise was kept, but a goal was missed",
        Verdict::InvariantBroken => "A promise to customers was broken",
        Verdict::Inconclusive => "This run proves nothing",
        Verdict::BadScenario => "The scenario is wrong; nothing was run",
        Verdict::HarnessFailed => "The run could not be finished",
    }
}

/// What the run shows, in words that need no knowledge of the system.
pub(super) fn claim(evidence: &Evidence) -> String {
    if matches!(evidence.verdict, Verdict::BadScenario | Verdict::HarnessFailed) {
        return "Nothing can be concluded from it.".to_owned();
    }
    let sentences = [
        what_happened(evidence),
        what_was_kept(evidence),
        who_waited(evidence).unwrap_or_default(),
        how_customers_fared(evidence),
        how_soon_again(evidence).unwrap_or_default(),
        what_nobody_saw(evidence).unwrap_or_default(),
        reservation(evidence.verdict).to_owned(),
    ];
    let said: Vec<String> = sentences.into_iter().filter(|sentence| !sentence.is_empty()).collect();
    // A figure and its unit stay on one line.
    said.join(" ").replace(" s ", "\u{a0}s ").replace(" s.", "\u{a0}s.").replace(" %", "\u{a0}%")
}

fn what_happened(evidence: &Evidence) -> String {
    let seconds = decimal(evidence.duration_s, 0);
    let faults: Vec<String> = evidence
        .faults
        .iter()
        .map(|fault| {
            let said = if fault.plain.is_empty() { &fault.label } else { &fault.plain };
            format!("{} s into the run: {}", decimal(fault.at_s, 1), said.trim_end_matches('.'))
        })
        .collect();
    match faults.is_empty() {
        true => format!("For {seconds} s the shop was open and nothing was broken."),
        false => format!("For {seconds} s the shop was open. {}.", faults.join(". ")),
    }
}

fn what_was_kept(evidence: &Evidence) -> String {
    let orders = &evidence.orders;
    let promised = count(orders.acknowledged);
    match (orders.lost, orders.duplicated) {
        (0, 0) => {
            format!("{promised} orders were confirmed to customers; none was lost and none was doubled.")
        }
        (lost, doubled) => format!(
            "{promised} orders were confirmed to customers; {} lost, {} doubled.",
            were(lost),
            were(doubled)
        ),
    }
}

/// What became of those who ordered goods that had run out.
fn who_waited(evidence: &Evidence) -> Option<String> {
    let (waited, served) = (evidence.orders.backordered, evidence.orders.served_later);
    let orders = if waited == 1 { "order" } else { "orders" };
    let came = match served {
        0 => "none came in in time".to_owned(),
        all if all == waited => "they came in".to_owned(),
        some => format!("for {} of them they came in", count(some)),
    };
    (waited > 0).then(|| format!("{} {orders} waited for goods that had run out; {came}.", count(waited)))
}

fn were(number: u64) -> String {
    match number {
        0 => "none was".to_owned(),
        1 => "1 was".to_owned(),
        more => format!("{} were", count(more)),
    }
}

fn how_customers_fared(evidence: &Evidence) -> String {
    let share = figure(evidence.availability, "%");
    let worst = decimal(evidence.latency_ms.max / 1_000.0, 2);
    let disaster = if evidence.faults.is_empty() { "" } else { ", the disaster included" };
    format!(
        "{share} % of all requests were answered well and in time{disaster}; the slowest answer took {worst} s."
    )
}

fn how_soon_again(evidence: &Evidence) -> Option<String> {
    let seconds = decimal(evidence.rto_s?, 1);
    Some(format!("Customers of the lost regions had an order confirmed again {seconds} s after the loss."))
}

/// What was not judged because nobody looked into the platform.
fn what_nobody_saw(evidence: &Evidence) -> Option<String> {
    let invariants = evidence.invariants.iter().filter(|one| one.not_judged.is_some()).count();
    let goals = match evidence.goals.iter().filter(|goal| goal.not_judged.is_some()).count() {
        0 => String::new(),
        1 => " and 1 goal".to_owned(),
        more => format!(" and {more} goals"),
    };
    let why = "most of them because only the tables could tell";
    evidence.from_outside.then(|| {
        format!("It was judged from outside: {invariants} invariants{goals} were not judged, {why}.")
    })
}

fn reservation(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::InvariantBroken => "So the platform, as it ran here, does not keep what it promises.",
        Verdict::Inconclusive => "But the run was too weak or too disturbed for these figures to count.",
        Verdict::GoalMissed => "No customer lost anything, but the service was worse than it should be.",
        _ => "",
    }
}

/// The part of a month's allowance of failure, at 99.9 %, that the run's failures would use up, percent.
pub(super) fn month_spent_pct(evidence: &Evidence) -> f64 {
    const MONTH_ALLOWANCE_S: f64 = 43.2 * 60.0;
    let failed_s = (100.0 - evidence.availability) / 100.0 * evidence.duration_s;
    100.0 * failed_s / MONTH_ALLOWANCE_S
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            [count(0), count(999), count(1_000), count(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(decimal(12_345.670, 2), "12,345.67");
        assert_eq!(decimal(-0.001, 2), "0");
        assert_eq!(decimal(f64::NAN, 2), "not measured");
    }

    #[test]
    fn what_became_of_those_who_waited_is_said_where_anybody_did() {
        let said = |backordered, served_later| {
            let orders = crate::checks::OrderCounts { backordered, served_later, ..Default::default() };
            who_waited(&Evidence { orders, ..Evidence::default() })
        };
        assert_eq!(said(0, 0), None);
        assert_eq!(said(1, 1).as_deref(), Some("1 order waited for goods that had run out; they came in."));
        let some = "40 orders waited for goods that had run out; for 39 of them they came in.";
        assert_eq!(said(40, 39).as_deref(), Some(some));
        let none = "2 orders waited for goods that had run out; none came in in time.";
        assert_eq!(said(2, 0).as_deref(), Some(none));
    }

    #[test]
    fn almost_all_is_not_all() {
        assert_eq!(figure(99.999_9, "%"), "99.999");
        assert_eq!(figure(100.0, "%"), "100");
        assert_eq!(figure(99.9, "%"), "99.9");
    }
}
