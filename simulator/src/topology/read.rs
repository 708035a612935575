//! Reads a topology and refuses one that cannot keep its promises.

use super::{Continent, CustomerContinent, Region, Topology, Warehouse, budget, round_trip_ms};
use crate::scenario::reader::Section;
use contracts::ids::{Continent as ContinentId, Region as RegionId};
use std::collections::BTreeSet;

const MS: std::ops::RangeInclusive<u64> = 0..=10_000;

/// Reads the fields of a topology; mistakes are noted in the section's file.
pub(crate) fn read(section: Section<'_>) -> Topology {
    let regions = read_regions(&section);
    let names: Vec<&str> = regions.iter().map(|region| region.name.as_str()).collect();
    let on: BTreeSet<&str> = regions.iter().map(|region| region.continent.as_str()).collect();
    let on: Vec<&str> = on.into_iter().collect();
    let topology = Topology {
        continents: read_continents(&section, &regions, &names),
        customers: read_customers(&section, &names, &on),
        warehouses: read_warehouses(&section, &regions, &names),
        provider_rtt_ms: section.whole_or("provider_rtt_ms", 30, MS) as u32,
        carrier_rtt_ms: section.whole_or("carrier_rtt_ms", 40, MS) as u32,
        services_ms: section.whole_or("services_ms", 50, MS) as u32,
        jitter_pct: section.number_or("jitter_pct", 10.0, 0.0..=90.0) as f32,
        heartbeat_ms: section.whole_or("heartbeat_ms", 50, 10..=1_000) as u32,
        suspect_after_ms: section.whole_or("suspect_after_ms", 250, 50..=10_000) as u32,
        shards_per_continent: section.whole_or("shards_per_continent", 16, 1..=256) as u16,
        regions,
    };
    check_whole(&section, &topology);
    section.finish();
    topology
}

fn read_regions(section: &Section<'_>) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for entry in section.sections("region") {
        let name = RegionId(entry.text("name"));
        let continent = ContinentId(entry.text("continent"));
        if regions.iter().any(|other| other.name == name) {
            entry.note("name", format!("`{name}` is listed twice"));
        }
        for other in regions.iter().filter(|other| round_trip_ms(&other.name, &name).is_none()) {
            entry.note("name", format!("no round trip is known between {} and {name}", other.name));
        }
        entry.finish();
        regions.push(Region { name, continent });
    }
    regions
}

fn read_continents(section: &Section<'_>, regions: &[Region], names: &[&str]) -> Vec<Continent> {
    let continents = section.sections("continent").into_iter().map(|entry| {
        let id = ContinentId(entry.text("id"));
        let here = |region: &RegionId| regions.iter().any(|r| r.name == *region && r.continent == id);
        let journal_region = RegionId(entry.word("journal_region", names).unwrap_or_default());
        if !journal_region.0.is_empty() && !here(&journal_region) {
            entry.note("journal_region", format!("{journal_region} does not stand on {id}"));
        }
        let pool_secondary = RegionId(entry.word("pool_secondary", names).unwrap_or_default());
        if here(&pool_secondary) {
            entry.note("pool_secondary", format!("{pool_secondary} is lost together with {id}"));
        }
        let successors = read_successors(&entry, regions, &id);
        entry.finish();
        Continent { id, journal_region, successors, pool_secondary }
    });
    continents.collect()
}

fn read_successors(entry: &Section<'_>, regions: &[Region], home: &ContinentId) -> Vec<RegionId> {
    let successors: Vec<RegionId> = entry.texts("successors").into_iter().map(RegionId).collect();
    let continent_of = |name: &RegionId| regions.iter().find(|r| r.name == *name).map(|r| &r.continent);
    for unknown in successors.iter().filter(|name| continent_of(name).is_none()) {
        entry.note("successors", format!("{unknown} is not a region of this topology"));
    }
    if successors.first().and_then(continent_of) != Some(home) {
        entry.note("successors", format!("the first owner must stand on {home}"));
    }
    let covered: BTreeSet<_> = successors.iter().filter_map(continent_of).collect();
    if covered.len() < 3 {
        entry.note("successors", "must name a region on each of the three continents");
    }
    successors
}

