//! What goes wrong in a run, as data.

use super::reader::Section;
use crate::topology::Topology;
use contracts::ids::{Continent, Region};
use serde::{Deserialize, Serialize};

/// A fault and when it begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultAt {
    /// Seconds after the load began.
    pub at_s: f64,
    /// What happens.
    #[serde(flatten)]
    pub fault: Fault,
}

/// The faults that a live run can do. `for_s` is how many seconds one lasts before it heals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[allow(missing_docs)] // the fields are described in scenarios/README.md, the only place where they are written
pub enum Fault {
    /// A continent is gone at once, without notice and for good: its links swallow everything, its processes are
    /// killed, its data and its warehouses are lost.
    FloodContinent { continent: Continent },
    /// The processes of a region are killed; its data is kept or lost.
    KillRegion { region: Region, keep_data: bool },
    /// A region stops without dying and goes on later: a grey failure.
    FreezeRegion { region: Region, for_s: f64 },
    /// Packets from one region to another take longer.
    LinkLatency { from: Region, to: Region, add_ms: u32, for_s: f64 },
    /// Two regions do not hear each other, or one of them does not hear the other.
    Partition { from: Region, to: Region, one_way: bool, for_s: f64 },
    /// Tables are replicated this much later, out of one region or out of all.
    ReplicationLag { ms: u32, region: Option<Region>, for_s: Option<f64> },
    /// The payment provider refuses captures.
    ProviderRefuse { pct: f32, for_s: f64 },
    /// The payment provider answers late.
    ProviderSlow { ms: u32, for_s: f64 },
    /// The payment provider does what it is asked and never answers.
    ProviderAnswerLost { pct: f32, for_s: f64 },
    /// Events are delivered twice.
    EventDuplicate { pct: f32, for_s: f64 },
    /// Events are delivered late.
    EventDelay { pct: f32, ms: u32, for_s: f64 },
    /// Events overtake each other.
    EventReorder { pct: f32, for_s: f64 },
}

impl Fault {
    /// The word of every kind.
    pub const KINDS: [&'static str; 12] = [
        "flood-continent",
        "kill-region",
        "freeze-region",
        "link-latency",
        "partition",
        "replication-lag",
        "provider-refuse",
        "provider-slow",
        "provider-answer-lost",
        "event-duplicate",
        "event-delay",
        "event-reorder",
    ];

    /// Faults that people ask for, and why a live run refuses them.
    const NOT_LIVE: [(&'static str, &'static str); 4] = [
        ("clock-skew", "a live run has the machine's own clock"),
        ("disk-full", "the regions of a live run share one disk"),
        ("pause-replication", "use replication-lag with a lag longer than the run"),
        ("crash-between-steps", "a live run cannot stop a process at a chosen line"),
    ];

    /// The word of its kind, as files have it.
    pub fn kind(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value["kind"].as_str().unwrap_or_default().to_owned()
    }

    /// How many seconds the fault lasts; `None` when it never heals.
    pub fn for_s(&self) -> Option<f64> {
        match self {
            Fault::FloodContinent { .. } | Fault::KillRegion { .. } => None,
            Fault::ReplicationLag { for_s, .. } => *for_s,
            Fault::FreezeRegion { for_s, .. }
            | Fault::LinkLatency { for_s, .. }
            | Fault::Partition { for_s, .. }
            | Fault::ProviderRefuse { for_s, .. }
            | Fault::ProviderSlow { for_s, .. }
            | Fault::ProviderAnswerLost { for_s, .. }
            | Fault::EventDuplicate { for_s, .. }
            | Fault::EventDelay { for_s, .. }
            | Fault::EventReorder { for_s, .. } => Some(*for_s),
        }
    }

    /// The fault in a few words, for a timeline.
    pub fn label(&self) -> String {
        match self {
            Fault::FloodContinent { continent } => format!("flood of {continent}"),
            Fault::KillRegion { region, keep_data: true } => format!("power cut in {region}"),
            Fault::KillRegion { region, keep_data: false } => format!("{region} lost"),
            Fault::FreezeRegion { region, .. } => format!("{region} frozen"),
            Fault::LinkLatency { from, to, add_ms, .. } => format!("{from} to {to} {add_ms} ms slower"),
            Fault::Partition { from, to, one_way: true, .. } => format!("nothing from {from} reaches {to}"),
            Fault::Partition { from, to, one_way: false, .. } => format!("{from} and {to} cut off"),
            Fault::ReplicationLag { ms, region: Some(region), .. } => {
                format!("replication from {region} {ms} ms late")
            }
            Fault::ReplicationLag { ms, region: None, .. } => format!("replication {ms} ms late"),
            Fault::ProviderRefuse { pct, .. } => format!("{pct} % of captures refused"),
            Fault::ProviderSlow { ms, .. } => format!("payment provider {ms} ms slower"),
            Fault::ProviderAnswerLost { pct, .. } => format!("{pct} % of provider answers lost"),
            Fault::EventDuplicate { pct, .. } => format!("{pct} % of events twice"),
            Fault::EventDelay { pct, ms, .. } => format!("{pct} % of events {ms} ms late"),
            Fault::EventReorder { pct, .. } => format!("{pct} % of events out of order"),
        }
    }
}

