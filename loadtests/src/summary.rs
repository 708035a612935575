//! What an attack did, in a few figures.

use goose::metrics::GooseMetrics;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The outcome of an attack. Goose waits for an answer before it asks again, so these figures hide stalls:
/// they show the journeys, they judge no goal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Users at once.
    pub users: u32,
    /// How long, seconds.
    pub run_s: u64,
    /// Steps of all kinds.
    pub requests: u64,
    /// Steps without the wanted answer.
    pub failures: u64,
    /// By step, in the order of their names.
    pub steps: Vec<StepFigures>,
    /// What came of the orders.
    pub orders: OrderCounts,
    /// What the reader must know, such as journeys that were left out.
    pub notes: Vec<String>,
}

/// One kind of step, timed to the last byte of the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepFigures {
    /// Its name, as in the history.
    pub step: String,
    /// How many.
    pub requests: u64,
    /// How many without the wanted answer.
    pub failures: u64,
    /// Half came sooner, ms.
    pub p50_ms: f64,
    /// 99 % came sooner, ms.
    pub p99_ms: f64,
    /// The slowest, ms.
    pub max_ms: f64,
}

/// Attempts to order, by what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderCounts {
    /// Sent.
    pub attempted: u64,
    /// Promised.
    pub acknowledged: u64,
    /// Refused.
    pub refused: u64,
    /// Neither.
    pub ambiguous: u64,
}

impl Summary {
    pub(crate) fn of(metrics: &GooseMetrics, users: u32, orders: OrderCounts, notes: Vec<String>) -> Self {
        let mut steps: Vec<StepFigures> = metrics.requests.values().map(figures).collect();
        steps.sort_by(|a, b| a.step.cmp(&b.step));
        Summary {
            users,
            run_s: metrics.duration as u64,
            requests: steps.iter().map(|step| step.requests).sum(),
            failures: steps.iter().map(|step| step.failures).sum(),
            steps,
            orders,
            notes,
        }
    }
}

fn figures(aggregate: &goose::metrics::GooseRequestMetricAggregate) -> StepFigures {
    let ms = |us: u64| us as f64 / 1_000.0;
    StepFigures {
        step: aggregate.path.clone(),
        requests: (aggregate.success_count + aggregate.fail_count) as u64,
        failures: aggregate.fail_count as u64,
        p50_ms: ms(aggregate.raw_data.percentile_us(0.5)),
        p99_ms: ms(aggregate.raw_data.percentile_us(0.99)),
        max_ms: ms(aggregate.raw_data.maximum_time_us),
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} users for {} s: {} steps, {} failed",
            self.users, self.run_s, self.requests, self.failures
        )?;
        writeln!(
            f,
            "{:<14} {:>8} {:>8} {:>10} {:>10} {:>10}",
            "step", "count", "failed", "p50 ms", "p99 ms", "max ms"
        )?;
        for step in &self.steps {
            let StepFigures { step, requests, failures, p50_ms, p99_ms, max_ms } = step;
            writeln!(
                f,
                "{step:<14} {requests:>8} {failures:>8} {p50_ms:>10.1} {p99_ms:>10.1} {max_ms:>10.1}"
            )?;
        }
        let OrderCounts { attempted, acknowledged, refused, ambiguous } = self.orders;
        writeln!(
            f,
            "orders: {attempted} attempted, {acknowledged} acknowledged, {refused} refused, {ambiguous} ambiguous"
        )?;
        self.notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))
    }
}
