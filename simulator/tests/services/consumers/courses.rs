//! The courses of orders that bring every event to everybody who listens to it, stretch by stretch.

use contracts::events::ProductUnits;
use contracts::{OrderStatus, PaymentState, Region};
use http::Method;
use serde_json::json;
use simulator::third_parties::payment_3p::ProviderFaults;

use super::post::{Pair, Post};
use crate::paused::{Bought, Events, HOME, Paused, Setup, Staff, WAREHOUSE};
use crate::saga::units;

const ORDERS: &str = orders::NAME;
const PRODUCTS: &str = products::NAME;
const PACKERS: &str = warehouse::NAME;
/// Where goods come from that are lost at home.
const SUCCESSOR: (&str, &str) = ("eu-west-1", "wh-eu");
/// Nobody waits for the provider so long.
const TOO_SLOW_MS: u32 = 60_000;
/// More orders than any course has arrangements.
const CUSTOMERS: u32 = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    Delivered,
    Cancelled,
    NotPacked,
    NotDelivered,
    Returned,
    ReturnedUnasked,
    PaidAnew,
    AgeReviewed,
    WaitedForGoods,
    WarehouseLost,
    RefundedTwice,
}

impl Course {
    pub(crate) const ALL: [Course; 11] = [
        Course::Delivered,
        Course::Cancelled,
        Course::NotPacked,
        Course::NotDelivered,
        Course::Returned,
        Course::ReturnedUnasked,
        Course::PaidAnew,
        Course::AgeReviewed,
        Course::WaitedForGoods,
        Course::WarehouseLost,
        Course::RefundedTwice,
    ];

    /// Who receives what in it, beside what other courses say already.
    pub(crate) fn covers(self) -> &'static [Pair] {
        match self {
            Course::Delivered => &[
                (PACKERS, "OrderCreated"),
                (PRODUCTS, "OrderCreated"),
                (ORDERS, "PackagingStarted"),
                (ORDERS, "PackageCreated"),
                (ORDERS, "PaymentCaptured"),
                (ORDERS, "DeliveryStarted"),
                (ORDERS, "DeliveryCompleted"),
            ],
            Course::Cancelled => &[(PACKERS, "OrderCancelled"), (ORDERS, "PaymentVoided")],
            Course::NotPacked => &[(ORDERS, "PackagingFailed")],
            Course::NotDelivered => &[(ORDERS, "DeliveryFailed"), (ORDERS, "PaymentRefunded")],
            Course::Returned | Course::ReturnedUnasked => {
                &[(ORDERS, "ReturnReceived"), (PACKERS, "ReturnReceived")]
            }
            Course::PaidAnew => &[(ORDERS, "PaymentFailed"), (ORDERS, "PaymentUnknown")],
            Course::AgeReviewed => &[(ORDERS, "AgeVerificationCompleted"), (PACKERS, "OrderModified")],
            Course::WaitedForGoods => &[(ORDERS, "StockReplenished"), (PRODUCTS, "StockReplenished")],
            Course::WarehouseLost => &[(ORDERS, "WarehouseClosed")],
            Course::RefundedTwice => &[(ORDERS, "PaymentRefunded")],
        }
    }

    /// Where the order stands in the end.
    pub(crate) fn end(self) -> OrderStatus {
        match self {
            Course::Cancelled => OrderStatus::Cancelled,
            Course::NotPacked => OrderStatus::PackagingFailed,
            Course::NotDelivered => OrderStatus::DeliveryFailed,
            Course::Returned | Course::ReturnedUnasked | Course::RefundedTwice => OrderStatus::Returned,
            _ => OrderStatus::Fulfilled,
        }
    }

    pub(crate) fn setup(self) -> Setup {
        Setup {
            customers: CUSTOMERS,
            adults: self != Course::AgeReviewed,
            stock_units: if self == Course::WaitedForGoods { 0 } else { 1_000 },
            events: Events::ByHand,
            ..Setup::default()
        }
    }

    /// Whether the shop is not what it was before.
    pub(crate) fn wants_a_new_shop(self) -> bool {
        matches!(self, Course::WarehouseLost | Course::RefundedTwice)
    }

    /// Lets the order of one more customer go it.
    pub(crate) async fn go(self, shop: &Paused, post: &mut Post<'_>, number: usize) -> Bought {
        let mut wanted = shop.draft(number, &[(0, 2), (1, 3)]).await;
        if self == Course::WaitedForGoods {
            wanted = shop.draft(number, &[(0, 2)]).await;
            wanted.allow_backorder = true;
        }
        let bought = shop.buy(number, wanted, &format!("key-{number}")).await;
        let id = bought.order_id;
        match self {
            Course::Delivered => {
                pack(shop, post, &bought).await;
                deliver(shop, post, &bought).await;
            }
            Course::Cancelled => {
                shop.command(&bought, "cancel", "cancel", json!({})).await;
                let told =
                    [(PACKERS, "OrderCreated"), (PACKERS, "OrderCancelled"), (PRODUCTS, "OrderCreated")];
                post.gather(&told).await;
                post.round(&[told[0], told[1], told[2], (ORDERS, "PaymentVoided")]).await;
            }
            Course::NotPacked => {
                post.round(&[(PACKERS, "OrderCreated"), (PRODUCTS, "OrderCreated")]).await;
                shop.begin_package(id).await;
                shop.give_package_up(id).await;
                post.round(&[(ORDERS, "PackagingStarted"), (ORDERS, "PackagingFailed")]).await;
                post.round(&[(ORDERS, "PaymentVoided")]).await;
            }
            Course::NotDelivered => {
                pack(shop, post, &bought).await;
                shop.take_parcel(id).await;
                shop.bring_parcel_back(id).await;
                let told =
                    [(ORDERS, "PaymentCaptured"), (ORDERS, "DeliveryStarted"), (ORDERS, "DeliveryFailed")];
                post.round(&told).await;
                post.round(&[(ORDERS, "PaymentRefunded")]).await;
            }
            Course::Returned => {
                pack(shop, post, &bought).await;
                deliver(shop, post, &bought).await;
                ask_back(shop, &bought).await;
                shop.return_goods(id, &back(&bought)).await;
                post.round(&[(ORDERS, "ReturnReceived"), (PACKERS, "ReturnReceived")]).await;
            }
            Course::ReturnedUnasked => {
                pack(shop, post, &bought).await;
                shop.take_parcel(id).await;
                shop.hand_parcel_over(id).await;
                shop.return_goods(id, &back(&bought)).await;
                let [paid, left, there] = DELIVERED;
                post.round(&[paid, left, there, (ORDERS, "ReturnReceived"), (PACKERS, "ReturnReceived")])
                    .await;
                ask_back(shop, &bought).await;
                shop.until_status(&bought, OrderStatus::Returned).await;
            }
            Course::PaidAnew => pay_anew(shop, post, number, &bought).await,
            Course::AgeReviewed => {
                shop.find_age(&bought, "PASSED").await;
                post.gather(&[(ORDERS, "AgeVerificationCompleted")]).await;
                post.hand_out(|consumer| consumer == ORDERS).await;
                changed_before_created(shop, post, &bought).await;
            }
            Course::WaitedForGoods => {
                let product_id = bought.request.products[0].product_id;
                let path = format!("/products/notices/{product_id}");
                let (home, wish) = (Region::from(HOME), json!({ "on": true }));
                shop.insist(&home, &bought.token, Method::PUT, &path, "-", &wish).await;
                shop.receive_goods(product_id, 2, &format!("slip-{number}")).await;
                post.gather(&[(ORDERS, "StockReplenished"), (PRODUCTS, "StockReplenished")]).await;
                post.hand_out(|consumer| consumer != PACKERS).await;
                changed_before_created(shop, post, &bought).await;
            }
            Course::WarehouseLost => lose_goods(shop, post, &bought).await,
            Course::RefundedTwice => refund_twice(shop, post, &bought).await,
        }
        bought
    }
}

