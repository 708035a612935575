//! All of it together: what a month costs in peace and after a flood, what each continent adds, where it crosses the
//! costs of machines of one's own, and what breaks first.

use super::{
    bill::{Bill, Line},
    consumption::Consumption,
    headroom::{self, Headroom, Place, Quota, first_beyond},
    layout::Layout,
    on_premises::{OnPremises, people},
    parameters::{Parameter, Parameters, Range},
    prices::{DataError, Mark, Prices},
    work::Work,
};
use crate::topology::Topology;
use contracts::ids::Continent;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Hours of a year.
const YEAR_H: f64 = 8_760.0;
/// Beyond so many orders a day no crossing is looked for.
const CROSSING_MAX: f64 = 1e8;
/// Points of the curve.
const POINTS: usize = 24;

/// The figures that are no measurement.
#[derive(Clone, Debug)]
pub struct Data {
    /// Prices.
    pub prices: Prices,
    /// Parameters.
    pub parameters: Parameters,
    /// Quotas.
    pub quotas: Vec<Quota>,
}

impl Data {
    /// Those that are part of the program.
    ///
    /// # Errors
    /// Where one of the files cannot be read, or has a row without date or source.
    pub fn shipped() -> Result<Data, DataError> {
        Ok(Data {
            prices: Prices::shipped()?,
            parameters: Parameters::shipped()?,
            quotas: headroom::shipped()?,
        })
    }
}

/// What the shop costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostReport {
    /// The traffic that a month is worked out for.
    pub orders_per_day: f64,
    /// A month with all regions.
    pub peace: Bill,
    /// A month without a continent.
    pub failover: Failover,
    /// From one continent to all regions, what each step costs and gives.
    pub layouts: Vec<LayoutCost>,
    /// Who runs it, USD a month.
    pub people_usd: Range,
    /// The same shop on machines of one's own.
    pub on_premises: OnPremises,
    /// The bill and the people at their dearest, against the cheapest of one's own, percent.
    pub share_of_on_premises_pct: f64,
    /// Orders a day from which the dearest cloud costs more than the cheapest of one's own, and from which the cheapest
    /// costs more than the dearest; `None` where it never does.
    pub crossing: Crossing,
    /// A month by orders a day.
    pub curve: Vec<Point>,
    /// Quotas of the regions that are left without that continent, the first to be met first.
    pub headroom: Vec<Headroom>,
    /// Every parameter that went into it.
    pub parameters: Vec<Parameter>,
    /// What is not in it, and what was put in the place of something that is not known, a sentence each.
    pub notes: Vec<String>,
}

/// A month without a continent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failover {
    /// Which one is lost.
    pub lost: String,
    /// Whether the run lost it, or it is only thought away.
    pub in_run: bool,
    /// The bill.
    pub bill: Bill,
}

/// A set of regions, what it costs and what it gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayoutCost {
    /// A few words.
    pub name: String,
    /// The regions.
    pub regions: Vec<String>,
    /// A month, USD.
    pub monthly_usd: f64,
    /// An order, USD.
    pub per_order_usd: f64,
    /// How much more than the row before, USD a month.
    pub step_usd: f64,
    /// How much of a year orders are taken, percent, where regions fail one by one.
    pub availability_pct: f64,
    /// How long they are not, hours a year.
    pub down_h_year: f64,
    /// What the loss of a continent means.
    pub after_a_flood: String,
}

/// Orders a day at which the costs cross.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    /// The dearest cloud meets the cheapest of one's own.
    pub first: Option<f64>,
    /// The cheapest cloud meets the dearest of one's own.
    pub last: Option<f64>,
}

/// A point of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Orders a day.
    pub orders_per_day: f64,
    /// The bill, USD a month.
    pub bill_usd: f64,
    /// With the people who run it, USD a month.
    pub cloud_usd: Range,
}

impl CostReport {
    /// From what a run used. `None` for a run in which nobody ordered.
    pub fn of(used: &Consumption, topology: &Topology, data: &Data) -> Option<CostReport> {
        let work = Work::of(used)?;
        let Data { prices, parameters, quotas } = data;
        let orders_per_day = parameters.value("orders_per_day");
        let monthly = |layout: &Layout, orders| Bill::of(&work, layout, orders, parameters, prices);
        let peace_layout = Layout::peace(topology);
        let peace = monthly(&peace_layout, orders_per_day);
        let (lost, in_run) = lost_continent(used, topology)?;
        let left = Layout::without(topology, lost);
        let bill = monthly(&left, orders_per_day);
        let people_usd = people(parameters, "cloud_administrators");
        let on_premises = OnPremises::of(parameters);
        let cloud = |orders: f64| {
            let bill_usd = monthly(&peace_layout, orders).monthly_usd;
            let cloud_usd = people_usd.plus(Range { low: bill_usd, high: bill_usd });
            Point { orders_per_day: orders, bill_usd, cloud_usd }
        };
        let own = on_premises.monthly_usd;
        let crossing = Crossing {
            first: first_beyond(|orders| cloud(orders).cloud_usd.high >= own.low, CROSSING_MAX),
            last: first_beyond(|orders| cloud(orders).cloud_usd.low >= own.high, CROSSING_MAX),
        };
        let place = Place { work: &work, layout: &left, topology, parameters };
        Some(CostReport {
            orders_per_day,
            share_of_on_premises_pct: 100.0 * (peace.monthly_usd + people_usd.high) / own.low,
            layouts: layouts(topology, parameters, |layout| monthly(layout, orders_per_day)),
            headroom: place.headroom(quotas, orders_per_day),
            curve: curve(orders_per_day, crossing, cloud),
            notes: notes(used, &peace, &bill),
            failover: Failover { lost: lost.to_string(), in_run, bill },
            parameters: parameters.list(),
            peace,
            people_usd,
            on_premises,
            crossing,
        })
    }

