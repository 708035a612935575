//! The checks: was every promise kept? They share no code with the services except the contract's words.
//!
//! [`check`] takes everything that a run left behind and judges each invariant of the contract. An
//! invariant whose input is absent is reported as not judged, never as kept.

mod case;
mod commands;
mod convergence;
mod durability;
mod events;
mod invariants;
mod money;
mod orders;
mod outside;
mod payment;
mod progress;
mod records;
mod regions;
mod schemas;
mod security;
mod service_level;
mod shipping;
mod stock;
mod stock_ledger;
#[cfg(test)]
mod tests;
mod told;

pub use case::{
    AfterHeal, Answer, Attempt, AttemptLine, CapturePolicy, CarrierEntry, Case, FaultFelt, Outcome,
    ParkedEvent, Places, ProbeResult, ProviderEntry, Receipt, RegionDump, Rules, Settling, Tap,
    WarehousePlace,
};
pub use commands::{Command, CommandKind};
pub use orders::{OrderCounts, count_orders};
pub use outside::{
    Afterwards, SeenAddress, SeenKey, SeenLine, SeenOrder, SeenStep, Shown, check_outside, count_outside,
};
pub use regions::recovery_ms;

use records::Records;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One breach of an invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which invariant, such as `D1`.
    pub invariant: &'static str,
    /// What is wrong, for a person.
    pub message: String,
    /// The orders, products, events or keys concerned.
    pub ids: Vec<String>,
}

/// What became of one invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvariantResult {
    /// Which, such as `D1`.
    pub id: &'static str,
    /// What it says, in one sentence.
    pub title: &'static str,
    /// How many things were judged.
    pub checked: u64,
    /// The breaches.
    pub violations: Vec<Violation>,
    /// How many things could not be judged, because what would tell is lost.
    pub unjudged: u64,
    /// Why the invariant was not judged at all.
    pub not_judged: Option<String>,
}

impl InvariantResult {
    /// How the invariant fared.
    pub fn standing(&self) -> Standing {
        match (self.violations.is_empty(), &self.not_judged) {
            (false, _) => Standing::Broken,
            (true, Some(_)) => Standing::NotJudged,
            (true, None) => Standing::Kept,
        }
    }
}

/// How an invariant fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Everything judged was as promised.
    Kept,
    /// At least one breach.
    Broken,
    /// There was nothing to judge by.
    NotJudged,
}

/// Judges every invariant, in the contract's order.
pub fn check(case: &Case) -> Vec<InvariantResult> {
    let records = Records::read(case);
    let judged = invariants::ALL.iter().map(|invariant| {
        let mut tally = Tally::default();
        (invariant.judge)(&records, &mut tally);
        tally.into_result(invariant)
    });
    judged.collect()
}

/// An invariant: what it says, and who judges it.
struct Invariant {
    id: &'static str,
    title: &'static str,
    judge: fn(&Records<'_>, &mut Tally),
}

/// Counts while an invariant is judged.
#[derive(Default)]
struct Tally {
    checked: u64,
    unjudged: u64,
    breaches: Vec<(String, Vec<String>)>,
    seen: BTreeSet<(String, Vec<String>)>,
    not_judged: Option<String>,
}

impl Tally {
    /// One more thing was looked at.
    fn looked(&mut self) {
        self.checked += 1;
    }

    /// Several more things were looked at.
    fn looked_at(&mut self, count: usize) {
        self.checked += count as u64;
    }

    /// One thing can't be judged: what would tell is lost.
    fn cannot_tell(&mut self) {
        self.unjudged += 1;
    }

    /// The input is absent.
    fn absent(&mut self, why: &str) {
        self.not_judged = Some(why.to_owned());
    }

    /// A breach. The same one found twice, in two regions' copies, counts once.
    fn broken<I: ToString>(&mut self, message: impl Into<String>, ids: impl IntoIterator<Item = I>) {
        let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
        let breach = (message.into(), ids);
        if self.seen.insert(breach.clone()) {
            self.breaches.push(breach);
        }
    }

    /// A breach unless `holds`; either way one thing was looked at.
    fn demand<I: ToString>(&mut self, holds: bool, id: I, message: impl FnOnce() -> String) {
        self.looked();
        if !holds {
            self.broken(message(), [id]);
        }
    }

    fn into_result(self, invariant: &Invariant) -> InvariantResult {
        let nothing = self.checked == 0 && self.breaches.is_empty();
        let why = match self.unjudged {
            0 => "nothing of this kind happened in the run",
            _ => "everything that would tell is lost",
        };
        let id = invariant.id;
        let violations =
            self.breaches.into_iter().map(|(message, ids)| Violation { invariant: id, message, ids });
        InvariantResult {
            id,
            title: invariant.title,
            checked: self.checked,
            violations: violations.collect(),
            unjudged: self.unjudged,
            not_judged: self.not_judged.or_else(|| nothing.then(|| why.to_owned())),
        }
    }
}
