//! A made-up world for tests: two regions, of which `a` does three quarters of the work.

use super::{
    consumption::{Consumption, Idle, Quantities, RegionUse, ServiceUse, TableUse},
    layout::Layout,
    report::{CostReport, Data},
    work::DOOR,
};
use crate::topology::{Continent, CustomerContinent, Region, Topology};
use std::collections::BTreeMap;

/// The world that the project ships.
pub(super) fn topology() -> Topology {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/flood-americas.toml");
    crate::scenario::load(path.as_ref()).expect("the scenario").topology
}

fn two_regions() -> Topology {
    let region = |name: &str, continent: &str| Region { name: name.into(), continent: continent.into() };
    let continent = |id: &str, journal: &str, other: &str| Continent {
        id: id.into(),
        journal_region: journal.into(),
        successors: vec![journal.into(), other.into()],
        pool_secondary: other.into(),
    };
    let customers = |id: &str, home: &str, share: f32, near: &str, far: &str| CustomerContinent {
        id: id.into(),
        home: home.into(),
        share,
        rtt_ms: BTreeMap::from([(near.into(), 20), (far.into(), 90)]),
        hedge_after_ms: 250,
        countries: Vec::new(),
    };
    Topology {
        regions: vec![region("a", "x"), region("b", "y")],
        continents: vec![continent("x", "a", "b"), continent("y", "b", "a")],
        customers: vec![customers("of-a", "x", 0.75, "a", "b"), customers("of-b", "y", 0.25, "b", "a")],
        ..topology()
    }
}

/// All regions; then one, and two continents.
pub(super) fn layouts() -> Vec<Layout> {
    let topology = two_regions();
    let mut layouts = vec![Layout::peace(&topology)];
    layouts.extend(Layout::growing(&topology));
    layouts
}

/// A hundred seconds with a thousand orders. Each unit that is written is half a unit in the other region.
pub(super) fn consumption() -> Consumption {
    let table =
        |read_units, write_units, replicated_units| TableUse { read_units, write_units, replicated_units };
    let quantities = |own: f64, elsewhere: f64, journal: f64| Quantities {
        tables: BTreeMap::from([
            ("orders".to_owned(), table(own / 2.0, own, elsewhere / 2.0)),
            ("orders.journal".to_owned(), table(0.0, journal, 0.0)),
        ]),
        services: BTreeMap::from([
            (DOOR.to_owned(), ServiceUse { requests: own, busy_s: own / 10.0, bytes_out: own * 900.0 }),
            (
                "orders".to_owned(),
                ServiceUse { requests: own / 2.0, busy_s: own / 20.0, bytes_out: own * 100.0 },
            ),
            (
                "warehouse".to_owned(),
                ServiceUse { requests: own, busy_s: own / 50.0, bytes_out: own * 100.0 },
            ),
        ]),
        event_calls: own / 8.0,
        events: own / 4.0,
        deliveries: own / 3.0,
        queue_calls: own / 2.0,
        identity_calls: 0.0,
        sent_bytes: own * 700.0,
        log_bytes: own * 50.0,
    };
    // One unit a second is written in either region while nobody orders.
    let idle = Idle { for_s: 10.0, used: quantities(10.0, 10.0, 0.0) };
    let (own_a, own_b) = (7_500.0 + 100.0, 2_500.0 + 100.0);
    let region = |own, elsewhere| RegionUse {
        stood_s: 100.0,
        lost: false,
        used: quantities(own, elsewhere, 4_000.0),
        idle: Some(idle.clone()),
    };
    Consumption {
        orders: 1_000,
        regions: BTreeMap::from([
            ("a".to_owned(), region(own_a, own_b)),
            ("b".to_owned(), region(own_b, own_a)),
        ]),
        stored_bytes_per_order: 9_000.0,
    }
}

/// A run in the shipped world whose continent `am` was lost.
pub(super) fn flooded() -> Consumption {
    let region = |writes: f64, replicated: f64, lost: bool| {
        let table = TableUse { read_units: writes, write_units: writes, replicated_units: replicated };
        let journal = TableUse { write_units: 900.0, ..TableUse::default() };
        let service =
            |requests| ServiceUse { requests, busy_s: requests / 20.0, bytes_out: requests * 800.0 };
        let used = Quantities {
            tables: BTreeMap::from([("orders".to_owned(), table), ("orders.journal".to_owned(), journal)]),
            services: BTreeMap::from([
                ("frontend-api".to_owned(), service(writes / 4.0)),
                ("orders".to_owned(), service(writes / 8.0)),
                ("warehouse".to_owned(), service(writes / 8.0)),
            ]),
            event_calls: writes / 20.0,
            events: writes / 10.0,
            deliveries: writes / 9.0,
            queue_calls: writes / 5.0,
            identity_calls: 0.0,
            sent_bytes: writes * 900.0,
            log_bytes: writes * 100.0,
        };
        let idle = Idle { for_s: 10.0, used: used.times(1e-3) };
        RegionUse { stood_s: 60.0, lost, used, idle: Some(idle).filter(|_| !lost) }
    };
    let regions = [
        ("us-east-1", region(4_000.0, 5_000.0, true)),
        ("sa-east-1", region(500.0, 5_000.0, true)),
        ("eu-west-1", region(15_000.0, 9_000.0, false)),
        ("ap-southeast-1", region(6_000.0, 12_000.0, false)),
    ];
    let regions = regions.into_iter().map(|(name, region)| (name.to_owned(), region)).collect();
    Consumption { orders: 600, regions, stored_bytes_per_order: 9_000.0 }
}

/// What that costs.
pub(crate) fn report() -> CostReport {
    CostReport::of(&flooded(), &topology(), &Data::shipped().expect("data")).expect("orders")
}
