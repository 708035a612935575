//! What the driver's customers remember: orders that they were promised, and delivery prices that they were
//! told. Payment tokens stay in here; they are written nowhere.

use contracts::{bodies::orders::CreateOrderRequest, ids::OrderId};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// Older orders are forgotten.
const ORDERS_KEPT: usize = 2_000;

/// An order that was acknowledged.
#[derive(Clone)]
pub(super) struct Bought {
    pub(super) customer: usize,
    pub(super) order_id: OrderId,
    pub(super) version: u64,
    pub(super) key: String,
    pub(super) request: Arc<CreateOrderRequest>,
}

#[derive(Default)]
pub(super) struct Book {
    orders: VecDeque<Bought>,
    prices: BTreeMap<String, (i64, Option<String>)>,
}

impl Book {
    pub(super) fn bought(&mut self, order: Bought) {
        if self.orders.len() == ORDERS_KEPT {
            self.orders.pop_front();
        }
        self.orders.push_back(order);
    }

    /// Some order, by a number that was drawn beforehand.
    pub(super) fn some(&self, draw: u64) -> Option<Bought> {
        let count = u64::try_from(self.orders.len()).ok()?;
        let place = draw.checked_rem(count)?;
        self.orders.get(usize::try_from(place).ok()?).cloned()
    }

    pub(super) fn told(&mut self, country: &str, pricing: i64, currency: Option<String>) {
        self.prices.insert(country.to_owned(), (pricing, currency));
    }

    /// The price last told for a country. Most baskets fit into one box, so it is mostly right.
    pub(super) fn last_price(&self, country: &str) -> Option<(i64, Option<String>)> {
        self.prices.get(country).cloned()
    }
}
