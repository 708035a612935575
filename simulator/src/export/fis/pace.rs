//! A scenario in the time of its experiments, for whoever measures while they run.

use super::{Done, Unexportable, export};
use crate::scenario::{FaultAt, Phases, Scenario};

/// After the last change the load goes on for so long, seconds: functions hear of a fault, or of its end, up to 20 s late.
const AFTER_S: f64 = 300.0;
/// The phases in which others take over, seconds, for the same reason.
const TAKING_OVER_S: f64 = 60.0;

/// The same scenario by the minutes of its experiments, which are started when the load begins. Faults that FIS cannot do
/// are not in it.
///
/// # Errors
/// As [`export`].
pub fn paced(scenario: &Scenario) -> Result<Scenario, Unexportable> {
    let faults: Vec<FaultAt> = export(scenario)?.done.into_iter().map(in_minutes).collect();
    let first_s = faults.iter().map(|fault| fault.at_s).fold(f64::INFINITY, f64::min);
    let changes = faults.iter().flat_map(|fault| [Some(fault.at_s), fault.heals_at_s()]);
    let last_s = changes.flatten().fold(first_s, f64::max);
    let phases = Phases {
        steady_s: first_s,
        fault_s: TAKING_OVER_S,
        failing_over_s: TAKING_OVER_S,
        after_s: last_s - first_s + AFTER_S,
    };
    Ok(Scenario { faults, phases, ..scenario.clone() })
}

/// What never heals goes on to the end of the load.
fn in_minutes(done: Done) -> FaultAt {
    let (heals, fault) = (done.fault.heals_at_s().is_some(), done.fault.fault);
    let lasts_s = f64::from(done.to_min - done.from_min) * 60.0;
    FaultAt {
        at_s: f64::from(done.from_min) * 60.0,
        fault: if heals { fault.lasting(lasts_s) } else { fault },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{self, Engine, Phase, Window};

    fn scenario(name: &str) -> Scenario {
        let path = scenario::find(name).expect("it is there");
        scenario::load_for(&path, Engine::Virtual).expect("it is right")
    }

    #[test]
    fn a_flood_comes_after_a_minute_and_is_watched_for_five() {
        let paced = paced(&scenario("flood-americas")).expect("FIS can do it");
        let window = |phase, from_s, to_s| Window { phase, from_s, to_s };
        assert_eq!(
            paced.windows(),
            [
                window(Phase::Steady, 0.0, 60.0),
                window(Phase::Fault, 60.0, 120.0),
                window(Phase::FailingOver, 120.0, 180.0),
                window(Phase::Survived, 180.0, 360.0),
            ]
        );
    }

    #[test]
    fn what_heals_in_the_scenario_heals_by_the_minute() {
        let original = scenario("over-and-back");
        let paced = paced(&original).expect("FIS can do it");
        assert_eq!(paced.faults.len(), original.faults.len());
        for fault in &paced.faults {
            let heals_s = fault.heals_at_s().expect("all of them heal");
            assert!(fault.at_s % 60.0 == 0.0 && heals_s % 60.0 == 0.0, "{fault:?}");
            assert!(heals_s < paced.run_s());
        }
    }

    #[test]
    fn without_a_fault_there_is_nothing_to_keep_pace_with() {
        assert_eq!(paced(&scenario("calm")), Err(Unexportable::NoFault("calm".to_owned())));
    }
}
