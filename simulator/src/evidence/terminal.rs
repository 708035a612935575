//! The end of a run on a terminal: goals, invariants and the verdict in 80 columns.

use super::verdict::Verdict;
use super::words;
use super::{Evidence, GoalResult, InvariantReport};
use crate::checks::Standing;
use std::collections::BTreeSet;
use std::fmt::Write;

const WIDTH: usize = 80;

/// Whether the text has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Text only.
    Plain,
    /// ANSI colours.
    Ansi,
}

#[derive(Clone, Copy)]
enum Tone {
    Good,
    Bad,
    Doubtful,
}

impl Paint {
    fn tone(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Doubtful => "33",
        };
        match self {
            Paint::Plain => text.to_owned(),
            Paint::Ansi => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// The final table, with a line end after each line.
pub fn terminal(evidence: &Evidence, paint: Paint) -> String {
    let mut lines: Vec<String> = Vec::new();
    lines.push(fit(
        &format!("{}  seed {}  commit {}", evidence.scenario, evidence.seed, evidence.commit),
        WIDTH,
    ));
    lines.push(rule());
    lines.push(format!("{:<24} {:<16} {:>14} {:>15}", "GOAL", "PHASE", "TARGET", "MEASURED"));
    lines.extend(evidence.goals.iter().map(|goal| goal_line(goal, paint)));
    lines.push(rule());
    lines.push(format!("{:<47} {:>9} {:>6} {:>8}", "INVARIANT", "CHECKED", "BROKEN", "UNJUDGED"));
    lines.extend(invariant_table(&evidence.invariants, paint));
    lines.push(rule());
    let tone = match evidence.verdict {
        Verdict::GoalsMet => Tone::Good,
        Verdict::Inconclusive => Tone::Doubtful,
        _ => Tone::Bad,
    };
    let verdict = format!("VERDICT: {} (exit {})", evidence.verdict, evidence.exit_code);
    lines.push(paint.tone(tone, &verdict));
    let unseen = evidence.invariants.iter().filter(|one| one.not_judged.is_some()).count();
    if evidence.from_outside {
        lines.push(format!("  judged from outside: {unseen} invariants were not judged"));
    }
    lines.extend(evidence.reasons.iter().map(|reason| fit(&format!("  {reason}"), WIDTH)));
    let mut text = String::new();
    for line in lines {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn rule() -> String {
    "-".repeat(WIDTH)
}

fn goal_line(goal: &GoalResult, paint: Paint) -> String {
    let (id, scope) = (fit(&goal.id, 24), fit(&words::scope(goal), 16));
    let (target, measured) = (fit(&words::target(goal), 14), fit(&words::measured(goal), 15));
    let (tone, word) = match (&goal.not_judged, goal.pass) {
        (Some(_), _) => (Tone::Doubtful, "n/a"),
        (None, true) => (Tone::Good, "met"),
        (None, false) => (Tone::Bad, "MISSED"),
    };
    format!("{id:<24} {scope:<16} {target:>14} {measured:>15} {}", paint.tone(tone, word))
}

/// A reason that many have for not being judged is told once.
fn invariant_table(invariants: &[InvariantReport], paint: Paint) -> Vec<String> {
    let mut told = BTreeSet::new();
    let mut lines = Vec::new();
    for invariant in invariants {
        let why = invariant.not_judged.as_deref().filter(|why| told.insert(*why));
        lines.extend(invariant_lines(invariant, why, paint));
    }
    lines
}

fn invariant_lines(invariant: &InvariantReport, why: Option<&str>, paint: Paint) -> Vec<String> {
    let name = fit(&format!("{:<2} {}", invariant.id, invariant.title), 47);
    let (tone, word) = match invariant.standing {
        Standing::Kept => (Tone::Good, "kept"),
        Standing::Broken => (Tone::Bad, "BROKEN"),
        Standing::NotJudged => (Tone::Doubtful, "n/a"),
    };
    let (checked, unjudged) = (words::count(invariant.checked), words::count(invariant.unjudged));
    let word = paint.tone(tone, word);
    let mut lines = vec![format!("{name:<47} {checked:>9} {:>6} {unjudged:>8} {word}", invariant.violations)];
    lines.extend(why.map(|why| fit(&format!("     not judged: {why}"), WIDTH)));
    lines.extend(invariant.examples.iter().take(3).map(|example| fit(&format!("     {example}"), WIDTH)));
    lines
}

/// The text, cut to `width` characters.
fn fit(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text.chars().take(width - 2).chain("..".chars()).collect(),
        false => text.to_owned(),
    }
}
