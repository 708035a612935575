//! The program from outside: what it says, how it ends, and that it never leaves anything behind.

mod support;
mod target;

use std::{fs, net::TcpListener, time::Duration};
use support::{Running, folder, run, until};

#[test]
fn help_teaches_and_list_lists() {
    let help = run(&["--help"]);
    assert_eq!(help.code, 0);
    for word in [
        "Exit codes",
        "up",
        "list",
        "--seed",
        "--out",
        "--load",
        "--durability",
        "--no-fault",
        "--target",
        "Examples",
    ] {
        assert!(help.stdout.contains(word), "{word} is not in:\n{}", help.stdout);
    }
    assert!(!help.stdout.contains("journeys"), "inner commands are hidden");
    let list = run(&["list"]);
    assert_eq!(list.code, 0);
    assert!(list.stdout.contains("flood-americas") && list.stdout.contains("calm"), "{}", list.stdout);
}

#[test]
fn a_misspelt_scenario_names_the_near_ones() {
    let misspelt = run(&["flood-amercias"]);
    assert_eq!(misspelt.code, 2);
    assert!(misspelt.stderr.contains("did you mean flood-americas?"), "{}", misspelt.stderr);
    assert_eq!(misspelt.stderr.lines().count(), 1, "one clear error: {}", misspelt.stderr);
}

#[test]
fn every_mistake_of_a_scenario_is_named_with_its_line() {
    let folder = folder("mistakes");
    let path = folder.join("wrong.toml");
    let text = "name = \"wrong\"\ntitle = \"t\"\ndescription = \"d\"\nseed = 1\ntopology = \"three-continents\"\n\
                colour = \"red\"\n\n[[fault]]\nat_s = 15\nkind = \"earthquake\"\n";
    fs::write(&path, text).expect("written");
    let outcome = run(&[path.to_str().expect("a path")]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    for place in ["wrong.toml:6", "wrong.toml:10"] {
        assert!(outcome.stderr.contains(place), "{place} is not in:\n{}", outcome.stderr);
    }
}

#[test]
fn bad_arguments_are_refused_before_anything_starts() {
    assert_eq!(run(&["flood-americas", "--load", "-3"]).code, 2);
    assert_eq!(run(&["flood-americas", "--durability", "hope"]).code, 2);
    assert_eq!(run(&[]).code, 2);
}

#[test]
fn somebody_elses_folder_is_not_emptied() {
    let folder = folder("precious");
    fs::write(folder.join("thesis.txt"), "x").expect("written");
    let outcome = run(&["flood-americas", "--out", folder.to_str().expect("a path")]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("no run of ours"), "{}", outcome.stderr);
    assert!(folder.join("thesis.txt").exists());
}

#[test]
fn a_port_in_use_is_one_clear_error() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    // The edges of the four kinds of customers come first, then the regions: this one is the second region's.
    let first = taken.local_addr().expect("bound").port() - 5;
    let out = folder("port");
    let outcome = run(&["up", "--out", out.to_str().expect("a path"), "--port", &first.to_string()]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("in use") && outcome.stderr.lines().count() == 1, "{}", outcome.stderr);
}

#[test]
fn ctrl_c_leaves_no_process_and_no_port() {
    let mut up = Running::start("ctrl-c");
    let children = up.children();
    assert_eq!(children.len(), 4, "a process for each region");
    let ports = up.ports();
    assert!(ports.len() >= 8, "edges and regions: {ports:?}");
    up.signal(nix::sys::signal::Signal::SIGINT);
    assert_eq!(up.until_ended(Duration::from_secs(5)), Some(0));
    assert!(children.iter().all(|pid| !support::lives(*pid)));
    for port in ports {
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "{port} is still open");
    }
}

#[test]
fn a_killed_simulator_leaves_no_orphan_not_even_a_frozen_one() {
    let mut up = Running::start("killed");
    let children = up.children();
    assert_eq!(children.len(), 4, "a process for each region");
    support::signal(children[0], nix::sys::signal::Signal::SIGSTOP);
    up.signal(nix::sys::signal::Signal::SIGKILL);
    up.until_ended(Duration::from_secs(5));
    let gone = until(Duration::from_secs(5), || children.iter().all(|pid| !support::lives(*pid)));
    assert!(gone, "orphans among {children:?}");
}

#[test]
fn a_region_that_dies_by_itself_ends_everything() {
    let mut up = Running::start("region-dies");
    let children = up.children();
    support::signal(children[1], nix::sys::signal::Signal::SIGKILL);
    assert_eq!(up.until_ended(Duration::from_secs(10)), Some(1));
    assert!(up.stderr().contains("ended by itself"), "{}", up.stderr());
    assert!(children.iter().all(|pid| !support::lives(*pid)));
}

#[test]
fn a_short_flood_loses_nothing_and_leaves_its_evidence() {
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/short-flood.toml");
    let out = folder("short-flood");
    let outcome = support::alone(|| run(&[scenario, "--out", out.to_str().expect("a path")]));
    let evidence = fs::read_to_string(out.join("evidence.json")).expect(&outcome.stderr);
    let evidence: serde_json::Value = serde_json::from_str(&evidence).expect("JSON");
    // Where somebody else keeps the machine busy the run says of itself that it proves nothing.
    assert!(outcome.code == 0 || outcome.code == 12, "{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(evidence["exit_code"], outcome.code);
    assert_eq!(evidence["faults"][0]["felt"], true, "{}", evidence["faults"]);
    assert_eq!(evidence["orders"]["lost"], 0);
    let acknowledged = evidence["orders"]["acknowledged"].as_u64().expect("a count");
    assert!(acknowledged > 30, "{acknowledged} orders are too few to show anything");
    for name in ["evidence.html", "junit.xml", "summary.md", "history.jsonl", "latency.hlog", "usage.json"] {
        assert!(out.join(name).is_file(), "{name} is missing");
    }
    assert!(!out.join("accounts.json").exists(), "tokens were left behind");
}
