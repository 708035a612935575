//! Makes a failing scenario smaller as long as the same promise stays broken: delta debugging (Zeller and
//! Hildebrandt, 2002) over the faults, then shorter, lighter and more usual runs.

use super::{
    draw::{three_continents, usual_replication},
    promise,
    trial::Finding,
};
use crate::scenario::{Fault, FaultAt, Mix, Scenario};

/// The shortest that a fault, and the load after the first seconds, are made.
const SHORTEST_S: f64 = 0.5;
/// The lightest load, requests a second.
const LIGHTEST_RPS: f64 = 4.0;
/// The fewest customers.
const FEWEST_CUSTOMERS: u32 = 6;

/// What a failing scenario was shrunk to.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrunk {
    /// The smallest scenario found that still fails the same way.
    pub scenario: Scenario,
    /// What that one ends with.
    pub finding: Finding,
    /// Runs that it took.
    pub runs: u32,
}

/// Shrinks a scenario whose run ended with `finding`, in `runs_max` runs or fewer.
pub fn shrink(
    scenario: Scenario,
    finding: Finding,
    runs_max: u32,
    run: impl FnMut(&Scenario) -> Option<Finding>,
) -> Shrunk {
    let name = finding.name();
    let shrunk = Shrunk { scenario, finding, runs: 0 };
    let mut search = Search { shrunk, name, runs_max, run };
    search.fewer_faults();
    while search.anything_simpler() {}
    search.shrunk
}

struct Search<R> {
    shrunk: Shrunk,
    /// What must stay broken.
    name: String,
    runs_max: u32,
    run: R,
}

impl<R: FnMut(&Scenario) -> Option<Finding>> Search<R> {
    /// Takes a candidate where it fails the same way; says whether it does.
    fn take(&mut self, candidate: Scenario) -> bool {
        let end_s = candidate.run_s();
        let sound = promise::inside(&candidate.topology, &candidate.faults).is_ok()
            && candidate.faults.iter().all(|at| at.at_s < end_s);
        if !sound || self.shrunk.runs >= self.runs_max {
            return false;
        }
        self.shrunk.runs += 1;
        let finding = (self.run)(&candidate).filter(|finding| finding.names().contains(&self.name.as_str()));
        let Some(finding) = finding else { return false };
        self.shrunk.scenario = candidate;
        self.shrunk.finding = finding;
        true
    }

    /// Leaves out as many faults as can be: all, then ever smaller parts.
    fn fewer_faults(&mut self) {
        let mut part = self.shrunk.scenario.faults.len();
        while part > 0 {
            let mut from = 0;
            while from < self.shrunk.scenario.faults.len() {
                let mut candidate = self.shrunk.scenario.clone();
                let to = (from + part).min(candidate.faults.len());
                candidate.faults.drain(from..to);
                if !self.take(candidate) {
                    from += part;
                }
            }
            part /= 2;
        }
    }

    /// Takes every simpler scenario that fails the same way; says whether there was any.
    fn anything_simpler(&mut self) -> bool {
        let mut any = false;
        for simpler in [
            usual_world,
            usual_tables,
            everybody_of_age,
            nothing_scarce,
            orders_only,
            no_mere_looks,
            less_load,
            fewer_customers,
            shorter_load,
        ] {
            while let Some(candidate) = simpler(&self.shrunk.scenario) {
                if !self.take(candidate) {
                    break;
                }
                any = true;
            }
        }
        for place in 0..self.shrunk.scenario.faults.len() {
            while let Some(candidate) = shorter_fault(&self.shrunk.scenario, place) {
                if !self.take(candidate) {
                    break;
                }
                any = true;
            }
        }
        any
    }
}

fn changed(scenario: &Scenario, change: impl FnOnce(&mut Scenario)) -> Option<Scenario> {
    let mut candidate = scenario.clone();
    change(&mut candidate);
    (candidate != *scenario).then_some(candidate)
}

fn usual_world(scenario: &Scenario) -> Option<Scenario> {
    changed(scenario, |candidate| candidate.topology = three_continents())
}

fn usual_tables(scenario: &Scenario) -> Option<Scenario> {
    changed(scenario, |candidate| candidate.replication = usual_replication())
}

fn everybody_of_age(scenario: &Scenario) -> Option<Scenario> {
    changed(scenario, |candidate| candidate.load.unverified_pct = 0.0)
}

fn nothing_scarce(scenario: &Scenario) -> Option<Scenario> {
    changed(scenario, |candidate| candidate.load.backorder_pct = 0.0)
}

fn orders_only(scenario: &Scenario) -> Option<Scenario> {
    let mix = no_looks(scenario.load.mix);
    only(scenario, Mix { track: 0.0, cancel: 0.0, returns: 0.0, ..mix })
}

/// Orders, what is asked of them, and the look at an order that must come before it is sent back.
fn no_mere_looks(scenario: &Scenario) -> Option<Scenario> {
    only(scenario, no_looks(scenario.load.mix))
}

fn no_looks(mix: Mix) -> Mix {
    Mix { browse: 0.0, search: 0.0, cart: 0.0, ..mix }
}

/// A part of the requests, as often as they were.
fn only(scenario: &Scenario, part: Mix) -> Option<Scenario> {
    let load = &scenario.load;
    changed(scenario, |candidate| {
        candidate.load.mix = part;
        let rps = load.open_loop_rps * f64::from(part.total() / load.mix.total());
        candidate.load.open_loop_rps = rps.round().max(LIGHTEST_RPS).min(load.open_loop_rps);
    })
}

