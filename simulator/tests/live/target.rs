//! A deployment that somebody else started, here `simulator up`, under load and judged from outside.

use crate::support::{self, Running, folder, run};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::{fs, path::Path};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live");

fn evidence(out: &Path) -> Value {
    let text = fs::read_to_string(out.join("evidence.json")).expect("there is evidence");
    serde_json::from_str(&text).expect("JSON")
}

/// Where somebody else keeps the machine busy answers are slow, which is no broken promise.
fn assert_kept(code: i32, evidence: &Value) {
    let reasons = evidence["reasons"].as_array().expect("a list");
    let speed = |reason: &Value| {
        let reason = reason.as_str().unwrap_or_default();
        ["L1 is", "L2 is", "L3 is", "this machine"].iter().any(|start| reason.starts_with(start))
    };
    assert!(code == 0 || reasons.iter().all(speed), "{code}: {reasons:?}");
    assert_eq!(evidence["orders"]["lost"], 0);
}

#[test]
fn what_up_started_is_a_deployment_that_keeps_its_promises() {
    let up = Running::start("visited");
    let out = folder("visit");
    let scenario = format!("{HERE}/visit.toml");
    let target = up.target();
    let outcome = run(&[&scenario, "--target", &target, "--out", out.to_str().expect("a path")]);
    let evidence = evidence(&out);
    assert_kept(outcome.code, &evidence);
    let acknowledged = evidence["orders"]["acknowledged"].as_u64().expect("a count");
    assert!(acknowledged >= 20, "{acknowledged} orders are too few to show anything");
    for name in
        ["evidence.html", "junit.xml", "summary.md", "history.jsonl", "latency.hlog", "afterwards.json"]
    {
        assert!(out.join(name).is_file(), "{name} is missing");
    }
    let standing = |id: &str| {
        let all = evidence["invariants"].as_array().expect("a list");
        all.iter().find(|one| one["id"] == id).expect("it is listed")["standing"].clone()
    };
    for id in ["D1", "D3", "D4", "D6", "G1", "G2", "X2", "X3"] {
        assert_eq!(standing(id), "kept", "{id}");
    }
    for id in ["D2", "D5", "P1", "S1", "H1", "E1", "R1", "X1"] {
        assert_eq!(standing(id), "not-judged", "{id}: nobody sees that from outside");
    }
    assert!(outcome.stdout.contains("nobody-pays-twice") && outcome.stdout.contains("not judged"));
    assert!(outcome.stdout.lines().all(|line| line.chars().count() <= 80 || line.starts_with("Evidence")));
    let secrets = fs::read_to_string(Path::new(&target).with_file_name("accounts.json")).expect("accounts");
    let secrets: Value = serde_json::from_str(&secrets).expect("JSON");
    let password = secrets["customers"][0]["password"].as_str().expect("a password");
    let history = fs::read_to_string(out.join("history.jsonl")).expect("a history");
    assert!(![&outcome.stdout, &outcome.stderr, &history].iter().any(|text| text.contains(password)));
}

#[test]
fn a_fault_that_somebody_else_makes_is_felt_and_one_that_nobody_makes_is_not() {
    let up = Running::start("frozen");
    let region = up.child("us-east-1");
    let scenario = format!("{HERE}/somebody-freezes.toml");
    let target = up.target();
    let out = folder("nobody-freezes");
    let arguments = |out: &Path| {
        let words = [&*scenario, "--target", &*target, "--out", out.to_str().expect("a path")];
        words.map(str::to_owned)
    };
    let outcome = run(&arguments(&out).each_ref().map(String::as_str));
    assert_eq!(outcome.code, 12, "{}", outcome.stdout);
    assert_eq!(evidence(&out)["faults"][0]["felt"], false);

    let out = folder("somebody-freezes");
    let outcome = support::run_and_hear(&arguments(&out), |line| match line {
        line if line.contains("FAULT  now: us-east-1 frozen") => support::signal(region, Signal::SIGSTOP),
        line if line.contains("FAULT  now: end of us-east-1 frozen") => {
            support::signal(region, Signal::SIGCONT)
        }
        _ => {}
    });
    let evidence = evidence(&out);
    assert_eq!(evidence["faults"][0]["felt"], true, "{}", evidence["faults"]);
    assert_kept(outcome.code, &evidence);
}

