//! Where a target is known to differ from AWS, and why that is no harm.

use crate::Target;

/// A check that must fail on a target.
struct Difference {
    check: &'static str,
    /// [`Target::word`].
    on: &'static str,
    reason: &'static str,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        check: "tables::a_transaction_with_a_known_token_is_not_done_twice",
        on: "embedded",
        reason: "request tokens are ignored: services tell a write that they try again by the write token in its items",
    },
    Difference {
        check: "tables::a_token_with_another_transaction_is_refused",
        on: "embedded",
        reason: "as above",
    },
    Difference {
        check: "events::a_bad_entry_is_refused_beside_a_good_one",
        on: "ministack",
        reason: "ministack takes any entry: services publish what their schemas allow, and check each result",
    },
    Difference {
        check: "events::a_request_that_is_too_large_is_refused",
        on: "ministack",
        reason: "ministack has no limit of 256 KiB: services publish ten entries at most, each far below it",
    },
    Difference {
        check: "events::a_request_without_entries_is_refused",
        on: "ministack",
        reason: "ministack takes a request without entries: no service sends one",
    },
    Difference {
        check: "queues::an_old_receipt_is_worthless",
        on: "ministack",
        reason: "ministack refuses an old receipt where SQS takes it and does nothing: the message comes again either way",
    },
    Difference {
        check: "sign_in::a_wrong_code_confirms_nobody",
        on: "ministack",
        reason: "ministack takes any code: it mails none",
    },
];

/// Why a check fails on a target, where it is known to.
pub(crate) fn of(check: &str, target: &Target) -> Option<&'static str> {
    let known = DIFFERENCES.iter().find(|one| one.check == check && one.on == target.word());
    known.map(|difference| difference.reason)
}

#[test]
fn every_difference_is_about_a_check() {
    let checks = crate::all();
    for difference in DIFFERENCES {
        assert!(checks.iter().any(|check| check.id == difference.check), "{}", difference.check);
    }
}

/// The table that people read is this one.
#[test]
fn the_table_is_shown() {
    let rows = DIFFERENCES.iter().map(|one| format!("| `{}` | {} | {} |", one.check, one.on, one.reason));
    let rows: Vec<String> = rows.collect();
    let shown: Vec<&str> = include_str!("README.md").lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(shown, rows, "README.md of this folder should say:\n{}", rows.join("\n"));
}
