//! What it costs: a chart of a month by orders a day, the bill, each continent's price, and what breaks first.

use super::chart::{self, AXIS, LIMIT, line, path, text};
use super::scale::{Scale, px};
use crate::cost::{CostReport, Headroom, text as words_of};
use crate::evidence::{Evidence, words};
use maud::{Markup, html};

const WIDTH: f64 = 1_120.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = WIDTH - 14.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 300.0;

const BILL: &str = "#0072b2";
const CLOUD: &str = "#17212b";
const OWN: &str = "#e69f00";

/// Quotas that are shown.
const QUOTAS: usize = 6;

pub(super) fn section(evidence: &Evidence) -> Markup {
    let Some(cost) = &evidence.cost else { return html! {} };
    html! {
        section.long {
            h2 { "What it costs" }
            p.lead { (claim(cost)) }
            (curve(cost))
            h3 { "The bill of a month at " (words::decimal(cost.orders_per_day, 0)) " orders a day, all regions" }
            (bill(cost))
            details { summary { "Each price, with its date and source" } (prices(cost)) }
            div.two {
                div { h3 { "What each continent costs, and what it gives" } (layouts(cost)) }
                div { h3 { "Machines of one's own, USD a month" } (own(cost)) }
            }
            h3 { "What breaks first, without " (cost.failover.lost) }
            (headroom(cost))
            h3 { "What is not in it" }
            ul.plain { @for note in &cost.notes { li { (note) } } }
        }
    }
}

fn claim(cost: &CostReport) -> String {
    let own = cost.on_premises.monthly_usd;
    format!(
        "From what this run used, by dated list prices: at {} orders a day AWS takes {} USD a month, {} USD an order; the \
         people who run it {} USD. The same shop on machines of one's own takes {} USD, so the cloud at its dearest costs {} % \
         of the cheapest of these. Without {} the bill is {} USD; {}.",
        words::decimal(cost.orders_per_day, 0),
        words_of::usd(cost.peace.monthly_usd),
        words_of::cents(cost.peace.per_order_usd),
        words_of::range(cost.people_usd),
        words_of::range(own),
        words::decimal(cost.share_of_on_premises_pct, 1),
        cost.failover.lost,
        words_of::usd(cost.failover.bill.monthly_usd),
        words_of::crossing(cost),
    )
}

fn curve(cost: &CostReport) -> Markup {
    let own = cost.on_premises.monthly_usd;
    let end = cost.curve.last().map_or(1.0, |point| point.orders_per_day);
    let highest = cost.curve.iter().map(|point| point.cloud_usd.high).fold(own.high, f64::max);
    let (orders, usd) = (Scale::exact(end, RIGHT - LEFT), Scale::round(highest, BOTTOM - TOP));
    let at = |orders_per_day: f64, dollars: f64| (LEFT + orders.at(orders_per_day), BOTTOM - usd.at(dollars));
    let along = |of: fn(&crate::cost::Point) -> f64| {
        path(cost.curve.iter().map(|point| Some(at(point.orders_per_day, of(point)))))
    };
    let (low, high) = (BOTTOM - usd.at(own.low), BOTTOM - usd.at(own.high));
    html! {
        figure { svg viewBox={ "0 0 " (WIDTH) " " (BOTTOM + 46.0) } role="img" aria-label="Monthly cost against orders a day, cloud against machines of one's own" {
            (chart::grid(usd, LEFT, RIGHT, BOTTOM))
            rect x=(px(LEFT)) y=(px(high)) width=(px(RIGHT - LEFT)) height=(px((low - high).max(1.0))) fill=(OWN) fill-opacity="0.35" {}
            path d=(along(|point| point.cloud_usd.high)) fill="none" stroke=(CLOUD) stroke-width="2" {}
            path d=(along(|point| point.cloud_usd.low)) fill="none" stroke=(CLOUD) stroke-width="1" stroke-dasharray="4 3" {}
            path d=(along(|point| point.bill_usd)) fill="none" stroke=(BILL) stroke-width="2" {}
            (mark(LEFT + orders.at(cost.orders_per_day), AXIS, &format!("{} a day", words::decimal(cost.orders_per_day, 0))))
            @if let Some(first) = cost.crossing.first {
                (mark(LEFT + orders.at(first), LIMIT, &format!("crossing from {} on", words::decimal(first, 0))))
            }
            @for tick in orders.ticks_in(10.0) {
                (text(LEFT + orders.at(tick), BOTTOM + 18.0, anchor(orders.at(tick)), 11, AXIS, &words::decimal(tick, 0)))
            }
            (text((LEFT + RIGHT) / 2.0, BOTTOM + 38.0, "middle", 12, AXIS, "orders a day"))
            (text(0.0, 12.0, "start", 12, AXIS, "USD a month"))
        } }
        (chart::key([
            ("AWS's bill", BILL, true),
            ("with the people who run it", CLOUD, true),
            ("machines of one's own; drawn level, as they were bought for the most", OWN, false),
        ].into_iter()))
    }
}

