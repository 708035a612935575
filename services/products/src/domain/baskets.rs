//! What is bought together, and what follows from it for whoever looks at one product.
//!
//! Every region keeps the baskets of the last orders that it heard of, the newest of each slot, and readers add up the
//! baskets of all regions by order. So it does not matter in which order events come, how often, or in how many regions.

use contracts::{Order, OrderId, Product, ProductId};
use serde::{Deserialize, Serialize};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Baskets that a region keeps.
pub(crate) const SLOTS: u32 = 1_024;
/// Products of a basket that count; an order has no more lines.
const PRODUCTS_MAX: usize = 30;
/// Products that are recommended where the caller does not say how many.
const LIMIT_DEFAULT: usize = 10;
/// Products that are recommended at most.
const LIMIT_MAX: usize = 50;

/// What one order bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Basket {
    pub(crate) order_id: OrderId,
    /// When it was accepted, milliseconds since the Unix epoch. It only decides what is forgotten first.
    pub(crate) bought_at: i64,
    pub(crate) products: BTreeSet<ProductId>,
}

impl Basket {
    /// The basket of an order.
    pub(crate) fn of(order: &Order) -> Self {
        let products = order.products.iter().take(PRODUCTS_MAX).map(|line| line.product_id);
        Basket { order_id: order.order_id, bought_at: order.created_date.0, products: products.collect() }
    }

    /// Where a region keeps it. Of two baskets with one slot the newer one stays.
    pub(crate) fn slot(&self) -> u32 {
        (self.order_id.0.as_u128() % u128::from(SLOTS)) as u32
    }
}

/// What each order bought, of the orders that are remembered.
pub(crate) type Bought = BTreeMap<OrderId, BTreeSet<ProductId>>;

/// Adds up the baskets of all regions. One that several regions heard of counts once.
pub(crate) fn add_up(baskets: impl IntoIterator<Item = Basket>) -> Bought {
    baskets.into_iter().map(|basket| (basket.order_id, basket.products)).collect()
}

/// How many products are recommended to whoever asks for so many.
pub(crate) fn limit(asked: Option<i64>) -> usize {
    asked.map_or(LIMIT_DEFAULT, |asked| asked.clamp(1, LIMIT_MAX as i64) as usize)
}

/// What goes with a product: first what is bought together with it, the most frequent first; then what sells best of
/// its category, then of the whole shop. Neither itself nor what is no longer sold.
pub(crate) fn recommend(
    product: &Product,
    catalogue: &BTreeMap<ProductId, Product>,
    bought: &Bought,
    limit: usize,
) -> Vec<Product> {
    let together = counted(bought.values().filter(|basket| basket.contains(&product.product_id)));
    let sales = counted(bought.values());
    let count = |counts: &BTreeMap<ProductId, u32>, id| counts.get(&id).copied().unwrap_or(0);
    let others = catalogue.values().filter(|other| other.active && other.product_id != product.product_id);
    let mut others: Vec<&Product> = others.collect();
    others.sort_by_cached_key(|other| {
        let (id, together) = (other.product_id, count(&together, other.product_id));
        let stranger = together == 0 && other.category != product.category;
        (Reverse(together), stranger, Reverse(count(&sales, id)), id)
    });
    others.into_iter().take(limit).cloned().collect()
}

/// How many of the baskets hold each product.
fn counted<'a>(baskets: impl Iterator<Item = &'a BTreeSet<ProductId>>) -> BTreeMap<ProductId, u32> {
    let mut counts = BTreeMap::new();
    for id in baskets.flatten() {
        *counts.entry(*id).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests;