const DELIVERED: [Pair; 3] =
    [(ORDERS, "PaymentCaptured"), (ORDERS, "DeliveryStarted"), (ORDERS, "DeliveryCompleted")];

/// Up to the package; its news come when it is done.
async fn pack(shop: &Paused, post: &mut Post<'_>, bought: &Bought) {
    post.round(&[(PACKERS, "OrderCreated"), (PRODUCTS, "OrderCreated")]).await;
    shop.begin_package(bought.order_id).await;
    shop.fill_package(bought.order_id, &units(&bought.request)).await;
    post.round(&[(ORDERS, "PackagingStarted"), (ORDERS, "PackageCreated")]).await;
}

/// From the package to the customer; that it was paid and left is told when it is there.
async fn deliver(shop: &Paused, post: &mut Post<'_>, bought: &Bought) {
    shop.take_parcel(bought.order_id).await;
    shop.hand_parcel_over(bought.order_id).await;
    post.round(&DELIVERED).await;
}

/// What the order was at first the warehouse hears together with what it is now.
async fn changed_before_created(shop: &Paused, post: &mut Post<'_>, bought: &Bought) {
    post.gather(&[(PACKERS, "OrderCreated"), (PACKERS, "OrderModified")]).await;
    post.hand_out(|_| true).await;
    shop.begin_package(bought.order_id).await;
    shop.fill_package(bought.order_id, &units(&bought.request)).await;
    post.round(&[(ORDERS, "PackagingStarted"), (ORDERS, "PackageCreated")]).await;
    deliver(shop, post, bought).await;
}

/// One unit of the first line.
fn back(bought: &Bought) -> [ProductUnits; 1] {
    [ProductUnits { product_id: bought.request.products[0].product_id, quantity: 1 }]
}

async fn ask_back(shop: &Paused, bought: &Bought) {
    shop.until_status(bought, OrderStatus::Fulfilled).await;
    shop.command(bought, "returns", "back", json!({ "lines": back(bought) })).await;
}

