//! Every step of every way of an order fails in turn, before its effect or with the answer lost, and is done twice: the
//! order ends as it would have, and what others did for it adds up.

use super::*;
use crate::domain::{
    create::Owner,
    life::{self, Canceller, Outcome, Trigger},
    samples,
};
use contracts::{OrderLine, Package, ProductId, events::ProductUnits};
use std::collections::{BTreeMap, BTreeSet};

const NOW: Timestamp = Timestamp(1_000);
/// No way has more steps, with one of them tried again.
const STEPS_MAX: usize = 20;

/// What befalls a step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    NeverArrives,
    AnswerLost,
    DoneTwice,
}

/// Those who act for the order: the provider, the carrier and the warehouse. They keep to an effect's key.
#[derive(Debug, Default, PartialEq)]
struct Outside {
    refuses_first_capture: bool,
    money: BTreeMap<String, i64>,
    parcels: BTreeSet<String>,
    /// What became of the goods, by allocation.
    goods: BTreeMap<u32, StockState>,
}

impl Outside {
    fn carry_out(&mut self, order: &Order, step: &Step) -> Trigger {
        match step {
            Step::Pay { effect, amount, effect_key } => self.pay(order, *effect, *amount, effect_key),
            Step::Release { effect_key } => {
                self.parcels.insert(effect_key.clone());
                Trigger::DeliveryStarted { tracking_id: effect_key.clone() }
            }
            Step::ConsumeStock => self.part_with(order, StockState::Consumed, Trigger::StockConsumed),
            Step::ReleaseStock => self.part_with(order, StockState::Released, Trigger::StockReleased),
            Step::Wind => Trigger::Wound,
            other => panic!("{other:?} is on none of these ways"),
        }
    }

    fn pay(&mut self, order: &Order, effect: EffectKind, amount: i64, key: &str) -> Trigger {
        if self.refuses_first_capture && key.ends_with(":capture:1") {
            return Trigger::PaymentFailed { attempt: order.payment_attempt, reason: "refused".into() };
        }
        let amount = *self.money.entry(key.to_owned()).or_insert(amount);
        match effect {
            EffectKind::Capture => Trigger::PaymentCaptured { amount },
            EffectKind::Void => Trigger::PaymentVoided { attempt: order.payment_attempt },
            EffectKind::Refund => Trigger::PaymentRefunded { total: self.sum("refund") },
            EffectKind::Dispatch => panic!("a dispatch is no payment"),
        }
    }

    fn part_with(&mut self, order: &Order, how: StockState, answer: Trigger) -> Trigger {
        let before = *self.goods.entry(order.allocation).or_insert(how);
        assert_eq!(before, how, "the goods went two ways");
        answer
    }

    fn sum(&self, effect: &str) -> i64 {
        let of_kind = self.money.iter().filter(|(key, _)| key.contains(&format!(":{effect}:")));
        of_kind.map(|(_, amount)| amount).sum()
    }
}

/// What an order hears on its way, and how it ends.
struct Way {
    name: &'static str,
    refuses_first_capture: bool,
    news: Vec<Trigger>,
    end: OrderStatus,
}

