//! What is shown while a run goes on: what happens, and once in a while how it goes. On a terminal the last
//! line moves; elsewhere there are plain lines.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use loadtests::{
    clock::RunClock,
    history::{HistoryRecord, Op, Outcome},
};
use std::{
    fs::File,
    io::{IsTerminal as _, Read as _, Write as _},
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How often the figures move on a terminal.
const TICK: Duration = Duration::from_secs(1);
/// How many ticks a plain line covers.
const PLAIN_TICKS: u32 = 5;

/// How much is shown.
enum Show {
    /// What happens, and a line that moves.
    Moving(ProgressBar),
    /// What happens, and a line once in a while.
    Lines,
    /// What happens.
    Events,
    Nothing,
}

/// Shows a run.
pub struct Watch {
    clock: RunClock,
    show: Show,
    /// The load's first moment, microseconds since the run's start.
    begun_us: Mutex<Option<u64>>,
}

impl Watch {
    /// Shows on standard error.
    pub fn new(clock: RunClock) -> Watch {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // The template is ours and correct; a plain bar would do as well.
            bar.set_style(
                ProgressStyle::with_template("{spinner} {msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar
        });
        Watch::with(clock, bar.map_or(Show::Lines, Show::Moving))
    }

    /// Tells what happens in plain lines on standard error, by a clock that is not the machine's.
    pub fn plain(clock: RunClock) -> Watch {
        Watch::with(clock, Show::Events)
    }

    /// Shows nothing.
    pub fn silent(clock: RunClock) -> Watch {
        Watch::with(clock, Show::Nothing)
    }

    fn with(clock: RunClock, show: Show) -> Watch {
        Watch { clock, show, begun_us: Mutex::new(None) }
    }

    /// The load begins at this moment: times are told from there.
    pub fn load_begins(&self, at_us: u64) {
        *self.begun_us.lock().unwrap_or_else(PoisonError::into_inner) = Some(at_us);
    }

    /// Tells something that happens.
    pub fn say(&self, text: &str) {
        let line = format!("{}  {text}", self.time());
        match &self.show {
            Show::Moving(bar) => bar.println(line),
            Show::Lines | Show::Events => plain(&line),
            Show::Nothing => {}
        }
    }

    /// Shows how it goes, until this is dropped. `phase` names the phase at a second of the load.
    pub async fn follow(&self, history: PathBuf, phase: impl Fn(f64) -> String) {
        if matches!(self.show, Show::Events | Show::Nothing) {
            return std::future::pending().await;
        }
        let mut tail = Tail::new(history);
        let mut seconds = Vec::new();
        for tick in 1u32.. {
            tokio::time::sleep(TICK).await;
            seconds.push(tail.read());
            let text = format!("{:<12} {}", phase(self.load_seconds()), figures(&seconds));
            match &self.show {
                Show::Moving(bar) => bar.set_message(format!("{}  {text}", self.time())),
                _ if tick % PLAIN_TICKS == 0 => plain(&format!("{}  {text}", self.time())),
                _ => {}
            }
            if matches!(self.show, Show::Moving(_)) || tick % PLAIN_TICKS == 0 {
                seconds.clear();
            }
        }
    }

    /// Takes the moving line away.
    pub fn done(&self) {
        if let Show::Moving(bar) = &self.show {
            bar.finish_and_clear();
        }
    }

    /// Seconds since the load began, or before it since the run began.
    fn load_seconds(&self) -> f64 {
        let begun = self.begun_us.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(0);
        (self.clock.now_us() as f64 - begun as f64) / 1e6
    }

    fn time(&self) -> String {
        format!("{:6.1} s", self.load_seconds())
    }
}

fn plain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}"); // nobody is there to see it
}

/// What was answered lately.
#[derive(Debug, Default)]
struct Lately {
    latencies_us: Vec<u64>,
    not_ok: u64,
    promised: u64,
}

fn figures(seconds: &[Lately]) -> String {
    let mut latencies: Vec<u64> =
        seconds.iter().flat_map(|second| second.latencies_us.iter().copied()).collect();
    latencies.sort_unstable();
    let requests = latencies.len();
    let span = seconds.len().max(1) as f64;
    let at = |share: f64| {
        let place = ((requests as f64 * share).ceil() as usize).clamp(1, requests.max(1)) - 1;
        latencies.get(place).map_or(0, |us| us / 1_000)
    };
    let not_ok: u64 = seconds.iter().map(|second| second.not_ok).sum();
    let promised: u64 = seconds.iter().map(|second| second.promised).sum();
    format!(
        "{:5.1}/s {:4.1} orders/s p50 {:>3} p99 {:>3} max {:>3} ms {not_ok} not ok",
        requests as f64 / span,
        promised as f64 / span,
        at(0.5),
        at(0.99),
        at(1.0),
    )
}

/// Reads what was appended to the history.
struct Tail {
    path: PathBuf,
    file: Option<File>,
    rest: Vec<u8>,
}

impl Tail {
    fn new(path: PathBuf) -> Tail {
        Tail { path, file: None, rest: Vec::new() }
    }

    fn read(&mut self) -> Lately {
        let mut lately = Lately::default();
        if self.file.is_none() {
            self.file = File::open(&self.path).ok(); // it may not be there yet
        }
        let Some(file) = &mut self.file else { return lately };
        if file.read_to_end(&mut self.rest).is_err() {
            return lately; // this is for show; the writer notices what is wrong with the file
        }
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        for line in lines.split(|byte| *byte == b'\n') {
            if let Ok(record) = serde_json::from_slice::<HistoryRecord>(line) {
                lately.add(&record);
            }
        }
        lately
    }
}

impl Lately {
    fn add(&mut self, record: &HistoryRecord) {
        if record.op == Op::SignIn || record.outcome == Outcome::Skipped {
            return;
        }
        self.latencies_us.extend(record.latency_us);
        self.not_ok += u64::from(!matches!(record.outcome, Outcome::Ok | Outcome::PlannedRefusal));
        self.promised += u64::from(record.acknowledged());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_seconds_shown() {
        let second = |latencies_us: Vec<u64>| Lately { latencies_us, not_ok: 1, promised: 2 };
        let text = figures(&[second(vec![10_000, 30_000]), second(vec![20_000, 900_000])]);
        assert_eq!(text, "  2.0/s  2.0 orders/s p50  20 p99 900 max 900 ms 2 not ok");
        assert!(figures(&[]).contains("  0.0/s"));
    }
}
