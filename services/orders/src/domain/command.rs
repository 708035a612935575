//! What people ask of an order that is there: whether the request makes sense, and what it does.

use super::{
    create::QUANTITY_MAX,
    life::{Canceller, Trigger},
    timers,
};
use contracts::{FieldError, Order, OrderStatus, Timestamp, events::ProductUnits, journal::Command};
use std::collections::HashSet;

/// The longest reason, characters.
pub const REASON_MAX: usize = 200;

/// What a command does to its order.
pub fn trigger(command: &Command) -> Trigger {
    match command {
        Command::Cancel { by_staff, reason } => {
            let by = if *by_staff { Canceller::Staff } else { Canceller::Customer };
            Trigger::CancelRequested { by, reason: reason.clone() }
        }
        Command::ReplacePayment { .. } => Trigger::PaymentReplaced,
        Command::Return { reason, .. } => Trigger::ReturnRequested { reason: reason.clone() },
        Command::Erase => Trigger::Erase,
    }
}

/// Every rule that the request breaks, whatever its order.
pub fn faults(command: &Command) -> Vec<FieldError> {
    match command {
        Command::Cancel { reason, .. } => too_long(reason).into_iter().collect(),
        Command::ReplacePayment { .. } | Command::Erase => Vec::new(),
        Command::Return { lines, reason } => too_long(reason).into_iter().chain(line_faults(lines)).collect(),
    }
}

/// Every rule that a return breaks, given its order.
pub fn return_faults(order: &Order, lines: &[ProductUnits]) -> Vec<FieldError> {
    let ordered = |units: &ProductUnits| {
        let line = order.products.iter().find(|line| line.product_id == units.product_id);
        line.map_or(0, |line| line.quantity)
    };
    let wrong = lines.iter().enumerate().filter(|(_, units)| units.quantity > ordered(units));
    let fault = |(index, units): (usize, &ProductUnits)| {
        let message = format!("the order has {} of it", ordered(units));
        FieldError::new(format!("lines[{index}].quantity"), "MAXIMUM", &message)
    };
    wrong.map(fault).collect()
}

/// Why an order cannot be returned now, where its status would allow it.
pub fn return_refusal(order: &Order, now: Timestamp) -> Option<&'static str> {
    let late = order.status == OrderStatus::Fulfilled && timers::too_late_to_return(order, now);
    late.then_some("Orders are taken back within 30 days")
}

fn too_long(reason: &str) -> Option<FieldError> {
    let fault = || FieldError::new("reason", "LENGTH", "must have at most 200 characters");
    (reason.chars().count() > REASON_MAX).then(fault)
}

fn line_faults(lines: &[ProductUnits]) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if lines.is_empty() {
        faults.push(FieldError::new("lines", "COUNT", "must have at least one line"));
    }
    let mut seen = HashSet::new();
    for (index, units) in lines.iter().enumerate() {
        if !(1..=QUANTITY_MAX).contains(&units.quantity) {
            faults.push(FieldError::new(format!("lines[{index}].quantity"), "RANGE", "must be 1 to 99"));
        }
        if !seen.insert(units.product_id) {
            let message = "stands in an earlier line too";
            faults.push(FieldError::new(format!("lines[{index}].productId"), "DUPLICATE", message));
        }
    }
    faults
}
