//! The checks are checked: a sound run passes all of them, and for each one there is a way to fail it.

mod edits;
mod mutations;
mod order_story;
mod world;

use super::{Case, FaultFelt, Receipt, Standing, check, count_orders, recovery_ms};
use std::collections::BTreeSet;
use world::{backordered, calm, commanded, flood, returned, reviewed};

fn broken(case: &Case) -> Vec<String> {
    let breaches = check(case).into_iter().flat_map(|result| result.violations);
    breaches
        .map(|violation| format!("{}: {} {:?}", violation.invariant, violation.message, violation.ids))
        .collect()
}

#[test]
fn a_sound_run_breaks_nothing() {
    assert_eq!(broken(&calm()), Vec::<String>::new());
}

#[test]
fn a_flood_that_was_survived_breaks_nothing() {
    assert_eq!(broken(&flood()), Vec::<String>::new());
}

#[test]
fn what_customers_asked_of_their_orders_breaks_nothing() {
    assert_eq!(broken(&commanded()), Vec::<String>::new());
}

#[test]
fn orders_under_review_and_goods_that_came_back_break_nothing() {
    assert_eq!(broken(&reviewed()), Vec::<String>::new());
}

#[test]
fn orders_that_wait_for_goods_break_nothing() {
    assert_eq!(broken(&backordered()), Vec::<String>::new());
}

#[test]
fn what_was_never_told_as_booked_may_be_booked_or_not() {
    let mut case = backordered();
    let receipts = case.receipts.as_mut().expect("given");
    receipts[0].booked = false;
    let unheard = Receipt { reference: "unheard".into(), ..receipts[0].clone() };
    receipts.push(unheard);
    assert_eq!(broken(&case), Vec::<String>::new());
}

#[test]
fn orders_that_waited_for_goods_are_counted() {
    let counts = count_orders(&backordered());
    assert_eq!((counts.backordered, counts.served_later), (2, 1));
    let counts = count_orders(&flood());
    assert_eq!((counts.backordered, counts.served_later), (0, 0));
}

#[test]
fn a_wish_that_was_acknowledged_may_come_too_late() {
    let mut case = commanded();
    // The answer that came in the end was one to a repetition, when the parcel had left.
    case.commands[2].order_status = Some(contracts::OrderStatus::Shipped);
    assert_eq!(broken(&case), Vec::<String>::new());
}

