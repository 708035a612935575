//! A scenario's seconds as whole minutes of an experiment, shorter than which FIS does nothing.

/// An experiment lasts so long at most, minutes (FIS quotas, "Experiment duration in hours": 12).
pub(super) const EXPERIMENT_MAX_MIN: u32 = 720;

/// What never heals in a scenario lasts so long after everything else, minutes. AWS's own scenario "AZ Availability:
/// Power Interruption" takes as long.
pub(super) const FOR_GOOD_MIN: u32 = 30;

/// Replication may go on for 5 minutes after a pause began (FIS actions reference), so that a shorter pause need not be
/// one at all.
pub(super) const PAUSE_MIN: u32 = 6;

/// From when to when something lasts, seconds after the load began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lasting {
    /// When it begins.
    pub(super) from_s: f64,
    /// When it is over; infinity for what never heals.
    pub(super) to_s: f64,
    /// Whether replication pauses meanwhile.
    pub(super) pauses: bool,
}

/// Every moment at which something begins or ends, with its minute. Their order is kept, and so is what lasts at the same
/// time; the time between two is rounded up, because two short faults would otherwise fall into one minute.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Timeline(Vec<(f64, u32)>);

impl Timeline {
    /// The timeline of everything in `all`, beginning with the load.
    pub(super) fn of(all: &[Lasting]) -> Timeline {
        let mut moments: Vec<f64> = all.iter().flat_map(|one| [one.from_s, one.to_s]).chain([0.0]).collect();
        moments.sort_by(f64::total_cmp);
        moments.dedup();
        let mut minute = 0;
        let mut timeline = vec![(0.0, 0)];
        for pair in moments.windows(2) {
            let (from_s, to_s) = (pair[0], pair[1]);
            let pauses = all.iter().any(|one| one.pauses && one.from_s == from_s);
            minute += minutes(to_s - from_s).max(if pauses { PAUSE_MIN } else { 1 });
            timeline.push((to_s, minute));
        }
        Timeline(timeline)
    }

    /// The minute of a moment that something begins or ends at.
    pub(super) fn minute(&self, moment_s: f64) -> u32 {
        let after = self.0.partition_point(|(known_s, _)| *known_s <= moment_s);
        self.0[..after].last().map_or(0, |(_, minute)| *minute)
    }
}

/// Whole minutes of a time, rounded up.
fn minutes(seconds: f64) -> u32 {
    if seconds.is_infinite() { FOR_GOOD_MIN } else { (seconds / 60.0).ceil() as u32 }
}
