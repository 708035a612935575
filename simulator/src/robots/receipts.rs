//! Goods that come in: a storekeeper in each warehouse books what every lorry brings of the goods that run out. What
//! came, and what was said of it, is written down.

use super::work::{Hand, LOOK_EVERY, Step, count};
use crate::engine::regions::Standing;
use contracts::{
    bodies::warehouse::StockReceipt,
    ids::{ProductId, Region, WarehouseId},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Looks from one lorry to the next, at each warehouse.
const LOOKS_BETWEEN: u32 = 8;
/// Units that a lorry brings, of one product: from 1 to so many in turn.
const UNITS_MAX: u32 = 3;
/// Units of every product that the last lorry brings, once nobody buys any more: enough for most who wait.
const LAST_UNITS: u32 = 10;
/// Where goods that came in are booked.
const PATH: &str = "/warehouse/admin/stock/receipts";

/// What came, and what was said of it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What was to be booked.
    pub receipt: StockReceipt,
    /// Whether the warehouse said that it is. Where it never answered it may be or not.
    pub booked: bool,
}

/// Everything that comes to the warehouses. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Receipts(Arc<Mutex<Yard>>);

#[derive(Debug, Default)]
struct Yard {
    goods: Vec<ProductId>,
    load_is_over: bool,
    /// Warehouses that expect another lorry, with their regions.
    expecting: BTreeMap<WarehouseId, Region>,
    /// By reference.
    deliveries: BTreeMap<String, Delivery>,
}

impl Receipts {
    /// Lorries bring these goods.
    pub fn of(goods: impl Iterator<Item = ProductId>) -> Self {
        Receipts(Arc::new(Mutex::new(Yard { goods: goods.collect(), ..Yard::default() })))
    }

    /// Nobody buys any more: the last lorries come.
    pub fn load_is_over(&self) {
        self.yard().load_is_over = true;
    }

    /// After the load: lorries that have not been unloaded yet, at warehouses of regions that work.
    pub fn under_way(&self, works: impl Fn(&Region) -> bool) -> usize {
        let yard = self.yard();
        let expected = yard.expecting.values().filter(|region| works(region)).count();
        if yard.load_is_over { expected } else { 0 }
    }

    /// Everything that came so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.yard().deliveries.values().cloned().collect()
    }

    /// A storekeeper begins; says whether there is anything to wait for.
    pub(super) fn expect(&self, warehouse: &WarehouseId, region: &Region) -> bool {
        let mut yard = self.yard();
        let any = !yard.goods.is_empty();
        if any {
            yard.expecting.insert(warehouse.clone(), region.clone());
        }
        any
    }

    /// What the lorry with this number brings to a warehouse: of the last one everything.
    fn lorry(&self, warehouse: &WarehouseId, number: u32, last: bool) -> Vec<StockReceipt> {
        let goods = self.yard().goods.clone();
        let receipt = |(place, product_id): (usize, ProductId)| StockReceipt {
            product_id,
            warehouse_id: warehouse.clone(),
            quantity: if last { LAST_UNITS } else { 1 + number % UNITS_MAX },
            reference: format!("{warehouse} lorry {number} pallet {}", place + 1),
        };
        let turn = number as usize % goods.len().max(1);
        goods.into_iter().enumerate().filter(|(place, _)| last || *place == turn).map(receipt).collect()
    }

    fn came(&self, receipt: &StockReceipt) {
        let delivery = Delivery { receipt: receipt.clone(), booked: false };
        self.yard().deliveries.insert(receipt.reference.clone(), delivery);
    }

    fn booked(&self, reference: &str) {
        if let Some(delivery) = self.yard().deliveries.get_mut(reference) {
            delivery.booked = true;
        }
    }

    fn no_more(&self, warehouse: &WarehouseId) {
        self.yard().expecting.remove(warehouse);
    }

    fn yard(&self) -> MutexGuard<'_, Yard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Unloads one lorry after the other until the last one was there, it is time to go home or the warehouse is lost.
