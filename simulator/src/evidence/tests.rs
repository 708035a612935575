//! The writers, tried on a made-up run.

use super::sample::{evidence, fault, goal, invariant};
use super::*;
use std::path::PathBuf;

/// A folder that is removed when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Folder(std::env::temp_dir().join(format!("evidence-{name}-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A leftover in the temporary directory is no reason to fail.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn spoilt() -> Evidence {
    let mut evidence = evidence();
    evidence.goals.push(goal("latency | p99", 1_200.0));
    evidence.invariants.push(invariant("D6", 2_000));
    evidence.faults = vec![fault(false)];
    let grounds = Grounds {
        failure: None,
        goals: &evidence.goals,
        invariants: &evidence.invariants,
        faults: &evidence.faults,
        inconclusive: &[],
    };
    (evidence.verdict, evidence.exit_code, evidence.reasons) = verdict(&grounds);
    evidence
}

#[test]
fn all_files_are_written_and_the_json_reads_back() {
    let folder = Folder::new("whole");
    let evidence = evidence();
    write_all(&folder.0, &evidence).expect("writable");
    let mut names: Vec<String> = std::fs::read_dir(&folder.0)
        .expect("made")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["evidence.html", "evidence.json", "junit.xml", "summary.md"]);
    let json = std::fs::read_to_string(folder.0.join("evidence.json")).expect("written");
    // Figures read back to the last digit but one, so the words are compared, not the figures.
    let read: Evidence = serde_json::from_str(&json).expect("readable");
    assert_eq!(terminal(&read, Paint::Plain), terminal(&evidence, Paint::Plain));
    assert_eq!((read.timeline.len(), &read.faults), (evidence.timeline.len(), &evidence.faults));
    assert!(json.starts_with("{\n  \"scenario\": \"flood-americas\""));
}

#[test]
fn what_cannot_be_written_is_named() {
    let folder = Folder::new("blocked");
    std::fs::create_dir_all(folder.0.join("evidence.json")).expect("made");
    let error = write_all(&folder.0, &evidence()).expect_err("a folder is in the way");
    let text = error.to_string();
    assert!(text.contains("cannot write") && text.contains("evidence.json"), "{text}");
    assert!(!folder.0.join("evidence.unfinished").exists());
}

#[test]
fn the_page_needs_nothing_from_outside() {
    let page = page::render(&evidence());
    for outside in ["http:", "https:", "src=", "<script", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    for part in [
        "Every promise was kept",
        "Invariants",
        "Latency budget",
        "What it costs",
        "orders a day",
        "What this does not claim",
        "cargo run",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn the_page_takes_strange_texts_and_an_empty_run() {
    let strange = Evidence { title: "<script>alert(1)</script>".into(), ..evidence() };
    assert!(!page::render(&strange).contains("<script"));
    assert!(page::render(&Evidence::default()).contains("The run could not be finished"));
    let mut endless = evidence();
    endless.timeline = (0..7_200)
        .map(|at| Second { at_s: f64::from(at), requests: 9, max_ms: f64::NAN, ..Second::default() })
        .collect();
    assert!(!page::render(&endless).contains("NaN"));
}

#[test]
fn a_broken_promise_is_said_plainly() {
    let page = page::render(&spoilt());
    assert!(page.contains("A promise to customers was broken"));
    assert!(page.contains("and 1,997 more"));
    assert!(words::claim(&spoilt()).ends_with("does not keep what it promises."));
}

#[test]
fn junit_has_a_case_for_each_goal_invariant_and_fault() {
    let xml = junit::render(&spoilt()).expect("valid");
    let spoilt = spoilt();
    let cases = spoilt.goals.len() + spoilt.invariants.len() + spoilt.faults.len();
    assert_eq!(xml.matches("<testcase ").count(), cases);
    assert_eq!((xml.matches("<failure").count(), xml.matches("<skipped").count()), (3, 1));
}

#[test]
fn the_summary_keeps_its_tables_whole() {
    let text = summary::render(&spoilt());
    let goals: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
    assert!(goals.iter().any(|line| line.contains("latency \\| p99")));
    assert!(text.contains("**D6**") && text.contains("cargo run"));
}

#[test]
fn the_terminal_table_fits_eighty_columns() {
    for evidence in [evidence(), spoilt(), Evidence::default()] {
        let text = terminal(&evidence, Paint::Plain);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(text.contains(&format!("VERDICT: {} (exit {})", evidence.verdict, evidence.exit_code)));
    }
    let painted = terminal(&evidence(), Paint::Ansi);
    assert!(painted.contains("\u{1b}[32m"));
}
