use super::*;
use crate::{cloud::Moment, topology::budget};
use std::path::{Path, PathBuf};

fn shipped(name: &str) -> Scenario {
    load(&find(name).unwrap()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Writes a scenario into a folder of its own, which is removed again.
fn load_text(name: &str, text: &str) -> Result<Scenario, ScenarioErrors> {
    load_text_for(name, text, Engine::Live)
}

fn load_text_for(name: &str, text: &str, engine: Engine) -> Result<Scenario, ScenarioErrors> {
    let folder = std::env::temp_dir().join(format!("bigsmokes-scenario-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("test.toml");
    std::fs::write(&path, text).unwrap();
    let loaded = load_for(&path, engine);
    std::fs::remove_dir_all(&folder).unwrap();
    loaded
}

fn mistakes(name: &str, text: &str) -> Vec<String> {
    let errors = load_text(name, text).expect_err("has mistakes");
    errors.mistakes.iter().map(|mistake| format!("{}: {}", mistake.line, mistake.message)).collect()
}

const SOUND: &str = r#"name = "test"
title = "A test"
topology = "three-continents"
[load]
open_loop_rps = 10
[[fault]]
at_s = 15
kind = "freeze-region"
region = "eu-west-1"
for_s = 10
[[goal]]
id = "healed"
metric = "availability"
phase = "healed"
op = ">="
target = 99.9
"#;

#[test]
fn the_shipped_scenarios_load() {
    let flood = shipped("flood-americas");
    assert!(flood.load.orders_per_s() >= 9.0);
    assert!(flood.load.open_loop_rps * flood.run_s() >= 3_000.0);
    assert_eq!(flood.faults.len(), 1);
    let phases: Vec<_> = flood.windows().iter().map(|window| window.phase).collect();
    assert_eq!(phases, [Phase::Steady, Phase::Fault, Phase::FailingOver, Phase::Survived]);
    assert_eq!(flood.phase_at(14.9), Phase::Steady);
    assert_eq!(flood.phase_at(15.0), Phase::Fault);
    assert_eq!(flood.phase_at(500.0), Phase::Survived);

    let calm = shipped("calm");
    assert_eq!(calm.windows(), [Window { phase: Phase::Steady, from_s: 0.0, to_s: 60.0 }]);
    let names: Vec<_> = list().into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"calm".to_owned()) && names.contains(&"flood-americas".to_owned()));
}

#[test]
fn what_is_asked_of_orders_has_weights_that_may_be_left_out() {
    let with =
        |mix: &str| SOUND.replace("open_loop_rps = 10\n", &format!("open_loop_rps = 10\n[load.mix]\n{mix}"));
    let asked = load_text("asked", &with("buy = 20\ncancel = 3\nreturn = 1\n")).unwrap().load;
    assert_eq!((asked.mix.cancel, asked.mix.returns, asked.mix.total()), (3.0, 1.0, 24.0));
    for text in [with("buy = 20\n"), SOUND.to_owned()] {
        let mix = load_text("not-asked", &text).unwrap().load.mix;
        assert_eq!((mix.cancel, mix.returns), (0.0, 0.0));
    }
    // Evidence of before has no such weights.
    let old = r#"{"browse":1.0,"search":0.0,"cart":0.0,"buy":1.0,"track":1.0}"#;
    assert_eq!(serde_json::from_str::<Mix>(old).unwrap().total(), 3.0);
    assert_eq!(mistakes("below", &with("buy = 20\nreturn = -1\n")).len(), 1);
}

#[test]
fn a_scenario_survives_the_way_to_another_process() {
    let flood = shipped("flood-americas");
    let text = serde_json::to_string(&flood).unwrap();
    assert_eq!(serde_json::from_str::<Scenario>(&text).unwrap(), flood);
}

#[test]
fn what_is_written_is_read_as_it_was() {
    for name in ["calm", "flood-americas"] {
        let scenario = Scenario { name: "test".to_owned(), ..shipped(name) };
        let text = scenario.to_toml().unwrap();
        let read =
            load_text(&format!("written-{name}"), &text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        assert_eq!(read, scenario, "{text}");
    }
}

#[test]
fn every_kind_of_fault_is_read_as_it_was_written() {
    let (here, there) =
        (contracts::ids::Region::from("us-east-1"), contracts::ids::Region::from("eu-west-1"));
    let (from, to, region) = (here.clone(), there, here);
    let faults = [
        Fault::FloodContinent { continent: "am".into() },
        Fault::KillRegion { region: region.clone(), keep_data: true, back_after_s: None },
        Fault::KillRegion { region: region.clone(), keep_data: true, back_after_s: Some(0.5) },
        Fault::KillRegion { region: region.clone(), keep_data: false, back_after_s: Some(4.5) },
        Fault::PowerCut { region: region.clone(), for_s: 0.7 },
        Fault::CrashBetweenSteps {
            region: region.clone(),
            moment: Moment::Before,
            operation: "PutItem".to_owned(),
            table: "orders.journal".to_owned(),
            word: Some("CANCELLING".to_owned()),
            nth: 3,
            back_after_ms: 40,
            for_s: 2.5,
        },
        Fault::ClockSkew { region: region.clone(), ms: -7, for_s: 0.2 },
        Fault::LinkLoss { from: from.clone(), to: to.clone(), pct: 12.5, for_s: 1.0 },
        Fault::LinkReset { from: from.clone(), to: to.clone(), for_s: 1.0 },
        Fault::PauseReplication { region: None, for_s: 1.0 },
        Fault::FreezeRegion { region: region.clone(), for_s: 0.3 },
        Fault::LinkLatency { from: from.clone(), to: to.clone(), add_ms: 70, for_s: 1.0 },
        Fault::Partition { from, to, one_way: true, for_s: 1.1 },
        Fault::ReplicationLag { ms: 5, region: Some(region), for_s: None },
        Fault::ReplicationLag { ms: 5, region: None, for_s: Some(2.0) },
        Fault::ProviderRefuse { pct: 0.1, for_s: 1.0 },
        Fault::ProviderSlow { ms: 9, for_s: 1.0 },
        Fault::ProviderAnswerLost { pct: 33.3, for_s: 1.0 },
        Fault::EventDuplicate { pct: 100.0, for_s: 1.0 },
        Fault::EventDelay { pct: 7.0, ms: 8, for_s: 1.0 },
        Fault::EventReorder { pct: 1.0, for_s: 1.0 },
    ];
    let faults = faults.into_iter().map(|fault| FaultAt { at_s: 15.7, fault });
    let scenario = Scenario { name: "test".to_owned(), faults: faults.collect(), ..shipped("calm") };
    let text = scenario.to_toml().unwrap();
    let kinds: std::collections::BTreeSet<String> =
        scenario.faults.iter().map(|at| at.fault.kind()).collect();
    assert_eq!(kinds.len(), Fault::KINDS.len(), "one of each kind");
    let read = load_text_for("written-faults", &text, Engine::Virtual);
    assert_eq!(read.unwrap_or_else(|errors| panic!("{errors}\n{text}")), scenario);
}

#[test]
fn a_fault_that_heals_is_followed_by_a_healed_phase() {
    let scenario = load_text("heals", SOUND).unwrap();
    assert_eq!(scenario.phase_at(24.9), Phase::Survived);
    assert_eq!(scenario.phase_at(25.0), Phase::Healed);
}

#[test]
fn the_budget_of_the_worst_answer_closes() {
    let mut topology = shipped("flood-americas").topology;
    let total = |topology: &crate::topology::Topology, customers: &str, lost: &str| {
        let lines = budget(topology);
        assert!(lines.iter().all(|line| line.closes()), "{lines:?}");
        lines.iter().find(|line| line.customers == customers && line.lost.as_str() == lost).unwrap().total_ms
    };
    assert_eq!(total(&topology, "north-america", "am"), 740);
    assert_eq!(total(&topology, "south-america", "am"), 779);
    topology.customers[1].hedge_after_ms = 250;
    assert_eq!(total(&topology, "south-america", "am"), 829);
    assert_eq!(total(&topology, "europe", "eu"), 250 + 90 + 226 + 226 + 50);
    assert_eq!(total(&topology, "north-america", "ap"), 20 + 30 + 70 + 50);
}

#[test]
fn every_mistake_is_named_with_its_line() {
    let text = r#"name = "test"
titel = "A test"
seed = "one"
topology = "three-continents"
[load]
open_loop_rps = 0
goose_user = 3
[[fault]]
at_s = 5
kind = "flood-continent"
continent = "amm"
[[fault]]
at_s = 500
kind = "freeze-region"
region = "eu-west-1"
[[fault]]
at_s = 20
kind = "clock-skew"
[[goal]]
id = "a"
metric = "latencymax"
op = "<"
target = 1000
[[goal]]
id = "a"
metric = "lost"
phase = "healed"
op = "=<"
target = 0
"#;
    let found = mistakes("many", text);
    let expected = [
        "1: title: is missing",
        "2: unknown field `titel` at the top; did you mean title?",
        "3: seed: should be a whole number, not string",
        "6: load.open_loop_rps: 0 is not within 1 and 10000",
        "7: unknown field `goose_user` in load; did you mean goose_users?",
        "9: fault[0].at_s: comes at 5 s, before the 15 s without a fault are over",
        "11: fault[0].continent: `amm` is not one of am, eu, ap; did you mean am",
        "12: fault[1].for_s: is missing",
        "13: fault[1].at_s: comes at 500 s, but the load ends at 60 s",
        "18: fault[2].kind: a live run cannot do `clock-skew`",
        "21: goal[0].metric: `latencymax` is not one of lost",
        "26: goal[1].metric: `lost` is a figure of the whole run",
        "27: goal[1].phase: this run has no phase `healed`",
        "28: goal[1].op: `=<` is not one of <, <=, ==, >=, >; did you mean",
    ];
    for expected in expected {
        assert!(found.iter().any(|found| found.starts_with(expected)), "{expected}\nin {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn the_share_of_those_who_come_unverified_is_a_percentage() {
    for (given, refused) in [("0", false), ("100", false), ("2.5", false), ("101", true), ("-1", true)] {
        let found = mistakes("unverified", &format!("[load]\nunverified_pct = {given}\n"));
        let wanted = format!("2: load.unverified_pct: {given} is not within 0 and 100");
        assert_eq!(found.contains(&wanted), refused, "{found:#?}");
    }
}

#[test]
fn the_share_of_those_who_ask_for_what_runs_out_is_a_percentage_of_the_orders() {
    for (given, refused) in [("0", false), ("100", false), ("2.5", false), ("101", true), ("-1", true)] {
        let found = mistakes("backorders", &format!("[load]\nbackorder_pct = {given}\n"));
        let wanted = format!("2: load.backorder_pct: {given} is not within 0 and 100");
        assert_eq!(found.contains(&wanted), refused, "{found:#?}");
    }
    let found = mistakes("no-buyers", "[load]\nbackorder_pct = 5\n[load.mix]\nbrowse = 1\n");
    let wanted = "2: load.backorder_pct: nobody can wait for goods where mix.buy is 0";
    assert!(found.iter().any(|mistake| mistake == wanted), "{found:#?}");
    assert_eq!(load_text("nobody-waits", SOUND).unwrap().load.backorder_pct, 0.0);
}

#[test]
fn every_error_of_syntax_is_named_with_its_line() {
    let found = mistakes("syntax", "name = \"test\"\ntitle = \nseed = = 3\n");
    assert!(found.iter().any(|mistake| mistake.starts_with("2: ")), "{found:?}");
    assert!(found.iter().any(|mistake| mistake.starts_with("3: ")), "{found:?}");
}

#[test]
fn a_topology_with_mistakes_is_refused_in_its_own_file() {
    let path = find("calm").unwrap().parent().unwrap().join("topologies/three-continents.toml");
    let sound = std::fs::read_to_string(path).unwrap();
    let with = |from: &str, to: &str| {
        let changed = sound.replacen(from, to, 1);
        assert_ne!(changed, sound, "{from}");
        let prefix = SOUND.replace("topology = \"three-continents\"\n", "");
        let inline =
            changed.replace("[[", "[[topology.").replace("[customers.rtt_ms]", "[topology.customers.rtt_ms]");
        let text = format!("{prefix}[topology]\n{inline}");
        mistakes(&format!("topology-{}", from.len() * 31 + to.len()), &text).join("\n")
    };
    assert!(with("share = 0.35", "share = 0.85").contains("the shares add up to 1.500, not to 1"));
    assert!(
        with("hedge_after_ms = 250", "hedge_after_ms = 600")
            .contains("north-america when am is lost: 1090 ms = hedge 600")
    );
    assert!(with("name = \"sa-east-1\"", "name = \"af-south-1\"").contains("no round trip is known"));
    assert!(
        with("journal_region = \"eu-west-1\"", "journal_region = \"us-east-1\"")
            .contains("does not stand on eu")
    );
    assert!(
        with("pool_secondary = \"eu-west-1\"", "pool_secondary = \"sa-east-1\"")
            .contains("is lost together with am")
    );
    assert!(
        with("\"us-east-1\", \"eu-west-1\", \"ap", "\"us-east-1\", \"sa-east-1\", \"ap")
            .contains("each of the three continents")
    );
    assert!(with("countries = [\"US\"", "countries = [\"us\"").contains("`us` is not a country code"));
}

#[test]
fn a_misspelt_name_is_answered_with_near_ones() {
    let error = find("flood-amricas").unwrap_err();
    assert_eq!(error.to_string(), "there is no scenario `flood-amricas`; did you mean flood-americas?");
    let text = SOUND.replace("three-continents", "three-continent");
    let found = mistakes("no-topology", &text);
    assert!(
        found[0]
            .contains("3: topology: there is no topology `three-continent`; did you mean three-continents?"),
        "{found:?}"
    );
    assert!(find("no/such/file.toml").is_err());
    assert_eq!(
        load(Path::new("no/such/file.toml")).unwrap_err().mistakes[0].file,
        PathBuf::from("no/such/file.toml")
    );
}

#[test]
fn a_goal_knows_when_it_is_met() {
    let goals = shipped("flood-americas").goals;
    let goal = |id: &str| goals.iter().find(|goal| goal.id == id).unwrap();
    assert!(goal("no-lost-orders").met(0.0) && !goal("no-lost-orders").met(1.0));
    assert!(goal("availability").met(99.9) && !goal("availability").met(99.89));
    assert!(!goal("p99").met(1000.0) && !goal("p99").met(f64::NAN));
    assert_eq!(
        goal("enough-american-orders-after").to_string(),
        "acknowledged >= 20 orders (after, customers of am)"
    );
    assert_eq!(goal("no-lost-orders").metric.meaning(), Meaning::Invariant);
}

#[test]
fn a_region_comes_back_empty_only_when_its_loss_is_known() {
    let with = |fields: &str| {
        let fault = "kind = \"freeze-region\"\nregion = \"eu-west-1\"\nfor_s = 10";
        SOUND.replace(fault, &format!("kind = \"kill-region\"\nregion = \"eu-west-1\"\n{fields}"))
    };
    assert_eq!(load_text("back", &with("back_after_s = 10")).unwrap().phase_at(25.0), Phase::Healed);
    for fields in ["back_after_s = 1", "back_after_s = -3\nkeep_data = true", "back_after_s = \"soon\""] {
        let mistakes = load_text("nonsense", &with(fields)).unwrap_err().to_string();
        assert!(mistakes.contains("test.toml:10: fault[0].back_after_s"), "{mistakes}");
    }
}
