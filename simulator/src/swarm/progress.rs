//! How far a search has come, on standard error: a bar on a terminal, a line once in a while elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};
use tokio::time::Instant;

/// How often a plain line comes.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows how far it has come.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    all: u64,
    done: u64,
    failing: u64,
    last_line: Instant,
}

impl Progress {
    /// Nothing of `all` is done.
    pub(super) fn of(all: u64) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{elapsed} {bar:40} {pos}/{len} seeds, {msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Progress { bar, all, done: 0, failing: 0, last_line: Instant::now() }
    }

    /// One more is done.
    pub(super) fn step(&mut self, failed: bool) {
        self.done += 1;
        self.failing += u64::from(failed);
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} failing", self.failing));
            bar.inc(1);
        } else if self.last_line.elapsed() >= LINE_EVERY || self.done == self.all {
            self.last_line = Instant::now();
            self.say(&format!("{}/{} seeds, {} failing", self.done, self.all, self.failing));
        }
    }

    /// Tells something that happens.
    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => say(text),
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Tells something that happens, where no bar is.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}"); // nobody is there to see it
}
