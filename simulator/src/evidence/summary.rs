//! Markdown for the summary of a CI step.

use super::words;
use super::{Evidence, GoalResult, InvariantReport};
use crate::checks::Standing;
use std::fmt::Write;

pub(super) fn render(evidence: &Evidence) -> String {
    let mut text = String::new();
    head(evidence, &mut text);
    goals(&evidence.goals, &mut text);
    invariants(&evidence.invariants, &mut text);
    foot(evidence, &mut text);
    text
}

// Writing into a String cannot fail.
macro_rules! put {
    ($text:expr, $($form:tt)*) => { let _ = writeln!($text, $($form)*); };
}

fn head(evidence: &Evidence, text: &mut String) {
    put!(text, "## {}: {}\n", cell(&evidence.scenario), evidence.verdict);
    put!(text, "{}\n", cell(&words::claim(evidence)));
    for reason in &evidence.reasons {
        put!(text, "- {}", cell(reason));
    }
    if !evidence.reasons.is_empty() {
        put!(text, "");
    }
}

fn goals(goals: &[GoalResult], text: &mut String) {
    put!(text, "| Goal | Phase | Target | Measured | Met |");
    put!(text, "|---|---|---:|---:|---|");
    for goal in goals {
        let met = match (&goal.not_judged, goal.pass) {
            (Some(why), _) => format!("not judged: {}", cell(why)),
            (None, true) => "yes".to_owned(),
            (None, false) => "**no**".to_owned(),
        };
        let (scope, target, measured) = (words::scope(goal), words::target(goal), words::measured(goal));
        put!(text, "| {} | {scope} | {} | {measured} | {met} |", cell(&goal.id), cell(&target));
    }
    put!(text, "");
}

fn invariants(invariants: &[InvariantReport], text: &mut String) {
    let with = |standing| invariants.iter().filter(move |invariant| invariant.standing == standing);
    let (kept, broken) = (with(Standing::Kept).count(), with(Standing::Broken).count());
    let checked: u64 = invariants.iter().map(|invariant| invariant.checked).sum();
    let not_judged = with(Standing::NotJudged).count();
    put!(
        text,
        "Invariants: {kept} kept, {broken} broken, {not_judged} not judged; {} things checked.\n",
        words::count(checked)
    );
    for invariant in with(Standing::Broken) {
        put!(text, "- **{}** {}: {} violations", invariant.id, cell(&invariant.title), invariant.violations);
        for example in invariant.examples.iter().take(5) {
            put!(text, "  - {}", cell(example));
        }
    }
    put!(text, "<details><summary>Every invariant</summary>\n");
    put!(text, "| | Invariant | Checked | Violations | Unjudged | |");
    put!(text, "|---|---|---:|---:|---:|---|");
    for invariant in invariants {
        let (checked, unjudged) = (words::count(invariant.checked), words::count(invariant.unjudged));
        let standing = match &invariant.not_judged {
            Some(why) => format!("not judged: {}", cell(why)),
            None => words::standing(invariant.standing).to_owned(),
        };
        let (id, title, violations) = (&invariant.id, cell(&invariant.title), invariant.violations);
        put!(text, "| {id} | {title} | {checked} | {violations} | {unjudged} | {standing} |");
    }
    put!(text, "\n</details>\n");
}

fn foot(evidence: &Evidence, text: &mut String) {
    let (seed, commit) = (evidence.seed, cell(&evidence.commit));
    let (engine, cloud) = (cell(&evidence.engine), cell(&evidence.cloud));
    put!(text, "Seed {seed}, commit {commit}, {engine} engine, {cloud} cloud. Run it again:\n");
    put!(text, "```\n{}\n```", evidence.replay.replace("```", ""));
}

/// Text that stays in its cell and in its line.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ").replace('<', "&lt;")
}
