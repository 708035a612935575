//! What many seeds showed, added up.

use super::trial::{Finding, Trial};
use crate::scenario::Fault;
use std::{collections::BTreeMap, fmt, time::Duration};

/// From so many seeds on every kind of fault must have been felt by one.
const SEEDS_THAT_MUST_FEEL_ALL: u64 = 50;

/// The sum of all runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Seeds that ran.
    pub seeds: u64,
    /// Those that found something, and what.
    pub failing: BTreeMap<u64, Finding>,
    /// Acknowledged orders of all runs.
    pub orders: u64,
    /// Orders of all runs that waited for goods.
    pub backordered: u64,
    /// By kind of fault: seeds that had it, and seeds that felt it.
    pub faults: BTreeMap<String, Felt>,
    /// How long all of it took on this machine.
    pub wall: Duration,
}

/// How often a kind of fault came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Felt {
    /// Seeds in which it came.
    pub came: u64,
    /// Seeds in which something showed it.
    pub felt: u64,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Tally {
        let faults = Fault::KINDS.into_iter().map(|kind| (kind.to_owned(), Felt::default()));
        Tally { faults: faults.collect(), ..Tally::default() }
    }

    /// Adds the run of one seed.
    pub fn add(&mut self, seed: u64, trial: &Trial) {
        self.seeds += 1;
        self.orders += trial.orders;
        self.backordered += trial.backordered;
        if let Some(finding) = &trial.finding {
            self.failing.insert(seed, finding.clone());
        }
        let mut kinds: BTreeMap<&str, bool> = BTreeMap::new();
        for (kind, felt) in &trial.faults {
            *kinds.entry(kind).or_default() |= felt;
        }
        for (kind, felt) in kinds {
            let counts = self.faults.entry(kind.to_owned()).or_default();
            counts.came += 1;
            counts.felt += u64::from(felt);
        }
    }

    /// Kinds that no seed felt, where there were enough seeds.
    pub fn never_felt(&self) -> Vec<&str> {
        let enough = self.seeds >= SEEDS_THAT_MUST_FEEL_ALL;
        let unfelt = self.faults.iter().filter(|(_, counts)| enough && counts.felt == 0);
        unfelt.map(|(kind, _)| kind.as_str()).collect()
    }

    /// What the program answers to its caller.
    pub fn exit_code(&self) -> u8 {
        match (self.failing.is_empty(), self.never_felt().is_empty()) {
            (false, _) => 11,
            (true, false) => 12,
            (true, true) => 0,
        }
    }

    fn per_minute(&self) -> f64 {
        self.seeds as f64 * 60.0 / self.wall.as_secs_f64().max(0.001)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<22}{:>10}{:>10}", "kind of fault", "seeds", "felt in")?;
        for (kind, Felt { came, felt }) in &self.faults {
            writeln!(f, "{kind:<22}{came:>10}{felt:>10}")?;
        }
        let kinds = self.never_felt();
        if !kinds.is_empty() {
            writeln!(f, "\nNo seed felt {}: these runs prove nothing about it.", kinds.join(", "))?;
        }
        writeln!(f, "\nSeeds run          {:>10}", self.seeds)?;
        writeln!(f, "Failing            {:>10}", self.failing.len())?;
        writeln!(f, "Orders acknowledged{:>10}", self.orders)?;
        writeln!(f, "Waited for goods   {:>10}", self.backordered)?;
        writeln!(f, "Wall time          {:>10.1} s", self.wall.as_secs_f64())?;
        write!(f, "Seeds a minute     {:>10.1}", self.per_minute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(faults: &[(&str, bool)]) -> Trial {
        let faults = faults.iter().map(|(kind, felt)| ((*kind).to_owned(), *felt)).collect();
        Trial { faults, orders: 10, backordered: 2, finding: None }
    }

    fn all_felt() -> Trial {
        trial(&Fault::KINDS.map(|kind| (kind, true)))
    }

    #[test]
    fn a_kind_counts_once_a_seed() {
        let mut tally = Tally::new();
        tally.add(1, &trial(&[("partition", false), ("partition", true), ("provider-slow", false)]));
        assert_eq!(tally.faults["partition"], Felt { came: 1, felt: 1 });
        assert_eq!(tally.faults["provider-slow"], Felt { came: 1, felt: 0 });
        assert_eq!((tally.seeds, tally.orders, tally.backordered), (1, 10, 2));
    }

    #[test]
    fn many_seeds_that_never_felt_a_fault_prove_nothing() {
        let mut tally = Tally::new();
        (1..50).for_each(|seed| tally.add(seed, &Trial::default()));
        assert_eq!(tally.exit_code(), 0, "too few to complain");
        tally.add(50, &Trial::default());
        assert_eq!(tally.exit_code(), 12);
        assert!(tally.to_string().contains("No seed felt"));
        tally.add(51, &all_felt());
        assert_eq!(tally.exit_code(), 0);
    }

    #[test]
    fn a_failing_seed_outranks_everything() {
        let mut tally = Tally::new();
        let finding = Some(Finding::Failed("it hung".to_owned()));
        tally.add(9, &Trial { finding, ..all_felt() });
        assert_eq!(tally.exit_code(), 11);
        assert!(tally.failing.contains_key(&9));
    }
}
