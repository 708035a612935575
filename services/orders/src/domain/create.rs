//! What a request for an order must be, and the order that it makes.

use contracts::{
    Continent, FieldError, Order, OrderId, OrderLine, OrderStatus, PaymentState, Region, ShardId, StockState,
    Timestamp, UserId, WarehouseId, bodies::orders::CreateOrderRequest, events::ProductUnits, keys,
    order::StatusChange,
};
use std::collections::HashSet;

/// Lines of one order at most: with stock, reservation and ledger rows they fit one transaction.
pub const LINES_MAX: usize = 30;
/// Units of one line at most.
pub const QUANTITY_MAX: u32 = 99;
/// The currency where the request names none.
pub const CURRENCY: &str = "USD";
/// The largest total, minor units: what GraphQL's `Int` holds.
pub const TOTAL_MAX: i64 = i32::MAX as i64;

/// Every rule that a request breaks, field by field. Needs nothing but the request.
pub fn faults(request: &CreateOrderRequest, idempotency_key: &str) -> Vec<FieldError> {
    let mut faults = request.address.faults();
    let mut fault =
        |field: String, code: &str, message: &str| faults.push(FieldError::new(field, code, message));
    if !keys::valid_idempotency_key(idempotency_key) {
        fault("idempotencyKey".into(), "FORM", "must be 1 to 64 of A-Z a-z 0-9 _ -");
    }
    if request.products.is_empty() || request.products.len() > LINES_MAX {
        fault("products".into(), "COUNT", "must have 1 to 30 lines");
    }
    let mut seen = HashSet::new();
    for (index, line) in request.products.iter().enumerate() {
        let field = |name: &str| format!("products[{index}].{name}");
        if !seen.insert(line.product_id) {
            fault(field("productId"), "DUPLICATE", "stands in an earlier line too");
        }
        if line.quantity < 1 || line.quantity > QUANTITY_MAX {
            fault(field("quantity"), "RANGE", "must be 1 to 99");
        }
        if line.price < 0 || line.price > TOTAL_MAX {
            fault(field("price"), "RANGE", "must be a price");
        }
    }
    if request.delivery_price < 0 || request.delivery_price > TOTAL_MAX {
        fault("deliveryPrice".into(), "RANGE", "must be a price");
    }
    if Order::computed_total(&request.products, request.delivery_price).is_none_or(|total| total > TOTAL_MAX)
    {
        fault("products".into(), "TOTAL", "the total is too large");
    }
    if request.payment_token.is_empty() || request.payment_token.len() > 128 {
        fault("paymentToken".into(), "LENGTH", "must have 1 to 128 bytes");
    }
    if request.currency.as_deref().is_some_and(|currency| currency != CURRENCY) {
        fault("currency".into(), "CURRENCY", "must be USD");
    }
    faults
}

/// The hash by which two requests with one key are told apart.
pub fn request_hash(request: &CreateOrderRequest) -> String {
    let without_key = CreateOrderRequest { idempotency_key: None, ..request.clone() };
    keys::canonical_hash(&without_key)
}

/// Which attempt an order comes from and who owns it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The customer.
    pub user: UserId,
    /// Their home continent.
    pub home: Continent,
    /// The shard of their orders.
    pub shard: ShardId,
    /// The attempt's key.
    pub idempotency_key: String,
    /// The hash of its body.
    pub request_hash: String,
}

impl Attempt {
    /// The order that the attempt makes.
    pub fn order_id(&self) -> OrderId {
        keys::order_id(&self.user, &self.idempotency_key)
    }

    /// The journal's key of the attempt.
    pub fn key_hash(&self) -> String {
        keys::journal_key(&self.user, &self.idempotency_key)
    }
}

/// Who makes a change, and when.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The owner's epoch.
    pub epoch: u64,
    /// The owner's region.
    pub region: Region,
    /// Now.
    pub at: Timestamp,
}

/// What is known of a customer's age who is not known to be under age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Of age.
    Verified,
    /// Nobody has looked yet: the order waits for it.
    InReview,
}

/// Where an order is served from, and whether its goods are kept there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supply {
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// Whether it keeps the goods for the order. Otherwise the order waits for them.
    pub kept: bool,
}

