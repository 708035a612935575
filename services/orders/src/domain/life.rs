//! The life of an order: (order, trigger) -> (order). The rows are those of the contract's table.

use super::{create::Owner, refunds, timers};
use contracts::{
    Erasure, Order, OrderLine, OrderStatus, PaymentState, StockState, WarehouseId, events::ProductUnits,
    order::StatusChange,
};
use std::cmp::Ordering;

/// Who asks for an order to be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canceller {
    /// The customer whose order it is. Once it is being packed they may only ask.
    Customer,
    /// Staff of the shop.
    Staff,
}

/// Something that may move an order on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the triggers are the contract's own words
pub enum Trigger {
    PackagingStarted {
        allocation: u32,
    },
    PackageCreated {
        allocation: u32,
        products: Vec<ProductUnits>,
    },
    PackagingFailed {
        allocation: u32,
        reason: String,
    },
    PaymentCaptured {
        amount: i64,
    },
    /// `attempt` is the number of the payment token, here and below: news of one that was replaced move nothing.
    PaymentFailed {
        attempt: u32,
        reason: String,
    },
    PaymentUnknown {
        attempt: u32,
    },
    PaymentVoided {
        attempt: u32,
    },
    /// What was paid back so far, all of the order's refunds together.
    PaymentRefunded {
        total: i64,
    },
    /// The new owner found that the dispatch never happened and never will.
    DispatchVoided,
    DeliveryStarted {
        tracking_id: String,
    },
    DeliveryCompleted,
    DeliveryFailed {
        reason: String,
    },
    /// The warehouse that serves the order is lost.
    WarehouseLost {
        warehouse_id: WarehouseId,
    },
    /// Another warehouse keeps the goods now.
    Reallocated {
        warehouse_id: WarehouseId,
    },
    /// No other warehouse has them.
    NoWarehouse,
    /// The customer's age is verified, or is not.
    AgeVerified {
        passed: bool,
    },
    CancelRequested {
        by: Canceller,
        reason: String,
    },
    /// Another payment token is bound to the order.
    PaymentReplaced,
    ReturnRequested {
        reason: String,
    },
    ReturnReceived {
        lines: Vec<ProductUnits>,
        resaleable: bool,
    },
    /// The order has waited as long as it may ([`timers::wakes_at`]).
    TimeUp,
    StockReleased,
    StockConsumed,
    /// Money and goods are settled.
    Wound,
    /// Whose order it was is to be forgotten.
    Erase,
    /// No region has anything of that any more.
    Erased,
    /// A new owner took the order over.
    Adopted,
    /// A person must look at it.
    NeedsAttention {
        reason: String,
    },
}

/// What came of a trigger.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The next version.
    Changed(Box<Order>),
    /// It will apply once something that is under way has arrived: try again later.
    Early,
    /// It does not apply here and never will.
    Ignored,
}

/// Applies a trigger. Pairs that are not in the table change nothing.
pub fn apply(order: &Order, trigger: &Trigger, owner: &Owner) -> Outcome {
    let mut next = order.clone();
    let step = match trigger {
        Trigger::TimeUp if timers::wakes_at(order).is_some_and(|wakes_at| wakes_at <= owner.at) => {
            time_up(&mut next)
        }
        Trigger::TimeUp => Step::Ignored,
        other => advance(&mut next, other),
    };
    let reason = match step {
        Step::To(status, reason) => {
            next.status = status;
            reason
        }
        Step::Early => return Outcome::Early,
        Step::Ignored => return Outcome::Ignored,
    };
    next.version += 1;
    next.epoch = owner.epoch;
    next.home_region = owner.region.clone();
    next.modified_date = owner.at;
    let (version, status) = (next.version, next.status);
    next.history.push(StatusChange { version, status, at: owner.at, epoch: owner.epoch, reason });
    Outcome::Changed(Box::new(next))
}

enum Step {
    To(OrderStatus, Option<String>),
    Early,
    Ignored,
}

