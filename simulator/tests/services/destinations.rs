//! Customers of every world that is shipped live where the shop ships to: an honest order is not to be refused.

use std::path::{Path, PathBuf};

use contracts::Timestamp;
use loadtests::population::{self, Customer, Share};
use orders::domain::destinations;
use simulator::engine::plan;
use simulator::scenario::{self, Engine};

use crate::support::NOW_MS;

/// Enough that every country and most states are drawn.
const PEOPLE: u32 = 600;

#[test]
fn every_shipped_customer_lives_where_the_shop_ships_to() {
    for file in worlds() {
        let scenario = scenario::load_for(&file, Engine::Virtual).unwrap_or_else(|errors| panic!("{errors}"));
        let shares = plan::shares(&scenario.topology);
        assert_served(&population::generate(scenario.seed, PEOPLE, &shares), &file.display().to_string());
    }
}

#[test]
fn so_do_those_of_a_run_that_is_told_no_world() {
    let shares: Vec<Share> = population::default_shares();
    assert_served(&population::generate(1, PEOPLE, &shares), "the default shares");
}

fn assert_served(people: &[Customer], world: &str) {
    for customer in people {
        let refused = destinations::refusal(&customer.address, Timestamp(NOW_MS));
        assert_eq!(refused, None, "{world}: {:?}", customer.address);
    }
}

fn worlds() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["../scenarios", "../scenarios/regressions", "tests/virtual_time/planted"];
    let mut files: Vec<PathBuf> = folders.iter().flat_map(|folder| tomls(&root.join(folder))).collect();
    files.sort();
    assert!(files.len() > folders.len());
    files
}

fn tomls(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect()
}
