//! Goods that run out: who asks for them, and who waits until more come in.

use contracts::order::OrderLine;
use loadtests::{basket::CatalogueItem, dice::dice};
use rand::RngExt;

/// Of those who ask for scarce goods, the part that would not wait for them.
const WOULD_NOT_WAIT: f64 = 0.2;
/// The part that takes something else with them, which is then not sent without them.
const WITH_SOMETHING_ELSE: f64 = 0.3;
/// Units of one order, at most.
const UNITS_MAX: u32 = 2;

/// Goods that run out. Nobody takes one of them by chance.
#[derive(Clone, Debug, Default)]
pub struct ScarceGoods {
    /// Percent of the honest orders that are for one of them.
    pub pct: f64,
    /// What they are.
    pub items: Vec<CatalogueItem>,
}

/// What somebody wants who asks for scarce goods.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wish {
    pub(super) lines: Vec<OrderLine>,
    /// Whether the order may wait for the goods.
    pub(super) waits: bool,
}

impl ScarceGoods {
    /// What an honest buyer wants, by a number that was drawn beforehand; `None` for most: nothing scarce.
    pub(super) fn wish(&self, draw: u64, catalogue: &[CatalogueItem]) -> Option<Wish> {
        let mut dice = dice(draw, "scarce goods");
        if self.items.is_empty() || !dice.random_bool((self.pct / 100.0).clamp(0.0, 1.0)) {
            return None;
        }
        let item = &self.items[dice.random_range(0..self.items.len())];
        let mut lines = vec![item.line(dice.random_range(1..=UNITS_MAX))];
        let waits = !dice.random_bool(WOULD_NOT_WAIT);
        if dice.random_bool(WITH_SOMETHING_ELSE) && !catalogue.is_empty() {
            lines.push(catalogue[dice.random_range(0..catalogue.len())].line(1));
        }
        Some(Wish { lines, waits })
    }

    /// Whether any of these lines asks for scarce goods.
    pub(super) fn are_in(&self, lines: &[OrderLine]) -> bool {
        let scarce = |line: &OrderLine| self.items.iter().any(|item| item.product_id == line.product_id);
        lines.iter().any(scarce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::{Package, ids::ProductId};
    use uuid::Uuid;

    fn items(numbers: std::ops::Range<u128>) -> Vec<CatalogueItem> {
        let item = |number| CatalogueItem {
            product_id: ProductId(Uuid::from_u128(number)),
            name: format!("cigar {number}"),
            price: 900,
            currency: None,
            package: Package::default(),
            category: None,
            availability: None,
        };
        numbers.map(item).collect()
    }

    #[test]
    fn as_many_ask_as_planned_and_most_of_them_wait() {
        let (goods, others) = (ScarceGoods { pct: 20.0, items: items(1..3) }, items(10..20));
        let wishes: Vec<Wish> = (0..10_000).filter_map(|draw| goods.wish(draw, &others)).collect();
        assert!((1_800..2_200).contains(&wishes.len()), "{} of 10000", wishes.len());
        let waiting = wishes.iter().filter(|wish| wish.waits).count() as f64 / wishes.len() as f64;
        assert!((0.77..0.83).contains(&waiting), "{waiting}");
        for wish in &wishes {
            assert!(goods.are_in(&wish.lines[..1]) && !goods.are_in(&wish.lines[1..]), "{wish:?}");
            assert!((1..=UNITS_MAX).contains(&wish.lines[0].quantity) && wish.lines.len() <= 2);
        }
        assert!(wishes.iter().any(|wish| wish.lines.len() == 2));
        assert_eq!(goods.wish(7, &others), goods.wish(7, &others));
    }

    #[test]
    fn where_nothing_is_scarce_nobody_asks_for_it() {
        let others = items(10..20);
        let asks = |goods: &ScarceGoods| (0..1_000).any(|draw| goods.wish(draw, &others).is_some());
        assert!(!asks(&ScarceGoods::default()));
        assert!(!asks(&ScarceGoods { pct: 50.0, items: Vec::new() }));
        assert!(!asks(&ScarceGoods { pct: 0.0, items: items(1..3) }));
        assert!(!ScarceGoods::default().are_in(&[others[0].line(1)]));
    }
}
