//! Each trigger in each status: what the contract's table says happens, and nothing where it says nothing.

use super::{Canceller::*, Trigger as T, *};
use crate::domain::samples::order;
use OrderStatus::*;
use contracts::{Address, Package, ProductId, Timestamp, WarehouseId, states::may_follow};

const LONG_AGO: Timestamp = Timestamp(0);

fn product(number: u128) -> ProductId {
    ProductId(uuid::Uuid::from_u128(number))
}

fn pack(quantities: [u32; 2]) -> Vec<ProductUnits> {
    let units = |(number, quantity)| ProductUnits { product_id: product(number), quantity };
    (1..).zip(quantities).map(units).filter(|units| units.quantity > 0).collect()
}

/// What money and goods look like where nothing went wrong before.
fn usual(status: OrderStatus) -> (PaymentState, StockState) {
    match status {
        New | AgeReview => (PaymentState::Authorised, StockState::Held),
        Backordered => (PaymentState::Authorised, StockState::None),
        Packaging => (PaymentState::Authorised, StockState::Committed),
        Packaged => (PaymentState::CapturePending, StockState::Picked),
        Paid => (PaymentState::Captured, StockState::Picked),
        PaymentFailed => (PaymentState::Voided, StockState::Picked),
        Shipped | Fulfilled | ReturnRequested => (PaymentState::Captured, StockState::Consumed),
        Cancelling | PackagingFailed => (PaymentState::VoidPending, StockState::ReleasePending),
        Cancelled => (PaymentState::Voided, StockState::Released),
        DeliveryFailed => (PaymentState::RefundPending, StockState::Consumed),
        Reallocating => (PaymentState::Authorised, StockState::WrittenOff),
        Returned => (PaymentState::Refunded, StockState::Restocked),
    }
}

/// An order in a status, which it came to from PACKAGED.
fn standing(status: OrderStatus) -> Order {
    let line = |number, quantity| OrderLine {
        product_id: product(number),
        name: "Robusto".into(),
        package: Package::default(),
        price: 1_000,
        quantity,
    };
    let born = Order { products: vec![line(1, 2), line(2, 1)], ..order() };
    let (payment_state, stock_state) = usual(status);
    let captured = matches!(payment_state, PaymentState::Captured | PaymentState::RefundPending);
    let step = |version, status| StatusChange { version, status, at: LONG_AGO, epoch: 1, reason: None };
    Order {
        status,
        payment_state,
        stock_state,
        total: 4_500,
        captured: if captured { 4_500 } else { 0 },
        version: 2,
        history: vec![step(1, Packaged), step(2, status)],
        ..born
    }
}

/// One of each trigger; those whose guard decides stand here more than once.
fn triggers() -> Vec<(&'static str, Trigger)> {
    let created = |quantities| T::PackageCreated { allocation: 1, products: pack(quantities) };
    let cancel = |by| T::CancelRequested { by, reason: "changed my mind".into() };
    let reason = || "no".to_owned();
    vec![
        ("packaging started", T::PackagingStarted { allocation: 1 }),
        ("package", created([2, 1])),
        ("partial package", created([1, 0])),
        ("empty package", created([0, 0])),
        ("packaging failed", T::PackagingFailed { allocation: 1, reason: reason() }),
        ("captured", T::PaymentCaptured { amount: 4_500 }),
        ("refused", T::PaymentFailed { attempt: 1, reason: reason() }),
        ("capture unknown", T::PaymentUnknown { attempt: 1 }),
        ("voided", T::PaymentVoided { attempt: 1 }),
        ("refunded", T::PaymentRefunded { total: 4_500 }),
        ("dispatch voided", T::DispatchVoided),
        ("delivery started", T::DeliveryStarted { tracking_id: "T".into() }),
        ("delivered", T::DeliveryCompleted),
        ("delivery failed", T::DeliveryFailed { reason: reason() }),
        ("warehouse lost", T::WarehouseLost { warehouse_id: "wh-am".into() }),
        ("another warehouse lost", T::WarehouseLost { warehouse_id: "wh-eu".into() }),
        ("reallocated", T::Reallocated { warehouse_id: "wh-eu".into() }),
        ("no warehouse", T::NoWarehouse),
        ("of age", T::AgeVerified { passed: true }),
        ("under age", T::AgeVerified { passed: false }),
        ("cancelled by customer", cancel(Customer)),
        ("cancelled by staff", cancel(Staff)),
        ("paid anew", T::PaymentReplaced),
        ("return asked for", T::ReturnRequested { reason: reason() }),
        ("return received", T::ReturnReceived { lines: pack([1, 0]), resaleable: true }),
        ("time up", T::TimeUp),
        ("erase", T::Erase),
        ("erased", T::Erased),
    ]
}

