//! The report for a terminal.

use super::{
    bill::{Basis, Bill, ItemLine},
    headroom::Headroom,
    parameters::Range,
    prices::Mark,
    report::CostReport,
};
use crate::evidence::words::{count, decimal};
use serde::Serialize;
use std::fmt::Write as _;

/// Rows of the table of quotas.
const QUOTAS: usize = 6;

// Writing into a String cannot fail.
macro_rules! put {
    ($text:expr, $($form:tt)*) => { let _ = writeln!($text, $($form)*); };
}

/// The whole report.
pub(crate) fn render(report: &CostReport) -> String {
    let mut text = String::new();
    head(report, &mut text);
    bill("A month in peace", &report.peace, &mut text);
    failover(report, &mut text);
    layouts(report, &mut text);
    on_premises(report, &mut text);
    headroom(report, &mut text);
    parameters(report, &mut text);
    put!(text, "\nNOTES");
    for note in &report.notes {
        put!(text, "- {note}");
    }
    text
}

fn head(report: &CostReport, text: &mut String) {
    let (orders, own) = (decimal(report.orders_per_day, 0), report.on_premises.monthly_usd);
    put!(text, "At {orders} orders a day, USD a month:");
    put!(
        text,
        "  AWS bill, all regions      {:>10}   {} an order",
        usd(report.peace.monthly_usd),
        cents(report.peace.per_order_usd)
    );
    put!(
        text,
        "  AWS bill without {:<9} {:>10}   {} an order",
        report.failover.lost,
        usd(report.failover.bill.monthly_usd),
        cents(report.failover.bill.per_order_usd)
    );
    put!(text, "  people who run it          {:>10}", range(report.people_usd));
    put!(text, "  machines of one's own      {:>10}", range(own));
    put!(
        text,
        "  the cloud at its dearest costs {} % of the cheapest of one's own",
        decimal(report.share_of_on_premises_pct, 1)
    );
    put!(text, "  {}", crossing(report));
    if let Some(first) = report.first_quota() {
        put!(
            text,
            "  without {} the first quota is met {}: {} in {}",
            report.failover.lost,
            at(first),
            first.quota,
            first.region
        );
    }
}

/// Where the costs cross.
pub(crate) fn crossing(report: &CostReport) -> String {
    match (report.crossing.first, report.crossing.last) {
        (Some(first), Some(last)) => {
            format!("the costs cross between {} and {} orders a day", decimal(first, 0), decimal(last, 0))
        }
        (Some(first), None) => format!("the costs meet at {} orders a day", decimal(first, 0)),
        _ => "the costs do not cross".to_owned(),
    }
}

/// When a quota is met.
pub(crate) fn at(row: &Headroom) -> String {
    row.orders_per_day.map_or("never".to_owned(), |orders| format!("at {} orders a day", decimal(orders, 0)))
}

fn bill(title: &str, bill: &Bill, text: &mut String) {
    put!(text, "\n{} ({})", title.to_uppercase(), bill.regions.join(", "));
    put!(
        text,
        "{:<26} {:<11} {:>12} {:<24} {:>17} {:>10}  PRICES OF",
        "ITEM",
        "AMOUNT",
        "A MONTH",
        "UNIT",
        "USD A UNIT",
        "USD"
    );
    for item in bill.items() {
        put!(
            text,
            "{:<26} {:<11} {:>12} {:<24} {:>17} {:>10}  {}",
            item.item,
            basis(item.basis),
            decimal(item.amount, 3),
            item.unit,
            price(&item),
            usd(item.monthly_usd),
            sources(&item)
        );
    }
    put!(text, "{:<26} {:<11} {:>12} {:<24} {:>17} {:>10}", "all", "", "", "", "", usd(bill.monthly_usd));
}

/// The lowest and the highest price of a unit.
pub(crate) fn price(item: &ItemLine) -> String {
    let (low, high) = (decimal(item.usd.0, 6), decimal(item.usd.1, 6));
    if low == high { low } else { format!("{low}-{high}") }
}

/// From when to when the prices are, and how sure the least sure one is.
pub(crate) fn sources(item: &ItemLine) -> String {
    let dates = || item.sources.iter().map(|(dated, _)| dated.as_str());
    let (first, last) = (dates().min().unwrap_or_default(), dates().max().unwrap_or_default());
    let least_sure = item.sources.iter().map(|(_, mark)| *mark).max().unwrap_or(Mark::Assumption);
    let when = if first == last { first.to_owned() } else { format!("{first} to {last}") };
    format!("{when}, {}", word(&least_sure))
}

