//! What shops of this kind got wrong, each with the tests that would show it here. The list names tests by their
//! functions and fails where one is gone.

use std::{collections::BTreeSet, fs, path::Path};

const DEFECTS: &[(&str, &[&str])] = &[
    (
        "a line at price 0 hides behind a second line of the same product at its true price",
        &[
            "free_goods_by_duplicate_lines_are_refused",
            "what_no_honest_customer_sends_is_refused_and_leaves_nothing",
        ],
    ),
    ("less than one unit, or no line at all, lowers the total", &["quantities_and_prices_have_bounds"]),
    (
        "packaging that found nothing passes for a package",
        &["an_empty_package_and_one_given_up_have_failed", "a_package_that_fails_gives_goods_and_money_back"],
    ),
    ("a hundred boxes are sent for the price of one", &["quantity_counts_and_the_larger_need_of_boxes_wins"]),
    (
        "a country in small letters, or under a wrong code, pays another fee",
        &["a_country_is_read_in_any_case_and_must_exist"],
    ),
    (
        "what a producer sends is not what its consumers read",
        &[
            "what_an_order_makes_happen_is_told_as_the_schemas_say",
            "an_event_that_breaks_its_schema_is_not_applied",
        ],
    ),
    (
        "the customer pays for what was not packed",
        &["a_partial_package_lowers_the_total_unless_the_customer_wants_all"],
    ),
    (
        "a step that is done again is told again",
        &[
            "an_order_is_packed_once_and_what_is_short_goes_back",
            "a_released_order_goes_to_the_customer_and_every_report_may_be_repeated",
        ],
    ),
    (
        "a check that answers with an error lets the order through",
        &[
            "a_check_that_fails_in_any_way_lets_no_order_through",
            "a_check_fails_closed_and_the_token_is_seen_by_nobody",
        ],
    ),
    (
        "one payment token pays for many orders",
        &["a_payment_token_pays_for_one_order_of_one_customer", "a_token_backs_one_order"],
    ),
    (
        "goods are shipped before they are paid",
        &["a_capture_that_is_refused_is_not_shipped_until_another_token_pays"],
    ),
    (
        "an entry that the bus refuses is lost, as the call as a whole succeeded",
        &[
            "each_entry_has_its_own_result",
            "an_event_that_breaks_its_schema_stays_here_and_holds_up_no_other",
        ],
    ),
    (
        "nobody can tell whether a capture was made whose answer was lost",
        &["a_lost_answer_is_found_by_its_key", "an_unknown_outcome_is_told_once_and_resolved_later"],
    ),
    (
        "an amount that the provider refused passes for changed",
        &["another_amount_at_the_provider_stops_everything"],
    ),
    (
        "one bad event holds up all behind it, or is gone for good",
        &[
            "a_message_received_too_often_becomes_a_dead_letter_and_can_be_driven_back",
            "parked_events_are_shown_without_their_content_and_stay_parked",
            "a_redriven_event_takes_effect_once_however_often_it_is_redriven",
        ],
    ),
    ("more is sold than there is", &["many_customers_buy_the_last_units_and_nobody_gets_what_is_not_there"]),
    (
        "a list ends after its first page",
        &["anybody_can_page_through_the_whole_catalogue", "the_pickers_list_has_pages"],
    ),
    (
        "a payment token or a card number is in an event, a log or an order",
        &["a_card_number_is_found_in_a_log_even_across_pieces", "the_history_keeps_no_token"],
    ),
    (
        "a clock that is off decides which change is the newer one",
        &[
            "a_local_write_after_a_merged_one_wins_even_where_the_clock_is_behind",
            "a_clock_that_was_off_dates_no_copy",
        ],
    ),
];

/// The names of all test functions under a folder.
fn tests_under(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests_under(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            found.extend(tests_in(&text));
        }
    }
}

/// The functions that stand right behind a test's attribute.
fn tests_in(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_test = |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let named = |line: &str| {
        let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
        name.split('(').next().map(str::to_owned)
    };
    let pairs = lines.windows(2).filter(|pair| is_test(pair[0]));
    pairs.filter_map(|pair| named(pair[1])).collect()
}

#[test]
fn each_defect_has_a_test_that_would_show_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut tests = BTreeSet::new();
    for folder in ["services", "simulator", "loadtests"] {
        tests_under(&root.join(folder), &mut tests);
    }
    for (defect, names) in DEFECTS {
        for name in *names {
            assert!(tests.contains(*name), "{defect}: there is no test {name}");
        }
    }
}