fn less_load(scenario: &Scenario) -> Option<Scenario> {
    let rps = (scenario.load.open_loop_rps / 2.0).round();
    (rps >= LIGHTEST_RPS).then(|| changed(scenario, |candidate| candidate.load.open_loop_rps = rps))?
}

fn fewer_customers(scenario: &Scenario) -> Option<Scenario> {
    let customers = scenario.load.customers / 2;
    (customers >= FEWEST_CUSTOMERS)
        .then(|| changed(scenario, |candidate| candidate.load.customers = customers))?
}

fn shorter_load(scenario: &Scenario) -> Option<Scenario> {
    let last_s = scenario.faults.iter().map(|at| at.at_s).fold(scenario.phases.steady_s, f64::max);
    let needed_s = last_s + SHORTEST_S - scenario.phases.steady_s;
    let after_s = tenths(scenario.phases.after_s / 2.0).max(tenths(needed_s)).max(1.0);
    (after_s < scenario.phases.after_s)
        .then(|| changed(scenario, |candidate| candidate.phases.after_s = after_s))?
}

fn shorter_fault(scenario: &Scenario, place: usize) -> Option<Scenario> {
    let at = scenario.faults.get(place)?;
    let for_s = tenths(at.fault.for_s()? / 2.0);
    let shortest_s = match at.fault {
        Fault::KillRegion { keep_data: false, .. } => Fault::BACK_EMPTY_SOONEST_S,
        _ => SHORTEST_S,
    };
    (for_s >= shortest_s).then(|| {
        changed(scenario, |candidate| {
            candidate.faults[place] = FaultAt { at_s: at.at_s, fault: at.fault.clone().lasting(for_s) };
        })
    })?
}

fn tenths(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::{draw::draw, trial::Broken};

    fn broken(id: &str) -> Finding {
        let (id, title, example) = (id.to_owned(), String::new(), String::new());
        Finding::Broken(vec![Broken { id, title, times: 1, example }])
    }

    /// Drawn scenarios with all six faults.
    fn many_faults() -> impl Iterator<Item = Scenario> {
        (1..=500).map(draw).filter(|scenario| scenario.faults.len() == promise::FAULTS_MAX).take(5)
    }

    #[test]
    fn the_faults_that_matter_remain_and_all_else_goes() {
        for scenario in many_faults() {
            let matter = [scenario.faults[1].fault.kind(), scenario.faults[4].fault.kind()];
            let fails = |candidate: &Scenario| {
                let kinds: Vec<String> = candidate.faults.iter().map(|at| at.fault.kind()).collect();
                matter.iter().all(|kind| kinds.contains(kind)).then(|| broken("D1"))
            };
            let shrunk = shrink(scenario.clone(), broken("D1"), 200, fails);
            let least = if matter[0] == matter[1] { 1 } else { 2 };
            assert_eq!(shrunk.scenario.faults.len(), least, "{matter:?} in {:?}", shrunk.scenario.faults);
            assert_eq!(shrunk.scenario.topology, three_continents());
            assert_eq!(shrunk.scenario.seed, scenario.seed);
            assert!(shrunk.scenario.load.open_loop_rps < 2.0 * LIGHTEST_RPS);
            assert!(shrunk.scenario.run_s() < scenario.run_s());
            let kept_short = |at: &&FaultAt| !matches!(at.fault, Fault::KillRegion { keep_data: false, .. });
            let lasting = shrunk.scenario.faults.iter().filter(kept_short).filter_map(|at| at.fault.for_s());
            assert!(lasting.into_iter().all(|for_s| for_s < 2.0 * SHORTEST_S + 0.1));
        }
    }

    #[test]
    fn what_is_asked_of_orders_remains_where_it_matters() {
        let mut scenario = many_faults().next().expect("one of 500");
        (scenario.load.mix.cancel, scenario.load.mix.returns) = (5.0, 2.0);
        let shrunk = shrink(scenario, broken("D1"), 200, |candidate| {
            (candidate.load.mix.returns > 0.0).then(|| broken("D1"))
        });
        let mix = shrunk.scenario.load.mix;
        assert_eq!((mix.browse, mix.search, mix.cart, mix.cancel, mix.returns), (0.0, 0.0, 0.0, 5.0, 2.0));
    }

    #[test]
    fn what_does_not_need_any_fault_keeps_none() {
        let scenario = many_faults().next().expect("one of 500");
        let shrunk = shrink(scenario, broken("P1"), 200, |_| Some(broken("P1")));
        assert!(shrunk.scenario.faults.is_empty());
    }

    #[test]
    fn another_promise_broken_is_not_the_same_failure() {
        let scenario = many_faults().next().expect("one of 500");
        let shrunk = shrink(scenario.clone(), broken("D1"), 200, |_| Some(broken("L9")));
        assert_eq!(shrunk.scenario, scenario);
        assert_eq!(shrunk.finding, broken("D1"));
    }

    #[test]
    fn the_number_of_runs_is_bounded() {
        let scenario = many_faults().next().expect("one of 500");
        let mut runs = 0;
        let shrunk = shrink(scenario, broken("D1"), 3, |_| {
            runs += 1;
            None
        });
        assert_eq!((runs, shrunk.runs), (3, 3));
    }
}
