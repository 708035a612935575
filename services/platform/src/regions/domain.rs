//! What operators may decide. No storage, no HTTP, no time.

use super::OpsError;
use contracts::{
    FieldError, Region,
    bodies::ops::{RegionStanding, RegionState},
};

/// Bytes of a reason at most.
const REASON_BYTES_MAX: usize = 200;

/// What a decision comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision {
    /// It stands already.
    Stands(RegionStanding),
    /// It is new.
    New(RegionStanding),
}

/// What is to be decided.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) region: &'a Region,
    pub(super) state: RegionState,
    pub(super) reason: &'a str,
    /// Where it is decided.
    pub(super) here: &'a Region,
}

/// Decides, given all regions and what stands for them. One region at least stays active.
pub(super) fn decide(
    wanted: &Wanted<'_>,
    regions: &[Region],
    standing: impl Fn(&Region) -> Option<RegionStanding>,
) -> Result<Decision, OpsError> {
    if !regions.contains(wanted.region) {
        return Err(OpsError::UnknownRegion);
    }
    let reason = reason(wanted.reason)?;
    let held = standing(wanted.region);
    match held {
        Some(held) if held.state == wanted.state => return Ok(Decision::Stands(held)),
        Some(_) => {}
        None if wanted.state == RegionState::Active => return Ok(Decision::Stands(undecided(wanted.region))),
        None => {}
    }
    let active = |region: &Region| standing(region).is_none_or(|held| held.state == RegionState::Active);
    let others = regions.iter().filter(|region| *region != wanted.region);
    if wanted.state != RegionState::Active && !others.into_iter().any(active) {
        return Err(OpsError::LastActive);
    }
    Ok(Decision::New(RegionStanding {
        region: wanted.region.clone(),
        state: wanted.state,
        epoch: held_epoch(standing(wanted.region)).saturating_add(1),
        decided_in: wanted.here.clone(),
        reason: Some(reason),
    }))
}

fn held_epoch(held: Option<RegionStanding>) -> u64 {
    held.map_or(0, |held| held.epoch)
}

/// A region about which nothing was decided.
pub(super) fn undecided(region: &Region) -> RegionStanding {
    let (region, decided_in) = (region.clone(), region.clone());
    RegionStanding { region, state: RegionState::Active, epoch: 0, decided_in, reason: None }
}

fn reason(text: &str) -> Result<String, OpsError> {
    let text = text.trim();
    if text.is_empty() || text.len() > REASON_BYTES_MAX || text.chars().any(char::is_control) {
        let message = format!("must have 1 to {REASON_BYTES_MAX} bytes in one line");
        return Err(OpsError::Invalid(FieldError::new("reason", "LENGTH", message)));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    type Known = BTreeMap<Region, RegionStanding>;

    fn regions() -> Vec<Region> {
        ["ap", "eu", "us"].map(Region::from).to_vec()
    }

    fn decide_on(known: &Known, region: &str, state: RegionState) -> Result<Decision, OpsError> {
        let (region, here) = (Region::from(region), Region::from("ap"));
        let wanted = Wanted { region: &region, state, reason: " a storm ", here: &here };
        decide(&wanted, &regions(), |region| known.get(region).cloned())
    }

    fn decided(known: &mut Known, region: &str, state: RegionState) -> RegionStanding {
        match decide_on(known, region, state) {
            Ok(Decision::New(standing)) => {
                known.insert(standing.region.clone(), standing.clone());
                standing
            }
            other => panic!("not decided: {other:?}"),
        }
    }

    #[test]
    fn every_decision_has_a_higher_epoch_and_the_same_one_again_has_none() {
        let mut known = Known::new();
        let drained = decided(&mut known, "eu", RegionState::Drained);
        assert_eq!((drained.epoch, drained.reason.as_deref()), (1, Some("a storm")));
        assert_eq!(decide_on(&known, "eu", RegionState::Drained).unwrap(), Decision::Stands(drained));
        assert_eq!(decided(&mut known, "eu", RegionState::Evacuated).epoch, 2);
        assert_eq!(decided(&mut known, "eu", RegionState::Active).epoch, 3);
        let never = decide_on(&known, "us", RegionState::Active).unwrap();
        assert_eq!(never, Decision::Stands(undecided(&"us".into())));
    }

    #[test]
    fn one_region_stays() {
        let mut known = Known::new();
        decided(&mut known, "eu", RegionState::Drained);
        decided(&mut known, "us", RegionState::Evacuated);
        for state in [RegionState::Drained, RegionState::Evacuated] {
            assert!(matches!(decide_on(&known, "ap", state), Err(OpsError::LastActive)));
        }
        decided(&mut known, "us", RegionState::Active);
        decided(&mut known, "ap", RegionState::Drained);
    }

    #[test]
    fn a_region_must_be_known_and_a_reason_given() {
        let known = Known::new();
        assert!(matches!(decide_on(&known, "mars", RegionState::Drained), Err(OpsError::UnknownRegion)));
        for bad in ["", "  ", "two\nlines", &"x".repeat(201)] {
            assert!(matches!(reason(bad), Err(OpsError::Invalid(_))), "{bad:?}");
        }
    }
}