#[test]
fn a_command_in_doubt_may_be_done_or_not() {
    let mut case = commanded();
    case.commands.iter_mut().for_each(|command| command.outcome = super::Outcome::Ambiguous);
    assert_eq!(broken(&case), Vec::<String>::new());
    edits::edit_commanded_step(&mut case, |step| step["reason"] = serde_json::Value::Null);
    let told = broken(&case).into_iter().filter(|breach| breach.starts_with('D'));
    assert_eq!(told.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_region_that_came_back_with_nothing_breaks_nothing() {
    let case = returned();
    // Nobody of the lost region's customers orders after the loss in this world, so R2 has nothing to see.
    let others = broken(&case).into_iter().filter(|breach| !breach.starts_with("R2"));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<String>::new());
    let (us, at_ms) = ("us-east-1".into(), case.faults[0].at_ms);
    assert!(case.lost_regions().contains(&us) && case.gone_regions().is_empty());
    assert!(case.was_lost_at(&us, at_ms) && !case.was_lost_at(&us, at_ms + 5_000));
}

#[test]
fn the_two_runs_together_judge_every_invariant() {
    let judged = |case: &Case| -> BTreeSet<&str> {
        let results = check(case).into_iter().filter(|result| result.standing() == Standing::Kept);
        results.filter(|result| result.checked > 0).map(|result| result.id).collect()
    };
    let all: BTreeSet<&str> = super::invariants::ALL.iter().map(|invariant| invariant.id).collect();
    assert_eq!(judged(&calm()).union(&judged(&flood())).copied().collect::<BTreeSet<_>>(), all);
}

#[test]
fn nothing_collected_is_nothing_judged() {
    for result in check(&Case::default()) {
        assert_eq!(result.standing(), Standing::NotJudged, "{}", result.id);
    }
}

#[test]
fn what_a_lost_continent_held_is_counted_as_unjudged() {
    let results = check(&flood());
    for id in ["S2", "S3"] {
        let result = results.iter().find(|result| result.id == id).expect("listed");
        assert!(result.unjudged > 0, "{id}");
    }
    let heal = results.iter().find(|result| result.id == "D5").expect("listed");
    assert_eq!(heal.not_judged.as_deref(), Some("a lost region never came back"));
}

#[test]
fn what_a_region_reserved_before_it_was_cut_off_may_wait_for_its_end() {
    let of = |case: &Case| check(case).into_iter().find(|result| result.id == "S4").expect("listed");
    let mut case = calm();
    edits::left_elsewhere(&mut case, i64::MAX);
    let result = of(&case);
    assert!(result.violations.is_empty() && result.unjudged > 0, "{result:?}");
}

#[test]
fn what_a_region_reserved_for_a_move_before_it_was_cut_off_may_wait_for_its_end() {
    let of = |case: &Case| check(case).into_iter().find(|result| result.id == "S4").expect("listed");
    let mut case = backordered();
    edits::kept_for_later(&mut case);
    assert!(!of(&case).violations.is_empty(), "nothing broke in this run");
    case.faults.push(FaultFelt { kind: "freeze-region".to_owned(), ..FaultFelt::default() });
    let result = of(&case);
    assert!(result.violations.is_empty() && result.unjudged > 0, "{result:?}");
}

#[test]
fn a_clock_that_was_off_dates_no_copy() {
    let of = |case: &Case| check(case).into_iter().find(|result| result.id == "D2").expect("listed");
    let mut case = calm();
    edits::edit(&mut case, "orders.journal", |row| row["writtenAt"] = serde_json::json!(i64::MAX));
    assert!(!of(&case).violations.is_empty());
    let mut skew = flood().faults[0].clone();
    skew.kind = "clock-skew".to_owned();
    skew.clock_off_ms = 60_000;
    skew.lost_regions.clear();
    skew.lost_warehouses.clear();
    skew.lost_continents.clear();
    case.faults.push(skew);
    let result = of(&case);
    assert!(result.violations.is_empty() && result.unjudged > 0, "{result:?}");
}

#[test]
fn an_entry_whose_token_a_majority_binds_elsewhere_makes_no_order() {
    let broken = |case: &Case| -> Vec<&str> {
        check(case)
            .into_iter()
            .filter(|result| !result.violations.is_empty())
            .map(|result| result.id)
            .collect()
    };
    let mut case = calm();
    edits::left_open_with_anothers_token(&mut case, "eu-west-1");
    assert_eq!(broken(&case), Vec::<&str>::new());
    // Where no copy binds the token it may be chosen yet.
    edits::retain(&mut case, "orders.tokens", |_| false);
    assert!(broken(&case).contains(&"D3"), "{:?}", broken(&case));
}

#[test]
fn orders_are_counted_as_customers_saw_them() {
    let mut case = flood();
    let counts = count_orders(&case);
    assert_eq!((counts.attempted, counts.acknowledged, counts.refused, counts.ambiguous), (6, 4, 1, 1));
    assert_eq!((counts.lost, counts.duplicated, counts.lost_at_disaster), (0, 0, 0));
    edits::forget_everything_about_one_order(&mut case);
    let counts = count_orders(&case);
    assert_eq!((counts.lost, counts.lost_at_disaster), (1, 1));
}

#[test]
fn recovery_is_counted_from_the_loss_to_the_first_answer_of_a_survivor() {
    assert_eq!(recovery_ms(&flood()), Some(1_600));
    assert_eq!(recovery_ms(&calm()), None);
}