/// The provider refuses, and the customer pays anew before anybody hears of it as an event; what came of the second
/// capture nobody knows when the news of the first one come.
async fn pay_anew(shop: &Paused, post: &mut Post<'_>, number: usize, bought: &Bought) {
    let provider = |faults| shop.provider.set_faults(faults);
    provider(ProviderFaults { refuse_pct: 100.0, ..ProviderFaults::default() });
    pack(shop, post, bought).await;
    let failed = |order: &contracts::Order| {
        order.status == OrderStatus::PaymentFailed && order.payment_state == PaymentState::Voided
    };
    shop.until_order(bought, "a failed payment", failed).await;
    let payment_token = shop.pay(number, &bought.request).await;
    provider(ProviderFaults::default());
    shop.command(bought, "payment", "anew", json!({ "paymentToken": payment_token })).await;
    // The capture is still on its way.
    provider(ProviderFaults { slow_ms: TOO_SLOW_MS, ..ProviderFaults::default() });
    let told = [(ORDERS, "PaymentFailed"), (ORDERS, "PaymentVoided"), (ORDERS, "PaymentUnknown")];
    post.gather(&told).await;
    let order = shop.order(bought).await;
    assert_eq!((order.status, order.payment_attempt), (OrderStatus::Packaged, 2), "it is known already");
    post.hand_out(|_| true).await;
    provider(ProviderFaults::default());
    deliver(shop, post, bought).await;
}

/// The goods are lost when the order has just come in; it is packed on another continent.
async fn lose_goods(shop: &Paused, post: &mut Post<'_>, bought: &Bought) {
    post.gather(&[(PACKERS, "OrderCreated"), (PRODUCTS, "OrderCreated")]).await;
    lose_warehouse(shop).await;
    post.round(&[(PACKERS, "OrderCreated"), (ORDERS, "WarehouseClosed"), (PRODUCTS, "OrderCreated")]).await;
    post.round(&[(PACKERS, "OrderModified")]).await;
    shop.pack_at(SUCCESSOR, bought.order_id, &units(&bought.request)).await;
    post.round(&[(ORDERS, "PackagingStarted"), (ORDERS, "PackageCreated")]).await;
    deliver(shop, post, bought).await;
}

async fn lose_warehouse(shop: &Paused) {
    let lost = json!({ "reason": "under water", "lost": true });
    let (picker, path) = (Staff::Picker(WAREHOUSE), format!("/warehouse/admin/warehouses/{WAREHOUSE}/close"));
    let token = shop.staff(picker).await;
    shop.insist(&Region::from(HOME), &token, Method::POST, &path, "-", &lost).await;
}

/// A package that is paid for is lost with its warehouse, and the next one holds less: a part is paid back. Then a unit
/// comes back. The news of the first refund come while nobody knows yet what became of the second one.
async fn refund_twice(shop: &Paused, post: &mut Post<'_>, bought: &Bought) {
    const REFUNDED: Pair = (ORDERS, "PaymentRefunded");
    pack(shop, post, bought).await;
    shop.until_status(bought, OrderStatus::Paid).await;
    lose_warehouse(shop).await;
    post.round(&[(ORDERS, "PaymentCaptured"), (ORDERS, "WarehouseClosed")]).await;
    post.round(&[(PACKERS, "OrderModified")]).await;
    let all = units(&bought.request);
    let less = [all[0], ProductUnits { quantity: 1, ..all[1] }];
    shop.pack_at(SUCCESSOR, bought.order_id, &less).await;
    post.round(&[(ORDERS, "PackagingStarted"), (ORDERS, "PackageCreated")]).await;
    post.gather(&[REFUNDED]).await;
    post.set_aside(REFUNDED);
    let part = shop.order(bought).await;
    assert_eq!(
        (part.payment_state, part.refunded),
        (PaymentState::PartiallyRefunded, part.captured - part.total)
    );
    shop.take_parcel(bought.order_id).await;
    shop.hand_parcel_over(bought.order_id).await;
    post.round(&[(ORDERS, "DeliveryStarted"), (ORDERS, "DeliveryCompleted")]).await;
    ask_back(shop, bought).await;
    shop.provider.set_faults(ProviderFaults { slow_ms: TOO_SLOW_MS, ..ProviderFaults::default() });
    shop.return_goods(bought.order_id, &back(bought)).await;
    post.round(&[(ORDERS, "ReturnReceived"), (PACKERS, "ReturnReceived")]).await;
    let due = |order: &contracts::Order| order.payment_state == PaymentState::RefundPending;
    shop.until_order(bought, "a second refund that is due", due).await;
    post.take_up();
    post.hand_out(|_| true).await;
    let waits = shop.order(bought).await;
    assert_eq!((waits.payment_state, waits.refunded), (PaymentState::RefundPending, part.refunded));
    shop.provider.set_faults(ProviderFaults::default());
    post.round(&[REFUNDED]).await;
    let settled = |order: &contracts::Order| order.payment_state == PaymentState::PartiallyRefunded;
    shop.until_order(bought, "the second refund", settled).await;
    let order = shop.order(bought).await;
    assert_eq!(order.captured - order.refunded, order.total - order.returned_value(), "the books balance");
}