    /// The quota that is met first.
    pub fn first_quota(&self) -> Option<&Headroom> {
        self.headroom.first()
    }
}

/// The continent that the run lost, or else the first one.
fn lost_continent<'t>(used: &Consumption, topology: &'t Topology) -> Option<(&'t Continent, bool)> {
    let is_lost = |continent: &Continent| {
        let mut regions = topology.regions_of(continent).peekable();
        regions.peek().is_some()
            && regions.all(|region| used.regions.get(region.as_str()).is_some_and(|region| region.lost))
    };
    let mut continents = topology.continents.iter().map(|continent| &continent.id);
    let lost = continents.clone().find(|continent| is_lost(continent));
    lost.map(|lost| (lost, true)).or_else(|| continents.next().map(|first| (first, false)))
}

fn layouts(topology: &Topology, parameters: &Parameters, bill: impl Fn(&Layout) -> Bill) -> Vec<LayoutCost> {
    let mut before_usd = 0.0;
    let rows = Layout::growing(topology).into_iter().map(|layout| {
        let bill = bill(&layout);
        let availability_pct = layout.availability_pct(parameters.value("region_availability_pct"));
        let step_usd = bill.monthly_usd - before_usd;
        before_usd = bill.monthly_usd;
        LayoutCost {
            name: layout.name.clone(),
            regions: bill.regions,
            monthly_usd: bill.monthly_usd,
            per_order_usd: bill.per_order_usd,
            step_usd,
            availability_pct,
            down_h_year: (1.0 - availability_pct / 100.0) * YEAR_H,
            after_a_flood: after_a_flood(layout.continents).to_owned(),
        }
    });
    rows.collect()
}

fn after_a_flood(continents: usize) -> &'static str {
    match continents {
        0 | 1 => "everything is lost",
        2 => "nothing is lost, but no order is taken until a copy is back",
        _ => "nothing is lost, and orders go on",
    }
}

/// From nobody to well beyond what is asked for and where the costs cross.
fn curve(orders_per_day: f64, crossing: Crossing, point: impl Fn(f64) -> Point) -> Vec<Point> {
    let farthest = crossing.last.or(crossing.first).unwrap_or(0.0);
    let end = (farthest * 1.2).max(orders_per_day * 2.0);
    (0..=POINTS).map(|i| point(end * i as f64 / POINTS as f64)).collect()
}

fn notes(used: &Consumption, peace: &Bill, failover: &Bill) -> Vec<String> {
    let mut notes = vec![
        "Not in the bill: tax, support, traces, calls of the key service, backups, the catalogue's CDN, and what third \
         parties (payment, carrier, age checker) take. No free allowance is taken off but the user pools'."
            .to_owned(),
        "Not in the costs of one's own machines: network, licences, storage, and what a flood costs that closes the shop."
            .to_owned(),
        "Staff ask for work as often as the simulator's robots do, which is most of what an idle shop's doors are asked."
            .to_owned(),
        "Regions are taken to fail one by one; what takes all of them down at once is not in the availability.".to_owned(),
    ];
    if used.regions.values().all(|region| region.idle.is_none()) {
        notes.push(
            "The idle shop was not measured in this run (settle.idle_s): all that was used counts as the orders', which is \
             too little for a shop with few of them."
                .to_owned(),
        );
    }
    notes.extend(assumed(peace.lines.iter().chain(&failover.lines)));
    notes
}