fn ways() -> Vec<Way> {
    let begun = || Trigger::PackagingStarted { allocation: 1 };
    let packed = |quantities| Trigger::PackageCreated { allocation: 1, products: units(quantities) };
    let whole = || packed([2, 1]);
    let cancel = |by| Trigger::CancelRequested { by, reason: "changed my mind".into() };
    let reason = || "no".to_owned();
    let back = [
        Trigger::ReturnRequested { reason: reason() },
        Trigger::ReturnReceived { lines: units([1, 0]), resaleable: true },
    ];
    let returned = [begun(), whole(), Trigger::DeliveryCompleted].into_iter().chain(back).collect();
    let paid_anew = vec![begun(), whole(), Trigger::PaymentReplaced, Trigger::DeliveryCompleted];
    let way = |name, news, end| Way { name, refuses_first_capture: false, news, end };
    let refused = |name, news, end| Way { name, refuses_first_capture: true, news, end };
    vec![
        way("delivered", vec![begun(), whole(), Trigger::DeliveryCompleted], OrderStatus::Fulfilled),
        way(
            "packed in part",
            vec![begun(), packed([1, 0]), Trigger::DeliveryCompleted],
            OrderStatus::Fulfilled,
        ),
        way("sent back in part", returned, OrderStatus::Returned),
        way("cancelled at once", vec![cancel(Canceller::Customer)], OrderStatus::Cancelled),
        way("cancelled in packaging", vec![begun(), cancel(Canceller::Staff)], OrderStatus::Cancelled),
        way(
            "not packed",
            vec![begun(), Trigger::PackagingFailed { allocation: 1, reason: reason() }],
            OrderStatus::PackagingFailed,
        ),
        way(
            "not delivered",
            vec![begun(), whole(), Trigger::DeliveryFailed { reason: reason() }],
            OrderStatus::DeliveryFailed,
        ),
        refused("refused", vec![begun(), whole()], OrderStatus::PaymentFailed),
        refused("paid with another token", paid_anew, OrderStatus::Fulfilled),
        refused(
            "refused and given up",
            vec![begun(), whole(), cancel(Canceller::Customer)],
            OrderStatus::Cancelled,
        ),
    ]
}

fn product(number: u128) -> ProductId {
    ProductId(uuid::Uuid::from_u128(number))
}

fn units(quantities: [u32; 2]) -> Vec<ProductUnits> {
    let units = |(number, quantity)| ProductUnits { product_id: product(number), quantity };
    [1, 2].into_iter().zip(quantities).map(units).collect()
}

fn born() -> Order {
    let line = |(number, quantity)| OrderLine {
        product_id: product(number),
        name: "Robusto".into(),
        package: Package::default(),
        price: 1_000,
        quantity,
    };
    Order { products: [(1, 2), (2, 1)].map(line).to_vec(), total: 4_500, ..samples::order() }
}

fn apply(order: &Order, trigger: &Trigger) -> Outcome {
    let owner = Owner { epoch: 1, region: "us-east-1".into(), at: NOW };
    life::apply(order, trigger, &owner)
}

fn after(order: &Order, trigger: &Trigger) -> Order {
    match apply(order, trigger) {
        Outcome::Changed(next) => *next,
        other => panic!("{trigger:?} in {}: {other:?}", order.status),
    }
}

/// Goes a way with a fault at one of its steps, and says how many steps it took.
fn walk(way: &Way, fault: Option<(usize, Fault)>) -> (Order, Outside, usize) {
    let outside = Outside { refuses_first_capture: way.refuses_first_capture, ..Outside::default() };
    let (mut order, mut outside, mut news, mut taken) = (born(), outside, way.news.iter(), 0);
    loop {
        // A question moves nothing here: all news is heard.
        let Some(step) = next(&order, NOW).filter(|step| *step != Step::FollowDelivery) else {
            let Some(heard) = news.next() else { break };
            order = after(&order, heard);
            continue;
        };
        let befalls = fault.filter(|(at, _)| *at == taken).map(|(_, fault)| fault);
        taken += 1;
        assert!(taken <= STEPS_MAX, "{}: {step:?} again and again", way.name);
        if befalls == Some(Fault::NeverArrives) {
            continue;
        }
        let answer = outside.carry_out(&order, &step);
        if befalls == Some(Fault::AnswerLost) {
            continue;
        }
        let changed = after(&order, &answer);
        if befalls == Some(Fault::DoneTwice) {
            let again = outside.carry_out(&order, &step);
            assert_eq!(apply(&changed, &again), Outcome::Ignored, "{}: {step:?}", way.name);
        }
        order = changed;
    }
    (order, outside, taken)
}

