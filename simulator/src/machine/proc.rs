//! Reads `/proc`. Times are clock ticks since the machine started.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// What the system says at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// All ticks of all processors.
    pub(super) total: u64,
    /// Ticks spent by processes.
    pub(super) busy: u64,
    /// Ticks that the hypervisor gave to others.
    pub(super) steal: u64,
    /// Ticks spent by each of our processes.
    pub(super) ours: BTreeMap<u32, u64>,
}

/// A process: its parent and the ticks it spent.
type Process = (u32, u64);

/// Reads it all; `None` on a system without `/proc`. `roots` and all that descend from them are ours.
pub(super) fn read(roots: &BTreeSet<u32>) -> Option<Reading> {
    let (total, busy, steal) = processors(&fs::read_to_string("/proc/stat").ok()?)?;
    let processes = processes();
    let ours = processes.iter().filter(|(pid, _)| descends(**pid, roots, &processes));
    let ours = ours.map(|(pid, (_, ticks))| (*pid, *ticks)).collect();
    Some(Reading { total, busy, steal, ours })
}

/// The first line of `/proc/stat`: user nice system idle iowait irq softirq steal. Interrupts belong to nobody,
/// so they are not counted as busy: those of our own sockets would look foreign.
fn processors(stat: &str) -> Option<(u64, u64, u64)> {
    let numbers = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let ticks: Vec<u64> = numbers.map_while(|number| number.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, _irq, _softirq, steal] = *ticks.first_chunk::<8>()?;
    Some((ticks.iter().take(8).sum(), user + nice + system, steal))
}

fn processes() -> BTreeMap<u32, Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeMap::new() };
    let process = |entry: fs::DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        // A process may end between the listing and the reading.
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        Some((pid, process(&stat)?))
    };
    entries.flatten().filter_map(process).collect()
}

/// `pid (name) state ppid ...`: the name may hold anything, so the fields are counted from its end.
fn process(stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
    Some((u32::try_from(number(1)?).ok()?, number(11)? + number(12)?))
}

fn descends(pid: u32, roots: &BTreeSet<u32>, processes: &BTreeMap<u32, Process>) -> bool {
    let mut next = Some(pid);
    // A family is never this deep; a bound, because the table is read while it changes.
    for _ in 0..64 {
        match next {
            Some(pid) if roots.contains(&pid) => return true,
            Some(pid) => next = processes.get(&pid).map(|(parent, _)| *parent),
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_proc_are_understood() {
        let stat = "cpu  100 5 50 800 20 3 7 15 0 0\ncpu0 1 2 3 4\n";
        assert_eq!(processors(stat), Some((1_000, 155, 15)));
        assert_eq!(processors("cpu  1 2"), None);
        let line = "42 (a (odd) name) S 7 42 42 0 -1 0 1 2 3 4 11 22 0 0 20 0 1 0 5 6 7";
        assert_eq!(process(line), Some((7, 33)));
    }

    #[test]
    fn grandchildren_are_ours_and_strangers_are_not() {
        let processes =
            BTreeMap::from([(1, (0, 0)), (10, (1, 0)), (11, (10, 0)), (12, (11, 0)), (20, (1, 0))]);
        let roots = BTreeSet::from([10]);
        let ours: Vec<u32> =
            processes.keys().copied().filter(|pid| descends(*pid, &roots, &processes)).collect();
        assert_eq!(ours, [10, 11, 12]);
    }
}
