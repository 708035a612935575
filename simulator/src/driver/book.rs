//! What the driver's customers remember: orders that they were promised, and delivery prices that they were
//! told. Payment tokens stay in here; they are written nowhere.

use crate::robots::Parcel;
use contracts::{bodies::orders::CreateOrderRequest, events::ProductUnits, ids::OrderId, order::OrderStatus};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// Older orders are forgotten.
const ORDERS_KEPT: usize = 2_000;
/// Whoever cancels does so soon: one of the last so many orders.
const RECENT: usize = 16;

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
    /// Of these orders, those that a customer saw delivered and has not asked to send back.
    delivered: BTreeSet<OrderId>,
    /// Of these orders, what customers asked to send back and still have.
    to_return: BTreeMap<OrderId, Vec<ProductUnits>>,
    prices: BTreeMap<String, (i64, Option<String>)>,
}

impl Book {
    pub(super) fn bought(&mut self, order: Bought) {
        if self.orders.len() == ORDERS_KEPT
            && let Some(forgotten) = self.orders.pop_front()
        {
            self.delivered.remove(&forgotten.order_id);
            self.to_return.remove(&forgotten.order_id);
        }
        self.orders.push_back(order);
    }

    /// Some order, by a number that was drawn beforehand.
    pub(super) fn some(&self, draw: u64) -> Option<Bought> {
        let count = u64::try_from(self.orders.len()).ok()?;
        let place = draw.checked_rem(count)?;
        self.orders.get(usize::try_from(place).ok()?).cloned()
    }

    /// One of the latest orders, by a number that was drawn beforehand.
    pub(super) fn lately(&self, draw: u64) -> Option<Bought> {
        let recent = u64::try_from(self.orders.len().min(RECENT)).ok()?;
        let back = usize::try_from(draw.checked_rem(recent)?).ok()?;
        self.orders.iter().rev().nth(back).cloned()
    }

    /// A customer saw how far an order is that they bought. Gives what they send back, once the shop knows of it.
    pub(super) fn saw(&mut self, order_id: OrderId, status: &str) -> Option<Parcel> {
        let known = || self.orders.iter().any(|order| order.order_id == order_id);
        if status == OrderStatus::Fulfilled.to_string() && known() {
            self.delivered.insert(order_id);
        }
        let awaited = status == OrderStatus::ReturnRequested.to_string();
        let lines = awaited.then(|| self.to_return.remove(&order_id)).flatten()?;
        Some(Parcel { order_id, lines })
    }

    /// A customer asks to send this back, and keeps it until the shop knows of it.
    pub(super) fn asks_back(&mut self, order_id: OrderId, lines: Vec<ProductUnits>) {
        self.to_return.insert(order_id, lines);
    }

    /// Some order that was seen delivered, by a number that was drawn beforehand. Each is given once, unless it is
    /// seen delivered again.
    pub(super) fn take_delivered(&mut self, draw: u64) -> Option<Bought> {
        let count = u64::try_from(self.delivered.len()).ok()?;
        let place = usize::try_from(draw.checked_rem(count)?).ok()?;
        let order_id = self.delivered.iter().nth(place).copied()?;
        self.delivered.remove(&order_id);
        self.orders.iter().find(|order| order.order_id == order_id).cloned()
    }

    pub(super) fn told(&mut self, country: &str, pricing: i64, currency: Option<String>) {
        self.prices.insert(country.to_owned(), (pricing, currency));
    }

    /// The price last told for a country. Most baskets fit into one box, so it is mostly right.
    pub(super) fn last_price(&self, country: &str) -> Option<(i64, Option<String>)> {
        self.prices.get(country).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loadtests::population;
    use uuid::Uuid;

    fn id(number: usize) -> OrderId {
        OrderId(Uuid::from_u128(number as u128))
    }

    fn book(orders: usize) -> Book {
        let mut book = Book::default();
        let address = &population::generate(1, 1, &population::default_shares())[0].address;
        let request = Arc::new(loadtests::basket::draft(Vec::new(), address));
        for number in 0..orders {
            let key = format!("k-{number}");
            let request = Arc::clone(&request);
            book.bought(Bought { customer: 0, order_id: id(number), version: 1, key, request });
        }
        book
    }

    #[test]
    fn only_a_recent_order_is_cancelled_and_the_draw_says_which() {
        assert!(book(0).lately(7).is_none());
        let book = book(100);
        for draw in 0..64 {
            let chosen = book.lately(draw).expect("there are orders").order_id;
            assert_eq!(chosen, id(99 - draw as usize % RECENT));
        }
    }

    #[test]
    fn goods_are_handed_over_once_and_not_before_the_shop_awaits_them() {
        let mut book = book(2);
        let units = vec![ProductUnits { product_id: contracts::ids::ProductId(Uuid::nil()), quantity: 1 }];
        book.asks_back(id(1), units.clone());
        assert_eq!(book.saw(id(1), "FULFILLED"), None);
        assert_eq!(book.saw(id(0), "RETURN_REQUESTED"), None);
        assert_eq!(book.saw(id(1), "RETURN_REQUESTED"), Some(Parcel { order_id: id(1), lines: units }));
        assert_eq!(book.saw(id(1), "RETURN_REQUESTED"), None);
    }

    #[test]
    fn only_what_was_seen_delivered_is_sent_back_and_only_once() {
        let mut book = book(5);
        assert!(book.take_delivered(3).is_none());
        for (number, status) in [(1, "FULFILLED"), (2, "SHIPPED"), (3, "FULFILLED"), (9, "FULFILLED")] {
            book.saw(id(number), status);
        }
        let back: Vec<OrderId> =
            std::iter::from_fn(|| book.take_delivered(7)).map(|one| one.order_id).collect();
        assert_eq!(back, [id(3), id(1)]);
    }

    #[test]
    fn a_forgotten_order_is_not_sent_back() {
        let mut book = book(ORDERS_KEPT);
        book.saw(id(0), "FULFILLED");
        book.bought(Bought { order_id: id(ORDERS_KEPT), ..book.lately(0).expect("there are orders") });
        assert!(book.delivered.is_empty() && book.orders.len() == ORDERS_KEPT);
    }
}
