//! X1 to X3: no card number leaks, nobody trespasses, no tampered order passes.

use super::Tally;
use super::case::{Case, Outcome};
use super::records::{Records, order_of};
use serde_json::Value;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// X1: the digits with which every synthetic card begins are in no table, event or log.
pub(super) fn no_card_number(records: &Records<'_>, tally: &mut Tally) {
    let case = records.case;
    let canary = case.rules.card_canary.as_str();
    if canary.is_empty() {
        return tally.absent("the customers had no marked cards");
    }
    search_dumps(case, canary, tally);
    for event in case.taps.iter().flatten().flat_map(|tap| &tap.events) {
        let id = event["detail"]["metadata"]["eventId"].as_str().unwrap_or("(no id)");
        tally.demand(!mentions(event, canary), id, || "a card number is in an event".to_owned());
    }
    for path in &case.logs {
        let name = path.display().to_string();
        match file_contains(path, canary.as_bytes()) {
            Ok(found) => tally.demand(!found, &name, || "a card number is in a log".to_owned()),
            Err(why) => tally.broken(format!("the log cannot be searched: {why}"), [name]),
        }
    }
}

fn search_dumps(case: &Case, canary: &str, tally: &mut Tally) {
    for dump in case.dumps() {
        for (table, items) in &dump.tables {
            let place = format!("{}/{table}", dump.region);
            tally.looked_at(items.len());
            if items.iter().any(|item| mentions(item, canary)) {
                tally.broken("a card number is in a table", [place]);
            }
        }
    }
}

/// Whether a text, a number or a name in a value has these digits.
fn mentions(value: &Value, digits: &str) -> bool {
    match value {
        Value::String(text) => text.contains(digits),
        Value::Number(number) => number.to_string().contains(digits),
        Value::Array(values) => values.iter().any(|value| mentions(value, digits)),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains(digits) || mentions(value, digits))
        }
        Value::Null | Value::Bool(_) => false,
    }
}

/// Searches a file of any size in pieces that overlap by the length of what is sought.
fn file_contains(path: &Path, sought: &[u8]) -> io::Result<bool> {
    const PIECE: usize = 64 * 1024;
    let mut file = File::open(path)?;
    let mut window: Vec<u8> = Vec::with_capacity(PIECE + sought.len());
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(false);
        }
        window.extend_from_slice(&piece[..read]);
        if window.windows(sought.len()).any(|part| part == sought) {
            return Ok(true);
        }
        let keep = window.len().min(sought.len() - 1);
        window.drain(..window.len() - keep);
    }
}

fn judge_probes(case: &Case, invariant: &str, tally: &mut Tally) {
    for probe in case.probes.iter().flatten().filter(|probe| probe.invariant == invariant) {
        tally.demand(probe.passed, &probe.name, || format!("wanted {}, got {}", probe.wanted, probe.got));
    }
}

/// X2: probes for other people's things, for other groups' work and without a signature are refused.
pub(super) fn no_trespass(records: &Records<'_>, tally: &mut Tally) {
    if records.case.probes.is_none() {
        return tally.absent("nobody tried");
    }
    judge_probes(records.case, "X2", tally);
}

/// X3: tampered orders are refused: by probes, and by the attempts that the workload tampered with.
pub(super) fn no_tampering(records: &Records<'_>, tally: &mut Tally) {
    judge_probes(records.case, "X3", tally);
    for attempt in records.case.attempts.iter().filter(|attempt| attempt.planned_refusal) {
        let accepted = attempt.outcome == Outcome::Acknowledged;
        tally.demand(!accepted, order_of(attempt), || "a tampered order was accepted".to_owned());
    }
}
