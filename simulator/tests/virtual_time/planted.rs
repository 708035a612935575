//! The checks can fail: planted defects that the search found, each with a scenario in which it must be found again.
//!
//! The scenarios are what the search shrank its finds to; nothing in them says which defect they were found with.

use crate::support::options;
use platform::planted::Planted;
use simulator::{
    engine::virtual_time::{self, Options},
    scenario::{self, Engine},
    swarm,
};
use std::path::PathBuf;

/// Runs the scenario that was found with a defect; gives the promises that are broken.
fn broken(name: &str, planted: Option<Planted>) -> Vec<String> {
    let file =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/virtual_time/planted/{name}.toml"));
    let scenario = scenario::load_for(&file, Engine::Virtual).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let run = match planted {
        Some(_) => format!("planted-{name}"),
        None => format!("planted-{name}-without"),
    };
    let options = Options { planted, ..options(&scenario, &run) };
    let outcome = virtual_time::run(&scenario, &options).expect("a run");
    swarm::broken(&outcome.evidence).into_iter().map(|broken| broken.id).collect()
}

fn found(name: &str) {
    let planted = name.parse().expect("one of the defects");
    assert!(!broken(name, Some(planted)).is_empty(), "{name} breaks no promise");
    assert_eq!(broken(name, None), Vec::<String>::new(), "{name} shows without being planted");
}

macro_rules! found_again {
    ($($test:ident: $name:literal),+ $(,)?) => {$(
        #[test]
        fn $test() {
            found($name);
        }
    )+};
}

found_again! {
    an_order_acknowledged_by_one_copy: "one-copy",
    an_event_cleared_before_it_was_published: "cleared-early",
    goods_reserved_after_the_answer: "late-reservation",
    an_empty_copy_that_votes_at_once: "empty-votes",
    two_regions_that_write_one_item: "shared-item",
    an_inbox_row_outside_of_its_effects_transaction: "inbox-apart",
    two_processes_that_share_a_ballot: "shared-ballot",
    a_takeover_that_skips_open_entries: "open-skipped",
    a_capture_that_is_tried_again_under_another_key: "fresh-key",
}
