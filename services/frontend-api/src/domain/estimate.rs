//! When an order may arrive: a function of the order alone, so nothing is stored, and it moves with the order.

use super::transit;
use contracts::{Continent, Order, OrderStatus, Timestamp, WarehouseId};

const DAY_MS: i64 = 24 * 3600 * 1000;
/// The fewest and the most days that a warehouse takes to pack an order and hand it over. The shop's own assumption.
const HANDLING_DAYS: (i64, i64) = (1, 3);

/// Two moments between which something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) earliest: Timestamp,
    pub(crate) latest: Timestamp,
}

impl Window {
    fn later(self, (least, most): (i64, i64)) -> Self {
        let (earliest, latest) = (self.earliest.plus_ms(least * DAY_MS), self.latest.plus_ms(most * DAY_MS));
        Window { earliest, latest }
    }

    fn not_before(self, moment: Timestamp) -> Self {
        Window { earliest: self.earliest.max(moment), latest: self.latest.max(moment) }
    }
}

/// The way of an order from its warehouse to its customer.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) from: WarehouseId,
    to: transit::Zone,
    leaves: Window,
}

/// The way of an order that is being packed or under way. Of others nobody knows when they will be packed, or where;
/// or they have arrived, or never will.
pub(crate) fn way(order: &Order) -> Option<Way> {
    use OrderStatus::{New, Packaged, Packaging, Paid, Shipped};
    let leaves = match order.status {
        New | Packaging | Packaged | Paid => {
            let (begun, last) = last_stay(order, &[New, Packaging, Packaged, Paid])?;
            // It had not left yet when it took its last step.
            Window { earliest: begun, latest: begun }.later(HANDLING_DAYS).not_before(last)
        }
        Shipped => {
            let (left, _) = last_stay(order, &[Shipped])?;
            Window { earliest: left, latest: left }
        }
        _ => return None,
    };
    Some(Way { from: order.warehouse_id.clone(), to: transit::zone(&order.address.country), leaves })
}

/// When an order came to these statuses, in which it still is, and when it took its last step.
fn last_stay(order: &Order, statuses: &[OrderStatus]) -> Option<(Timestamp, Timestamp)> {
    let stay = order.history.iter().rev().take_while(|step| statuses.contains(&step.status));
    let first = stay.last()?;
    Some((first.at, order.history.last()?.at))
}

/// When whatever goes this way arrives, from a warehouse on a continent.
pub(crate) fn arrival(way: &Way, from: &Continent) -> Option<Window> {
    Some(way.leaves.later(transit::days(from, way.to)?))
}

#[cfg(test)]
mod tests;
