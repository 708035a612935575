//! Which timelines of faults the platform promises to survive: at most one continent is away at a time.

use crate::{
    scenario::{Fault, FaultAt},
    topology::Topology,
};
use contracts::ids::{Continent, Region};
use std::collections::BTreeSet;

/// The most faults of one run.
pub const FAULTS_MAX: usize = 6;

/// Why a timeline lies outside of what is promised, or says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Outside {
    /// There are too many.
    #[error("more than {FAULTS_MAX} faults")]
    TooMany,
    /// A fault that could heal does not.
    #[error("{0} never heals")]
    NeverHeals(String),
    /// No single continent explains all that is away.
    #[error("more than one continent is away at {0} s")]
    TwoContinents(String),
    /// A fault hits what is away already, or is turned on while it is on.
    #[error("{0}, while {1}")]
    Twice(String, String),
}

/// Whether every promise stands under these faults.
///
/// # Errors
/// What lies outside of the promise.
pub fn inside(topology: &Topology, faults: &[FaultAt]) -> Result<(), Outside> {
    if faults.len() > FAULTS_MAX {
        return Err(Outside::TooMany);
    }
    if let Some(fault) = faults.iter().find(|at| !heals_where_it_can(&at.fault)) {
        return Err(Outside::NeverHeals(fault.fault.label()));
    }
    if let Some(at_s) = faults.iter().map(|at| at.at_s).find(|at_s| !one_explains(topology, faults, *at_s)) {
        return Err(Outside::TwoContinents(at_s.to_string()));
    }
    let pairs =
        faults.iter().enumerate().flat_map(|(i, one)| faults[i + 1..].iter().map(move |two| (one, two)));
    for (one, two) in pairs.filter(|(one, two)| overlap(one, two)) {
        if clash(topology, one, two) {
            return Err(Outside::Twice(two.fault.label(), one.fault.label()));
        }
    }
    Ok(())
}

fn heals_where_it_can(fault: &Fault) -> bool {
    fault.for_s().is_some() || matches!(fault, Fault::FloodContinent { .. } | Fault::KillRegion { .. })
}

/// A region that lost everything needs so long to be filled, and its copy of the journal to rejoin: until then the
/// others must not lose anybody else.
const REJOINS_WITHIN_S: f64 = 6.0;

/// When nothing of it is left.
fn ends_s(at: &FaultAt) -> f64 {
    let back_s = match at.fault {
        Fault::CrashBetweenSteps { back_after_ms, .. } => f64::from(back_after_ms) / 1e3,
        Fault::KillRegion { keep_data: false, .. } => REJOINS_WITHIN_S,
        _ => 0.0,
    };
    at.heals_at_s().map_or(f64::INFINITY, |heals_s| heals_s + back_s)
}

fn overlap(one: &FaultAt, two: &FaultAt) -> bool {
    one.at_s <= ends_s(two) && two.at_s <= ends_s(one)
}

/// Whether the loss of a single continent explains all that is away at a moment. What is away changes for the
/// worse only when a fault begins, so these moments are enough.
fn one_explains(topology: &Topology, faults: &[FaultAt], at_s: f64) -> bool {
    let lasting = faults.iter().filter(|at| at.at_s <= at_s && at_s <= ends_s(at));
    let away: Vec<BTreeSet<&Continent>> =
        lasting.filter_map(|at| explained_by(topology, &at.fault)).collect();
    let mut continents = topology.continents.iter().map(|continent| &continent.id);
    continents.any(|continent| away.iter().all(|explains| explains.contains(continent)))
}