pub(super) async fn work(hand: Hand, region: Region, warehouse: WarehouseId) {
    let lost = || hand.ground.standing(&region) == Standing::Dead;
    for number in 1.. {
        let last = is_last(&hand, &lost).await;
        if hand.is_stopped() || lost() {
            break;
        }
        for receipt in hand.receipts.lorry(&warehouse, number, last) {
            book(&hand, &region, receipt, &lost).await;
        }
        if last {
            break;
        }
    }
    hand.receipts.no_more(&warehouse);
}

/// Waits for the next lorry. Says whether it is the last one, which comes at once.
async fn is_last(hand: &Hand, lost: &impl Fn() -> bool) -> bool {
    for _ in 0..LOOKS_BETWEEN {
        if hand.receipts.yard().load_is_over || hand.is_stopped() || lost() {
            break;
        }
        hand.pause(LOOK_EVERY).await;
    }
    hand.receipts.yard().load_is_over
}

/// Books what came until the warehouse's own region says that it is done: that is where the books are.
async fn book(hand: &Hand, region: &Region, receipt: StockReceipt, lost: &impl Fn() -> bool) {
    hand.receipts.came(&receipt);
    let booked = hand.insist_on_report(|| vec![region.clone()], PATH, &json!(receipt), lost).await;
    match booked {
        Some(Step::Done) => {
            hand.receipts.booked(&receipt.reference);
            count(&hand.tally.received);
        }
        Some(Step::CalledOff) => count(&hand.tally.called_off),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn receipts(products: u128) -> Receipts {
        Receipts::of((1..=products).map(|number| ProductId(uuid::Uuid::from_u128(number))))
    }

    #[test]
    fn the_last_lorry_brings_of_everything_and_no_reference_comes_twice() {
        let receipts = receipts(2);
        let warehouses = ["wh-eu", "wh-ap"].map(WarehouseId::from);
        let mut references = BTreeSet::new();
        for warehouse in &warehouses {
            let mut brought = BTreeSet::new();
            for number in 1..=20 {
                let lorry = receipts.lorry(warehouse, number, number == 20);
                assert_eq!(lorry.len(), if number == 20 { 2 } else { 1 });
                for receipt in lorry {
                    assert!(
                        (1..=LAST_UNITS).contains(&receipt.quantity) && receipt.warehouse_id == *warehouse
                    );
                    brought.insert(receipt.product_id);
                    assert!(references.insert(receipt.reference.clone()), "{}", receipt.reference);
                }
            }
            assert_eq!(brought.len(), 2);
        }
    }

    #[test]
    fn lorries_are_waited_for_after_the_load_where_somebody_works() {
        let receipts = receipts(1);
        let (eu, ap) = (Region::from("eu-west-1"), Region::from("ap-southeast-1"));
        assert!(receipts.expect(&"wh-eu".into(), &eu) && receipts.expect(&"wh-ap".into(), &ap));
        assert_eq!(receipts.under_way(|_| true), 0, "nobody waits for them during the load");
        receipts.load_is_over();
        assert_eq!((receipts.under_way(|_| true), receipts.under_way(|region| *region == eu)), (2, 1));
        receipts.no_more(&"wh-eu".into());
        assert_eq!(receipts.under_way(|region| *region == eu), 0);
    }

    #[test]
    fn where_nothing_is_scarce_no_lorry_comes() {
        let receipts = Receipts::default();
        assert!(!receipts.expect(&"wh-eu".into(), &"eu-west-1".into()));
        receipts.load_is_over();
        assert_eq!(receipts.under_way(|_| true), 0);
    }

    #[test]
    fn what_was_never_said_to_be_booked_stays_in_doubt() {
        let receipts = receipts(1);
        let lorries = [1, 2].map(|number| receipts.lorry(&"wh-eu".into(), number, false).remove(0));
        lorries.iter().for_each(|receipt| receipts.came(receipt));
        receipts.booked(&lorries[1].reference);
        let booked: Vec<bool> = receipts.deliveries().iter().map(|delivery| delivery.booked).collect();
        assert_eq!(booked, [false, true]);
    }
}