fn to(status: OrderStatus) -> Step {
    Step::To(status, None)
}

fn advance(order: &mut Order, trigger: &Trigger) -> Step {
    match trigger {
        Trigger::PackagingStarted { allocation } => packaging_started(order, *allocation),
        Trigger::PackageCreated { allocation, products } => package_created(order, *allocation, products),
        Trigger::PackagingFailed { allocation, reason } => packaging_failed(order, *allocation, reason),
        Trigger::PaymentCaptured { .. }
        | Trigger::PaymentFailed { .. }
        | Trigger::PaymentUnknown { .. }
        | Trigger::PaymentVoided { .. }
        | Trigger::PaymentRefunded { .. } => payment(order, trigger),
        Trigger::DispatchVoided => dispatch_voided(order),
        Trigger::DeliveryStarted { tracking_id } => delivery_started(order, tracking_id),
        Trigger::DeliveryCompleted => delivery_completed(order),
        Trigger::DeliveryFailed { reason } => delivery_failed(order, reason),
        Trigger::WarehouseLost { warehouse_id } => warehouse_lost(order, warehouse_id),
        Trigger::Reallocated { warehouse_id } => reallocated(order, warehouse_id),
        Trigger::NoWarehouse => no_warehouse(order),
        Trigger::AgeVerified { passed } => age_verified(order, *passed),
        Trigger::CancelRequested { by, reason } => cancel_requested(order, *by, reason),
        Trigger::PaymentReplaced => payment_replaced(order),
        Trigger::ReturnRequested { reason } => return_requested(order, reason),
        Trigger::ReturnReceived { lines, resaleable } => return_received(order, lines, *resaleable),
        Trigger::TimeUp => Step::Ignored, // `apply` knows the time
        Trigger::StockReleased => stock(order, StockState::Released),
        Trigger::StockConsumed => stock(order, StockState::Consumed),
        Trigger::Wound => wound(order),
        Trigger::Erase => erase(order),
        Trigger::Erased => erased(order),
        Trigger::Adopted => to(order.status),
        Trigger::NeedsAttention { reason } => needs_attention(order, reason),
    }
}

/// Row 8.
fn packaging_started(order: &mut Order, allocation: u32) -> Step {
    match order.status {
        OrderStatus::New if allocation == order.allocation => {
            order.stock_state = StockState::Committed;
            to(OrderStatus::Packaging)
        }
        OrderStatus::Reallocating if allocation > order.allocation => Step::Early,
        _ => Step::Ignored,
    }
}

/// Rows 9, 10 and 11.
fn package_created(order: &mut Order, allocation: u32, packed: &[ProductUnits]) -> Step {
    match order.status {
        OrderStatus::New | OrderStatus::Reallocating if allocation >= order.allocation => return Step::Early,
        OrderStatus::Packaging if allocation == order.allocation => {}
        _ => return Step::Ignored,
    }
    let lines = packed_lines(&order.products, packed);
    let full = lines == order.products;
    if lines.is_empty() || (!full && !order.accept_partial) {
        return fail_packaging(order, "the package is not complete");
    }
    order.products = lines;
    order.total = Order::computed_total(&order.products, order.delivery_price).unwrap_or(order.total);
    order.stock_state = StockState::Picked;
    order.payment_state = match order.payment_state {
        PaymentState::Authorised => PaymentState::CapturePending,
        // Captured for an earlier package that was lost: what this one does not hold is paid back.
        PaymentState::Captured if order.captured > order.total => PaymentState::RefundPending,
        other => other,
    };
    Step::To(OrderStatus::Packaged, (!full).then(|| "partial package".to_owned()))
}

/// The lines with only what was packed.
fn packed_lines(lines: &[OrderLine], packed: &[ProductUnits]) -> Vec<OrderLine> {
    let units = |line: &OrderLine| {
        let units = packed.iter().filter(|units| units.product_id == line.product_id);
        units.map(|units| units.quantity).sum::<u32>().min(line.quantity)
    };
    let packed = lines.iter().map(|line| OrderLine { quantity: units(line), ..line.clone() });
    packed.filter(|line| line.quantity > 0).collect()
}

