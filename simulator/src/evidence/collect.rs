//! From what the checks and the scenario say to what the evidence holds.

use super::model::{BudgetPartReport, BudgetReport, GoalResult, InvariantReport};
use crate::checks::InvariantResult;
use crate::scenario::Goal;
use crate::topology::BudgetLine;

/// Breaches that are written out; the rest is counted.
const EXAMPLES_MAX: usize = 20;
/// Ids that are written out for a breach.
const IDS_MAX: usize = 5;

impl GoalResult {
    /// Judges a goal by a figure. Nothing measured is a missed goal.
    pub fn judge(goal: &Goal, measured: Option<f64>) -> Self {
        GoalResult {
            id: goal.id.clone(),
            metric: goal.metric,
            meaning: goal.metric.meaning(),
            op: goal.op,
            target: goal.target,
            measured,
            unit: goal.unit.clone(),
            phase: goal.phase,
            home: goal.home.as_ref().map(|home| home.to_string()),
            pass: measured.is_some_and(|value| goal.met(value)),
            not_judged: None,
        }
    }

    /// A goal that this run cannot judge.
    pub fn not_judged(goal: &Goal, why: &str) -> Self {
        GoalResult { not_judged: Some(why.to_owned()), ..GoalResult::judge(goal, None) }
    }
}

impl From<&InvariantResult> for InvariantReport {
    fn from(result: &InvariantResult) -> Self {
        let examples = result.violations.iter().take(EXAMPLES_MAX).map(|violation| {
            let ids: Vec<&str> = violation.ids.iter().take(IDS_MAX).map(String::as_str).collect();
            match violation.ids.len() > IDS_MAX {
                true => format!(
                    "{} ({} and {} more)",
                    violation.message,
                    ids.join(", "),
                    violation.ids.len() - IDS_MAX
                ),
                false => format!("{} ({})", violation.message, ids.join(", ")),
            }
        });
        InvariantReport {
            id: result.id.to_owned(),
            title: result.title.to_owned(),
            standing: result.standing(),
            checked: result.checked,
            violations: result.violations.len() as u64,
            unjudged: result.unjudged,
            not_judged: result.not_judged.clone(),
            examples: examples.collect(),
        }
    }
}

impl BudgetReport {
    /// A budget line, with what was measured where the run lost that continent.
    pub fn new(line: &BudgetLine, measured_ms: Option<f64>) -> Self {
        let parts = line.parts.iter().map(|part| BudgetPartReport { name: part.name.clone(), ms: part.ms });
        BudgetReport {
            customers: line.customers.clone(),
            lost: line.lost.to_string(),
            parts: parts.collect(),
            total_ms: line.total_ms,
            measured_ms,
        }
    }
}
