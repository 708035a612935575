//! What goes wrong in a run, as data.

use super::{Engine, reader::Section};
use crate::{cloud::Moment, topology::Topology};
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

/// The faults that there are. `for_s` is how many seconds one lasts before it heals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[allow(missing_docs)] // the fields are described in scenarios/README.md, the only place where they are written
pub enum Fault {
    /// A continent is gone at once, without notice and for good: its links swallow everything, its processes are
    /// killed, its data and its warehouses are lost.
    FloodContinent { continent: Continent },
    /// The processes of a region are killed; its data is kept or lost. It may come back: with the data, or with nothing.
    KillRegion { region: Region, keep_data: bool, back_after_s: Option<f64> },
    /// The power of a region fails and comes back: its processes are gone, its data stays.
    PowerCut { region: Region, for_s: f64 },
    /// A region's services die when they do something for the `nth` time, right before it takes effect or right after,
    /// before they learn of it, and start again over the data that they left. The fault lies in wait for `for_s`.
    CrashBetweenSteps {
        region: Region,
        #[serde(default)]
        moment: Moment,
        operation: String,
        table: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        word: Option<String>,
        nth: u32,
        back_after_ms: u32,
        for_s: f64,
    },
    /// The wall clock of a region's services is off, its cloud's is not.
    ClockSkew { region: Region, ms: i32, for_s: f64 },
    /// A region stops without dying and goes on later: a grey failure.
    FreezeRegion { region: Region, for_s: f64 },
    /// Packets from one region to another take longer.
    LinkLatency { from: Region, to: Region, add_ms: u32, for_s: f64 },
    /// Packets from one region to another are lost, and sent again.
    LinkLoss { from: Region, to: Region, pct: f32, for_s: f64 },
    /// Every connection that one region opens to another is reset, open ones and new ones.
    LinkReset { from: Region, to: Region, for_s: f64 },
    /// Two regions do not hear each other, or one of them does not hear the other.
    Partition { from: Region, to: Region, one_way: bool, for_s: f64 },
    /// Tables are replicated this much later, out of one region or out of all.
    ReplicationLag { ms: u32, region: Option<Region>, for_s: Option<f64> },
    /// Tables are not replicated, out of one region or out of all.
    PauseReplication { region: Option<Region>, for_s: f64 },
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

/// How long a fault lasts, seconds.
enum Length<'f> {
    /// It always heals.
    Fixed(&'f mut f64),
    /// It may not.
    Open(&'f mut Option<f64>),
}

impl Fault {
    /// The word of every kind.
    pub const KINDS: [&'static str; 18] = [
        "flood-continent",
        "kill-region",
        "power-cut",
        "crash-between-steps",
        "clock-skew",
        "freeze-region",
        "link-latency",
        "link-loss",
        "link-reset",
        "partition",
        "replication-lag",
        "pause-replication",
        "provider-refuse",
        "provider-slow",
        "provider-answer-lost",
        "event-duplicate",
        "event-delay",
        "event-reorder",
    ];

    /// Faults that an engine refuses, and why.
    const REFUSED: [(Engine, &'static str, &'static str); 4] = [
        (Engine::Live, "clock-skew", "a live run has the machine's own clock"),
        (Engine::Live, "crash-between-steps", "a live run cannot stop a process at a chosen line"),
        (Engine::Live, "disk-full", "the regions of a live run share one disk"),
        (Engine::Virtual, "disk-full", "the regions of a virtual run have no disk"),
    ];

    /// A region that lost everything is not back sooner: by then the news of its warehouses has gone round.
    pub const BACK_EMPTY_SOONEST_S: f64 = 4.0;

    /// The word of its kind, as files have it.
    pub fn kind(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value["kind"].as_str().unwrap_or_default().to_owned()
    }

    /// How many seconds the fault lasts; `None` when it never heals.
    pub fn for_s(&self) -> Option<f64> {
        match self.clone().length()? {
            Length::Fixed(for_s) => Some(*for_s),
            Length::Open(for_s) => *for_s,
        }
    }

    /// The same fault for another time; one that cannot heal stays as it is.
    pub fn lasting(mut self, seconds: f64) -> Fault {
        match self.length() {
            Some(Length::Fixed(for_s)) => *for_s = seconds,
            Some(Length::Open(for_s)) => *for_s = Some(seconds),
            None => {}
        }
        self
    }

    /// Where each kind says how long it lasts; `None` for what cannot heal.
    fn length(&mut self) -> Option<Length<'_>> {
        Some(match self {
            Fault::FloodContinent { .. } => return None,
            Fault::KillRegion { back_after_s, .. } => Length::Open(back_after_s),
            Fault::ReplicationLag { for_s, .. } => Length::Open(for_s),
            Fault::PowerCut { for_s, .. }
            | Fault::CrashBetweenSteps { for_s, .. }
            | Fault::ClockSkew { for_s, .. }
            | Fault::LinkLoss { for_s, .. }
            | Fault::LinkReset { for_s, .. }
            | Fault::PauseReplication { for_s, .. }
            | Fault::FreezeRegion { for_s, .. }
            | Fault::LinkLatency { for_s, .. }
            | Fault::Partition { for_s, .. }
            | Fault::ProviderRefuse { for_s, .. }
            | Fault::ProviderSlow { for_s, .. }
            | Fault::ProviderAnswerLost { for_s, .. }
            | Fault::EventDuplicate { for_s, .. }
            | Fault::EventDelay { for_s, .. }
            | Fault::EventReorder { for_s, .. } => Length::Fixed(for_s),
        })
    }

    /// The fault in a few words, for a timeline.
    pub fn label(&self) -> String {
        match self {
            Fault::FloodContinent { continent } => format!("flood of {continent}"),
            Fault::KillRegion { region, keep_data: true, .. } => format!("power cut in {region}"),
            Fault::KillRegion { region, keep_data: false, back_after_s: None } => format!("{region} lost"),
            Fault::KillRegion { region, keep_data: false, back_after_s: Some(_) } => {
                format!("{region} lost, and back with nothing")
            }
            Fault::PowerCut { region, .. } => format!("power cut in {region}"),
            Fault::CrashBetweenSteps { region, moment, operation, table, .. } => {
                format!("{region} crashes {moment} {operation} of {table}")
            }
            Fault::ClockSkew { region, ms, .. } => format!("clock of {region} {ms} ms off"),
            Fault::LinkLoss { from, to, pct, .. } => format!("{pct} % of packets from {from} to {to} lost"),
            Fault::LinkReset { from, to, .. } => format!("connections from {from} to {to} reset"),
            Fault::PauseReplication { region: Some(region), .. } => format!("no replication from {region}"),
            Fault::PauseReplication { region: None, .. } => "no replication".to_owned(),
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
pub(super) fn read(entry: Section<'_>, topology: &Topology, engine: Engine) -> Option<FaultAt> {
    let at_s = entry.number("at_s", 0.0..=86_400.0);
    let fault = read_kind(&entry, engine).and_then(|kind| read_fault(&entry, &kind, topology));
    // Without a kind nobody knows which fields belong there.
    if fault.is_some() {
        entry.finish();
    }
    Some(FaultAt { at_s, fault: fault? })
}

fn read_kind(entry: &Section<'_>, engine: Engine) -> Option<String> {
    let given = if entry.is_text("kind") { entry.maybe_text("kind") } else { None };
    let refused = |(by, kind, _): &&(Engine, &str, &str)| *by == engine && given.as_deref() == Some(*kind);
    if let Some((by, kind, why)) = Fault::REFUSED.iter().find(refused) {
        entry.note("kind", format!("a {} run cannot do `{kind}`: {why}", by.word()));
        return None;
    }
    entry.word("kind", &Fault::KINDS)
}

fn read_fault(entry: &Section<'_>, kind: &str, topology: &Topology) -> Option<Fault> {
    let table = || {
        let words = crate::region::tables().iter().map(crate::region::table_word).collect::<Vec<_>>();
        entry.word("table", &words.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_or_default()
    };
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
            let keep_data = entry.flag_or("keep_data", false);
            let soonest_s = if keep_data { 0.1 } else { Fault::BACK_EMPTY_SOONEST_S };
            let back_after_s = entry.maybe_number("back_after_s", soonest_s..=86_400.0);
            Fault::KillRegion { region: region("region"), keep_data, back_after_s }
        }
        "power-cut" => Fault::PowerCut { region: region("region"), for_s: for_s() },
        "crash-between-steps" => Fault::CrashBetweenSteps {
            region: region("region"),
            moment: moment(entry),
            operation: entry.text("operation"),
            table: table(),
            word: entry.maybe_text("word").filter(|word| !word.is_empty()),
            nth: entry.whole_or("nth", 1, 1..=1_000_000) as u32,
            back_after_ms: entry.whole_or("back_after_ms", 1_000, 1..=600_000) as u32,
            for_s: for_s(),
        },
        "clock-skew" => Fault::ClockSkew {
            region: region("region"),
            ms: entry.number("ms", -86_400_000.0..=86_400_000.0) as i32,
            for_s: for_s(),
        },
        "freeze-region" => Fault::FreezeRegion { region: region("region"), for_s: for_s() },
        "link-latency" => {
            let (from, to) = pair(entry, &names);
            Fault::LinkLatency { from, to, add_ms: ms("add_ms"), for_s: for_s() }
        }
        "link-loss" => {
            let (from, to) = pair(entry, &names);
            Fault::LinkLoss { from, to, pct: pct(), for_s: for_s() }
        }
        "link-reset" => {
            let (from, to) = pair(entry, &names);
            Fault::LinkReset { from, to, for_s: for_s() }
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
        "pause-replication" => {
            Fault::PauseReplication { region: entry.maybe_word("region", &names).map(Region), for_s: for_s() }
        }
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

/// On which side of its step's effect a crash comes.
fn moment(entry: &Section<'_>) -> Moment {
    match entry.maybe_word("moment", &["before", "after"]).as_deref() {
        Some("before") => Moment::Before,
        _ => Moment::After,
    }
}

fn pair(entry: &Section<'_>, names: &[&str]) -> (Region, Region) {
    let from = entry.word("from", names).unwrap_or_default();
    let to = entry.word("to", names).unwrap_or_default();
    if !from.is_empty() && from == to {
        entry.note("to", "a region is not linked to itself");
    }
    (Region(from), Region(to))
}