/// The continents any of which, if it were lost, would take away as much or more than this fault; `None` where
/// the fault takes nothing away.
fn explained_by<'a>(topology: &'a Topology, fault: &'a Fault) -> Option<BTreeSet<&'a Continent>> {
    let of =
        |regions: &[&'a Region]| regions.iter().filter_map(|region| topology.continent_of(region)).collect();
    match fault {
        Fault::FloodContinent { continent } => Some(BTreeSet::from([continent])),
        Fault::KillRegion { region, .. }
        | Fault::PowerCut { region, .. }
        | Fault::CrashBetweenSteps { region, .. }
        | Fault::FreezeRegion { region, .. } => Some(of(&[region])),
        Fault::Partition { from, to, .. } | Fault::LinkReset { from, to, .. } => Some(of(&[from, to])),
        Fault::ClockSkew { .. }
        | Fault::LinkLatency { .. }
        | Fault::LinkLoss { .. }
        | Fault::ReplicationLag { .. }
        | Fault::PauseReplication { .. }
        | Fault::ProviderRefuse { .. }
        | Fault::ProviderSlow { .. }
        | Fault::ProviderAnswerLost { .. }
        | Fault::EventDuplicate { .. }
        | Fault::EventDelay { .. }
        | Fault::EventReorder { .. } => None,
    }
}

/// What a fault is turned on at.
enum Target<'a> {
    /// These regions stand still or are gone.
    Away(Vec<&'a Region>),
    /// The links between two regions, by what is done to them.
    Link(&'static str, [&'a Region; 2]),
    /// Something that these regions are told to do, and later not to do any more.
    Told(&'static str, Vec<&'a Region>),
    /// What stands outside of all regions.
    Outside(&'static str),
}

impl<'a> Target<'a> {
    fn of(topology: &'a Topology, fault: &'a Fault) -> Target<'a> {
        let all = || topology.regions.iter().map(|region| &region.name).collect();
        let one_or_all = |region: &'a Option<Region>| region.as_ref().map_or_else(all, |region| vec![region]);
        match fault {
            Fault::FloodContinent { continent } => Target::Away(topology.regions_of(continent).collect()),
            Fault::KillRegion { region, .. }
            | Fault::PowerCut { region, .. }
            | Fault::CrashBetweenSteps { region, .. }
            | Fault::FreezeRegion { region, .. } => Target::Away(vec![region]),
            Fault::ClockSkew { region, .. } => Target::Told("clock", vec![region]),
            Fault::LinkLatency { from, to, .. } => Target::Link("latency", [from, to]),
            Fault::LinkLoss { from, to, .. } => Target::Link("loss", [from, to]),
            Fault::LinkReset { from, to, .. } => Target::Link("reset", [from, to]),
            Fault::Partition { from, to, .. } => Target::Link("partition", [from, to]),
            Fault::ReplicationLag { region, .. } | Fault::PauseReplication { region, .. } => {
                Target::Told("replication", one_or_all(region))
            }
            Fault::ProviderRefuse { .. } => Target::Outside("refuse"),
            Fault::ProviderSlow { .. } => Target::Outside("slow"),
            Fault::ProviderAnswerLost { .. } => Target::Outside("answer-lost"),
            Fault::EventDuplicate { .. } => Target::Told("duplicate", all()),
            Fault::EventDelay { .. } => Target::Told("delay", all()),
            Fault::EventReorder { .. } => Target::Told("reorder", all()),
        }
    }
}

/// Whether two faults that overlap are turned on at the same thing, or one at something that is away.
fn clash(topology: &Topology, one: &FaultAt, two: &FaultAt) -> bool {
    let share = |ours: &[&Region], theirs: &[&Region]| ours.iter().any(|region| theirs.contains(region));
    match (Target::of(topology, &one.fault), Target::of(topology, &two.fault)) {
        (Target::Away(ours), Target::Away(theirs)) => share(&ours, &theirs),
        // Nothing goes over the links of a region that is away.
        (Target::Away(gone), Target::Link(_, ends)) | (Target::Link(_, ends), Target::Away(gone)) => {
            share(&gone, &ends)
        }
        (Target::Away(gone), Target::Told(_, regions)) => share(&gone, &regions) && untold(one, two),
        (Target::Told(_, regions), Target::Away(gone)) => share(&gone, &regions) && untold(two, one),
        (Target::Link(ours, one), Target::Link(theirs, two)) => {
            ours == theirs && one.iter().all(|end| two.contains(end))
        }
        (Target::Told(ours, one), Target::Told(theirs, two)) => ours == theirs && share(&one, &two),
        (Target::Outside(ours), Target::Outside(theirs)) => ours == theirs,
        (Target::Outside(_), _) | (_, Target::Outside(_)) => false,
        (Target::Link(..), Target::Told(..)) | (Target::Told(..), Target::Link(..)) => false,
    }
}

