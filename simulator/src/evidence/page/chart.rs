//! Pieces that all charts are made of.

use super::scale::{Scale, px};
use crate::evidence::words;
use maud::{Markup, html};
use std::collections::BTreeMap;

pub(super) const GRID: &str = "#e3e8ec";
pub(super) const AXIS: &str = "#51606f";
pub(super) const LIMIT: &str = "#b23c00";
pub(super) const BAD: &str = "#d55e00";

/// Colours that stay apart for colour-blind readers and in grey print.
const PALETTE: [&str; 7] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#7a5a00", "#5b6770"];

/// A colour for each name, in the order in which they are first met.
pub(super) fn colours<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(&'a str, &'static str)> {
    let mut given: BTreeMap<&str, &'static str> = BTreeMap::new();
    let mut order = Vec::new();
    for name in names {
        if !given.contains_key(name) {
            let colour = PALETTE[order.len() % PALETTE.len()];
            given.insert(name, colour);
            order.push((name, colour));
        }
    }
    order
}

pub(super) fn text(x: f64, y: f64, anchor: &str, size: u32, colour: &str, words: &str) -> Markup {
    html! { text x=(px(x)) y=(px(y)) text-anchor=(anchor) font-size=(size) style={ "fill:" (colour) } { (words) } }
}

pub(super) fn rect(x: f64, y: f64, width: f64, height: f64, colour: &str) -> Markup {
    html! {
        @if width > 0.0 && height > 0.0 {
            rect x=(px(x)) y=(px(y)) width=(format!("{width:.2}")) height=(format!("{height:.2}")) fill=(colour) {}
        }
    }
}

pub(super) fn line(from: (f64, f64), to: (f64, f64), colour: &str, width: f64, dashes: &str) -> Markup {
    html! {
        line x1=(px(from.0)) y1=(px(from.1)) x2=(px(to.0)) y2=(px(to.1))
            stroke=(colour) stroke-width=(width) stroke-dasharray=[Some(dashes).filter(|d| !d.is_empty())] {}
    }
}

/// A legend in the chart itself, on one line that ends at `right`. A thin sign stands for a line.
pub(super) fn inline_key(entries: &[(&str, &str, bool)], right: f64, baseline: f64) -> Markup {
    // Wide enough for any font: what is drawn later must not be covered.
    let width = |name: &str| 6.1 * name.chars().count() as f64 + 34.0;
    let mut x = right - entries.iter().map(|(name, ..)| width(name)).sum::<f64>();
    let places: Vec<f64> = entries
        .iter()
        .map(|(name, ..)| {
            let place = x;
            x += width(name);
            place
        })
        .collect();
    html! {
        @for ((name, colour, thin), x) in entries.iter().zip(places) {
            @if *thin { (rect(x, baseline - 5.0, 14.0, 3.0, colour)) } @else { (rect(x, baseline - 9.0, 11.0, 11.0, colour)) }
            (text(x + 19.0, baseline, "start", 11, AXIS, name))
        }
    }
}

/// A path through points; `None` breaks it.
pub(super) fn path(points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let mut path = String::new();
    let mut pen_down = false;
    for point in points {
        if let Some((x, y)) = point {
            path.push_str(if pen_down { "L" } else { "M" });
            path.push_str(&format!("{} {}", px(x), px(y)));
        }
        pen_down = point.is_some();
    }
    path
}

/// Horizontal grid lines with their figures at the left, for a panel whose zero is at `bottom`.
pub(super) fn grid(scale: Scale, left: f64, right: f64, bottom: f64) -> Markup {
    html! {
        @for tick in scale.ticks() {
            @let y = bottom - scale.at(tick);
            (line((left, y), (right, y), if tick == 0.0 { AXIS } else { GRID }, 1.0, ""))
            (text(left - 8.0, y + 4.0, "end", 11, AXIS, &words::decimal(tick, 2)))
        }
    }
}

/// A legend: name and colour, with a thin sign for lines.
pub(super) fn key<'a>(entries: impl Iterator<Item = (&'a str, &'a str, bool)>) -> Markup {
    html! {
        div.key {
            @for (name, colour, thin) in entries {
                span { i class=[thin.then_some("thin")] style={ "background:" (colour) } {} (name) }
            }
        }
    }
}
