//! An order as its readers see it.

use crate::{
    address::Address,
    events::ProductUnits,
    ids::{Continent, OrderId, ProductId, Region, ShardId, UserId, WarehouseId},
    product::Package,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where an order stands (the table of transitions is in [`crate::states`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)] // the words are the contract's own and the table in `states` gives their meaning
pub enum OrderStatus {
    New,
    AgeReview,
    Backordered,
    Packaging,
    Packaged,
    Paid,
    PaymentFailed,
    Shipped,
    Fulfilled,
    Cancelling,
    Cancelled,
    PackagingFailed,
    DeliveryFailed,
    Reallocating,
    ReturnRequested,
    Returned,
}

impl OrderStatus {
    /// Every status.
    pub const ALL: [OrderStatus; 16] = [
        OrderStatus::New,
        OrderStatus::AgeReview,
        OrderStatus::Backordered,
        OrderStatus::Packaging,
        OrderStatus::Packaged,
        OrderStatus::Paid,
        OrderStatus::PaymentFailed,
        OrderStatus::Shipped,
        OrderStatus::Fulfilled,
        OrderStatus::Cancelling,
        OrderStatus::Cancelled,
        OrderStatus::PackagingFailed,
        OrderStatus::DeliveryFailed,
        OrderStatus::Reallocating,
        OrderStatus::ReturnRequested,
        OrderStatus::Returned,
    ];

    /// Whether nothing more happens to the order by itself.
    pub fn terminal(self) -> bool {
        matches!(
            self,
            OrderStatus::Fulfilled
                | OrderStatus::Cancelled
                | OrderStatus::PackagingFailed
                | OrderStatus::DeliveryFailed
                | OrderStatus::Returned
        )
    }

    /// Whether the order may stay here for a person or an outside event.
    pub fn may_wait(self) -> bool {
        matches!(
            self,
            OrderStatus::AgeReview
                | OrderStatus::Backordered
                | OrderStatus::PaymentFailed
                | OrderStatus::ReturnRequested
        )
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// What became of the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum PaymentState {
    None,
    Authorised,
    CapturePending,
    Captured,
    VoidPending,
    Voided,
    RefundPending,
    PartiallyRefunded,
    Refunded,
    Unknown,
    Conflicted,
}

impl PaymentState {
    /// Whether the provider has nothing left to do.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            PaymentState::None
                | PaymentState::Captured
                | PaymentState::Voided
                | PaymentState::Refunded
                | PaymentState::PartiallyRefunded
        )
    }
}

impl fmt::Display for PaymentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// What became of the goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum StockState {
    None,
    Held,
    Committed,
    Picked,
    Consumed,
    ReleasePending,
    Released,
    Restocked,
    WrittenOff,
}

impl StockState {
    /// Whether the warehouse has nothing left to do.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            StockState::None
                | StockState::Consumed
                | StockState::Released
                | StockState::Restocked
                | StockState::WrittenOff
        )
    }
}

impl fmt::Display for StockState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// One product of an order, as the customer accepted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderLine {
    /// The product.
    pub product_id: ProductId,
    /// Its name at the time of the order.
    pub name: String,
    /// Its package at the time of the order.
    pub package: Package,
    /// Price of one unit, minor units.
    #[schemars(range(min = 0))]
    pub price: i64,
    /// Units, 1 to 99.
    pub quantity: u32,
}

/// One step of an order's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusChange {
    /// The version that the step made.
    pub version: u64,
    /// The status after it.
    pub status: OrderStatus,
    /// When.
    pub at: Timestamp,
    /// The epoch of the owner that made the step.
    pub epoch: u64,
    /// Why, where the status does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How far the erasure of an order's personal data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Erasure {
    /// The order itself tells of nobody any more; a region may still have an older version that does.
    Pending,
    /// No region has anything of it.
    Done,
}

