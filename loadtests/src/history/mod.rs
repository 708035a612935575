//! What the customers did and were told: the client's ledger, one JSON object a line.
//!
//! It holds every attempt, whatever came of it. It never holds a payment token or a card number.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{ReadError, read};
pub use writer::{History, HistoryClosed, HistoryError, HistoryTask};

use contracts::{
    bodies::orders::CreateOrderRequest,
    error::Code,
    ids::{Continent, OrderId, ProductId, Region, UserId},
    order::Order,
};
use serde::{Deserialize, Serialize};

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The open-loop driver, which judges.
    Driver,
    /// A Goose user.
    Goose,
    /// A picker or a courier.
    Robot,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// A page of the catalogue.
    Browse,
    /// One product.
    Product,
    /// Products by words.
    Search,
    /// A change of the cart.
    Cart,
    /// The price of a delivery.
    Pricing,
    /// An order, as honest customers make it.
    CreateOrder,
    /// The same request again, of an order that was acknowledged: it must be acknowledged again, as the same.
    RepeatOrder,
    /// An order that must be refused.
    BadOrder,
    /// To cancel an order.
    Cancel,
    /// To send goods of a delivered order back.
    Return,
    /// One order.
    GetOrder,
    /// A customer's orders.
    GetOrders,
    /// The order that an acknowledged attempt made.
    GetByKey,
    /// The order that an ambiguous attempt may have made.
    Resolve,
    /// Asking where to have one's age verified.
    VerifyAge,
    /// A sign-in at the user pool.
    SignIn,
}

impl Op {
    /// Its word in the history and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Op::Browse => "browse",
            Op::Product => "product",
            Op::Search => "search",
            Op::Cart => "cart",
            Op::Pricing => "pricing",
            Op::CreateOrder => "create-order",
            Op::RepeatOrder => "repeat-order",
            Op::BadOrder => "bad-order",
            Op::Cancel => "cancel",
            Op::Return => "return",
            Op::GetOrder => "get-order",
            Op::GetOrders => "get-orders",
            Op::GetByKey => "get-by-key",
            Op::Resolve => "resolve",
            Op::VerifyAge => "verify-age",
            Op::SignIn => "sign-in",
        }
    }
}

/// What makes a bad order bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// A product at one minor unit.
    TamperedPrice,
    /// A delivery price that is not today's.
    StaleDeliveryPrice,
    /// No units.
    ZeroQuantity,
    /// Fewer units than none.
    NegativeQuantity,
    /// More units than an order may have.
    HugeQuantity,
    /// One product in two lines.
    DuplicateLine,
    /// A token that the provider never gave.
    UnknownToken,
    /// A token that backs another order of the same customer.
    ReusedToken,
    /// A token that backs another customer's order.
    ForeignToken,
    /// The key of an acknowledged order, with another body.
    ReusedKey,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The wanted answer; of an order or a command: it was acknowledged.
    Ok,
    /// An order or a command was refused, and the workload did not plan that.
    Refused,
    /// An order was refused as planned, or a command because the order had gone on by then.
    PlannedRefusal,
    /// An order may exist or not, a command may be done or not.
    Ambiguous,
    /// Something else did not get the wanted answer; or the request was never sent.
    Failed,
    /// Never sent, for a reason outside the platform; judged by nobody.
    Skipped,
}

/// What was ordered. No token, no card, and of the address only the country.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ordered {
    /// The lines.
    pub lines: Vec<OrderedLine>,
    /// Where it goes.
    pub country: String,
    /// Minor units.
    pub delivery_price: i64,
    /// Minor units.
    pub total: i64,
    /// ISO 4217.
    pub currency: String,
}

/// A line of it. `quantity` is signed because bad orders are recorded as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderedLine {
    /// The product.
    pub product_id: ProductId,
    /// Units.
    pub quantity: i64,
    /// Price of one unit, minor units.
    pub price: i64,
}

impl From<&CreateOrderRequest> for Ordered {
    fn from(request: &CreateOrderRequest) -> Self {
        let line = |line: &contracts::OrderLine| OrderedLine {
            product_id: line.product_id,
            quantity: i64::from(line.quantity),
            price: line.price,
        };
        Ordered {
            lines: request.products.iter().map(line).collect(),
            country: request.address.country.clone(),
            delivery_price: request.delivery_price,
            total: Order::computed_total(&request.products, request.delivery_price).unwrap_or(i64::MAX),
            currency: request.currency.clone().unwrap_or_else(|| "USD".to_owned()),
        }
    }
}

/// One thing that a customer did. Times are microseconds since the run's start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryRecord {
    /// The place in the file, from 1; given by the writer.
    #[serde(default)]
    pub seq: u64,
    /// Who did it.
    pub source: Source,
    /// What was asked for.
    pub op: Op,
    /// Where the customer lives: the edge that was used.
    pub continent: String,
    /// The customer's home continent.
    pub home: Continent,
    /// The customer.
    pub user_id: UserId,
    /// The attempt's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The hash of the attempt's body: two attempts with one key and two hashes were not the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_hash: Option<String>,
    /// What was ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Ordered>,
    /// What makes it bad, where it is meant to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// When it was to be sent.
    pub planned_at_us: u64,
    /// When it was sent; absent when it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at_us: Option<u64>,
    /// When the last byte of the answer came; absent when none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at_us: Option<u64>,
    /// The planned time as wall time, ms since the Unix epoch.
    pub wall_ms: i64,
    /// The HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The region that answered, as the edge says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_by: Option<Region>,
    /// How many regions the edge asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// The regions that said no, for now. The edge then asked another one, where that was safe.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_by: Vec<Region>,
    /// What came of it.
    pub outcome: Outcome,
    /// The code of a refusal or a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Why it is not `ok`, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// Its version in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_version: Option<u64>,
    /// Its status in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_status: Option<String>,
    /// From the planned time to the whole answer, or to giving up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<u64>,
    /// The phase of the run at the planned time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

impl HistoryRecord {
    /// Whether it is an attempt to make an order: acknowledged, refused or ambiguous.
    pub fn is_attempt(&self) -> bool {
        let orders = matches!(self.op, Op::CreateOrder | Op::RepeatOrder | Op::BadOrder);
        orders && self.sent_at_us.is_some()
    }

    /// Whether something is asked of an order that is there.
    pub fn is_command(&self) -> bool {
        matches!(self.op, Op::Cancel | Op::Return) && self.sent_at_us.is_some()
    }

    /// Whether an order was promised.
    pub fn acknowledged(&self) -> bool {
        self.is_attempt() && self.outcome == Outcome::Ok
    }
}
