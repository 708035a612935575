//! The run second by second: requests, answer times, and orders by the region that served them.

use super::chart::{self, AXIS, BAD, LIMIT, colours, line, path, rect, text};
use super::scale::{Scale, px};
use crate::evidence::{Evidence, FaultReport, PhaseReport, Second, words};
use crate::scenario::Metric;
use maud::{Markup, html};

const WIDTH: f64 = 1_120.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = WIDTH - 14.0;
/// More columns than this cannot be told apart; seconds are then taken together.
const COLUMNS_MAX: usize = 280;

const REQUESTS: Panel = Panel { top: 102.0, height: 104.0 };
const LATENCY: Panel = Panel { top: 252.0, height: 170.0 };
const ORDERS: Panel = Panel { top: 468.0, height: 120.0 };
const HEIGHT: f64 = 632.0;
/// Where shaded faults begin, and the lines between that and the first panel on which their names stand in turn.
const FAULTS_TOP: f64 = 34.0;
const FAULT_LINES: usize = 3;

const GOOD: &str = "#8fb8d0";
const P50: &str = "#0072b2";
const P99: &str = "#e69f00";
const MAX: &str = "#17212b";

/// One of the charts that share the time axis.
#[derive(Clone, Copy)]
struct Panel {
    top: f64,
    height: f64,
}

impl Panel {
    fn bottom(self) -> f64 {
        self.top + self.height
    }
}

pub(super) fn section(evidence: &Evidence) -> Markup {
    if evidence.timeline.is_empty() {
        return html! {};
    }
    let (columns, per_column) = columns(&evidence.timeline);
    let end = columns.last().map_or(1.0, |last| last.at_s + per_column).max(evidence.duration_s);
    let time = Scale::exact(end, RIGHT - LEFT);
    let regions =
        colours(columns.iter().flat_map(|column| column.orders_by_region.keys().map(String::as_str)));
    let lead = match per_column as u64 {
        1 => "Each column is one second, by the moment at which requests were meant to be sent.".to_owned(),
        n => format!("Each column is {n} seconds: rates are means, answer times the worst second in it."),
    };
    let chart = html! {
        figure {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label="Requests, answer times and orders over the time of the run, with the faults shaded" {
                (faults(&evidence.faults, time))
                (phases(&evidence.phases, time))
                (requests(&columns, per_column, time))
                (latency(&columns, per_column, time, evidence.target(Metric::LatencyMax)))
                (orders(&columns, per_column, time, &regions))
                (time_axis(time))
            }
        }
    };
    super::section("The run, second by second", &lead, chart)
}

/// The seconds, taken together where there are too many, and how many make a column.
fn columns(timeline: &[Second]) -> (Vec<Second>, f64) {
    let per_column = timeline.len().div_ceil(COLUMNS_MAX).max(1);
    (timeline.chunks(per_column).map(together).collect(), per_column as f64)
}

fn together(seconds: &[Second]) -> Second {
    let mut sum = Second { at_s: seconds[0].at_s, ..Second::default() };
    for second in seconds {
        sum.requests += second.requests;
        sum.good += second.good;
        sum.bad += second.bad;
        sum.p50_ms = sum.p50_ms.max(second.p50_ms);
        sum.p99_ms = sum.p99_ms.max(second.p99_ms);
        sum.max_ms = sum.max_ms.max(second.max_ms);
        for (region, orders) in &second.orders_by_region {
            *sum.orders_by_region.entry(region.clone()).or_default() += orders;
        }
    }
    sum
}

fn faults(faults: &[FaultReport], time: Scale) -> Markup {
    html! {
        @for (i, fault) in faults.iter().enumerate() {
            @let from = LEFT + time.at(fault.at_s);
            @let to = fault.until_s.map_or(RIGHT, |until| LEFT + time.at(until));
            rect x=(px(from)) y=(px(FAULTS_TOP)) width=(px((to - from).max(2.0))) height=(px(ORDERS.bottom() - FAULTS_TOP)) fill="#d55e00" fill-opacity="0.09" {}
            @let baseline = FAULTS_TOP + 14.0 + 14.0 * (i % FAULT_LINES) as f64;
            (line((from, FAULTS_TOP), (from, ORDERS.bottom()), LIMIT, 1.2, ""))
            // What begins late is named to the left: it would not fit in.
            @if from < WIDTH * 0.7 {
                (text(from + 6.0, baseline, "start", 12, LIMIT, &fault.label))
            } @else {
                (text(from - 6.0, baseline, "end", 12, LIMIT, &fault.label))
            }
        }
    }
}

fn phases(phases: &[PhaseReport], time: Scale) -> Markup {
    html! {
        @for (i, phase) in phases.iter().enumerate() {
            @let from = LEFT + time.at(phase.from_s);
            @let width = time.at(phase.to_s) - time.at(phase.from_s);
            (rect(from, 4.0, width - 2.0, 22.0, if i % 2 == 0 { "#e6ebef" } else { "#d5dde3" }))
            @if width > 7.0 * phase.name.len() as f64 {
                (text(from + width / 2.0, 19.0, "middle", 12, AXIS, &phase.name))
            }
        }
    }
}