/// Row 11.
fn packaging_failed(order: &mut Order, allocation: u32, reason: &str) -> Step {
    match order.status {
        OrderStatus::New | OrderStatus::Reallocating if allocation >= order.allocation => Step::Early,
        OrderStatus::Packaging if allocation == order.allocation => fail_packaging(order, reason),
        _ => Step::Ignored,
    }
}

fn fail_packaging(order: &mut Order, reason: &str) -> Step {
    unwind_money(order);
    order.stock_state = StockState::ReleasePending;
    Step::To(OrderStatus::PackagingFailed, Some(reason.to_owned()))
}

/// What was authorised is voided, what was captured is refunded.
fn unwind_money(order: &mut Order) {
    order.payment_state = match order.payment_state {
        PaymentState::Authorised => PaymentState::VoidPending,
        PaymentState::Captured | PaymentState::PartiallyRefunded => PaymentState::RefundPending,
        other => other,
    };
}

/// Rows 12, 13, 16 and the money's part of 11, 19 and 23.
fn payment(order: &mut Order, trigger: &Trigger) -> Step {
    use PaymentState::{CapturePending, Captured, RefundPending, Unknown, VoidPending, Voided};
    match attempt_of(trigger).unwrap_or(order.payment_attempt).cmp(&order.payment_attempt) {
        Ordering::Less => return Step::Ignored,
        // The token was replaced by an owner of whom this one has not heard all yet.
        Ordering::Greater => return Step::Early,
        Ordering::Equal => {}
    }
    match (trigger, order.payment_state) {
        (Trigger::PaymentCaptured { amount }, CapturePending | Unknown)
            if order.status == OrderStatus::Packaged =>
        {
            order.captured = *amount;
            order.payment_state = Captured;
            to(OrderStatus::Paid)
        }
        (Trigger::PaymentFailed { reason, .. }, CapturePending | Unknown)
            if order.status == OrderStatus::Packaged =>
        {
            order.payment_state = VoidPending;
            Step::To(OrderStatus::PaymentFailed, Some(reason.clone()))
        }
        // The capture came before the void: what was captured is paid back.
        (Trigger::PaymentCaptured { amount }, VoidPending) => {
            order.captured = *amount;
            order.payment_state = RefundPending;
            to(order.status)
        }
        (Trigger::PaymentUnknown { .. }, CapturePending) if order.status == OrderStatus::Packaged => {
            order.payment_state = Unknown;
            to(OrderStatus::Packaged)
        }
        (Trigger::PaymentVoided { .. }, VoidPending) => {
            order.payment_state = Voided;
            to(order.status)
        }
        (Trigger::PaymentRefunded { total }, RefundPending) => match refunds::heard(order, *total) {
            true => to(order.status),
            false => Step::Ignored,
        },
        _ => Step::Ignored,
    }
}

/// The number of the payment token that a trigger tells of, where another one may have taken its place.
fn attempt_of(trigger: &Trigger) -> Option<u32> {
    match trigger {
        Trigger::PaymentFailed { attempt, .. }
        | Trigger::PaymentUnknown { attempt }
        | Trigger::PaymentVoided { attempt } => Some(*attempt),
        _ => None,
    }
}

/// Row 24, for an order whose money is captured: nothing left the lost warehouse, and nothing will.
fn dispatch_voided(order: &mut Order) -> Step {
    match order.status {
        OrderStatus::Paid => {
            order.stock_state = StockState::WrittenOff;
            Step::To(OrderStatus::Reallocating, Some("the warehouse is lost".into()))
        }
        _ => Step::Ignored,
    }
}

/// Row 17.
fn delivery_started(order: &mut Order, tracking_id: &str) -> Step {
    match order.status {
        OrderStatus::Paid => {
            order.tracking_id = Some(tracking_id.to_owned());
            to(OrderStatus::Shipped)
        }
        OrderStatus::Packaged => Step::Early,
        _ => Step::Ignored,
    }
}

