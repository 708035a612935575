//! What whoever runs the experiments has to know of them, in Markdown.

use super::{
    ACTION_MINUTE_CENTS, Done, Export,
    timeline::{FOR_GOOD_MIN, PAUSE_MIN},
};
use std::{collections::BTreeSet, fmt::Write as _};

impl Export {
    /// Which fault became what, how that differs from the scenario, when it happens, what it costs, and what is left out.
    pub fn notes(&self) -> String {
        let mut text = String::new();
        // Writing to text does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let scenario = &self.scenario;
        writeln!(text, "# {scenario} as experiments of AWS Fault Injection Service\n")?;
        writeln!(
            text,
            "Written by `cargo run -p simulator -- export fis {scenario}`. Nothing of it has been run on AWS.\n"
        )?;
        self.write_experiments(text)?;
        self.write_faults(text)?;
        self.write_unlike(text)?;
        self.write_times(text)?;
        self.write_left(text)
    }

    fn write_experiments(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "## Experiments\n")?;
        writeln!(text, "Each runs in its own region. Start all of them together.\n")?;
        writeln!(text, "| File | Actions, with their minutes | Action-minutes | Price |\n|---|---|---|---|")?;
        for experiment in &self.experiments {
            let spans = experiment.spans.iter();
            let actions = spans.map(|(name, span)| format!("`{name}` {} to {}", span.from_min, span.to_min));
            let actions = actions.collect::<Vec<_>>().join(", ");
            let (file, minutes) = (experiment.file_name(), experiment.action_minutes());
            writeln!(text, "| `{file}` | {actions} | {minutes} | {} |", experiment.price())?;
        }
        writeln!(
            text,
            "\nAction-minutes count waits as well. FIS's list price is 0.{ACTION_MINUTE_CENTS:02} USD for one (aws.amazon.com/fis/pricing, gathered on \
             2026-11-23); each report costs something besides, which is not known here.\n"
        )
    }

    fn write_faults(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "## Faults\n")?;
        writeln!(text, "| In the scenario | As an experiment | Regions |\n|---|---|---|")?;
        for done in &self.done {
            let deeds = done.deeds.iter().map(|deed| format!("`{}`", deed.action_id()));
            let deeds = deeds.collect::<Vec<_>>().join(" and ");
            let regions = done.regions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let minutes = format!("minute {} to {}", done.from_min, done.to_min);
            writeln!(text, "| {} | {deeds}, {minutes} | {regions} |", when(done))?;
        }
        writeln!(text)
    }

    fn write_unlike(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "## What they do not reproduce\n")?;
        let mut told = BTreeSet::new();
        for unlike in self.done.iter().flat_map(|done| &done.unlike) {
            if told.insert(unlike) {
                writeln!(text, "- {unlike}")?;
            }
        }
        writeln!(text)
    }

    fn write_times(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "## Times\n")?;
        writeln!(
            text,
            "- FIS counts in whole minutes here. The time between any two moments at which something begins or ends is rounded up, \
             so that the order stays and what overlaps goes on overlapping."
        )?;
        writeln!(text, "- What never heals in the scenario lasts {FOR_GOOD_MIN} min after everything else.")?;
        writeln!(
            text,
            "- Replication may go on for up to 5 min after a pause began. Where one begins, at least {PAUSE_MIN} min pass before \
             anything else."
        )?;
        writeln!(
            text,
            "- Functions feel a fault when their extension asks for it, every 10 s as `infra/` sets it up, and for up to 20 s after \
             its end. A function that is not called feels nothing: run the experiments under load."
        )?;
        writeln!(
            text,
            "- Faults of one kind that overlap in a region are one action: of two, FIS does the first.\n"
        )
    }

    fn write_left(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "## Left out\n")?;
        if self.left.is_empty() {
            return writeln!(text, "Nothing.");
        }
        writeln!(text, "| Fault | Why | Nearest thing in FIS |\n|---|---|---|")?;
        for left in &self.left {
            writeln!(text, "| {} | {} | {} |", left.fault, left.why, left.nearest)?;
        }
        Ok(())
    }
}

/// The fault and its time in the scenario.
fn when(done: &Done) -> String {
    let label = done.fault.fault.label();
    match done.fault.heals_at_s() {
        Some(to_s) => format!("{label}, {} to {to_s} s", done.fault.at_s),
        None => format!("{label}, {} s, for good", done.fault.at_s),
    }
}