/// The contract's rows: from, trigger, to. What stays in its status moves money or goods.
const ROWS: &[(OrderStatus, &str, OrderStatus)] = &[
    (AgeReview, "of age", New),
    (AgeReview, "under age", Cancelling),
    (AgeReview, "time up", Cancelling),
    (Backordered, "reallocated", New),
    (Backordered, "time up", PaymentFailed), // 31 comes before 7: an authorisation is good for 7 days
    (New, "packaging started", Packaging),
    (Packaging, "package", Packaged),
    (Packaging, "partial package", Packaged),
    (Packaging, "empty package", PackagingFailed),
    (Packaging, "packaging failed", PackagingFailed),
    (Packaged, "captured", Paid),
    (Packaged, "refused", PaymentFailed),
    (Packaged, "capture unknown", Packaged),
    (PaymentFailed, "paid anew", Packaged),
    (PaymentFailed, "time up", Cancelling),
    (Paid, "delivery started", Shipped),
    (Shipped, "delivered", Fulfilled),
    (Paid, "delivery failed", DeliveryFailed),
    (Shipped, "delivery failed", DeliveryFailed),
    (New, "cancelled by customer", Cancelling),
    (AgeReview, "cancelled by customer", Cancelling),
    (Backordered, "cancelled by customer", Cancelling),
    (PaymentFailed, "cancelled by customer", Cancelling),
    (Packaging, "cancelled by customer", Packaging),
    (Packaged, "cancelled by customer", Packaged),
    (New, "cancelled by staff", Cancelling),
    (AgeReview, "cancelled by staff", Cancelling),
    (Backordered, "cancelled by staff", Cancelling),
    (PaymentFailed, "cancelled by staff", Cancelling),
    (Packaging, "cancelled by staff", Cancelling),
    (Packaged, "cancelled by staff", Cancelling),
    (Paid, "cancelled by staff", Cancelling),
    (Cancelling, "voided", Cancelling),
    (Cancelling, "captured", Cancelling),
    (PackagingFailed, "voided", PackagingFailed),
    (PackagingFailed, "captured", PackagingFailed),
    (DeliveryFailed, "refunded", DeliveryFailed),
    (New, "warehouse lost", Reallocating),
    (Packaging, "warehouse lost", Reallocating),
    (Paid, "dispatch voided", Reallocating),
    (Reallocating, "reallocated", New),
    (Reallocating, "no warehouse", Cancelling),
    (Fulfilled, "return asked for", ReturnRequested),
    (ReturnRequested, "return received", Returned),
    (ReturnRequested, "time up", Fulfilled),
    (New, "time up", PaymentFailed),
    (Packaging, "time up", PaymentFailed),
    (Reallocating, "time up", PaymentFailed),
    (Fulfilled, "erase", Fulfilled),
    (Cancelled, "erase", Cancelled),
    (Returned, "erase", Returned),
];

/// News that overtook what it follows from: it comes again.
const EARLY: &[(OrderStatus, &str)] = &[
    (New, "package"),
    (New, "partial package"),
    (New, "empty package"),
    (New, "packaging failed"),
    (Reallocating, "package"),
    (Reallocating, "partial package"),
    (Reallocating, "empty package"),
    (Reallocating, "packaging failed"),
    (Packaged, "delivery started"),
    (Packaged, "delivered"),
    (Packaged, "delivery failed"),
    (Paid, "delivered"),
];

const DAY_MS: i64 = 24 * 3_600_000;

fn owner(at: Timestamp) -> Owner {
    Owner { epoch: 2, region: "eu-west-1".into(), at }
}

fn after(status: OrderStatus, trigger: &Trigger) -> Outcome {
    apply(&standing(status), trigger, &owner(Timestamp(365 * DAY_MS)))
}