impl FaultAt {
    /// When the fault is over, seconds after the load began; `None` when never.
    pub fn heals_at_s(&self) -> Option<f64> {
        self.fault.for_s().map(|for_s| self.at_s + for_s)
    }
}

/// Reads one entry of the fault timeline; `None` when a mistake was noted.
pub(super) fn read(entry: Section<'_>, topology: &Topology) -> Option<FaultAt> {
    let at_s = entry.number("at_s", 0.0..=86_400.0);
    let fault = read_kind(&entry).and_then(|kind| read_fault(&entry, &kind, topology));
    // Without a kind nobody knows which fields belong there.
    if fault.is_some() {
        entry.finish();
    }
    Some(FaultAt { at_s, fault: fault? })
}

fn read_kind(entry: &Section<'_>) -> Option<String> {
    let given = if entry.is_text("kind") { entry.maybe_text("kind") } else { None };
    let not_live = Fault::NOT_LIVE.iter().find(|(kind, _)| given.as_deref() == Some(*kind));
    if let Some((kind, why)) = not_live {
        entry.note("kind", format!("a live run cannot do `{kind}`: {why}"));
        return None;
    }
    entry.word("kind", &Fault::KINDS)
}

fn read_fault(entry: &Section<'_>, kind: &str, topology: &Topology) -> Option<Fault> {
    let names: Vec<&str> = topology.regions.iter().map(|region| region.name.as_str()).collect();
    let continents: Vec<&str> = topology.continents.iter().map(|continent| continent.id.as_str()).collect();
    let region = |key| Region(entry.word(key, &names).unwrap_or_default());
    let pct = || entry.number("pct", 0.01..=100.0) as f32;
    let ms = |key| entry.whole(key, 1..=600_000) as u32;
    let lasts = 0.1..=86_400.0;
    let for_s = || entry.number("for_s", lasts.clone());
    let fault = match kind {
        "flood-continent" => Fault::FloodContinent {
            continent: Continent(entry.word("continent", &continents).unwrap_or_default()),
        },
        "kill-region" => {
            Fault::KillRegion { region: region("region"), keep_data: entry.flag_or("keep_data", false) }
        }
        "freeze-region" => Fault::FreezeRegion { region: region("region"), for_s: for_s() },
        "link-latency" => {
            let (from, to) = pair(entry, &names);
            Fault::LinkLatency { from, to, add_ms: ms("add_ms"), for_s: for_s() }
        }
        "partition" => {
            let (from, to) = pair(entry, &names);
            Fault::Partition { from, to, one_way: entry.flag_or("one_way", false), for_s: for_s() }
        }
        "replication-lag" => Fault::ReplicationLag {
            ms: ms("ms"),
            region: entry.maybe_word("region", &names).map(Region),
            for_s: entry.maybe_number("for_s", lasts.clone()),
        },
        "provider-refuse" => Fault::ProviderRefuse { pct: pct(), for_s: for_s() },
        "provider-slow" => Fault::ProviderSlow { ms: ms("ms"), for_s: for_s() },
        "provider-answer-lost" => Fault::ProviderAnswerLost { pct: pct(), for_s: for_s() },
        "event-duplicate" => Fault::EventDuplicate { pct: pct(), for_s: for_s() },
        "event-delay" => Fault::EventDelay { pct: pct(), ms: ms("ms"), for_s: for_s() },
        "event-reorder" => Fault::EventReorder { pct: pct(), for_s: for_s() },
        _ => return None,
    };
    Some(fault)
}

fn pair(entry: &Section<'_>, names: &[&str]) -> (Region, Region) {
    let from = entry.word("from", names).unwrap_or_default();
    let to = entry.word("to", names).unwrap_or_default();
    if !from.is_empty() && from == to {
        entry.note("to", "a region is not linked to itself");
    }
    (Region(from), Region(to))
}