/// A panel's heading, with the legend at its right.
fn title(panel: Panel, words: &str, key: &[(&str, &str, bool)]) -> Markup {
    let baseline = panel.top - 10.0;
    html! {
        text.over-line x=(px(LEFT)) y=(px(baseline)) font-size="12.5" font-weight="600" { (words) }
        (chart::inline_key(key, RIGHT, baseline))
    }
}

/// Where a column begins and how wide it is drawn.
fn column(second: &Second, per_column: f64, time: Scale) -> (f64, f64) {
    let width = time.at(per_column);
    (LEFT + time.at(second.at_s), (width - if width > 4.0 { 1.0 } else { 0.0 }).max(0.5))
}

fn requests(columns: &[Second], per_column: f64, time: Scale) -> Markup {
    let rate = |count: u64| count as f64 / per_column;
    let highest = columns.iter().map(|second| rate(second.requests)).fold(1.0, f64::max);
    let scale = Scale::round(highest, REQUESTS.height);
    html! {
        (title(REQUESTS, "Requests per second", &[("answered well and in time", GOOD, false), ("failed, late or unanswered", BAD, false)]))
        (chart::grid(scale, LEFT, RIGHT, REQUESTS.bottom()))
        @for second in columns {
            @let (x, width) = column(second, per_column, time);
            @let (good, bad) = (scale.at(rate(second.good)), scale.at(rate(second.bad)));
            (rect(x, REQUESTS.bottom() - good, width, good, GOOD))
            // A single failure among hundreds must be seen.
            @let shown = if second.bad > 0 { bad.max(3.0) } else { 0.0 };
            (rect(x, REQUESTS.bottom() - good - shown, width, shown, BAD))
        }
    }
}

fn latency(columns: &[Second], per_column: f64, time: Scale, limit_ms: Option<f64>) -> Markup {
    let highest = columns.iter().map(|second| second.max_ms).fold(limit_ms.unwrap_or(1.0), f64::max);
    let scale = Scale::round(highest, LATENCY.height);
    let along = |figure: fn(&Second) -> f64| {
        path(columns.iter().map(|second| {
            let x = LEFT + time.at(second.at_s + per_column / 2.0);
            (second.requests > 0).then(|| (x, LATENCY.bottom() - scale.at(figure(second))))
        }))
    };
    html! {
        (title(LATENCY, "Answer time, ms, from the planned moment to the last byte", &[("slowest", MAX, true), ("99 % within", P99, true), ("half within", P50, true)]))
        (chart::grid(scale, LEFT, RIGHT, LATENCY.bottom()))
        path d=(along(|second| second.max_ms)) fill="none" stroke=(MAX) stroke-width="1.3" stroke-linejoin="round" {}
        path d=(along(|second| second.p99_ms)) fill="none" stroke=(P99) stroke-width="2" stroke-linejoin="round" {}
        path d=(along(|second| second.p50_ms)) fill="none" stroke=(P50) stroke-width="2" stroke-linejoin="round" {}
        @if let Some(limit) = limit_ms {
            @let y = LATENCY.bottom() - scale.at(limit);
            (line((LEFT, y), (RIGHT, y), LIMIT, 1.4, "6 4"))
            (text(LEFT + 6.0, y + 13.0, "start", 11, LIMIT, &format!("limit {} ms", words::decimal(limit, 0))))
        }
    }
}

fn orders(columns: &[Second], per_column: f64, time: Scale, regions: &[(&str, &str)]) -> Markup {
    let rate = |count: u64| count as f64 / per_column;
    let total = |second: &Second| rate(second.orders_by_region.values().sum());
    let scale = Scale::round(columns.iter().map(total).fold(1.0, f64::max), ORDERS.height);
    let stack = |second: &Second| {
        let mut below = 0.0;
        let parts = regions.iter().filter_map(|(region, colour)| {
            let height = scale.at(rate(*second.orders_by_region.get(*region)?));
            below += height;
            Some((ORDERS.bottom() - below, height, *colour))
        });
        parts.collect::<Vec<_>>()
    };
    html! {
        @let key: Vec<(&str, &str, bool)> = regions.iter().map(|(region, colour)| (*region, *colour, false)).collect();
        (title(ORDERS, "Orders confirmed per second, by the region that answered", &key))
        (chart::grid(scale, LEFT, RIGHT, ORDERS.bottom()))
        @for second in columns {
            @let (x, width) = column(second, per_column, time);
            @for (y, height, colour) in stack(second) { (rect(x, y, width, height, colour)) }
        }
    }
}

fn time_axis(time: Scale) -> Markup {
    html! {
        @for tick in time.ticks_in(12.0) {
            @let x = LEFT + time.at(tick);
            (line((x, ORDERS.bottom()), (x, ORDERS.bottom() + 5.0), AXIS, 1.0, ""))
            (text(x, ORDERS.bottom() + 19.0, "middle", 11, AXIS, &words::decimal(tick, 1)))
        }
        (text((LEFT + RIGHT) / 2.0, ORDERS.bottom() + 37.0, "middle", 12, AXIS, "seconds since the load began"))
    }
}