fn read_customers(section: &Section<'_>, names: &[&str], continents: &[&str]) -> Vec<CustomerContinent> {
    let customers = section.sections("customers").into_iter().map(|entry| {
        let rtt_ms = entry.wholes_by_name("rtt_ms", MS);
        for missing in names.iter().filter(|name| !rtt_ms.contains_key(**name)) {
            entry.note("rtt_ms", format!("has no round trip to {missing}"));
        }
        for unknown in rtt_ms.keys().filter(|name| !names.contains(&name.as_str())) {
            entry.note("rtt_ms", format!("{unknown} is not a region of this topology"));
        }
        let countries = read_countries(&entry, "countries");
        if countries.is_empty() {
            entry.note("countries", "must name at least one country");
        }
        let customers = CustomerContinent {
            id: entry.text("id"),
            home: ContinentId(entry.word("home", continents).unwrap_or_default()),
            share: entry.number("share", 0.0..=1.0) as f32,
            rtt_ms: rtt_ms.into_iter().map(|(name, rtt)| (RegionId(name), rtt as u32)).collect(),
            hedge_after_ms: entry.whole_or("hedge_after_ms", 250, 20..=900) as u32,
            countries,
        };
        entry.finish();
        customers
    });
    customers.collect()
}

fn read_warehouses(section: &Section<'_>, regions: &[Region], names: &[&str]) -> Vec<Warehouse> {
    let warehouses = section.sections("warehouse").into_iter().map(|entry| {
        let region = RegionId(entry.word("region", names).unwrap_or_default());
        let continent = regions.iter().find(|r| r.name == region).map(|r| r.continent.clone());
        let warehouse = Warehouse {
            id: entry.text("id").as_str().into(),
            region,
            continent: continent.unwrap_or_else(|| ContinentId(String::new())),
            ships_to: read_countries(&entry, "ships_to"),
        };
        entry.finish();
        warehouse
    });
    warehouses.collect()
}

fn read_countries(entry: &Section<'_>, key: &'static str) -> Vec<String> {
    let countries = entry.texts(key);
    let two_capitals = |code: &&String| !(code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()));
    for wrong in countries.iter().filter(two_capitals) {
        entry.note(key, format!("`{wrong}` is not a country code of two capitals"));
    }
    countries
}

fn check_whole(section: &Section<'_>, topology: &Topology) {
    let ids: BTreeSet<_> = topology.continents.iter().map(|continent| &continent.id).collect();
    if ids.len() != 3 || topology.continents.len() != 3 {
        section.note("continent", "the order journal needs exactly three continents");
    }
    for region in topology.regions.iter().filter(|region| !ids.contains(&region.continent)) {
        section
            .note("region", format!("{} stands on {}, which is not listed", region.name, region.continent));
    }
    let share: f32 = topology.customers.iter().map(|customers| customers.share).sum();
    if (share - 1.0).abs() > 0.001 {
        section.note("customers", format!("the shares add up to {share:.3}, not to 1"));
    }
    for (list, key) in [(customer_ids(topology), "customers"), (warehouse_ids(topology), "warehouse")] {
        let mut seen = BTreeSet::new();
        for twice in list.iter().filter(|id| !seen.insert(**id)) {
            section.note(key, format!("`{twice}` is listed twice"));
        }
    }
    if topology.warehouses.is_empty() {
        section.note("warehouse", "there must be at least one");
    }
    if topology.suspect_after_ms < 2 * topology.heartbeat_ms {
        section.note("suspect_after_ms", "must be at least two heartbeats, or every hiccup is a loss");
    }
    check_budget(section, topology);
}

fn customer_ids(topology: &Topology) -> Vec<&str> {
    topology.customers.iter().map(|customers| customers.id.as_str()).collect()
}

fn warehouse_ids(topology: &Topology) -> Vec<&str> {
    topology.warehouses.iter().map(|warehouse| warehouse.id.as_str()).collect()
}

fn check_budget(section: &Section<'_>, topology: &Topology) {
    let lines = budget(topology);
    for line in lines.iter().filter(|line| !line.closes()) {
        let limit = budget::BUDGET_LIMIT_MS;
        section.note("customers", format!("the answer would come too late, the limit is {limit} ms: {line}"));
    }
    if section.clean() && lines.len() != topology.customers.len() * topology.continents.len() {
        section.note("continent", "when one is lost, nobody is left to own the orders of another");
    }
}
