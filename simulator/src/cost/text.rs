//! The report for a terminal, in 80 columns.

use super::{
    bill::{Basis, Bill, ItemLine, PriceLine},
    headroom::Headroom,
    parameters::Range,
    prices::Mark,
    report::CostReport,
};
use crate::evidence::words::{count, decimal};
use serde::Serialize;
use std::fmt::Write as _;

/// Columns of a line.
const WIDTH: usize = 80;
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
    prices(&report.peace, &mut text);
    parameters(report, &mut text);
    heading("Notes", &mut text);
    for note in &report.notes {
        wrapped("- ", note, &mut text);
    }
    text
}

fn heading(title: &str, text: &mut String) {
    text.push('\n');
    wrapped("", &title.to_uppercase(), text);
}

/// The sentence behind its head, which the lines after the first are indented by.
fn wrapped(head: &str, sentence: &str, text: &mut String) {
    let indent = " ".repeat(head.chars().count());
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(head)
        .subsequent_indent(&indent)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    put!(text, "{}", textwrap::fill(sentence, options));
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
        let (lost, when) = (&report.failover.lost, at(first));
        let first =
            format!("without {lost} the first quota is met {when}: {} in {}", first.quota, first.region);
        wrapped("  ", &first, text);
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
    heading(title, text);
    wrapped("", &bill.regions.join(", "), text);
    put!(text, "{:<26} {:<10} {:>12} {:<18} {:>10}", "ITEM", "AMOUNT", "A MONTH", "UNIT", "USD");
    for item in bill.items() {
        put!(
            text,
            "{:<26} {:<10} {:>12} {:<18} {:>10}",
            item.item,
            basis(item.basis),
            decimal(item.amount, 2),
            short(&item.unit),
            usd(item.monthly_usd)
        );
    }
    put!(text, "{:<26} {:<10} {:>12} {:<18} {:>10}", "all", "", "", "", usd(bill.monthly_usd));
}

/// What a unit costs, where, since when, and who says so.
fn prices(bill: &Bill, text: &mut String) {
    heading("Prices", text);
    let mut last = String::new();
    for price in bill.prices() {
        if price.item != last {
            put!(text, "{}, USD per {}", price.item, price.unit);
        }
        let whence = format!("{}; {}", places(&price), whence(&price));
        wrapped(&format!("{:>12}  ", decimal(price.usd, 6)), &whence, text);
        last = price.item;
    }
}

/// Where a price holds.
pub(crate) fn places(price: &PriceLine) -> String {
    let regions: Vec<&str> = price.regions.iter().map(String::as_str).collect();
    if regions.is_empty() { "everywhere".to_owned() } else { regions.join(", ") }
}

/// Since when a price is so, and who says so.
pub(crate) fn whence(price: &PriceLine) -> String {
    format!("{}, {}: {}", price.dated, word(&price.mark), price.source)
}

/// A unit in the room of a column.
fn short(unit: &str) -> String {
    unit.replacen("million ", "m ", 1)
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
    heading("What each continent costs", text);
    put!(
        text,
        "{:<20} {:>10} {:>10} {:>10} {:>10} {:>10}",
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
            "{:<20} {:>10} {:>10} {:>10} {:>10} {:>10}",
            row.name,
            usd(row.monthly_usd),
            usd(row.step_usd),
            cents(row.per_order_usd),
            decimal(row.availability_pct, 4),
            decimal(row.down_h_year, 2)
        );
        wrapped("  after a flood ", &row.after_a_flood, text);
    }
}

fn on_premises(report: &CostReport, text: &mut String) {
    heading("Machines of one's own, USD a month", text);
    for line in &report.on_premises.lines {
        wrapped(&format!("{:<16} {:>14}  ", line.what, range(line.monthly_usd)), &line.formula, text);
    }
    put!(text, "{:<16} {:>14}", "all", range(report.on_premises.monthly_usd));
}

fn headroom(report: &CostReport, text: &mut String) {
    let lost = &report.failover.lost;
    heading(&format!("Quotas of the regions left without {lost}, the first to be met first"), text);
    put!(
        text,
        "{:<16} {:>9} {:>9} {:<11} {:>14} {:>8}",
        "REGION",
        "LIMIT",
        "NOW",
        "",
        "ORDERS A DAY",
        "TIMES"
    );
    for row in report.headroom.iter().take(QUOTAS) {
        let times = row.orders_per_day.map(|orders| decimal(orders / report.orders_per_day.max(1.0), 1));
        wrapped("", &format!("{}; raised: {} ({})", row.quota, row.raised.word(), row.dated), text);
        put!(
            text,
            "  {:<14} {:>9} {:>9} {:<11} {:>14} {:>8}",
            row.region,
            decimal(row.limit, 0),
            decimal(row.load, 2),
            row.unit,
            row.orders_per_day.map_or("never".to_owned(), |orders| decimal(orders, 0)),
            times.unwrap_or_default()
        );
    }
    put!(text, "({} in all; --json has every one)", count(report.headroom.len() as u64));
}

fn parameters(report: &CostReport, text: &mut String) {
    heading("Parameters (--set NAME=VALUE)", text);
    for row in &report.parameters {
        let value = match row.value {
            Range { low, high } if low == high => decimal(low, 3),
            Range { low, high } => format!("{} to {}", decimal(low, 3), decimal(high, 3)),
        };
        let whence = match row.set {
            true => "set".to_owned(),
            false => format!("{}, {}", row.dated, word(&row.mark)),
        };
        put!(text, "{} = {value} {}", row.name, row.unit);
        wrapped("    ", &format!("{}; {whence}: {}", row.meaning, row.source), text);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::sample;

    #[test]
    fn it_fits_eighty_columns_and_every_price_has_a_date_and_a_source() {
        let report = sample::report();
        let text = render(&report);
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let unwrapped = words(&text);
        for line in &report.peace.lines {
            let whence = format!("{}, {}: {}", line.dated, word(&line.mark), words(&line.source));
            assert!(unwrapped.contains(&whence), "{}: {whence}", line.item);
        }
    }
}
