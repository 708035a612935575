//! The search itself, from outside.

use crate::support::folder;
use std::process::{Command, Output};

fn swarm(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_simulator")).arg("swarm").args(arguments).output().expect("it runs")
}

#[test]
fn a_search_runs_every_seed_and_says_what_was_felt() {
    let out = folder("swarm");
    let out = out.to_str().expect("a path");
    let output = swarm(&["--seeds", "1..2", "--out", out]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for line in ["kind of fault", "Seeds run                   2", "Seeds a minute"] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
}

#[test]
fn a_seed_can_be_looked_at_without_running_it() {
    let out = folder("swarm-draw");
    let output = swarm(&["--seeds", "7", "--draw", "--out", out.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(0));
    let drawn =
        simulator::scenario::load_for(&out.join("swarm-7.toml"), simulator::scenario::Engine::Virtual);
    assert_eq!(drawn.unwrap_or_else(|errors| panic!("{errors}")), simulator::swarm::draw(7));
}

#[test]
fn mistakes_are_one_clear_line() {
    for (arguments, said) in [
        (["--seeds", "9..3"], "9 comes after 3"),
        (["--seeds", "many"], "`many` is not a whole number from 0"),
    ] {
        let output = swarm(&arguments);
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.lines().next().is_some_and(|line| line.contains(said)), "{text}");
    }
}
