//! Each way that an order can go, up to its end.

use contracts::bodies::orders::CreateOrderRequest;
use contracts::events::ProductUnits;
use contracts::{OrderStatus, PaymentState, Region, StockState};
use http::Method;
use serde_json::json;
use simulator::third_parties::payment_3p::ProviderFaults;

use crate::paused::{Bought, HOME, Paused, Setup, Staff};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Delivered,
    PackedInPart,
    CancelledAtOnce,
    CancelledByStaff,
    PackagingFailed,
    DeliveryFailed,
    ReturnedInPart,
    PaidAnew,
    TooYoung,
    WaitedForGoods,
}

impl Way {
    /// How it ends: where the order stands, its money and its goods.
    pub(crate) fn end(self) -> (OrderStatus, PaymentState, StockState) {
        use OrderStatus::{Cancelled, DeliveryFailed, Fulfilled, PackagingFailed, Returned};
        use PaymentState::{Captured, PartiallyRefunded, Refunded, Voided};
        use StockState::{Consumed, Released, Restocked};
        match self {
            Way::Delivered | Way::PackedInPart | Way::PaidAnew | Way::WaitedForGoods => {
                (Fulfilled, Captured, Consumed)
            }
            Way::CancelledAtOnce | Way::CancelledByStaff | Way::TooYoung => (Cancelled, Voided, Released),
            Way::PackagingFailed => (PackagingFailed, Voided, Released),
            Way::DeliveryFailed => (DeliveryFailed, Refunded, Consumed),
            Way::ReturnedInPart => (Returned, PartiallyRefunded, Restocked),
        }
    }

    /// The shop in which it is gone by so many customers.
    pub(crate) fn setup(self, customers: usize) -> Setup {
        Setup {
            customers: u32::try_from(customers).unwrap(),
            adults: self != Way::TooYoung,
            stock_units: if self == Way::WaitedForGoods { 0 } else { 1_000 },
            ..Setup::default()
        }
    }

    /// What the provider does in the first part.
    pub(crate) fn provider(self) -> ProviderFaults {
        let refuse_pct = if self == Way::PaidAnew { 100.0 } else { 0.0 };
        ProviderFaults { refuse_pct, ..ProviderFaults::default() }
    }

    /// Two products of the customer's own, some units of each: orders do not get into each other's way.
    pub(crate) async fn basket(self, shop: &Paused, buyer: usize) -> CreateOrderRequest {
        let products = shop.catalogue.len();
        let lines = [((2 * buyer) % products, 2), ((2 * buyer + 1) % products, 3)];
        let mut order = shop.draft(buyer, &lines).await;
        order.allow_backorder = self == Way::WaitedForGoods;
        order
    }

    /// The first part: up to where the provider changes its mind.
    pub(crate) async fn begin(self, shop: &Paused, bought: &Bought) {
        let id = bought.order_id;
        let all = units(&bought.request);
        match self {
            Way::Delivered | Way::ReturnedInPart => {
                pack(shop, bought, &all).await;
                deliver(shop, bought).await;
            }
            Way::PackedInPart => {
                pack(shop, bought, &[all[0], ProductUnits { quantity: 1, ..all[1] }]).await;
                deliver(shop, bought).await;
            }
            Way::CancelledAtOnce => shop.command(bought, "cancel", "cancel", json!({})).await,
            Way::CancelledByStaff => {
                shop.begin_package(id).await;
                shop.until_status(bought, OrderStatus::Packaging).await;
                let desk = shop.staff(Staff::Administrator).await;
                let (home, path) = (Region::from(HOME), format!("/orders/{id}/cancel"));
                let key = format!("desk-{id}");
                shop.insist(&home, &desk, Method::POST, &path, &key, &json!({ "reason": "recalled" })).await;
            }
            Way::PackagingFailed => {
                shop.begin_package(id).await;
                shop.give_package_up(id).await;
            }
            Way::DeliveryFailed => {
                pack(shop, bought, &all).await;
                shop.take_parcel(id).await;
                shop.bring_parcel_back(id).await;
            }
            Way::PaidAnew => {
                pack(shop, bought, &all).await;
                let failed = |order: &contracts::Order| {
                    order.status == OrderStatus::PaymentFailed && order.payment_state == PaymentState::Voided
                };
                shop.until_order(bought, "a failed payment", failed).await;
            }
            Way::TooYoung => shop.find_age(bought, "FAILED").await,
            Way::WaitedForGoods => {
                for line in &all {
                    let slip = format!("{id}-{}", line.product_id);
                    shop.receive_goods(line.product_id, line.quantity, &slip).await;
                }
            }
        }
    }

    /// The rest.
    pub(crate) async fn finish(self, shop: &Paused, buyer: usize, bought: &Bought) {
        let all = units(&bought.request);
        match self {
            Way::PaidAnew => {
                let payment_token = shop.pay(buyer, &bought.request).await;
                shop.command(bought, "payment", "anew", json!({ "paymentToken": payment_token })).await;
                deliver(shop, bought).await;
            }
            Way::WaitedForGoods => {
                pack(shop, bought, &all).await;
                deliver(shop, bought).await;
            }
            Way::ReturnedInPart => {
                shop.until_status(bought, OrderStatus::Fulfilled).await;
                let lines = [ProductUnits { quantity: 1, ..all[0] }];
                shop.command(bought, "returns", "back", json!({ "lines": lines })).await;
                shop.return_goods(bought.order_id, &lines).await;
            }
            _ => {}
        }
        let end = self.end();
        let there = |order: &contracts::Order| (order.status, order.payment_state, order.stock_state) == end;
        shop.until_order(bought, "the end", there).await;
    }
}

/// What an order wants.
pub(crate) fn units(request: &CreateOrderRequest) -> Vec<ProductUnits> {
    let line =
        |line: &contracts::OrderLine| ProductUnits { product_id: line.product_id, quantity: line.quantity };
    request.products.iter().map(line).collect()
}

async fn pack(shop: &Paused, bought: &Bought, units: &[ProductUnits]) {
    shop.begin_package(bought.order_id).await;
    shop.fill_package(bought.order_id, units).await;
}

async fn deliver(shop: &Paused, bought: &Bought) {
    shop.take_parcel(bought.order_id).await;
    shop.hand_parcel_over(bought.order_id).await;
}
