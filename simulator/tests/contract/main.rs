//! What the services rely on in a cloud, asked of every cloud that a region can stand on: one body, many targets.
//!
//! Each check is a function over a [`place::Place`]. Where a target is known to differ, [`differences`] says so and why, and
//! such a check must fail there: a difference that is gone fails the run, so that the table stays true.

#![allow(clippy::unwrap_used)]

mod differences;
#[path = "../cloud/door.rs"]
mod door;
mod events;
mod place;
mod queues;
mod replicas;
mod sign_in;
mod tables;

use std::io::Write as _;
use std::time::Duration;

use futures::future::BoxFuture;
use place::{Place, Target};
use simulator::engine::localstack::Container;

/// A check takes no longer.
const LIMIT: Duration = Duration::from_secs(60);

/// One thing that must hold.
pub(crate) struct Check {
    pub(crate) id: &'static str,
    pub(crate) run: fn(Place) -> BoxFuture<'static, ()>,
}

/// Checks by the names of their functions.
macro_rules! checks {
    ($($module:ident::$check:ident),+ $(,)?) => {
        [$($crate::Check {
            id: concat!(stringify!($module), "::", stringify!($check)),
            run: |place| Box::pin($crate::$module::$check(place)),
        }),+]
    };
}

fn all() -> Vec<Check> {
    Vec::from(checks![
        tables::every_table_is_as_declared,
        tables::items_are_written_read_changed_and_deleted,
        tables::a_failed_condition_says_what_it_met,
        tables::a_condition_may_compare_and_search,
        tables::an_update_that_fails_its_condition_says_what_it_met,
        tables::a_cancelled_transaction_gives_its_reasons_and_changes_nothing,
        tables::a_transaction_with_a_known_token_is_not_done_twice,
        tables::a_token_with_another_transaction_is_refused,
        tables::numbers_keep_their_digits,
        tables::an_index_is_queried_in_order_and_in_pages,
        tables::an_index_leaves_out_items_without_its_keys,
        tables::a_local_index_shows_a_write_at_once,
        tables::a_query_filters_and_projects,
        tables::a_batch_writes_and_deletes,
        tables::what_was_consumed_is_told_to_those_who_ask,
        tables::a_stream_has_the_images_of_every_write,
        tables::bad_input_is_refused_by_name,
        events::an_event_reaches_those_who_want_it,
        events::a_pattern_looks_into_the_detail,
        events::each_entry_has_its_own_id,
        events::a_bad_entry_is_refused_beside_a_good_one,
        events::a_request_that_is_too_large_is_refused,
        events::a_request_without_entries_is_refused,
        queues::a_long_poll_ends_with_the_arrival_of_a_message,
        queues::a_received_message_is_hidden_and_comes_back,
        queues::an_old_receipt_is_worthless,
        queues::a_message_received_too_often_becomes_a_dead_letter_and_is_driven_back,
        queues::a_batch_of_deletions_has_a_result_for_each,
        queues::an_unknown_queue_is_named_as_such,
        sign_in::tokens_verify_against_the_published_keys,
        sign_in::a_session_is_refreshed,
        sign_in::a_wrong_password_and_an_unknown_user_are_refused,
        sign_in::a_token_tells_who_somebody_is,
        sign_in::whoever_did_not_confirm_cannot_sign_in,
        sign_in::a_wrong_code_confirms_nobody,
        replicas::every_kind_of_write_is_owed_to_the_others,
        replicas::a_transaction_is_owed_as_it_was_stored,
        replicas::another_regions_writes_win_or_lose_by_their_stamps,
    ])
}

#[tokio::test]
async fn embedded() {
    hold(Target::Embedded).await;
}

#[tokio::test]
async fn endpoint() {
    match place::endpoint() {
        Ok(url) => hold(Target::at(&url).await).await,
        Err(why) => say(&format!("contract: the checks of an endpoint are skipped: {why}")),
    }
}

#[tokio::test]
async fn localstack() {
    let image = match place::image() {
        Ok(image) => image,
        Err(why) => return say(&format!("contract: the checks of a container are skipped: {why}")),
    };
    let container = Container::start(&image).await.unwrap_or_else(|fault| panic!("{fault}"));
    hold(Target::at(container.url()).await).await;
    container.end().await.unwrap();
}

/// Carries out every check at a target, and holds what came of it against the known differences.
async fn hold(target: Target) {
    let place = Place::start(&target).await;
    let (mut wrong, mut differ) = (Vec::new(), 0);
    for check in all() {
        let outcome = outcome(&check, place.clone()).await;
        match (outcome, differences::of(check.id, &target)) {
            (Ok(()), None) => {}
            (Err(_), Some(_)) => differ += 1,
            (Err(why), None) => wrong.push(format!("{}: {why}", check.id)),
            (Ok(()), Some(reason)) => {
                wrong.push(format!("{}: no longer differs ({reason}): take it out of the table", check.id));
            }
        }
    }
    place.leave().await;
    let (count, word) = (all().len(), target.word());
    say(&format!(
        "contract: {} of {count} checks hold on {word}, {differ} known differences",
        count - differ - wrong.len()
    ));
    assert!(wrong.is_empty(), "on {word}:\n{}", wrong.join("\n"));
}

async fn outcome(check: &Check, place: Place) -> Result<(), String> {
    let running = tokio::spawn((check.run)(place));
    let stop = running.abort_handle();
    match tokio::time::timeout(LIMIT, running).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(fault)) => Err(match fault.try_into_panic() {
            Ok(panic) => told(&*panic),
            Err(_) => "it was stopped".to_owned(),
        }),
        Err(_) => {
            stop.abort();
            Err(format!("not done within {} s", LIMIT.as_secs()))
        }
    }
}

/// What a check said when it gave up.
fn told(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
}

/// A line of its own that is shown whether the test passes or not.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "\n{line}"); // nobody to tell if this fails
}