#[test]
fn a_target_that_cannot_be_used_is_one_clear_error_before_any_load() {
    let base = folder("no-target");
    let path = base.join("target.json");
    let pools = ["am", "eu", "ap"].map(|continent| {
        serde_json::json!({ "continent": continent, "endpoint": "http://127.0.0.1:1/", "client_id": "client" })
    });
    let mut target = serde_json::json!({
        "name": "nowhere",
        "env": "tests",
        // Nobody listens there: the port is reserved and needs rights that nobody here uses.
        "regions": [{ "name": "us-east-1", "continent": "am", "graphql": "http://127.0.0.1:1/graphql" }],
        "pools": pools,
        "provider": "http://127.0.0.1:1",
        "accounts": "accounts.json",
    });
    let refused = |target: &Value, more: &[&str]| {
        fs::write(&path, serde_json::to_string_pretty(target).expect("JSON")).expect("written");
        let scenario = format!("{HERE}/visit.toml");
        let out = base.join("run");
        let mut arguments = vec![&*scenario, "--target", path.to_str().expect("a path")];
        arguments.extend(["--out", out.to_str().expect("a path")]);
        arguments.extend(more);
        let outcome = run(&arguments);
        assert_eq!(outcome.code, 2, "{}", outcome.stderr);
        assert!(!out.join("history.jsonl").exists(), "load was sent");
        outcome.stderr
    };
    let one_line = |stderr: String, words: &str| {
        // What happened before is told, too.
        let errors = stderr.lines().filter(|line| !line.contains("asking whether nowhere is ready"));
        assert!(stderr.contains(words) && errors.count() == 1, "{words} is not in: {stderr}");
    };
    one_line(refused(&target, &[]), "accounts.json: cannot be read");
    let accounts = serde_json::json!({ "provider_key": "", "customers": people() });
    fs::write(base.join("accounts.json"), accounts.to_string()).expect("written");
    one_line(refused(&target, &[]), "us-east-1 does not answer at http://127.0.0.1:1");
    one_line(refused(&target, &["--engine", "virtual"]), "leave --engine virtual out");
    assert!(refused(&target, &["--durability", "async"]).contains("'--durability <DURABILITY>'"));
    one_line(refused(&target, &["--plant", "one-copy"]), "leave --plant out");
    target["env"] = "prod".into();
    one_line(refused(&target, &[]), "add --prod");
    one_line(refused(&target, &["--prod"]), "does not answer");
    target["colour"] = "red".into();
    one_line(refused(&target, &[]), "unknown field `colour`");
}

#[test]
fn a_wrong_password_is_named_before_any_load() {
    let up = Running::start("wrong-password");
    let beside = Path::new(&up.target()).with_file_name("accounts.json");
    let text = fs::read_to_string(&beside).expect("accounts");
    let mut accounts: Value = serde_json::from_str(&text).expect("JSON");
    accounts["customers"][2]["password"] = "Wrong-secret-1".into();
    fs::write(&beside, accounts.to_string()).expect("written");
    let scenario = format!("{HERE}/visit.toml");
    let out = folder("wrong-password-run");
    let outcome = run(&[&scenario, "--target", &up.target(), "--out", out.to_str().expect("a path")]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("customer-00002 cannot sign in"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("Wrong-secret"), "{}", outcome.stderr);
}

/// Customers, as `loadtests --print-customers` prints them.
fn people() -> Value {
    let people = loadtests::population::generate(1, 4, &loadtests::population::default_shares());
    serde_json::to_value(people).expect("JSON")
}