fn assert_balanced(order: &Order, outside: &Outside) {
    let (captured, refunded) = (outside.sum("capture"), outside.sum("refund"));
    assert_eq!((order.captured, order.refunded), (captured, refunded));
    assert!(order.payment_state.is_final(), "{}", order.payment_state);
    let due = match order.status {
        OrderStatus::Fulfilled => order.total,
        OrderStatus::Returned => order.total - order.returned_value(),
        _ => 0,
    };
    assert_eq!(captured - refunded, due, "{}", order.status);
    // What left was paid for, and what was paid for left.
    assert_eq!(outside.parcels.len(), usize::from(captured > 0));
    let waits = order.status == OrderStatus::PaymentFailed;
    assert_eq!(outside.goods.len(), usize::from(!waits), "the goods of {}", order.status);
    let left = outside.goods.values().any(|how| *how == StockState::Consumed);
    assert_eq!(left, captured > 0);
}

#[test]
fn every_way_ends_as_it_should_and_the_books_balance() {
    for way in ways() {
        let (order, outside, _) = walk(&way, None);
        assert_eq!(order.status, way.end, "{}", way.name);
        assert_balanced(&order, &outside);
    }
}

#[test]
fn a_step_that_fails_once_or_is_done_twice_changes_nothing_in_the_end() {
    for way in ways() {
        let (order, outside, steps) = walk(&way, None);
        for at in 0..steps {
            for fault in [Fault::NeverArrives, Fault::AnswerLost, Fault::DoneTwice] {
                let (same, books, _) = walk(&way, Some((at, fault)));
                assert_eq!((&same, &books), (&order, &outside), "{}: {fault:?} at {at}", way.name);
            }
        }
    }
}

/// What a step pays, and under which key.
fn pays(order: &Order) -> (i64, String) {
    match next(order, NOW) {
        Some(Step::Pay { amount, effect_key, .. }) => {
            (amount, effect_key.rsplit(':').next().unwrap_or_default().to_owned())
        }
        other => panic!("{other:?} in {}", order.status),
    }
}

/// Captured for a package that was lost, and packed again with less: the first refund is due.
fn packed_again_with_less() -> Order {
    let captured = Order {
        status: OrderStatus::Packaging,
        payment_state: PaymentState::Captured,
        stock_state: StockState::Committed,
        captured: 4_500,
        ..born()
    };
    let packed = after(&captured, &Trigger::PackageCreated { allocation: 1, products: units([1, 1]) });
    assert_eq!(pays(&packed), (1_000, "partial".to_owned()));
    packed
}

#[test]
fn an_order_that_is_refunded_twice_counts_each_refund_once_in_any_order() {
    let paid_back = |total| Trigger::PaymentRefunded { total };
    let ignored = |order: &Order, total| assert_eq!(apply(order, &paid_back(total)), Outcome::Ignored);
    let mut order = after(&packed_again_with_less(), &paid_back(1_000));
    ignored(&order, 1_000);
    for heard in [
        Trigger::Wound,
        Trigger::DeliveryStarted { tracking_id: "T".into() },
        Trigger::StockConsumed,
        Trigger::DeliveryCompleted,
        Trigger::ReturnRequested { reason: "too dry".into() },
        Trigger::ReturnReceived { lines: units([0, 1]), resaleable: true },
    ] {
        order = after(&order, &heard);
        ignored(&order, 1_000);
    }
    assert_eq!(pays(&order), (1_000, "return".to_owned()));
    let order = after(&order, &paid_back(2_000));
    ignored(&order, 1_000);
    ignored(&order, 2_000);
    assert_eq!((order.refunded, order.payment_state), (2_000, PaymentState::PartiallyRefunded));
    assert_eq!(order.captured - order.refunded, order.total - order.returned_value());
}

#[test]
fn an_order_cancelled_while_a_part_is_paid_back_gets_the_rest_as_well() {
    let cancel = Trigger::CancelRequested { by: Canceller::Staff, reason: "recalled".into() };
    let cancelled = after(&packed_again_with_less(), &cancel);
    let part = after(&cancelled, &Trigger::PaymentRefunded { total: 1_000 });
    assert_eq!(pays(&part), (3_500, "cancel".to_owned()));
    assert_eq!(apply(&part, &Trigger::PaymentRefunded { total: 1_000 }), Outcome::Ignored);
    let all = after(&part, &Trigger::PaymentRefunded { total: 4_500 });
    assert_eq!((all.refunded, all.payment_state), (4_500, PaymentState::Refunded));
}