/// Where an amount comes from.
pub(crate) fn basis(basis: Basis) -> String {
    word(&basis)
}

fn failover(report: &CostReport, text: &mut String) {
    let title = match report.failover.in_run {
        true => format!("A month without {}, as after this run", report.failover.lost),
        false => format!("A month without {}, which this run did not lose", report.failover.lost),
    };
    bill(&title, &report.failover.bill, text);
}

fn layouts(report: &CostReport, text: &mut String) {
    put!(text, "\nWHAT EACH CONTINENT COSTS");
    put!(
        text,
        "{:<14} {:>10} {:>10} {:>9} {:>10} {:>11}  AFTER A FLOOD",
        "REGIONS",
        "USD",
        "MORE",
        "AN ORDER",
        "SERVES, %",
        "DOWN, H/Y"
    );
    for row in &report.layouts {
        put!(
            text,
            "{:<14} {:>10} {:>10} {:>9} {:>10} {:>11}  {}",
            row.name,
            usd(row.monthly_usd),
            usd(row.step_usd),
            cents(row.per_order_usd),
            decimal(row.availability_pct, 4),
            decimal(row.down_h_year, 2),
            row.after_a_flood
        );
    }
}

fn on_premises(report: &CostReport, text: &mut String) {
    put!(text, "\nMACHINES OF ONE'S OWN, USD A MONTH");
    for line in &report.on_premises.lines {
        put!(text, "{:<18} {:>16}  {}", line.what, range(line.monthly_usd), line.formula);
    }
    put!(text, "{:<18} {:>16}", "all", range(report.on_premises.monthly_usd));
}

fn headroom(report: &CostReport, text: &mut String) {
    put!(
        text,
        "\nQUOTAS OF THE REGIONS THAT ARE LEFT WITHOUT {}, THE FIRST TO BE MET FIRST",
        report.failover.lost.to_uppercase()
    );
    put!(
        text,
        "{:<58} {:<15} {:>9} {:>9} {:<10} {:>14} {:>7}  RAISED",
        "QUOTA",
        "REGION",
        "LIMIT",
        "NOW",
        "",
        "ORDERS A DAY",
        "TIMES"
    );
    for row in report.headroom.iter().take(QUOTAS) {
        let times = row.orders_per_day.map(|orders| decimal(orders / report.orders_per_day.max(1.0), 1));
        put!(
            text,
            "{:<58} {:<15} {:>9} {:>9} {:<10} {:>14} {:>7}  {} ({})",
            row.quota,
            row.region,
            decimal(row.limit, 0),
            decimal(row.load, 2),
            row.unit,
            row.orders_per_day.map_or("never".to_owned(), |orders| decimal(orders, 0)),
            times.unwrap_or_default(),
            row.raised.word(),
            row.dated
        );
    }
    put!(text, "({} in all; --json has every one)", count(report.headroom.len() as u64));
}

fn parameters(report: &CostReport, text: &mut String) {
    put!(text, "\nPARAMETERS (--set NAME=VALUE)");
    for row in &report.parameters {
        let value = match row.value {
            Range { low, high } if low == high => decimal(low, 3),
            Range { low, high } => format!("{} to {}", decimal(low, 3), decimal(high, 3)),
        };
        let whence = match row.set {
            true => "set".to_owned(),
            false => format!("{}, {}", row.dated, word(&row.mark)),
        };
        put!(
            text,
            "{:<28} {:>20} {:<16} {}; {whence}: {}",
            row.name,
            value,
            row.unit,
            row.meaning,
            row.source
        );
    }
}

/// Whole dollars.
pub(crate) fn usd(amount: f64) -> String {
    decimal(amount, if amount.abs() < 10.0 { 2 } else { 0 })
}

/// Dollars and parts of a cent.
pub(crate) fn cents(amount: f64) -> String {
    decimal(amount, 4)
}

/// Both ends, whole dollars.
pub(crate) fn range(range: Range) -> String {
    if range.low == range.high { usd(range.low) } else { format!("{}-{}", usd(range.low), usd(range.high)) }
}

/// The word by which a value is serialised.
fn word(value: &impl Serialize) -> String {
    let word = serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned));
    word.unwrap_or_default()
}
