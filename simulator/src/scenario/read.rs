//! From a file to a scenario.

use super::{
    Engine, Load, Mix, ReplicationSpec, Scenario, ScenarioErrors, Settle, fault, goal, library,
    mistakes::Mistake,
    near::did_you_mean,
    phases,
    reader::{Section, Source},
};
use crate::topology::{self, Topology};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Reads a scenario and checks all of it, so that nothing is started for a run that cannot be.
///
/// # Errors
/// Every mistake of the file and of the topology file that it names, each with its line.
pub fn load(path: &Path) -> Result<Scenario, ScenarioErrors> {
    load_for(path, Engine::Live)
}

/// The same for a given engine, which refuses the faults that it cannot do.
///
/// # Errors
/// As [`load`].
pub fn load_for(path: &Path, engine: Engine) -> Result<Scenario, ScenarioErrors> {
    let text = read_file(path)?;
    let source = Source::new(path, &text);
    let table = source.parse(&text);
    let mut mistakes = Vec::new();
    let scenario = read_scenario(Section::root(&source, &table), engine, &mut mistakes);
    mistakes.extend(source.into_mistakes());
    if mistakes.is_empty() { Ok(scenario) } else { Err(ScenarioErrors { mistakes }) }
}

fn read_file(path: &Path) -> Result<String, ScenarioErrors> {
    std::fs::read_to_string(path).map_err(|error| {
        let mistake = Mistake { file: path.to_owned(), line: 0, message: format!("cannot be read: {error}") };
        ScenarioErrors { mistakes: vec![mistake] }
    })
}

fn read_scenario(root: Section<'_>, engine: Engine, mistakes: &mut Vec<Mistake>) -> Scenario {
    let name = root.text("name");
    let file_name = root.file().file_stem().map(|stem| stem.to_string_lossy().into_owned());
    if !name.is_empty() && file_name.as_ref() != Some(&name) {
        root.note("name", "must be the name of the file, or nobody finds it");
    }
    let topology = read_topology(&root, mistakes);
    let phases = phases::read(&root);
    let faults: Vec<_> = root
        .sections("fault")
        .into_iter()
        .filter_map(|entry| read_fault(entry, &topology, &phases, engine))
        .collect();
    let windows = phases::windows(&phases, &faults);
    let scenario = Scenario {
        name,
        title: root.text("title"),
        description: root.maybe_text("description").unwrap_or_default(),
        seed: root.whole_or("seed", 1, 0..=i64::MAX as u64),
        load: read_load(&root),
        goals: read_goals(&root, &topology, &windows),
        settle: read_settle(&root),
        replication: read_replication(&root),
        topology,
        phases,
        faults,
    };
    check_costs(&root, &scenario);
    root.finish();
    scenario
}

/// What a shop with few orders costs is mostly what it uses while nobody orders.
fn check_costs(root: &Section<'_>, scenario: &Scenario) {
    let asked = scenario.goals.iter().find(|goal| goal.metric == goal::Metric::CostShare);
    if let Some(goal) = asked.filter(|_| scenario.settle.idle_s == 0.0) {
        root.note_here(format!("settle.idle_s: the goal `{}` needs it, such as 10", goal.id));
    }
}

/// The topology is a table of the scenario, or the name of a file in `topologies/` beside it.
fn read_topology(root: &Section<'_>, mistakes: &mut Vec<Mistake>) -> Topology {
    if !root.has("topology") {
        root.note_here("topology: is missing; a table, or the name of a file in topologies/");
    } else if !root.is_text("topology") {
        return root.section("topology").map(topology::read).unwrap_or_else(empty_topology);
    }
    let Some(path) = root.maybe_text("topology").and_then(|name| topology_file(root, &name)) else {
        return empty_topology();
    };
    match read_file(&path) {
        Ok(text) => {
            let source = Source::new(&path, &text);
            let table = source.parse(&text);
            let topology = topology::read(Section::root(&source, &table));
            mistakes.extend(source.into_mistakes());
            topology
        }
        Err(errors) => {
            mistakes.extend(errors.mistakes);
            empty_topology()
        }
    }
}

fn topology_file(root: &Section<'_>, name: &str) -> Option<PathBuf> {
    let beside = root.file().parent().map(|folder| folder.join("topologies"));
    let folders: Vec<PathBuf> = beside.into_iter().chain(library::topology_folders()).collect();
    let found = folders.iter().map(|folder| folder.join(format!("{name}.toml"))).find(|path| path.is_file());
    if found.is_none() {
        let known: BTreeSet<String> = folders.iter().flat_map(|folder| library::names_in(folder)).collect();
        let hint = did_you_mean(name, known.iter().map(String::as_str));
        root.note("topology", format!("there is no topology `{name}`{hint}"));
    }
    found
}

