//! What AWS Fault Injection Service has for each kind of fault. What its actions do: FIS user guide, "Actions reference",
//! "Use the aws:lambda:function actions".

use crate::{scenario::Fault, topology::Topology};
use contracts::ids::Region;

/// The longest delay of `aws:lambda:invocation-add-delay`, ms.
const DELAY_MAX_MS: u32 = 900_000;

/// Something that FIS can do in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Every invocation of the region's functions fails before any code of theirs runs.
    FunctionsFail,
    /// Every invocation begins this much later.
    FunctionsWait {
        /// How much later, ms.
        delay_ms: u32,
    },
    /// Global tables are replicated neither out of the region nor into it.
    ReplicationPaused,
}

/// What becomes of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mapping {
    /// FIS does something like it.
    Done {
        /// In each of these regions.
        regions: Vec<Region>,
        /// All of these, side by side, for as long as the fault lasts.
        deeds: Vec<Deed>,
        /// How that differs from the fault.
        unlike: Vec<&'static str>,
    },
    /// FIS has nothing for it.
    Left {
        /// Why.
        why: &'static str,
        /// What comes nearest, to be built by hand.
        nearest: &'static str,
    },
}

const NOTHING_LOST: &str = "No data is lost: what tables, queues and the region's copy of the journal hold is there again \
                            afterwards. What had not left the region reaches the others late, instead of never.";
const WAREHOUSES_STAY: &str = "Warehouses, their goods and the people in them stay.";
const SERVICES_ANSWER: &str = "AWS's own services go on answering in the region: the doors answer 5xx at once where a lost \
                               region would let callers wait, tokens are still issued, events are still taken.";
const EVENTS_PARK: &str = "A queue's consumer fails as well. Eight tries span ten minutes: what waits longer is parked \
                           and has to be redriven.";
const BOTH_WAYS: &str =
    "FIS pauses replication into the region too; in the scenario only what leaves it is held back.";
const NO_VPC: &str = "the functions lie in no VPC, and FIS's network actions work on subnets, route tables and transit gateways";
const NO_BUS: &str = "FIS has no action for EventBridge or SQS";
const NO_PROVIDER: &str = "the payment provider is not on this account";

/// What FIS has for `fault` in the world `topology`.
pub(super) fn of(fault: &Fault, topology: &Topology) -> Mapping {
    match fault {
        Fault::FloodContinent { continent } => lost(topology.regions_of(continent).cloned().collect(), true),
        Fault::KillRegion { region, keep_data, .. } => lost(vec![region.clone()], !keep_data),
        Fault::PowerCut { region, .. } => lost(vec![region.clone()], false),
        Fault::FreezeRegion { region, for_s } => frozen(region, *for_s),
        Fault::PauseReplication { region: Some(region), .. } => paused(vec![region.clone()]),
        Fault::PauseReplication { region: None, .. } => {
            paused(topology.regions.iter().map(|region| region.name.clone()).collect())
        }
        Fault::CrashBetweenSteps { .. } => left(
            "no action of FIS stops a function at a chosen step",
            "`aws:lambda:invocation-error` with `preventExecution` false: an invocation does all that it has to and then \
             fails, so its caller does not learn of it",
        ),
        Fault::ClockSkew { .. } => left("the clock of a function is AWS's", "nothing"),
        Fault::LinkLatency { .. } | Fault::LinkLoss { .. } => left(
            NO_VPC,
            "`aws:lambda:invocation-add-delay` in the region that is called: it slows every caller down, not one",
        ),
        Fault::LinkReset { .. } => left(
            NO_VPC,
            "`aws:lambda:invocation-error` on a share of the invocations in the region that is called: every caller meets it",
        ),
        Fault::Partition { .. } => left(
            NO_VPC,
            "`aws:dynamodb:global-table-pause-replication` in one of the two: it cuts that region's tables off from all others, \
             and calls between the services go on",
        ),
        Fault::ReplicationLag { .. } => left(
            "FIS stops replication and does not slow it down",
            "`aws:dynamodb:global-table-pause-replication`",
        ),
        Fault::ProviderRefuse { .. } => left(
            NO_PROVIDER,
            "a refusal is an answer, which no action makes: have the provider's test account refuse",
        ),
        Fault::ProviderSlow { .. } => {
            left(NO_PROVIDER, "`aws:lambda:invocation-add-delay` on the functions of payment")
        }
        Fault::ProviderAnswerLost { .. } => left(
            NO_PROVIDER,
            "`aws:lambda:invocation-error` with `preventExecution` false on the functions of payment: the provider is asked and \
             orders does not hear what it said",
        ),
        Fault::EventDuplicate { .. } => left(
            NO_BUS,
            "`aws:lambda:invocation-error` with `preventExecution` false on a consumer: it applies the event, and gets it again",
        ),
        Fault::EventDelay { .. } | Fault::EventReorder { .. } => left(
            NO_BUS,
            "`aws:lambda:invocation-error` on a share of a consumer's invocations: an event comes again 75 s later, and others \
             overtake it",
        ),
    }
}

fn lost(regions: Vec<Region>, with_data: bool) -> Mapping {
    let mut unlike = if with_data { vec![NOTHING_LOST, WAREHOUSES_STAY] } else { Vec::new() };
    unlike.extend([SERVICES_ANSWER, EVENTS_PARK]);
    Mapping::Done { regions, deeds: vec![Deed::FunctionsFail, Deed::ReplicationPaused], unlike }
}

fn frozen(region: &Region, for_s: f64) -> Mapping {
    let delay_ms = (for_s * 1_000.0).clamp(1.0, f64::from(DELAY_MAX_MS)) as u32;
    let unlike = vec![
        "Only what is asked during the freeze waits, and each request as long as the whole freeze of the scenario; what was under \
         way goes on.",
        "A function's timeout counts the wait: an invocation that waits longer than that fails.",
        "Each wait is billed as running time.",
    ];
    Mapping::Done { regions: vec![region.clone()], deeds: vec![Deed::FunctionsWait { delay_ms }], unlike }
}

fn paused(regions: Vec<Region>) -> Mapping {
    Mapping::Done { regions, deeds: vec![Deed::ReplicationPaused], unlike: vec![BOTH_WAYS] }
}

fn left(why: &'static str, nearest: &'static str) -> Mapping {
    Mapping::Left { why, nearest }
}