/// The status in which an order begins (rows 1 to 3 of the table).
pub fn beginning(supply: &Supply, age: Age) -> OrderStatus {
    match (supply.kept, age) {
        (false, _) => OrderStatus::Backordered,
        (true, Age::InReview) => OrderStatus::AgeReview,
        (true, Age::Verified) => OrderStatus::New,
    }
}

/// Version 1 of an order whose checks passed.
pub fn new_order(
    attempt: &Attempt,
    request: &CreateOrderRequest,
    supply: Supply,
    age: Age,
    owner: &Owner,
) -> Order {
    let total = Order::computed_total(&request.products, request.delivery_price).unwrap_or(TOTAL_MAX);
    let status = beginning(&supply, age);
    let born = StatusChange { version: 1, status, at: owner.at, epoch: owner.epoch, reason: None };
    Order {
        order_id: attempt.order_id(),
        user_id: attempt.user.clone(),
        created_date: owner.at,
        modified_date: owner.at,
        status,
        products: request.products.clone(),
        address: request.address.clone().normalised(),
        delivery_price: request.delivery_price,
        total,
        currency: request.currency.clone().unwrap_or_else(|| CURRENCY.to_owned()),
        version: 1,
        epoch: owner.epoch,
        home_region: owner.region.clone(),
        home: attempt.home.clone(),
        shard: attempt.shard.clone(),
        idempotency_key: attempt.idempotency_key.clone(),
        request_hash: attempt.request_hash.clone(),
        payment_state: PaymentState::Authorised,
        captured: 0,
        refunded: 0,
        stock_state: if supply.kept { StockState::Held } else { StockState::None },
        warehouse_id: supply.warehouse_id,
        allocation: 1,
        accept_partial: request.accept_partial,
        allow_backorder: request.allow_backorder,
        attention: false,
        payment_attempt: 1,
        cancel_requested: false,
        returned: Vec::new(),
        tracking_id: None,
        erasure: None,
        history: vec![born],
    }
}

/// Units by product.
pub fn units(lines: &[OrderLine]) -> Vec<ProductUnits> {
    lines.iter().map(|line| ProductUnits { product_id: line.product_id, quantity: line.quantity }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::request;
    use contracts::{Package, ProductId};

    fn line(id: u128, price: i64, quantity: u32) -> OrderLine {
        let product_id = ProductId(uuid::Uuid::from_u128(id));
        OrderLine { product_id, name: "Robusto".into(), package: Package::default(), price, quantity }
    }

    fn codes(request: &CreateOrderRequest) -> Vec<String> {
        faults(request, "k").into_iter().map(|fault| format!("{} {}", fault.field, fault.code)).collect()
    }

    #[test]
    fn a_sound_request_has_no_faults() {
        assert_eq!(codes(&request(vec![line(1, 100, 2)])), Vec::<String>::new());
    }

    #[test]
    fn free_goods_by_duplicate_lines_are_refused() {
        let twice = request(vec![line(1, 0, 50), line(1, 100, 1)]);
        assert_eq!(codes(&twice), ["products[1].productId DUPLICATE"]);
    }

    #[test]
    fn quantities_and_prices_have_bounds() {
        assert_eq!(codes(&request(vec![line(1, 100, 0)])), ["products[0].quantity RANGE"]);
        assert_eq!(codes(&request(vec![line(1, 100, 100)])), ["products[0].quantity RANGE"]);
        assert_eq!(codes(&request(vec![line(1, -1, 1)])), ["products[0].price RANGE"]);
        assert_eq!(codes(&request(vec![])), ["products COUNT"]);
        let huge = request(vec![line(1, TOTAL_MAX, 99)]);
        assert_eq!(codes(&huge), ["products TOTAL"]);
    }

    #[test]
    fn the_key_is_not_part_of_the_body_hash() {
        let one = request(vec![line(1, 100, 2)]);
        let other = CreateOrderRequest { idempotency_key: None, ..one.clone() };
        assert_eq!(request_hash(&one), request_hash(&other));
        assert_ne!(request_hash(&one), request_hash(&request(vec![line(1, 100, 3)])));
    }
}