/// A figure at the axis' end stays inside the picture.
fn anchor(along: f64) -> &'static str {
    if LEFT + along < RIGHT - 20.0 { "middle" } else { "end" }
}

fn mark(x: f64, colour: &str, words: &str) -> Markup {
    let (anchor, beside) = if x > WIDTH * 0.75 { ("end", -6.0) } else { ("start", 6.0) };
    html! {
        (line((x, TOP - 6.0), (x, BOTTOM), colour, 1.2, "6 4"))
        (text(x + beside, TOP + 4.0, anchor, 12, colour, words))
    }
}

fn bill(cost: &CostReport) -> Markup {
    html! {
        table {
            thead { tr { th { "Item" } th { "Amount" } th.n { "A month" } th { "Unit" } th.n { "USD a unit" } th.n { "USD a month" } th { "Prices of" } } }
            tbody {
                @for item in cost.peace.items() {
                    tr {
                        td { (item.item) }
                        td.muted { (words_of::basis(item.basis)) }
                        td.n { (words::decimal(item.amount, 3)) }
                        td { (item.unit) }
                        td.n { (words_of::price(&item)) }
                        td.n { b { (words_of::usd(item.monthly_usd)) } }
                        td.muted { (words_of::sources(&item)) }
                    }
                }
                tr.sum { td { "all" } td {} td {} td {} td {} td.n { (words_of::usd(cost.peace.monthly_usd)) } td {} }
            }
        }
    }
}

fn prices(cost: &CostReport) -> Markup {
    html! {
        table {
            thead { tr { th { "Item" } th.n { "USD a unit" } th { "Unit" } th { "Where" } th { "Source" } } }
            tbody { @for price in cost.peace.prices() {
                tr {
                    td { (price.item) }
                    td.n { (words::decimal(price.usd, 6)) }
                    td { (price.unit) }
                    td { (words_of::places(&price)) }
                    td.muted { (words_of::whence(&price)) }
                }
            } }
        }
    }
}

fn layouts(cost: &CostReport) -> Markup {
    html! {
        table {
            thead { tr { th { "Regions" } th.n { "USD" } th.n { "More" } th.n { "Serves, %" } th.n { "Down, h a year" } th { "After a flood" } } }
            tbody { @for row in &cost.layouts {
                tr {
                    td { (row.name) div.muted { (row.regions.join(", ")) } }
                    td.n { b { (words_of::usd(row.monthly_usd)) } }
                    td.n { (words_of::usd(row.step_usd)) }
                    td.n { (words::decimal(row.availability_pct, 4)) }
                    td.n { (words::decimal(row.down_h_year, 2)) }
                    td { (row.after_a_flood) }
                }
            } }
        }
    }
}

fn own(cost: &CostReport) -> Markup {
    html! {
        table {
            tbody {
                @for row in &cost.on_premises.lines {
                    tr { td { (row.what) div.muted { (row.formula) } } td.n { b { (words_of::range(row.monthly_usd)) } } }
                }
                tr.sum { td { "all" } td.n { (words_of::range(cost.on_premises.monthly_usd)) } }
            }
        }
    }
}

fn headroom(cost: &CostReport) -> Markup {
    html! {
        table {
            thead { tr { th { "Quota" } th { "Region" } th.n { "Limit" } th.n { "Now, in the busiest second" } th.n { "Met at orders a day" } th.n { "Times" } th { "Raised" } } }
            tbody { @for row in cost.headroom.iter().take(QUOTAS) {
                tr {
                    td { (row.quota) div.muted { (row.dated) ": " (row.source) } }
                    td { (row.region) }
                    td.n { (words::decimal(row.limit, 0)) }
                    td.n { (words::decimal(row.load, 2)) " " (row.unit) }
                    td.n { b { (row.orders_per_day.map_or("never".to_owned(), |orders| words::decimal(orders, 0))) } }
                    td.n { (times(row, cost.orders_per_day)) }
                    td { (row.raised.word()) }
                }
            } }
        }
    }
}

fn times(row: &Headroom, orders_per_day: f64) -> String {
    row.orders_per_day.map_or(String::new(), |orders| words::decimal(orders / orders_per_day.max(1.0), 1))
}
