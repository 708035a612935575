//! The machine that the run had: whether somebody else used its processors.
//!
//! A run is inconclusive only where others took more than [`FOREIGN_SHARE_MAX`] of the processors while the
//! harness itself was late. Without that, a slow answer is the platform's.

mod proc;

use loadtests::clock::RunClock;
use platform::watch;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, time::Duration};
use tokio::{
    task::{JoinError, JoinHandle},
    time::{Instant, interval_at},
};

use proc::{Reading, read};

/// Above this part of all processors, stolen and foreign time together, others disturb the run.
pub const FOREIGN_SHARE_MAX: f64 = 0.15;
/// The harness was late when a request was sent so long after its time.
pub const LATE_MS: f64 = 50.0;

const EVERY: Duration = Duration::from_secs(1);
/// A day and more; a longer run keeps its first seconds.
const SECONDS_KEPT: usize = 100_000;

/// One second of the machine. Shares are of all processors, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineSecond {
    /// The end of the second, seconds since the run's start.
    pub at_s: f64,
    /// Taken by the hypervisor for others.
    pub steal: f64,
    /// Used by processes that are not ours.
    pub foreign: f64,
    /// Used by our own processes.
    pub own: f64,
}

/// The machine over the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineReport {
    /// Whether the system tells any of this; without `/proc` nothing was measured.
    pub measured: bool,
    /// Processors.
    pub processors: u32,
    /// The second in which others took the most.
    pub max: MachineSecond,
    /// The mean of all seconds.
    pub mean: MachineSecond,
    /// Every second.
    pub seconds: Vec<MachineSecond>,
}

/// The task that looks.
#[derive(Debug)]
pub struct MachineWatch {
    stop: watch::Sender<bool>,
    task: JoinHandle<MachineReport>,
}

impl MachineWatch {
    /// Looks once a second from now on. `children` gives the processes that are ours besides this one; their
    /// own children count as ours too.
    pub fn start(clock: RunClock, children: impl Fn() -> Vec<u32> + Send + Sync + 'static) -> Self {
        let (stop, stopped) = watch::channel(false);
        MachineWatch { stop, task: tokio::spawn(look(clock, children, stopped)) }
    }

    /// Stops looking.
    pub async fn stop(self) -> Result<MachineReport, JoinError> {
        self.stop.send_replace(true);
        self.task.await
    }
}

async fn look(
    clock: RunClock,
    children: impl Fn() -> Vec<u32> + Send + Sync,
    mut stopped: watch::Receiver<bool>,
) -> MachineReport {
    let ours = || -> BTreeSet<u32> { children().into_iter().chain([std::process::id()]).collect() };
    let Some(mut before) = read(&ours()) else { return MachineReport::default() };
    let mut seconds = Vec::new();
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopped.wait_for(|stop| *stop) => break,
        }
        let Some(now) = read(&ours()) else { break };
        if seconds.len() < SECONDS_KEPT {
            seconds.push(between(&before, &now, clock.now_us() as f64 / 1e6));
        }
        before = now;
    }
    report(seconds)
}

/// The shares between two readings.
fn between(before: &Reading, now: &Reading, at_s: f64) -> MachineSecond {
    let total = now.total.saturating_sub(before.total).max(1) as f64;
    let busy = now.busy.saturating_sub(before.busy) as f64;
    let steal = now.steal.saturating_sub(before.steal) as f64;
    // A process that is new has all its time from this second; one that is gone takes its last part along.
    let spent = |(pid, ticks): (&u32, &u64)| ticks.saturating_sub(before.ours.get(pid).copied().unwrap_or(0));
    let own = now.ours.iter().map(spent).sum::<u64>() as f64;
    let foreign = (busy - own).max(0.0);
    MachineSecond { at_s, steal: steal / total, foreign: foreign / total, own: (own / total).min(1.0) }
}

fn report(seconds: Vec<MachineSecond>) -> MachineReport {
    let taken = |second: &MachineSecond| second.steal + second.foreign;
    let max = seconds.iter().copied().max_by(|a, b| taken(a).total_cmp(&taken(b))).unwrap_or_default();
    let mean =
        |of: fn(&MachineSecond) -> f64| seconds.iter().map(of).sum::<f64>() / seconds.len().max(1) as f64;
    let mean = MachineSecond {
        at_s: seconds.last().map_or(0.0, |second| second.at_s),
        steal: mean(|second| second.steal),
        foreign: mean(|second| second.foreign),
        own: mean(|second| second.own),
    };
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
    MachineReport { measured: !seconds.is_empty(), processors, max, mean, seconds }
}

impl MachineReport {
    /// The seconds in which others took too much **and** the harness was late: what was measured then says
    /// nothing about the platform. `late` holds, for seconds since the run's start, how late the driver was in
    /// ms.
    pub fn inconclusive(&self, late: &[(f64, f64)]) -> Vec<MachineSecond> {
        let disturbed = |second: &&MachineSecond| {
            let while_late =
                |(at_s, late_ms): &(f64, f64)| *late_ms > LATE_MS && (second.at_s - 1.0 - *at_s).abs() < 1.0;
            second.steal + second.foreign > FOREIGN_SHARE_MAX && late.iter().any(while_late)
        };
        self.seconds.iter().filter(disturbed).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn reading(total: u64, busy: u64, steal: u64, ours: &[(u32, u64)]) -> Reading {
        Reading { total, busy, steal, ours: BTreeMap::from_iter(ours.iter().copied()) }
    }

    #[test]
    fn shares_come_from_differences() {
        let before = reading(1_000, 500, 10, &[(1, 100), (2, 50)]);
        // Process 2 is gone and process 3 is new.
        let now = reading(1_200, 620, 30, &[(1, 160), (3, 20)]);
        let second = between(&before, &now, 7.0);
        assert_eq!((second.steal, second.foreign, second.own), (0.1, 0.2, 0.4));
    }

    #[test]
    fn only_a_late_harness_makes_a_second_inconclusive() {
        let second = |at_s, steal| MachineSecond { at_s, steal, foreign: 0.0, own: 0.5 };
        let report = report(vec![second(1.0, 0.5), second(2.0, 0.5), second(9.0, 0.1)]);
        assert_eq!(report.max.at_s, 2.0);
        assert!(report.inconclusive(&[(0.0, 10.0), (8.0, 500.0)]).is_empty());
        assert_eq!(report.inconclusive(&[(0.0, 80.0)]).len(), 1);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn our_own_work_is_not_foreign() {
        let before = read(&BTreeSet::from([std::process::id()])).expect("/proc");
        let mut sum = 0u64;
        while read(&BTreeSet::from([std::process::id()])).expect("/proc").ours == before.ours {
            sum = (0..1_000_000).fold(sum, |sum: u64, number| sum.wrapping_add(number));
        }
        let now = read(&BTreeSet::from([std::process::id()])).expect("/proc");
        assert!(between(&before, &now, 1.0).own > 0.0, "{sum}");
    }

    #[tokio::test]
    async fn a_watch_can_be_stopped_at_once() {
        let report = MachineWatch::start(RunClock::start(), Vec::new).stop().await.expect("ends");
        assert!(report.seconds.is_empty() && !report.measured);
    }
}
