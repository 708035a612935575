//! What orders wait for and is here already: an order that goes on as soon as its owner looks does not rest.

use crate::cloud::{Cloud, PlainItem};
use contracts::{events::ProductUnits, stock::ReservationState};
use platform::Platform;
use std::collections::{BTreeMap, BTreeSet};

/// Proofs of age by customer, goods that came back by order, and goods on the shelves.
pub(super) struct Arrived {
    /// Customers whose age was found out, and orders of which goods came back.
    known: BTreeSet<String>,
    shelves: Shelves,
}

impl Arrived {
    /// What is here for some orders.
    pub(super) async fn read(
        cloud: &Cloud,
        platform: &Platform,
        orders: &[PlainItem],
    ) -> anyhow::Result<Arrived> {
        let (profiles, deliveries) = (cloud.rows("users.profiles").await?, cloud.rows("delivery").await?);
        let known = profiles.iter().filter(|row| matches!(row.text("ageVerdict"), Some("PASSED" | "FAILED")));
        let known = known.filter_map(|row| row.text("userId"));
        let back = deliveries.iter().filter(|row| row.entries("cameBack").is_some());
        let back = back.filter_map(|row| row.text("orderId"));
        let known = known.chain(back).map(str::to_owned).collect();
        let shelves = match orders.iter().any(|order| order.text("status") == Some("BACKORDERED")) {
            true => Shelves::read(cloud, platform).await?,
            false => Shelves::default(), // nobody asks
        };
        Ok(Arrived { known, shelves })
    }

    pub(super) fn is_for(&self, order: &PlainItem) -> bool {
        let awaited = match order.text("status") {
            Some("AGE_REVIEW") => order.text("userId"),
            Some("RETURN_REQUESTED") => order.text("orderId"),
            Some("BACKORDERED") => return self.shelves.have_for(order),
            _ => None,
        };
        awaited.is_some_and(|awaited| self.known.contains(awaited))
    }
}

/// What is to be had in the warehouses that can be reached, and the orders for which something is kept there.
#[derive(Default)]
struct Shelves {
    /// Units by warehouse and product.
    units: BTreeMap<String, BTreeMap<String, i64>>,
    kept_for: BTreeSet<String>,
}

impl Shelves {
    async fn read(cloud: &Cloud, platform: &Platform) -> anyhow::Result<Shelves> {
        let lost = cloud.rows("orders.lost-warehouses").await?;
        let lost: BTreeSet<&str> = lost.iter().filter_map(|row| row.text("warehouseId")).collect();
        let known = platform.config.warehouses.iter();
        let within_reach = known.filter(|warehouse| {
            !lost.contains(warehouse.id.as_str()) && !platform.liveness.suspected(&warehouse.region)
        });
        let within_reach: BTreeSet<&str> = within_reach.map(|warehouse| warehouse.id.as_str()).collect();
        let mut shelves = Shelves::default();
        for level in cloud.rows("warehouse.stock").await?.iter().filter_map(Level::of) {
            if within_reach.contains(&*level.warehouse) {
                shelves.put(level);
            }
        }
        for row in cloud.rows("warehouse.reservations").await? {
            let here = row.text("warehouseId").is_some_and(|id| within_reach.contains(id));
            if here && is_open(&row) {
                shelves.kept_for.extend(row.text("orderId").map(str::to_owned));
            }
        }
        Ok(shelves)
    }

    fn put(&mut self, level: Level) {
        self.units.entry(level.warehouse).or_default().insert(level.product, level.units);
    }

    /// Whether goods are kept for an order, or one of the warehouses has all that it asks for.
    fn have_for(&self, order: &PlainItem) -> bool {
        let kept = order.text("orderId").is_some_and(|id| self.kept_for.contains(id));
        kept || lines_of(order).is_some_and(|lines| self.serve(&lines))
    }

    fn serve(&self, lines: &[ProductUnits]) -> bool {
        self.units.values().any(|shelf| {
            lines.iter().all(|line| {
                let there = shelf.get(&line.product_id.to_string());
                there.is_some_and(|units| *units >= i64::from(line.quantity))
            })
        })
    }
}

/// What is to be had of a product in a warehouse. A warehouse has one owner, so that there is one row of each.
struct Level {
    warehouse: String,
    product: String,
    units: i64,
}

impl Level {
    fn of(row: &PlainItem) -> Option<Level> {
        let units = |name| row.whole(name).and_then(|units| i64::try_from(units).ok());
        Some(Level {
            warehouse: row.text("warehouseId")?.to_owned(),
            product: row.text("productId")?.to_owned(),
            units: units("onHand")? - units("reserved")?,
        })
    }
}

fn is_open(reservation: &PlainItem) -> bool {
    let state = reservation.text("state").unwrap_or_default();
    serde_json::from_value::<ReservationState>(state.into()).is_ok_and(ReservationState::open)
}

fn lines_of(order: &PlainItem) -> Option<Vec<ProductUnits>> {
    let order = serde_json::to_value(order).ok()?;
    let line = |line: &serde_json::Value| {
        let quantity = u32::try_from(line["quantity"].as_u64()?).ok()?;
        Some(ProductUnits { product_id: line["productId"].as_str()?.parse().ok()?, quantity })
    };
    order["products"].as_array()?.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::ids::ProductId;
    use uuid::Uuid;

    fn product(number: u128) -> ProductId {
        ProductId(Uuid::from_u128(number))
    }

    fn level(warehouse: &str, number: u128, units: i64) -> Level {
        Level { warehouse: warehouse.to_owned(), product: product(number).to_string(), units }
    }

    #[test]
    fn goods_are_there_where_one_warehouse_has_all_of_them() {
        let mut shelves = Shelves::default();
        for there in [level("wh-eu", 1, 2), level("wh-eu", 2, 0), level("wh-ap", 1, 0), level("wh-ap", 2, 9)]
        {
            shelves.put(there);
        }
        let line = |number, quantity| ProductUnits { product_id: product(number), quantity };
        assert!(shelves.serve(&[line(1, 2)]) && shelves.serve(&[line(2, 9)]));
        assert!(!shelves.serve(&[line(1, 3)]), "nowhere so many");
        assert!(!shelves.serve(&[line(1, 1), line(2, 1)]), "one parcel comes from one warehouse");
        assert!(!shelves.serve(&[line(3, 1)]), "nobody has it");
    }
}