/// Row 18.
fn delivery_completed(order: &mut Order) -> Step {
    match order.status {
        OrderStatus::Shipped => to(OrderStatus::Fulfilled),
        OrderStatus::Paid | OrderStatus::Packaged => Step::Early,
        _ => Step::Ignored,
    }
}

/// Row 19.
fn delivery_failed(order: &mut Order, reason: &str) -> Step {
    match order.status {
        OrderStatus::Paid | OrderStatus::Shipped => {
            unwind_money(order);
            Step::To(OrderStatus::DeliveryFailed, Some(reason.to_owned()))
        }
        OrderStatus::Packaged => Step::Early,
        _ => Step::Ignored,
    }
}

/// Row 24. A packaged order first learns what became of its capture, a paid one what became of its dispatch.
fn warehouse_lost(order: &mut Order, warehouse_id: &WarehouseId) -> Step {
    let here = order.warehouse_id == *warehouse_id;
    match order.status {
        OrderStatus::New | OrderStatus::Packaging if here => {
            order.stock_state = StockState::WrittenOff;
            Step::To(OrderStatus::Reallocating, Some(format!("{warehouse_id} is lost")))
        }
        _ => Step::Ignored,
    }
}

/// Rows 6 and 25.
fn reallocated(order: &mut Order, warehouse_id: &WarehouseId) -> Step {
    match order.status {
        OrderStatus::Reallocating | OrderStatus::Backordered => {
            order.warehouse_id = warehouse_id.clone();
            order.allocation += 1;
            order.stock_state = StockState::Held;
            Step::To(OrderStatus::New, Some(format!("served from {warehouse_id}")))
        }
        _ => Step::Ignored,
    }
}

/// Rows 26 and 27.
fn no_warehouse(order: &mut Order) -> Step {
    match order.status {
        OrderStatus::Reallocating if order.allow_backorder => {
            order.stock_state = StockState::None;
            to(OrderStatus::Backordered)
        }
        OrderStatus::Reallocating => cancelling(order, "no warehouse has the goods"),
        _ => Step::Ignored,
    }
}

fn stock(order: &mut Order, state: StockState) -> Step {
    let due = match state {
        StockState::Released => order.stock_state == StockState::ReleasePending,
        _ => !order.stock_state.is_final(),
    };
    if !due {
        return Step::Ignored;
    }
    order.stock_state = state;
    to(order.status)
}

/// Row 23.
fn wound(order: &mut Order) -> Step {
    let settled = order.payment_state.is_final() && order.stock_state.is_final();
    match order.status {
        OrderStatus::Cancelling if settled => to(OrderStatus::Cancelled),
        // Row 12 is satisfied at once where the money was captured before the goods were lost.
        OrderStatus::Packaged
            if matches!(order.payment_state, PaymentState::Captured | PaymentState::PartiallyRefunded) =>
        {
            to(OrderStatus::Paid)
        }
        _ => Step::Ignored,
    }
}

/// Rows 4 and 5.
fn age_verified(order: &mut Order, passed: bool) -> Step {
    match order.status {
        OrderStatus::AgeReview if passed => to(OrderStatus::New),
        OrderStatus::AgeReview => cancelling(order, "the customer's age is not verified"),
        _ => Step::Ignored,
    }
}

/// Rows 20, 21 and 22. Whether a paid order has been dispatched is its owner's to know.
fn cancel_requested(order: &mut Order, by: Canceller, reason: &str) -> Step {
    use OrderStatus::{Packaged, Packaging, Paid};
    match (order.status, by) {
        _ if order.cancellable() => cancelling(order, reason),
        (Packaging | Packaged | Paid, Canceller::Staff) => cancelling(order, reason),
        (Packaging | Packaged, Canceller::Customer) if !order.cancel_requested => {
            order.cancel_requested = true;
            Step::To(order.status, Some(format!("the customer wants to cancel: {reason}")))
        }
        _ => Step::Ignored,
    }
}

