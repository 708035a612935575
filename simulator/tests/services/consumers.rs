//! Every consumer receives each event that it listens to twice and out of order, and does what it does once.
//!
//! Orders go their ways in the whole platform, and the test is the post between the queues and the consumers: it holds
//! the events of a stretch of the way, which the services have published themselves, and hands them out in another
//! order and each of them twice. What is not applied yet comes again, as from a queue. In the end everything is as where
//! each came once and in order.

mod courses;
mod post;
mod state;

use std::collections::BTreeSet;

use courses::Course;
use post::{How, Pair, Post, Times, arrangements};
use serde_json::Value;
use simulator::region;

use crate::paused::Paused;

/// What one order's course showed.
struct Shown {
    /// Everything that was done for it.
    state: Value,
    /// Who received what.
    delivered: BTreeSet<Pair>,
    /// The most events that were handed out at once.
    most: usize,
}

async fn run(shop: &Paused, course: Course, number: usize, how: How) -> Shown {
    let mut post = Post::new(shop, how);
    let bought = course.go(shop, &mut post, number).await;
    post.finish().await;
    let order = shop.order(&bought).await;
    assert_eq!(order.status, course.end(), "{course:?} with {how:?}");
    Shown { state: state::of(shop, &bought, &order), delivered: post.delivered, most: post.most }
}

/// The first run of a course: everything once and in order.
async fn in_order(course: Course) -> (Paused, Shown) {
    let shop = Paused::open(course.setup()).await;
    let shown = run(&shop, course, 0, How { arrangement: 0, times: Times::Once }).await;
    (shop, shown)
}

async fn ends_as_in_order(course: Course) {
    let (mut shop, once) = in_order(course).await;
    for pair in course.covers() {
        assert!(once.delivered.contains(pair), "{course:?}: nobody received {pair:?}: {:?}", once.delivered);
    }
    let times = [Times::EachTwice, Times::AllTwice];
    let arrangements = arrangements(once.most).len();
    for (number, arrangement) in (1..).zip(0..arrangements) {
        let how = How { arrangement, times: times[arrangement % times.len()] };
        if course.wants_a_new_shop() {
            shop = Paused::open(course.setup()).await;
        }
        let shown = run(&shop, course, number, how).await;
        assert_eq!(shown.state, once.state, "{course:?} with {how:?}");
    }
}

macro_rules! courses {
    ($($test:ident: $course:ident),+ $(,)?) => {$(
        #[tokio::test(start_paused = true)]
        async fn $test() {
            ends_as_in_order(Course::$course).await;
        }
    )+};
}

courses! {
    news_of_an_order_that_is_delivered: Delivered,
    news_of_an_order_that_is_cancelled: Cancelled,
    news_of_an_order_that_cannot_be_packed: NotPacked,
    news_of_an_order_that_cannot_be_delivered: NotDelivered,
    news_of_an_order_that_comes_back: Returned,
    news_of_goods_that_come_back_before_anybody_asks: ReturnedUnasked,
    late_news_of_a_payment_that_another_one_replaced: PaidAnew,
    news_of_a_customers_age: AgeReviewed,
    news_of_goods_that_come_in: WaitedForGoods,
    news_of_a_warehouse_that_is_lost: WarehouseLost,
    late_news_of_a_refund_that_another_one_follows: RefundedTwice,
}

#[tokio::test(start_paused = true)]
async fn goods_that_come_back_before_anybody_asks_are_paid_back_like_others() {
    let (_, asked) = in_order(Course::Returned).await;
    let (_, unasked) = in_order(Course::ReturnedUnasked).await;
    assert_eq!(unasked.state, asked.state);
}

/// Whoever listens to something new goes through it here.
#[test]
fn every_event_that_a_consumer_listens_to_is_in_a_course() {
    let subscriptions = region::subscriptions();
    let listened: BTreeSet<Pair> = subscriptions
        .iter()
        .flat_map(|subscription| subscription.events.iter().map(move |interest| (subscription, interest)))
        .flat_map(|(subscription, interest)| {
            interest.kinds.iter().map(move |detail_type| (subscription.consumer, *detail_type))
        })
        .collect();
    let covered: BTreeSet<Pair> = Course::ALL.iter().flat_map(|course| course.covers()).copied().collect();
    assert_eq!(covered, listened);
}