/// Stands in for a topology with mistakes; never leaves [`load`].
fn empty_topology() -> Topology {
    Topology {
        regions: Vec::new(),
        continents: Vec::new(),
        customers: Vec::new(),
        warehouses: Vec::new(),
        provider_rtt_ms: 0,
        carrier_rtt_ms: 0,
        services_ms: 0,
        jitter_pct: 0.0,
        heartbeat_ms: 0,
        suspect_after_ms: 0,
        shards_per_continent: 0,
    }
}

fn read_fault(
    entry: Section<'_>,
    topology: &Topology,
    phases: &super::Phases,
    engine: Engine,
) -> Option<super::FaultAt> {
    let place = entry.place("at_s");
    let fault = fault::read(entry, topology, engine)?;
    let end = phases.steady_s + phases.after_s;
    if fault.at_s < phases.steady_s {
        place.note(format!(
            "comes at {} s, before the {} s without a fault are over",
            fault.at_s, phases.steady_s
        ));
    } else if fault.at_s >= end {
        place.note(format!("comes at {} s, but the load ends at {end} s", fault.at_s));
    }
    Some(fault)
}

fn read_load(root: &Section<'_>) -> Load {
    let Some(section) = root.section("load") else {
        root.note_here("load: is missing");
        let mix = Mix::default();
        let (unverified_pct, backorder_pct) = (0.0, 0.0);
        return Load { open_loop_rps: 0.0, mix, goose_users: 0, customers: 0, unverified_pct, backorder_pct };
    };
    let load = Load {
        open_loop_rps: section.number("open_loop_rps", 1.0..=10_000.0),
        mix: section.section("mix").map(read_mix).unwrap_or_default(),
        goose_users: section.whole_or("goose_users", 0, 0..=10_000) as u32,
        customers: section.whole_or("customers", 200, 1..=1_000_000) as u32,
        unverified_pct: section.number_or("unverified_pct", 0.0, 0.0..=100.0),
        backorder_pct: section.number_or("backorder_pct", 0.0, 0.0..=100.0),
    };
    if load.backorder_pct > 0.0 && load.mix.buy <= 0.0 {
        section.note("backorder_pct", "nobody can wait for goods where mix.buy is 0");
    }
    section.finish();
    load
}

fn read_mix(section: Section<'_>) -> Mix {
    let weight = |key| section.number_or(key, 0.0, 0.0..=1_000_000.0) as f32;
    let mix = Mix {
        browse: weight("browse"),
        search: weight("search"),
        cart: weight("cart"),
        buy: weight("buy"),
        track: weight("track"),
        cancel: weight("cancel"),
        returns: weight("return"),
    };
    if mix.total() <= 0.0 {
        section.note_here("at least one weight must be above 0");
    }
    section.finish();
    mix
}

fn read_goals(root: &Section<'_>, topology: &Topology, windows: &[phases::Window]) -> Vec<super::Goal> {
    let continents: Vec<&str> = topology.continents.iter().map(|continent| continent.id.as_str()).collect();
    let mut ids = BTreeSet::new();
    let goals = root.sections("goal").into_iter().filter_map(|entry| {
        let place = entry.place("id");
        let goal = goal::read(entry, &continents, windows)?;
        if !ids.insert(goal.id.clone()) {
            place.note(format!("`{}` is used twice", goal.id));
        }
        Some(goal)
    });
    let goals: Vec<_> = goals.collect();
    if !root.has("goal") {
        root.note_here("goal: a run without goals proves nothing");
    }
    goals
}

fn read_settle(root: &Section<'_>) -> Settle {
    let Some(section) = root.section("settle") else { return Settle { within_s: 120.0, idle_s: 0.0 } };
    let settle = Settle {
        within_s: section.number_or("within_s", 120.0, 1.0..=3_600.0),
        idle_s: section.number_or("idle_s", 0.0, 0.0..=600.0),
    };
    section.finish();
    settle
}

fn read_replication(root: &Section<'_>) -> ReplicationSpec {
    let Some(section) = root.section("replication") else {
        return ReplicationSpec { lag_ms: 300, jitter_pct: 30.0 };
    };
    let replication = ReplicationSpec {
        lag_ms: section.whole_or("lag_ms", 300, 0..=600_000) as u32,
        jitter_pct: section.number_or("jitter_pct", 30.0, 0.0..=100.0) as f32,
    };
    section.finish();
    replication
}
