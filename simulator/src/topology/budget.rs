//! The latency budget of the worst answer: an order in flight while a continent goes dark.

use super::{CustomerContinent, Topology, round_trip_ms};
use contracts::ids::{Continent as ContinentId, Region as RegionId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An answer later than this is cut off by the edge, so a budget above it cannot close, ms.
pub const BUDGET_LIMIT_MS: u32 = 950;

/// One part of the budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetPart {
    /// What the time is spent on.
    pub name: String,
    /// How much of it, ms.
    pub ms: u32,
}

/// The worst answer for some customers when one continent is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetLine {
    /// The customers.
    pub customers: String,
    /// The continent that is lost.
    pub lost: ContinentId,
    /// The parts, in the order in which they are spent.
    pub parts: Vec<BudgetPart>,
    /// Their sum, ms.
    pub total_ms: u32,
}

impl BudgetLine {
    /// Whether the answer comes before the edge cuts it off.
    pub fn closes(&self) -> bool {
        self.total_ms <= BUDGET_LIMIT_MS
    }
}

impl fmt::Display for BudgetLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} when {} is lost: {} ms =", self.customers, self.lost, self.total_ms)?;
        for (i, part) in self.parts.iter().enumerate() {
            let sign = if i == 0 { "" } else { " +" };
            write!(f, "{sign} {} {}", part.name, part.ms)?;
        }
        Ok(())
    }
}

/// The worst answer for each group of customers and each continent that may be lost. Lines that cannot be
/// worked out, because nobody is left to answer, are absent; the loader refuses such a topology.
pub fn budget(topology: &Topology) -> Vec<BudgetLine> {
    let pairs = topology
        .customers
        .iter()
        .flat_map(|customers| topology.continents.iter().map(move |continent| (customers, &continent.id)));
    pairs.filter_map(|(customers, lost)| line(topology, customers, lost)).collect()
}

fn line(topology: &Topology, customers: &CustomerContinent, lost: &ContinentId) -> Option<BudgetLine> {
    let mut parts = Parts::default();
    let entry = reach(topology, customers, lost, &mut parts)?;
    let owners = &topology.continent(&customers.home)?.successors;
    let owner = owners.iter().find(|owner| topology.continent_of(owner) != Some(lost))?;
    parts.add(format!("forwarded to {owner}"), round_trip_ms(entry, owner)?);

    let journal = slowest_journal(topology, owner, lost)?;
    let takeover = owners.first() != Some(owner);
    let epoch = if takeover { journal } else { 0 };
    // The payment check runs beside the takeover: only the longer of the two is waited for.
    match epoch >= topology.provider_rtt_ms {
        true => parts.add("new epoch", epoch),
        false => parts.add("payment provider", topology.provider_rtt_ms),
    }
    parts.add("journal", journal);
    parts.add("services", topology.services_ms);
    Some(parts.into_line(customers.id.clone(), lost.clone()))
}

/// The way to the first region that answers. A dark one costs the edge's patience first.
fn reach<'a>(
    topology: &Topology,
    customers: &'a CustomerContinent,
    lost: &ContinentId,
    parts: &mut Parts,
) -> Option<&'a RegionId> {
    let nearest = customers.nearest_first();
    let (first, rtt) = *nearest.first()?;
    if topology.continent_of(first) != Some(lost) {
        parts.add(format!("customer to {first}"), rtt);
        return Some(first);
    }
    let (second, rtt) = *nearest.iter().find(|(region, _)| topology.continent_of(region) != Some(lost))?;
    parts.add("hedge", customers.hedge_after_ms);
    parts.add(format!("customer to {second}"), rtt);
    Some(second)
}

/// With one continent lost both others must answer, so the slower of them counts.
fn slowest_journal(topology: &Topology, owner: &RegionId, lost: &ContinentId) -> Option<u32> {
    let standing = topology.continents.iter().filter(|continent| continent.id != *lost);
    standing
        .map(|continent| round_trip_ms(owner, &continent.journal_region))
        .try_fold(0, |slowest, rtt| rtt.map(|rtt| slowest.max(rtt)))
}

#[derive(Default)]
struct Parts(Vec<BudgetPart>);

impl Parts {
    fn add(&mut self, name: impl Into<String>, ms: u32) {
        if ms > 0 {
            self.0.push(BudgetPart { name: name.into(), ms });
        }
    }

    fn into_line(self, customers: String, lost: ContinentId) -> BudgetLine {
        let total_ms = self.0.iter().map(|part| part.ms).sum();
        BudgetLine { customers, lost, parts: self.0, total_ms }
    }
}
