//! Scenarios that once broke a promise. None may do so again.

use crate::support::options;
use simulator::{
    engine::virtual_time,
    scenario::{self, Engine},
    swarm,
};
use std::{fs, path::Path};

#[test]
fn what_was_found_once_stays_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/regressions");
    let entries = fs::read_dir(&folder).expect("the folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(!files.is_empty(), "no regression in {}", folder.display());
    for file in files {
        let scenario = scenario::load_for(&file, Engine::Virtual).unwrap_or_else(|errors| panic!("{errors}"));
        let outcome = virtual_time::run(&scenario, &options(&scenario, &scenario.name)).expect("a run");
        let broken = swarm::broken(&outcome.evidence);
        assert!(broken.is_empty(), "{}: {broken:?}", file.display());
        // Under such faults speed is not promised, and a later change may let one pass unfelt; nothing else is fine.
        assert!([0, 10, 12].contains(&outcome.evidence.exit_code), "{:?}", outcome.evidence.reasons);
    }
}