#[test]
fn every_trigger_in_every_status_does_what_the_table_says() {
    for status in OrderStatus::ALL {
        for (name, trigger) in triggers() {
            let row = ROWS.iter().find(|(from, by, _)| (*from, *by) == (status, name));
            match (after(status, &trigger), row) {
                (Outcome::Changed(next), Some((.., to))) => {
                    assert_eq!(next.status, *to, "{status}, {name}");
                    assert!(may_follow(status, next.status), "{status}, {name}");
                    assert_eq!((next.version, next.epoch), (3, 2), "{status}, {name}");
                }
                (Outcome::Early, None) => assert!(EARLY.contains(&(status, name)), "{status}, {name}: early"),
                (Outcome::Ignored, None) => {
                    assert!(!EARLY.contains(&(status, name)), "{status}, {name}: ignored");
                }
                (outcome, row) => panic!("{status}, {name}: {outcome:?}, but the table says {row:?}"),
            }
        }
    }
}

#[test]
fn a_trigger_twice_has_one_effect() {
    for status in OrderStatus::ALL {
        for (name, trigger) in triggers() {
            let Outcome::Changed(once) = after(status, &trigger) else { continue };
            let again = apply(&once, &trigger, &owner(once.modified_date));
            assert_eq!(again, Outcome::Ignored, "{status}, {name}");
        }
    }
}

#[test]
fn nobody_waits_before_their_time() {
    for status in OrderStatus::ALL {
        let standing = standing(status);
        let Some(wakes_at) = timers::wakes_at(&standing) else { continue };
        let outcome = apply(&standing, &T::TimeUp, &owner(wakes_at.plus_ms(-1)));
        assert_eq!(outcome, Outcome::Ignored, "{status}");
        assert!(matches!(apply(&standing, &T::TimeUp, &owner(wakes_at)), Outcome::Changed(_)), "{status}");
    }
}

#[test]
fn a_backorder_is_given_up_even_where_its_authorisation_lasts() {
    let captured = Order { payment_state: PaymentState::Captured, captured: 4_500, ..standing(Backordered) };
    let Outcome::Changed(next) = apply(&captured, &T::TimeUp, &owner(Timestamp(15 * DAY_MS))) else {
        panic!("it waits for ever")
    };
    assert_eq!((next.status, next.payment_state), (Cancelling, PaymentState::RefundPending));
}

#[test]
fn a_capture_that_came_before_the_void_is_paid_back() {
    let Outcome::Changed(cancelling) = after(Packaged, &T::CancelRequested { by: Staff, reason: "x".into() })
    else {
        panic!("staff may cancel")
    };
    assert_eq!(cancelling.payment_state, PaymentState::VoidPending);
    let captured = apply(&cancelling, &T::PaymentCaptured { amount: 4_500 }, &owner(LONG_AGO));
    let Outcome::Changed(captured) = captured else { panic!("the money is there") };
    assert_eq!((captured.payment_state, captured.captured), (PaymentState::RefundPending, 4_500));
}

#[test]
fn an_order_goes_on_where_it_stood_when_its_payment_failed() {
    for stood in [New, AgeReview, Backordered, Packaging, Packaged, Reallocating] {
        let mut failed = standing(PaymentFailed);
        failed.history[0].status = stood;
        let Outcome::Changed(next) = apply(&failed, &T::PaymentReplaced, &owner(LONG_AGO)) else {
            panic!("{stood}: it is paid anew")
        };
        assert_eq!((next.status, next.payment_attempt), (stood, 2));
        let due = if stood == Packaged { PaymentState::CapturePending } else { PaymentState::Authorised };
        assert_eq!(next.payment_state, due, "{stood}");
    }
}

#[test]
fn what_comes_back_is_paid_back_and_no_more() {
    let received = T::ReturnReceived { lines: pack([9, 0]), resaleable: false };
    let Outcome::Changed(next) = after(ReturnRequested, &received) else { panic!("received") };
    assert_eq!((next.returned_value(), next.stock_state), (2_000, StockState::WrittenOff));
    assert_eq!(next.payment_state, PaymentState::RefundPending);
    let nothing = T::ReturnReceived { lines: Vec::new(), resaleable: true };
    let Outcome::Changed(next) = after(ReturnRequested, &nothing) else { panic!("received") };
    assert_eq!((next.returned_value(), next.payment_state), (0, PaymentState::Captured));
}

