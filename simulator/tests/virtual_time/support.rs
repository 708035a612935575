//! Small scenarios and their runs.

use simulator::{
    engine::{
        PoolKeys, RunFolder,
        virtual_time::{self, Options, Outcome},
    },
    history::{self, HistoryRecord},
    scenario::{self, Engine, Scenario},
};
use std::{fmt::Write as _, fs, path::PathBuf};

/// Seconds before the first fault.
const STEADY_S: f64 = 1.0;

/// A fault's kind and fields.
#[derive(Clone, Copy)]
pub(crate) struct Fault(pub(crate) &'static str, pub(crate) &'static str);

/// America's copy of the journal is gone, and with it the continent's owners.
pub(crate) const LOSE_AMERICA: Fault = Fault("kill-region", "region = \"us-east-1\"");

/// Where a run of this name leaves its evidence.
pub(crate) fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("virtual_time").join(name)
}

/// How a run of this name is done.
pub(crate) fn options(scenario: &Scenario, name: &str) -> Options {
    Options {
        durability: platform::config::Durability::Journal,
        keys: PoolKeys::generate(&scenario.topology).expect("keys"),
        folder: RunFolder::make(&folder(name)).expect("a folder"),
        replay: String::new(),
        show: false,
        planted: None,
    }
}

/// Writes a scenario whose load lasts so long, with faults by when they begin and how long they last.
pub(crate) fn write(name: &str, seconds: f64, faults: &[(f64, f64, Fault)]) -> PathBuf {
    let mut text = format!(
        "name = \"{name}\"\ntitle = \"t\"\nseed = 11\ntopology = \"three-continents\"\n\
         [load]\nopen_loop_rps = 20\ncustomers = 30\n[load.mix]\nbuy = 50\ntrack = 20\nbrowse = 30\n\
         [phases]\nsteady_s = {STEADY_S}\nafter_s = {}\n[settle]\nwithin_s = 60\n",
        seconds - STEADY_S
    );
    for (at_s, for_s, Fault(kind, fields)) in faults {
        let lasts = match *kind {
            "kill-region" if *for_s == f64::INFINITY => String::new(),
            "kill-region" => format!("back_after_s = {for_s}"),
            _ => format!("for_s = {for_s}"),
        };
        write!(text, "[[fault]]\nkind = \"{kind}\"\nat_s = {at_s}\n{lasts}\n{fields}\n").expect("text");
    }
    for (metric, op) in [("violations", "=="), ("unsettled", "=="), ("acknowledged", ">")] {
        write!(text, "[[goal]]\nid = \"{metric}\"\nmetric = \"{metric}\"\nop = \"{op}\"\ntarget = 0\n")
            .expect("text");
    }
    let folder = folder("scenarios");
    fs::create_dir_all(&folder).expect("made");
    let path = folder.join(format!("{name}.toml"));
    fs::write(&path, text).expect("written");
    path
}

pub(crate) fn scenario(name: &str, seconds: f64, faults: &[(f64, f64, Fault)]) -> Scenario {
    let path = write(name, seconds, faults);
    scenario::load_for(&path, Engine::Virtual).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// Runs a scenario: every fault must be felt and no promise broken.
pub(crate) fn run(name: &str, seconds: f64, faults: &[(f64, f64, Fault)]) -> Outcome {
    run_scenario(&scenario(name, seconds, faults))
}

/// The same for a scenario that is there already.
pub(crate) fn run_scenario(scenario: &Scenario) -> Outcome {
    let name = &scenario.name;
    let outcome = virtual_time::run(scenario, &options(scenario, name)).expect("a run");
    let evidence = &outcome.evidence;
    assert_eq!(evidence.faults.len(), scenario.faults.len());
    for fault in &evidence.faults {
        assert!(fault.felt, "{} was not felt: {}", fault.label, fault.shown_by);
    }
    // How well customers were served is not the question here.
    assert!([0, 10].contains(&evidence.exit_code), "exit {}: {:?}", evidence.exit_code, evidence.reasons);
    outcome
}

/// These promises were judged, and none was broken.
pub(crate) fn kept(outcome: &Outcome, ids: &[&str]) {
    for id in ids {
        let invariant = outcome.evidence.invariants.iter().find(|invariant| invariant.id == *id);
        let invariant = invariant.unwrap_or_else(|| panic!("{id} is not listed"));
        assert_eq!(invariant.violations, 0, "{id}: {:?}", invariant.examples);
        assert!(invariant.checked > 0, "{id} was not judged: {:?}", invariant.not_judged);
    }
}

/// What the customers saw.
pub(crate) fn records(outcome: &Outcome) -> Vec<HistoryRecord> {
    history::read_all(&[outcome.history.as_path()]).expect("a history")
}
