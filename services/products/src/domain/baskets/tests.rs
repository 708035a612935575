use super::*;
use crate::domain::samples::{id, product};
use contracts::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

/// Six products: 1 to 3 are toros, the others robustos.
fn catalogue() -> BTreeMap<ProductId, Product> {
    let of = |number: u128| {
        let category = if number <= 3 { "toro" } else { "robusto" };
        Product { product_id: id(number), category: category.into(), ..product() }
    };
    (1..=6).map(|number| (id(number), of(number))).collect()
}

fn basket(order: u128, products: &[u128]) -> Basket {
    Basket {
        order_id: OrderId(Uuid::from_u128(order)),
        bought_at: order as i64,
        products: products.iter().map(|number| id(*number)).collect(),
    }
}

fn recommended(to: u128, baskets: &[Basket], limit: usize) -> Vec<ProductId> {
    let (catalogue, bought) = (catalogue(), add_up(baskets.iter().cloned()));
    let found = recommend(&catalogue[&id(to)], &catalogue, &bought, limit);
    found.iter().map(|product| product.product_id).collect()
}

fn ids(numbers: &[u128]) -> Vec<ProductId> {
    numbers.iter().map(|number| id(*number)).collect()
}

#[test]
fn what_is_bought_together_comes_first_then_the_category_then_the_shop() {
    let baskets =
        [basket(1, &[1, 5]), basket(2, &[1, 5, 6]), basket(3, &[3]), basket(4, &[4]), basket(5, &[4])];
    assert_eq!(recommended(1, &baskets, 50), ids(&[5, 6, 3, 2, 4]));
    assert_eq!(recommended(1, &baskets, 2), ids(&[5, 6]));
}

#[test]
fn where_nothing_is_known_the_category_comes_first() {
    assert_eq!(recommended(5, &[], 50), ids(&[4, 6, 1, 2, 3]));
}

#[test]
fn what_is_no_longer_sold_is_not_recommended() {
    let (mut catalogue, bought) = (catalogue(), add_up([basket(1, &[1, 2])]));
    if let Some(product) = catalogue.get_mut(&id(2)) {
        product.active = false;
    }
    let found = recommend(&catalogue[&id(1)], &catalogue, &bought, 50);
    assert!(found.iter().all(|product| product.product_id != id(2)));
    let instead = recommend(&catalogue[&id(2)], &catalogue, &bought, 1);
    assert_eq!(instead[0].product_id, id(1), "whoever looks at it is shown others");
}

#[test]
fn an_order_of_one_region_counts_once_where_others_heard_of_it_too() {
    let two_regions = [basket(1, &[1, 5]), basket(1, &[1, 5]), basket(2, &[1, 6]), basket(3, &[1, 6])];
    assert_eq!(recommended(1, &two_regions, 2), ids(&[6, 5]));
}

#[test]
fn a_basket_is_bounded_and_names_each_product_once() {
    let mut order = crate::domain::samples::order(1, &[7, 7, 8]);
    assert_eq!(Basket::of(&order).products, BTreeSet::from([id(7), id(8)]));
    assert_eq!(Basket::of(&order).bought_at, order.created_date.0);
    let line = order.products[0].clone();
    let many = (0..100).map(|number| contracts::OrderLine { product_id: id(number), ..line.clone() });
    order.products = many.collect();
    order.created_date = Timestamp(5);
    assert_eq!(Basket::of(&order).products.len(), PRODUCTS_MAX);
}

#[test]
fn the_number_asked_for_has_bounds() {
    assert_eq!([None, Some(-1), Some(7), Some(1_000)].map(limit), [10, 1, 7, 50]);
}

/// The slots of a region after it heard of these baskets: the store keeps to the same rule by a condition.
fn kept(baskets: &[Basket]) -> BTreeMap<u32, Basket> {
    let mut slots: BTreeMap<u32, Basket> = BTreeMap::new();
    for basket in baskets {
        let held = slots.entry(basket.slot()).or_insert_with(|| basket.clone());
        if (held.bought_at, held.order_id) <= (basket.bought_at, basket.order_id) {
            *held = basket.clone();
        }
    }
    slots
}

/// Orders of few slots, so that they meet.
fn any_baskets() -> impl Strategy<Value = Vec<Basket>> {
    let order = (0..6u128, 0..3u128).prop_map(|(round, slot)| round * u128::from(SLOTS) + slot);
    let products = prop::collection::btree_set(1..=6u128, 1..4);
    let of =
        |(order, products): (u128, BTreeSet<u128>)| basket(order, &products.into_iter().collect::<Vec<_>>());
    prop::collection::btree_map(order, products, 0..12).prop_map(move |all| all.into_iter().map(of).collect())
}

/// The same baskets, of other orders.
fn of_others(baskets: Vec<Basket>) -> impl Iterator<Item = Basket> {
    let other = |id: OrderId| OrderId(Uuid::from_u128(id.0.as_u128() + (1 << 64)));
    baskets.into_iter().map(move |basket| Basket { order_id: other(basket.order_id), ..basket })
}

proptest! {
    #[test]
    fn the_order_of_events_and_their_repeats_do_not_matter(
        baskets in any_baskets(), turn in any::<prop::sample::Index>(), to in 1..=6u128, elsewhere in any_baskets(),
    ) {
        let mut mixed: Vec<Basket> = baskets.iter().rev().cloned().collect();
        let turn = if mixed.is_empty() { 0 } else { turn.index(mixed.len()) };
        mixed.rotate_left(turn);
        mixed.extend(baskets.clone());
        prop_assert_eq!(kept(&mixed), kept(&baskets));
        let elsewhere: Vec<Basket> = of_others(elsewhere).collect();
        let one: Vec<Basket> = kept(&baskets).into_values().chain(elsewhere.clone()).collect();
        let other: Vec<Basket> = elsewhere.into_iter().chain(kept(&mixed).into_values()).collect();
        prop_assert_eq!(recommended(to, &one, 50), recommended(to, &other, 50));
    }

    #[test]
    fn nobody_is_shown_what_they_look_at_or_anything_twice(baskets in any_baskets(), to in 1..=6u128) {
        let found = recommended(to, &baskets, 50);
        prop_assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 5);
        prop_assert!(!found.contains(&id(to)));
    }
}