/// A sentence for each thing that was put in the place of a price, with the prices.
fn assumed<'a>(lines: impl Iterator<Item = &'a Line>) -> Vec<String> {
    let mut by_source: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for line in lines.filter(|line| line.mark == Mark::Assumption) {
        let place = line.region.as_deref().unwrap_or("the world");
        by_source.entry(&line.source).or_default().insert(format!("{} in {place}", line.item));
    }
    let sentence = |(source, prices): (&str, BTreeSet<String>)| {
        format!("Price assumed: {source} ({}).", prices.into_iter().collect::<Vec<_>>().join(", "))
    };
    by_source.into_iter().map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::sample::{flooded, topology};

    fn report(change: impl Fn(&mut Consumption, &mut Data)) -> CostReport {
        let (mut used, mut data) = (flooded(), Data::shipped().expect("data"));
        change(&mut used, &mut data);
        CostReport::of(&used, &topology(), &data).expect("orders")
    }

    #[test]
    fn ten_thousand_orders_a_day_cost_less_than_machines_of_ones_own_and_many_more_cost_more() {
        let report = report(|_, _| {});
        assert_eq!(report.orders_per_day, 10_000.0);
        assert!(report.share_of_on_premises_pct < 100.0, "{}", report.share_of_on_premises_pct);
        let (first, last) = (report.crossing.first.expect("crosses"), report.crossing.last.expect("crosses"));
        assert!(10_000.0 < first && first < last, "{first} {last}");
        let own = report.on_premises.monthly_usd;
        let beyond = report.curve.last().expect("points");
        assert!(beyond.cloud_usd.low > own.high && report.curve[0].cloud_usd.high < own.low);
    }

    #[test]
    fn a_lost_continent_is_told_from_one_that_is_thought_away() {
        let flooded = report(|_, _| {});
        assert_eq!((flooded.failover.lost.as_str(), flooded.failover.in_run), ("am", true));
        assert!(flooded.failover.bill.monthly_usd < flooded.peace.monthly_usd);
        assert!(flooded.headroom.iter().all(|row| row.region != "us-east-1"));
        let calm = report(|used, _| used.regions.values_mut().for_each(|region| region.lost = false));
        assert!(!calm.failover.in_run);
    }

    #[test]
    fn each_continent_costs_something() {
        let report = report(|_, _| {});
        let names: Vec<&str> = report.layouts.iter().map(|layout| layout.name.as_str()).collect();
        assert_eq!(names, ["1 continent", "2 continents", "3 continents", "all regions"]);
        assert!(report.layouts.iter().all(|layout| layout.step_usd > 0.0));
        assert!((report.layouts[3].monthly_usd - report.peace.monthly_usd).abs() < 1e-6);
        assert!(report.layouts[2].availability_pct > 99.99 && report.layouts[0].availability_pct < 99.9);
    }

    #[test]
    fn what_a_run_used_changes_what_it_costs() {
        let usual = report(|_, _| {});
        let more = report(|used, _| {
            let eu = used.regions.get_mut("eu-west-1").expect("there");
            eu.used.tables.get_mut("orders").expect("there").write_units *= 10.0;
        });
        assert!(more.share_of_on_premises_pct > usual.share_of_on_premises_pct);
        assert!(more.peace.per_order_usd > usual.peace.per_order_usd);
        let fewer = report(|used, _| used.orders *= 2);
        assert!(fewer.peace.monthly_usd < usual.peace.monthly_usd);
    }

    #[test]
    fn every_parameter_counts_for_something() {
        let figures = |report: &CostReport| {
            let CostReport { peace, failover, layouts, on_premises, people_usd, headroom, .. } =
                report.clone();
            (peace, failover.bill, layouts, (on_premises, people_usd, headroom))
        };
        let usual = figures(&report(|_, _| {}));
        for parameter in Parameters::shipped().expect("data").list() {
            let changed = report(|_, data| {
                let value = parameter.value.high * 0.7;
                data.parameters.set(&parameter.name, value).expect("known");
            });
            assert!(usual != figures(&changed), "{} changes nothing", parameter.name);
        }
    }

    #[test]
    fn every_price_that_an_order_meets_counts() {
        let usual = report(|_, _| {});
        let doubled = report(|_, data| {
            let text = include_str!("../../data/prices.toml");
            let dearer =
                text.replace("\"dynamodb.write/eu-west-1\" = 0.705", "\"dynamodb.write/eu-west-1\" = 1.41");
            assert_ne!(text, dearer);
            data.prices = Prices::read(&dearer).expect("prices");
        });
        let of = |report: &CostReport| {
            let lines = report.peace.lines.iter().filter(|line| line.region.as_deref() == Some("eu-west-1"));
            lines.filter(|line| line.item == "dynamodb.write").map(|line| line.monthly_usd).sum::<f64>()
        };
        assert!((of(&doubled) / of(&usual) - 2.0).abs() < 1e-9);
        assert!(doubled.peace.monthly_usd > usual.peace.monthly_usd);
    }

    #[test]
    fn assumed_prices_are_named() {
        let report = report(|_, _| {});
        let assumed = |item: &str| {
            report.notes.iter().any(|note| note.starts_with("Price assumed") && note.contains(item))
        };
        assert!(assumed("dynamodb.write in sa-east-1") && assumed("api.calls in ap-southeast-1"));
        assert!(!assumed("dynamodb.write in eu-west-1"));
    }
}
