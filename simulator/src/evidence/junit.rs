//! JUnit XML: each goal, each invariant and each fault is a test case, so that CI shows them one by one.

use super::words;
use super::{Evidence, FaultReport, GoalResult, InvariantReport};
use crate::checks::Standing;
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

pub(super) fn render(evidence: &Evidence) -> Result<String, SerializeError> {
    let name = &evidence.scenario;
    let mut report = Report::new(format!("bigsmokes {name}"));
    report.set_time(Duration::try_from_secs_f64(evidence.duration_s).unwrap_or_default());
    report.add_test_suite(suite("goals", evidence.goals.iter().map(|goal| goal_case(name, goal))));
    report.add_test_suite(suite("invariants", evidence.invariants.iter().map(|i| invariant_case(name, i))));
    report.add_test_suite(suite("faults", evidence.faults.iter().map(|fault| fault_case(name, fault))));
    report.to_string()
}

fn suite(name: &str, cases: impl Iterator<Item = TestCase>) -> TestSuite {
    let mut suite = TestSuite::new(name);
    suite.add_test_cases(cases);
    suite
}

fn case(class: String, name: String, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}

fn failure(message: String, description: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(message);
    status.set_description(description);
    status
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(why);
    status
}

fn goal_case(scenario: &str, goal: &GoalResult) -> TestCase {
    let (measured, wanted) = (words::measured(goal), words::target(goal));
    let status = match (&goal.not_judged, goal.pass) {
        (Some(why), _) => skipped(why),
        (None, true) => TestCaseStatus::success(),
        (None, false) => failure(format!("{measured}, wanted {wanted}"), String::new()),
    };
    let mut case = case(format!("{scenario}.goals"), format!("{} ({})", goal.id, words::scope(goal)), status);
    case.set_system_out(format!("{measured}, wanted {wanted}"));
    case
}

fn invariant_case(scenario: &str, invariant: &InvariantReport) -> TestCase {
    let status = match invariant.standing {
        Standing::Kept => TestCaseStatus::success(),
        Standing::Broken => {
            failure(format!("{} violations", invariant.violations), invariant.examples.join("\n"))
        }
        Standing::NotJudged => skipped(invariant.not_judged.as_deref().unwrap_or("not judged")),
    };
    let name = format!("{}: {}", invariant.id, invariant.title);
    let mut case = case(format!("{scenario}.invariants"), name, status);
    case.set_system_out(format!("{} checked, {} unjudged", invariant.checked, invariant.unjudged));
    case
}

fn fault_case(scenario: &str, fault: &FaultReport) -> TestCase {
    let status = match fault.felt {
        true => TestCaseStatus::success(),
        false => failure("nothing shows that the fault was felt".to_owned(), fault.shown_by.clone()),
    };
    let mut case = case(format!("{scenario}.faults"), format!("felt: {}", fault.label), status);
    case.set_system_out(fault.shown_by.as_str());
    case
}
