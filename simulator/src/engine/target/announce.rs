//! Tells whoever makes the faults when to make which.

use super::felt::hit;
use crate::{
    scenario::{FaultAt, Scenario},
    target::Target,
    watch::Watch,
};
use loadtests::clock::RunClock;

/// How long before somebody is to do something they are told of it, seconds.
const WARNINGS_S: [f64; 2] = [30.0, 10.0];

/// Something to be done by somebody else.
#[derive(Clone, Debug, PartialEq)]
struct Deed {
    /// When, seconds after the load began.
    at_s: f64,
    /// What.
    what: String,
    /// The details, a line each.
    details: Vec<String>,
}

/// Something to be said.
#[derive(Clone, Debug, PartialEq)]
struct Word {
    at_s: f64,
    lines: Vec<String>,
}

/// Says everything when it is time, and returns after the last word. `begins_us`: when the load begins, after the run's
/// start.
pub(super) async fn announce(
    scenario: &Scenario,
    target: &Target,
    watch: &Watch,
    clock: RunClock,
    begins_us: u64,
) {
    let now_s = (clock.now_us() as f64 - begins_us as f64) / 1e6;
    let mut words = words(&deeds(scenario, target), now_s);
    words.extend(due(scenario, target));
    words.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    for word in words {
        let at_us = (begins_us as f64 + word.at_s * 1e6).max(0.0) as u64;
        tokio::time::sleep_until(clock.at_us(at_us)).await;
        word.lines.iter().for_each(|line| watch.say(line));
    }
}

/// What is to be done. Experiments of FIS wait by themselves until their faults are due, so they begin with the load.
fn deeds(scenario: &Scenario, target: &Target) -> Vec<Deed> {
    if let Some(experiments) = target.experiments_of(scenario) {
        let details =
            experiments.iter().map(|(region, id)| format!("       {region}: experiment template {id}"));
        let what = "start these experiments, all at once".to_owned();
        return vec![Deed { at_s: 0.0, what, details: details.collect() }];
    }
    let deeds = scenario.faults.iter().flat_map(|fault| {
        let begins = deed(fault.at_s, fault.fault.label(), fault, scenario, target);
        let ends = fault.heals_at_s().filter(|at_s| *at_s < scenario.run_s());
        let ends =
            ends.map(|at_s| deed(at_s, format!("end of {}", fault.fault.label()), fault, scenario, target));
        std::iter::once(begins).chain(ends)
    });
    deeds.collect()
}

fn deed(at_s: f64, what: String, fault: &FaultAt, scenario: &Scenario, target: &Target) -> Deed {
    let regions = hit(&fault.fault, &scenario.topology, target);
    Deed { at_s, what, details: regions.iter().map(|region| format!("       in {region}")).collect() }
}

/// Everything that is said from `now_s` on.
fn words(deeds: &[Deed], now_s: f64) -> Vec<Word> {
    let mut words = Vec::new();
    for deed in deeds {
        let with_details = |line: String| std::iter::once(line).chain(deed.details.iter().cloned()).collect();
        let warnings = WARNINGS_S.into_iter().filter(|in_s| deed.at_s - in_s >= now_s);
        for (place, in_s) in warnings.enumerate() {
            let line = format!("FAULT  in {in_s} s: {}", deed.what);
            let lines = if place == 0 { with_details(line) } else { vec![line] };
            words.push(Word { at_s: deed.at_s - in_s, lines });
        }
        let lines = with_details(format!("FAULT  now: {}", deed.what));
        words.push(Word { at_s: deed.at_s, lines });
    }
    words
}

/// What experiments do by themselves.
fn due(scenario: &Scenario, target: &Target) -> Vec<Word> {
    let faults = scenario.faults.iter().filter(|_| target.experiments_of(scenario).is_some());
    let words = faults.flat_map(|fault| {
        let label = fault.fault.label();
        let word = |at_s: f64, what: String| Word { at_s, lines: vec![format!("FAULT  due: {what}")] };
        let ends = fault.heals_at_s().map(|at_s| word(at_s, format!("end of {label}")));
        std::iter::once(word(fault.at_s, label.clone())).chain(ends)
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{export, scenario};
    use std::{collections::BTreeMap, path::PathBuf};

    #[test]
    fn whoever_acts_is_told_before_and_at_the_time() {
        let deed = Deed {
            at_s: 15.0,
            what: "flood of am".to_owned(),
            details: vec!["       in us-east-1".to_owned()],
        };
        let said: Vec<(f64, Vec<String>)> =
            words(&[deed], -3.0).into_iter().map(|word| (word.at_s, word.lines)).collect();
        // Half a minute ahead was before anything was known.
        assert_eq!(
            said,
            [
                (5.0, vec!["FAULT  in 10 s: flood of am".to_owned(), "       in us-east-1".to_owned()]),
                (15.0, vec!["FAULT  now: flood of am".to_owned(), "       in us-east-1".to_owned()]),
            ]
        );
    }

    #[test]
    fn experiments_are_started_with_the_load_and_wait_by_themselves() {
        let path = scenario::find("flood-americas").expect("it is there");
        let scenario =
            export::fis::paced(&scenario::load(&path).expect("it is right")).expect("FIS can do it");
        let experiments = BTreeMap::from([("us-east-1".into(), "EXT1".to_owned())]);
        let target = Target {
            name: String::new(),
            env: String::new(),
            regions: Vec::new(),
            pools: Vec::new(),
            provider: String::new(),
            accounts: PathBuf::new(),
            experiments: BTreeMap::from([(scenario.name.clone(), experiments)]),
        };
        let deeds = deeds(&scenario, &target);
        assert_eq!((deeds.len(), deeds[0].at_s), (1, 0.0));
        assert_eq!(deeds[0].details, ["       us-east-1: experiment template EXT1"]);
        let due = due(&scenario, &target);
        assert_eq!(due, [Word { at_s: 60.0, lines: vec!["FAULT  due: flood of am".to_owned()] }]);
    }
}
