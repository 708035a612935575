//! L1 to L3: how long customers waited, and how often in vain.

use super::Tally;
use super::case::Answer;
use super::records::Records;

const NO_ANSWERS: &str = "no open-loop request was recorded";

/// From the moment a request was meant to be sent to the end of its answer, ms.
fn waited_ms(answer: &Answer) -> Option<i64> {
    answer.answered_ms.map(|answered| answered - answer.planned_ms)
}

/// L1: no answer is later than the limit. No answer at all is later than any limit.
pub(super) fn no_late_answer(records: &Records<'_>, tally: &mut Tally) {
    let Some(answers) = &records.case.answers else { return tally.absent(NO_ANSWERS) };
    let limit = records.case.rules.answer_ms_max;
    for answer in answers {
        match waited_ms(answer) {
            Some(ms) => tally.demand(ms <= limit, &answer.op, || format!("answered after {ms} ms")),
            None => tally
                .demand(false, &answer.op, || format!("sent at {} and never answered", answer.planned_ms)),
        }
    }
}

/// L2: the share of good answers over the whole run.
pub(super) fn available(records: &Records<'_>, tally: &mut Tally) {
    let Some(answers) = &records.case.answers else { return tally.absent(NO_ANSWERS) };
    let rules = &records.case.rules;
    let in_time = |answer: &&Answer| waited_ms(answer).is_some_and(|ms| ms <= rules.answer_ms_max);
    let good = answers.iter().filter(in_time).filter(|answer| answer.wanted).count();
    tally.looked_at(answers.len());
    let share = 100.0 * good as f64 / answers.len().max(1) as f64;
    if !answers.is_empty() && share < rules.availability_pct_min {
        let (all, least) = (answers.len(), rules.availability_pct_min);
        tally.broken(
            format!("{good} of {all} answers were good: {share:.3} %, promised are {least} %"),
            ["all"],
        );
    }
}

/// L3: load is shed at once, never by letting the customer wait.
pub(super) fn quick_refusal(records: &Records<'_>, tally: &mut Tally) {
    let Some(answers) = &records.case.answers else { return tally.absent(NO_ANSWERS) };
    let limit = records.case.rules.shed_ms_max;
    let is_shed =
        |answer: &&Answer| answer.status == Some(429) || answer.code.as_deref() == Some("RATE_LIMITED");
    for answer in answers.iter().filter(is_shed) {
        let ms = waited_ms(answer);
        tally.demand(ms.is_some_and(|ms| ms < limit), &answer.op, || {
            format!("refused for overload after {} ms", ms.unwrap_or_default())
        });
    }
}