#[test]
fn what_comes_back_waits_until_it_was_taken_off_the_stock() {
    let received = T::ReturnReceived { lines: pack([1, 0]), resaleable: true };
    let kept = Order { stock_state: StockState::Picked, ..standing(ReturnRequested) };
    assert_eq!(apply(&kept, &received, &owner(LONG_AGO)), Outcome::Early);
    let Outcome::Changed(taken) = apply(&kept, &T::StockConsumed, &owner(LONG_AGO)) else { panic!("taken") };
    let Outcome::Changed(next) = apply(&taken, &received, &owner(LONG_AGO)) else { panic!("received") };
    assert_eq!((next.status, next.stock_state), (Returned, StockState::Restocked));
}

#[test]
fn a_partial_package_lowers_the_total_unless_the_customer_wants_all() {
    let partial = T::PackageCreated { allocation: 1, products: pack([1, 0]) };
    let Outcome::Changed(next) = after(Packaging, &partial) else { panic!("packed") };
    assert_eq!((next.status, next.total, next.products.len()), (Packaged, 1_000 + next.delivery_price, 1));
    let all = Order { accept_partial: false, ..standing(Packaging) };
    let Outcome::Changed(next) = apply(&all, &partial, &owner(LONG_AGO)) else { panic!("packed") };
    assert_eq!(next.status, PackagingFailed);
}

#[test]
fn who_waits_for_goods_is_backordered() {
    let waits = Order { allow_backorder: true, ..standing(Reallocating) };
    let Outcome::Changed(next) = apply(&waits, &T::NoWarehouse, &owner(LONG_AGO)) else { panic!("waits") };
    assert_eq!((next.status, next.stock_state), (Backordered, StockState::None));
    let found = T::Reallocated { warehouse_id: WarehouseId::from("wh-eu") };
    let Outcome::Changed(next) = apply(&next, &found, &owner(LONG_AGO)) else { panic!("found") };
    assert_eq!((next.status, next.allocation), (New, 2));
}

#[test]
fn late_news_of_a_payment_that_another_one_replaced_change_nothing() {
    let anew = Order { payment_attempt: 2, ..standing(Packaged) };
    let voiding = Order { payment_state: PaymentState::VoidPending, ..anew.clone() };
    let of = |attempt| {
        let failed = T::PaymentFailed { attempt, reason: "no".to_owned() };
        [(&anew, failed), (&anew, T::PaymentUnknown { attempt }), (&voiding, T::PaymentVoided { attempt })]
    };
    let outcomes = |attempt| of(attempt).map(|(order, news)| apply(order, &news, &owner(LONG_AGO)));
    assert_eq!(outcomes(1), [Outcome::Ignored, Outcome::Ignored, Outcome::Ignored]);
    assert!(outcomes(2).iter().all(|outcome| matches!(outcome, Outcome::Changed(_))));
    assert_eq!(outcomes(3), [Outcome::Early, Outcome::Early, Outcome::Early]);
}

#[test]
fn an_erased_order_tells_of_nobody_and_is_over_once_no_region_does() {
    let reason = || Some("my neighbour took it".to_owned());
    let mut over = standing(Fulfilled);
    over.history.iter_mut().for_each(|step| step.reason = reason());
    let Outcome::Changed(erasing) = apply(&over, &T::Erase, &owner(LONG_AGO)) else { panic!("it is over") };
    let Address { name, street_address, city, country, phone_number, .. } = &erasing.address;
    assert!([name, street_address, city, phone_number].iter().all(|text| text.is_empty()));
    assert_eq!((country, erasing.total), (&over.address.country, over.total));
    assert!(erasing.history.iter().all(|step| step.reason.is_none()));
    assert!(!erasing.settled() && timers::only_waits(&erasing));
    let back = T::ReturnRequested { reason: "no".into() };
    assert_eq!(apply(&erasing, &back, &owner(LONG_AGO)), Outcome::Ignored);
    let Outcome::Changed(erased) = apply(&erasing, &T::Erased, &owner(LONG_AGO)) else { panic!("no region") };
    assert!(erased.settled() && erased.erasure == Some(Erasure::Done));
    assert_eq!(apply(&erased, &T::Erase, &owner(LONG_AGO)), Outcome::Ignored);
}
