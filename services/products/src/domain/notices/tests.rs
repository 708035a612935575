use super::*;
use crate::domain::samples::id;
use proptest::prelude::*;

fn wish(product: u128, region: &str, version: u64, on: bool) -> Wish {
    Wish { product_id: id(product), region: region.into(), version, on }
}

fn told(product: u128, version: u64, at: i64) -> Told {
    Told { product_id: id(product), version, at: Timestamp(at) }
}

#[test]
fn a_first_wish_is_written_and_a_repeat_changes_nothing() {
    assert_eq!(decide(&[], &[], id(1), true), Ok(Some(1)));
    assert_eq!(decide(&[wish(1, "us-east-1", 1, true)], &[], id(1), true), Ok(None));
    assert_eq!(decide(&[], &[], id(1), false), Ok(None));
}

#[test]
fn what_was_said_last_stands_wherever_it_was_said() {
    let mut wishes = vec![wish(1, "us-east-1", 1, true)];
    assert_eq!(decide(&wishes, &[], id(1), false), Ok(Some(2)));
    wishes.push(wish(1, "eu-west-1", 2, false));
    assert_eq!(standing(&wishes)[&id(1)], &wishes[1]);
    assert_eq!(decide(&wishes, &[], id(1), true), Ok(Some(3)));
}

#[test]
fn a_wish_that_was_answered_is_over_and_can_be_had_again() {
    let wishes = [wish(1, "us-east-1", 1, true)];
    assert_eq!(decide(&wishes, &[told(1, 1, 5)], id(1), false), Ok(None));
    assert_eq!(decide(&wishes, &[told(1, 1, 5)], id(1), true), Ok(Some(2)));
    // The wish itself may be forgotten before its notice is.
    assert_eq!(decide(&[], &[told(1, 1, 5)], id(1), true), Ok(Some(2)));
}

#[test]
fn a_customer_waits_for_so_many_products_and_no_more() {
    let wishes: Vec<Wish> = (1..=OPEN_MAX as u128).map(|number| wish(number, "us-east-1", 1, true)).collect();
    assert_eq!(decide(&wishes, &[], id(1_000), true), Err(Full));
    assert_eq!(decide(&wishes, &[], id(1), true), Ok(None));
    assert_eq!(decide(&wishes, &[], id(1), false), Ok(Some(2)));
    assert_eq!(decide(&wishes, &[told(3, 1, 5)], id(1_000), true), Ok(Some(1)));
}

#[test]
fn what_two_regions_told_is_shown_once_and_the_newest_comes_first() {
    let all = vec![told(1, 1, 5), told(1, 1, 4), told(2, 1, 6), told(1, 2, 9)];
    assert_eq!(listed(all), [told(1, 2, 9), told(2, 1, 6), told(1, 1, 4)]);
    let many = (0..150).map(|number| told(number, 1, number as i64)).collect();
    assert_eq!(listed(many).len(), LISTED_MAX);
}

proptest! {
    #[test]
    fn the_order_of_rows_does_not_matter(
        rows in prop::collection::btree_map((1..4u128, 0..3usize), (1..4u64, any::<bool>()), 0..9),
        answers in prop::collection::vec((1..4u128, 1..4u64, 0..9i64), 0..9),
        product in 1..4u128, on in any::<bool>(),
    ) {
        let region = |number: usize| ["us-east-1", "eu-west-1", "ap-southeast-1"][number];
        let row = |((product, number), (version, on)): ((u128, usize), (u64, bool))| {
            wish(product, region(number), version, on)
        };
        let wishes: Vec<Wish> = rows.into_iter().map(row).collect();
        let answers: Vec<Told> = answers.into_iter().map(|(product, version, at)| told(product, version, at)).collect();
        let turned = |wishes: &[Wish]| wishes.iter().rev().cloned().collect::<Vec<_>>();
        let answered: Vec<Told> = answers.iter().rev().cloned().collect();
        prop_assert_eq!(decide(&wishes, &answers, id(product), on), decide(&turned(&wishes), &answered, id(product), on));
        prop_assert_eq!(listed(answers), listed(answered));
    }

    #[test]
    fn what_was_decided_is_so_afterwards(on in prop::collection::vec(any::<bool>(), 0..12)) {
        let mut wishes: Vec<Wish> = Vec::new();
        for (turn, on) in on.into_iter().enumerate() {
            let region = ["us-east-1", "eu-west-1"][turn % 2];
            if let Some(version) = decide(&wishes, &[], id(1), on).expect("there is room") {
                wishes.retain(|wish| wish.region.as_str() != region);
                wishes.push(wish(1, region, version, on));
            }
            prop_assert_eq!(decide(&wishes, &[], id(1), on), Ok(None));
        }
    }
}
