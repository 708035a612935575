//! What a customer takes.

use crate::dice::Dice;
use contracts::{
    Address, Package, Product, bodies::orders::CreateOrderRequest, ids::ProductId, order::OrderLine,
};
use rand::RngExt;
use serde::{Deserialize, Serialize};

const LINES_MAX: usize = 3;
const UNITS_MAX: u32 = 3;

/// A product as a page of the catalogue shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueItem {
    /// Its id.
    pub product_id: ProductId,
    /// Its name.
    pub name: String,
    /// Price of one unit, minor units.
    pub price: i64,
    /// ISO 4217.
    #[serde(default)]
    pub currency: Option<String>,
    /// Its package.
    pub package: Package,
    /// Its category.
    #[serde(default)]
    pub category: Option<String>,
    /// `IN_STOCK`, `LOW`, `BACKORDER` or `OUT_OF_STOCK`, where the page says it.
    #[serde(default)]
    pub availability: Option<String>,
}

impl From<&Product> for CatalogueItem {
    fn from(product: &Product) -> Self {
        CatalogueItem {
            product_id: product.product_id,
            name: product.name.clone(),
            price: product.price,
            currency: Some(product.currency.clone()),
            package: product.package,
            category: Some(product.category.clone()),
            availability: None,
        }
    }
}

impl CatalogueItem {
    /// So many units of it.
    pub fn line(&self, quantity: u32) -> OrderLine {
        OrderLine {
            product_id: self.product_id,
            name: self.name.clone(),
            package: self.package,
            price: self.price,
            quantity,
        }
    }

    /// Whether the page did not rule it out for somebody who would not wait.
    pub fn on_sale(&self) -> bool {
        !matches!(self.availability.as_deref(), Some("OUT_OF_STOCK" | "BACKORDER"))
    }
}

/// The order of these products, as far as it is known before it is priced and paid.
pub fn draft(products: Vec<OrderLine>, address: &Address) -> CreateOrderRequest {
    CreateOrderRequest {
        products,
        address: address.clone(),
        delivery_price: 0,
        payment_token: String::new(),
        currency: None,
        idempotency_key: None,
        allow_backorder: false,
        accept_partial: true,
        cart_id: None,
    }
}

/// One to three different products of the page, one to three units each; empty when nothing is on sale.
pub fn choose(page: &[CatalogueItem], dice: &mut Dice) -> Vec<OrderLine> {
    let mut left: Vec<&CatalogueItem> = page.iter().filter(|item| item.on_sale()).collect();
    let wanted = dice.random_range(1..=LINES_MAX).min(left.len());
    let mut lines = Vec::with_capacity(wanted);
    for _ in 0..wanted {
        let item = left.swap_remove(dice.random_range(0..left.len()));
        lines.push(item.line(dice.random_range(1..=UNITS_MAX)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::dice;
    use contracts::Order;
    use uuid::Uuid;

    fn page(availability: Option<&str>) -> Vec<CatalogueItem> {
        let item = |number: u128| CatalogueItem {
            product_id: ProductId(Uuid::from_u128(number)),
            name: format!("cigar {number}"),
            price: 100 * i64::try_from(number).expect("small"),
            currency: None,
            package: Package::default(),
            category: None,
            availability: availability.map(str::to_owned),
        };
        (1..=5).map(item).collect()
    }

    #[test]
    fn a_basket_follows_its_dice_and_names_a_product_once() {
        for seed in 0..200 {
            let lines = choose(&page(None), &mut dice(seed, "basket"));
            assert_eq!(lines, choose(&page(None), &mut dice(seed, "basket")));
            assert!((1..=3).contains(&lines.len()));
            let mut ids: Vec<_> = lines.iter().map(|line| line.product_id).collect();
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), lines.len());
            assert!(lines.iter().all(|line| (1..=3).contains(&line.quantity)));
            assert!(Order::computed_total(&lines, 1_500).expect("small") > 1_500);
        }
    }

    #[test]
    fn what_is_sold_out_is_not_taken() {
        for sold_out in ["OUT_OF_STOCK", "BACKORDER"] {
            assert!(choose(&page(Some(sold_out)), &mut dice(1, "basket")).is_empty());
        }
        assert!(choose(&[], &mut dice(1, "basket")).is_empty());
    }
}