/// Money and goods go back; row 23 ends it.
fn cancelling(order: &mut Order, reason: &str) -> Step {
    unwind_money(order);
    if matches!(order.payment_state, PaymentState::CapturePending | PaymentState::Unknown) {
        // A capture that was begun is overtaken, or paid back.
        order.payment_state = PaymentState::VoidPending;
    }
    if !order.stock_state.is_final() {
        order.stock_state = StockState::ReleasePending;
    }
    Step::To(OrderStatus::Cancelling, Some(reason.to_owned()))
}

/// Row 14. The token before is voided by then; a capture with the new one has a key of its own.
fn payment_replaced(order: &mut Order) -> Step {
    if order.status != OrderStatus::PaymentFailed || !order.payment_state.is_final() {
        return Step::Ignored;
    }
    let Some(back_to) = timers::before(order) else { return Step::Ignored };
    order.payment_attempt += 1;
    order.payment_state = match back_to {
        OrderStatus::Packaged => PaymentState::CapturePending,
        _ => PaymentState::Authorised,
    };
    Step::To(back_to, Some("paid with another token".into()))
}

/// Row 28.
fn return_requested(order: &mut Order, reason: &str) -> Step {
    match order.status {
        // Nobody can say any more who sends an erased order back.
        OrderStatus::Fulfilled if order.erasure.is_none() => {
            Step::To(OrderStatus::ReturnRequested, Some(reason.to_owned()))
        }
        _ => Step::Ignored,
    }
}

/// Row 29. Goods come back to the stock only after they were taken off it: their warehouse may have had no power when
/// they left.
fn return_received(order: &mut Order, lines: &[ProductUnits], resaleable: bool) -> Step {
    if order.status != OrderStatus::ReturnRequested {
        return Step::Ignored;
    }
    if !order.stock_state.is_final() {
        return Step::Early;
    }
    order.returned = packed_lines(&order.products, lines).iter().map(units).collect();
    if order.returned_value() > 0 {
        unwind_money(order);
    }
    order.stock_state = if resaleable { StockState::Restocked } else { StockState::WrittenOff };
    to(OrderStatus::Returned)
}

fn units(line: &OrderLine) -> ProductUnits {
    ProductUnits { product_id: line.product_id, quantity: line.quantity }
}

/// An order that is over can be erased, once.
fn erase(order: &mut Order) -> Step {
    if !order.settled() || order.erasure.is_some() {
        return Step::Ignored;
    }
    order.forget_person();
    order.erasure = Some(Erasure::Pending);
    to(order.status)
}

fn erased(order: &mut Order) -> Step {
    if order.erasure != Some(Erasure::Pending) {
        return Step::Ignored;
    }
    order.erasure = Some(Erasure::Done);
    to(order.status)
}

/// Rows 5, 7, 15, 16, 30 and 31.
fn time_up(order: &mut Order) -> Step {
    use OrderStatus::{AgeReview, Backordered, PaymentFailed, ReturnRequested};
    if timers::authorisation_ends(order) {
        order.payment_state = PaymentState::VoidPending;
        return Step::To(PaymentFailed, Some("the authorisation has run out".into()));
    }
    match order.status {
        AgeReview => cancelling(order, "the customer's age was not verified in time"),
        Backordered => cancelling(order, "the goods did not come in time"),
        PaymentFailed => cancelling(order, "no other payment came in time"),
        ReturnRequested => Step::To(OrderStatus::Fulfilled, Some("nothing came back in time".into())),
        _ if order.payment_state == PaymentState::Unknown => {
            needs_attention(order, "the provider does not say what became of the capture")
        }
        _ => Step::Ignored,
    }
}

fn needs_attention(order: &mut Order, reason: &str) -> Step {
    if order.attention {
        return Step::Ignored;
    }
    order.attention = true;
    Step::To(order.status, Some(reason.to_owned()))
}

#[cfg(test)]
mod tests;