/// Whether a region that comes back would not have heard that something begins or ends.
fn untold(away: &FaultAt, told: &FaultAt) -> bool {
    let comes_back = !matches!(
        away.fault,
        Fault::FloodContinent { .. } | Fault::KillRegion { keep_data: false, back_after_s: None, .. }
    );
    let missed = |at_s: f64| away.at_s <= at_s && at_s <= ends_s(away);
    comes_back && (missed(told.at_s) || missed(ends_s(told)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cloud::Moment, swarm::draw::three_continents};

    fn at(at_s: f64, fault: Fault) -> FaultAt {
        FaultAt { at_s, fault }
    }

    fn flood(continent: &str) -> Fault {
        Fault::FloodContinent { continent: continent.into() }
    }

    fn freeze(region: &str, for_s: f64) -> Fault {
        Fault::FreezeRegion { region: region.into(), for_s }
    }

    fn cut(from: &str, to: &str, for_s: f64) -> Fault {
        Fault::Partition { from: from.into(), to: to.into(), one_way: false, for_s }
    }

    fn judge(faults: &[FaultAt]) -> Result<(), Outside> {
        inside(&three_continents(), faults)
    }

    #[test]
    fn one_continent_may_be_away_and_two_may_not() {
        let (us, sa, eu, ap) = ("us-east-1", "sa-east-1", "eu-west-1", "ap-southeast-1");
        assert_eq!(judge(&[at(5.0, flood("am"))]), Ok(()));
        assert_eq!(judge(&[at(5.0, freeze(us, 9.0)), at(6.0, freeze(sa, 9.0))]), Ok(()));
        assert_eq!(judge(&[at(5.0, cut(us, eu, 9.0)), at(6.0, cut(us, ap, 9.0))]), Ok(()));
        assert_eq!(judge(&[at(5.0, freeze(eu, 1.0)), at(7.0, flood("am"))]), Ok(()));
        for two in [
            [at(5.0, flood("am")), at(6.0, flood("eu"))],
            [at(5.0, flood("am")), at(9.0, freeze(eu, 1.0))],
            [at(5.0, freeze(eu, 3.0)), at(7.0, flood("am"))],
            [at(5.0, cut(us, eu, 9.0)), at(6.0, freeze(ap, 1.0))],
            [at(5.0, cut(sa, us, 9.0)), at(6.0, cut(eu, ap, 1.0))],
        ] {
            assert!(matches!(judge(&two), Err(Outside::TwoContinents(_))), "{two:?}");
        }
        let triangle = [at(5.0, cut(us, eu, 9.0)), at(6.0, cut(us, ap, 9.0)), at(7.0, cut(eu, ap, 9.0))];
        assert!(matches!(judge(&triangle), Err(Outside::TwoContinents(_))));
    }

    #[test]
    fn nothing_is_done_twice_or_to_the_dead() {
        let slow = |at_s| at(at_s, Fault::ProviderSlow { ms: 9, for_s: 2.0 });
        assert_eq!(judge(&[slow(5.0), slow(8.0)]), Ok(()));
        assert!(matches!(judge(&[slow(5.0), slow(6.0)]), Err(Outside::Twice(_, _))));
        let dead = [at(5.0, flood("am")), at(6.0, cut("us-east-1", "eu-west-1", 1.0))];
        assert!(matches!(judge(&dead), Err(Outside::Twice(_, _))));
        let ways = [at(5.0, cut("us-east-1", "eu-west-1", 3.0)), at(6.0, cut("eu-west-1", "us-east-1", 3.0))];
        assert!(matches!(judge(&ways), Err(Outside::Twice(_, _))));
    }

    #[test]
    fn who_comes_back_knows_what_is_over() {
        let delay = |at_s, for_s| at(at_s, Fault::EventDelay { pct: 5.0, ms: 9, for_s });
        assert_eq!(judge(&[delay(4.0, 9.0), at(5.0, freeze("eu-west-1", 2.0))]), Ok(()));
        let missed = [delay(4.0, 2.0), at(5.0, freeze("eu-west-1", 2.0))];
        assert!(matches!(judge(&missed), Err(Outside::Twice(_, _))));
        assert_eq!(judge(&[delay(4.0, 2.0), at(5.0, flood("am"))]), Ok(()), "the dead need not know");
        let kept = Fault::KillRegion { region: "eu-west-1".into(), keep_data: true, back_after_s: None };
        assert!(matches!(judge(&[delay(4.0, 2.0), at(5.0, kept)]), Err(Outside::Twice(_, _))));
    }

    #[test]
    fn a_crash_is_not_over_before_the_region_is_back() {
        let crash = Fault::CrashBetweenSteps {
            region: "us-east-1".into(),
            moment: Moment::After,
            operation: "PutItem".to_owned(),
            table: "orders".to_owned(),
            word: None,
            nth: 1,
            back_after_ms: 3_000,
            for_s: 2.0,
        };
        let two = [at(5.0, crash), at(9.0, freeze("eu-west-1", 1.0))];
        assert!(matches!(judge(&two), Err(Outside::TwoContinents(_))));
    }

    #[test]
    fn who_lost_everything_is_away_until_it_has_rejoined() {
        let lost = |back_after_s| {
            at(5.0, Fault::KillRegion { region: "eu-west-1".into(), keep_data: false, back_after_s })
        };
        assert_eq!(judge(&[lost(Some(4.0)), at(15.1, flood("am"))]), Ok(()));
        for (first, second) in [(lost(Some(4.0)), 14.0), (lost(None), 99.0)] {
            let two = [first, at(second, flood("am"))];
            assert!(matches!(judge(&two), Err(Outside::TwoContinents(_))), "{two:?}");
        }
        let delay = Fault::EventDelay { pct: 5.0, ms: 9, for_s: 4.0 };
        let missed = [at(4.0, delay.clone()), lost(Some(9.0))];
        assert!(matches!(judge(&missed), Err(Outside::Twice(_, _))));
        assert_eq!(judge(&[at(4.0, delay), lost(None)]), Ok(()));
    }

    #[test]
    fn what_can_heal_must_heal() {
        let lag = Fault::ReplicationLag { ms: 9, region: None, for_s: None };
        assert!(matches!(judge(&[at(5.0, lag)]), Err(Outside::NeverHeals(_))));
    }

    #[test]
    fn there_is_a_limit_to_bad_luck() {
        let many: Vec<FaultAt> =
            (0..7).map(|i| at(f64::from(i) * 2.0, Fault::ProviderSlow { ms: 9, for_s: 1.0 })).collect();
        assert_eq!(judge(&many), Err(Outside::TooMany));
        assert_eq!(judge(&many[1..]), Ok(()));
    }
}