/// An order. This is also its shape in events: it holds no payment token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its id.
    pub order_id: OrderId,
    /// Whose it is.
    pub user_id: UserId,
    /// When it was accepted.
    pub created_date: Timestamp,
    /// When it last changed.
    pub modified_date: Timestamp,
    /// Where it stands.
    pub status: OrderStatus,
    /// What is in it.
    pub products: Vec<OrderLine>,
    /// Where it goes.
    pub address: Address,
    /// Price of the delivery, minor units.
    #[schemars(range(min = 0))]
    pub delivery_price: i64,
    /// Sum of price times quantity, plus the delivery price, minor units.
    #[schemars(range(min = 0))]
    pub total: i64,
    /// ISO 4217.
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    pub currency: String,
    /// +1 for every committed change; 1 is the order as journalled.
    pub version: u64,
    /// The epoch of the owner that wrote this version.
    pub epoch: u64,
    /// The region of the owner that wrote this version.
    pub home_region: Region,
    /// The customer's home continent.
    pub home: Continent,
    /// The shard that the order belongs to.
    pub shard: ShardId,
    /// The key of the attempt that made it.
    pub idempotency_key: String,
    /// The hash of that attempt's canonical body.
    pub request_hash: String,
    /// What became of the money.
    pub payment_state: PaymentState,
    /// Captured so far, minor units.
    #[schemars(range(min = 0))]
    pub captured: i64,
    /// Refunded so far, minor units.
    #[schemars(range(min = 0))]
    pub refunded: i64,
    /// What became of the goods.
    pub stock_state: StockState,
    /// The warehouse that serves it.
    pub warehouse_id: WarehouseId,
    /// Counts the warehouses tried: +1 for each reallocation. Part of reservation and packaging keys.
    pub allocation: u32,
    /// Whether a smaller package is welcome.
    pub accept_partial: bool,
    /// Whether to wait for stock.
    pub allow_backorder: bool,
    /// Whether a person must look at it.
    pub attention: bool,
    /// The number of the payment token in use, from 1.
    #[serde(default = "first")]
    pub payment_attempt: u32,
    /// Whether the customer asked to cancel when it was too late to do so without the shop's staff.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel_requested: bool,
    /// What came back of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returned: Vec<ProductUnits>,
    /// The carrier's number, once shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_id: Option<String>,
    /// How far it has come to be forgotten whose order it was, once that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<Erasure>,
    /// Every step so far.
    pub history: Vec<StatusChange>,
}

/// The number of an order's first payment token.
fn first() -> u32 {
    1
}

impl Order {
    /// The price of what came back, minor units.
    pub fn returned_value(&self) -> i64 {
        let price = |units: &ProductUnits| {
            let line = self.products.iter().find(|line| line.product_id == units.product_id);
            line.map_or(0, |line| line.price * i64::from(units.quantity))
        };
        self.returned.iter().map(price).sum()
    }

    /// Whether its customer may cancel it without asking.
    pub fn cancellable(&self) -> bool {
        use OrderStatus::{AgeReview, Backordered, New, PaymentFailed};
        matches!(self.status, New | AgeReview | Backordered | PaymentFailed)
    }

    /// Whether the order is over: terminal, with money and goods settled, and nothing left to erase.
    pub fn settled(&self) -> bool {
        let over = self.status.terminal() && self.payment_state.is_final() && self.stock_state.is_final();
        over && self.erasure != Some(Erasure::Pending)
    }

    /// Whether [`Order::forget_person`] has anything to forget.
    pub fn tells_of_person(&self) -> bool {
        let mut forgotten = self.clone();
        forgotten.forget_person();
        forgotten != *self
    }

    /// Forgets who ordered where to, and what people wrote. What the books need stays.
    pub fn forget_person(&mut self) {
        self.address.forget_person();
        self.history.iter_mut().for_each(|step| step.reason = None);
    }

    /// Sum of price times quantity over the lines, plus the delivery price, minor units.
    pub fn computed_total(lines: &[OrderLine], delivery_price: i64) -> Option<i64> {
        lines.iter().try_fold(delivery_price, |sum, line| {
            sum.checked_add(line.price.checked_mul(i64::from(line.quantity))?)
        })
    }
}
