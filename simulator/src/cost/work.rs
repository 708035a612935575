//! From what a run used to what any number of orders uses in any set of regions.
//!
//! A run measures one world, mostly without a continent, under a load that no small shop has. So its consumption is taken
//! apart into rates that do not depend on either:
//!
//! - **idle**, per second and region: what was used while nobody ordered. It costs the same at any traffic.
//! - **own**, per order: the rest, over all regions together.
//! - **journal**, per order and copy: all on the journal's tables, in the regions that kept their copy to the end. An entry
//!   is closed some time after its order rests, so what was written there while nobody ordered is the orders' too.
//! - **copies**, by table: units that another region's copy costs for each unit written. Survivors heard everything that
//!   the others wrote for as long as those stood, so the loss of a continent does not change the ratio.
//! - **bytes** sent to other regions for each replicated unit: both fall together when there are fewer regions.
//!
//! With these, `R` regions that take so many orders a second use, in the region `r`:
//!
//! ```text
//! idle(r) + orders/s x ( own x share(r) + journal, where r holds a copy
//!                        + sum over tables of copies x own x (1 - share(r)) )
//! ```

use super::{
    consumption::{Consumption, Quantities, RegionUse, TableUse},
    layout::Layout,
};
use std::collections::BTreeMap;

/// The tables of the order journal: each continent's copy has its own, and nothing replicates them
/// (`journal_tables` in infra/main.tf).
pub(super) const JOURNAL_TABLES: [&str; 3] = ["orders.journal", "orders.tokens", "platform.leases"];
/// The service whose requests come from customers.
pub(super) const DOOR: &str = "frontend-api";

/// What orders use, apart from where and how many.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Per order, over all regions, without the journal's tables.
    pub own: Quantities,
    /// Per order and copy, the journal's tables alone.
    pub journal: Quantities,
    /// By table, replicated units in one other region for each unit written.
    pub copies: BTreeMap<String, f64>,
    /// Bytes sent to other regions for each replicated unit.
    pub bytes_per_copy: f64,
    /// Per second, by region.
    pub idle: BTreeMap<String, Quantities>,
    /// Per second, the mean of the regions in which it was measured.
    pub idle_mean: Quantities,
    /// How many others each of these had beside it.
    pub idle_others: f64,
    /// Bytes of an order's rows in one region.
    pub stored_bytes: f64,
}

impl Work {
    /// Takes a run's consumption apart; `None` for a run without orders.
    pub fn of(used: &Consumption) -> Option<Work> {
        if used.orders == 0 {
            return None;
        }
        let orders = used.orders as f64;
        let idle = idle(used);
        let idle_mean = mean(&idle);
        let beyond_idle = |name: &String, region: &RegionUse| {
            let rate = idle.get(name).unwrap_or(&idle_mean);
            let late = region.idle.as_ref().map(|idle| journal_only(&idle.used)).unwrap_or_default();
            region.used.minus(&rate.times(region.stood_s)).plus(&late).times(1.0 / orders)
        };
        let per_order: BTreeMap<&String, Quantities> =
            used.regions.iter().map(|(name, region)| (name, beyond_idle(name, region))).collect();
        let mut own = per_order.values().fold(Quantities::default(), |sum, region| sum.plus(region));
        own.tables.retain(|table, _| !JOURNAL_TABLES.contains(&table.as_str()));
        let copies = copies(used);
        let replicated: f64 = units(used.regions.values(), |table| table.replicated_units);
        let sent: f64 = used.regions.values().map(|region| region.used.sent_bytes).sum();
        Some(Work {
            journal: journal(used, &per_order),
            own,
            copies,
            bytes_per_copy: if replicated > 0.0 { sent / replicated } else { 0.0 },
            idle_others: idle.len().saturating_sub(1) as f64,
            idle_mean,
            idle,
            stored_bytes: used.stored_bytes_per_order,
        })
    }

    /// What a region of a layout uses per second at so many orders a second.
    pub fn in_region(&self, layout: &Layout, region: &str, orders_per_s: f64) -> Quantities {
        let (work_share, door_share) = (layout.work_share(region), layout.door_share(region));
        let mut per_order = self.own.times(work_share);
        if let (Some(door), Some(all)) = (per_order.services.get_mut(DOOR), self.own.services.get(DOOR)) {
            door.requests = all.requests * door_share;
            door.busy_s = all.busy_s * door_share;
            door.bytes_out = all.bytes_out * door_share;
        }
        if layout.has_copy(region) {
            per_order = per_order.plus(&self.journal);
        }
        let mut replicated = 0.0;
        for (name, table) in &mut per_order.tables {
            let written = self.own.tables.get(name).map_or(0.0, |table| table.write_units);
            let copied = self.copies.get(name).copied().unwrap_or(0.0) * written;
            table.replicated_units = copied * layout.written_elsewhere(region);
            replicated += copied * layout.others() * work_share;
        }
        per_order.sent_bytes = self.bytes_per_copy * replicated;
        self.idle_in(layout, region).plus(&per_order.times(orders_per_s))
    }

    /// What goes between regions grows with their number also while nobody orders.
    fn idle_in(&self, layout: &Layout, region: &str) -> Quantities {
        let mut idle = self.idle.get(region).unwrap_or(&self.idle_mean).clone();
        let more = layout.others() / self.idle_others.max(1.0);
        idle.sent_bytes *= more;
        idle.tables.values_mut().for_each(|table| table.replicated_units *= more);
        idle
    }
}

/// What was used of the journal's tables.
fn journal_only(used: &Quantities) -> Quantities {
    let tables = used.tables.iter().filter(|(table, _)| JOURNAL_TABLES.contains(&table.as_str()));
    let tables = tables.map(|(name, table)| (name.clone(), *table)).collect();
    Quantities { tables, ..Quantities::default() }
}

/// Per second, in each region where it was measured; without the journal, which is written for orders alone.
fn idle(used: &Consumption) -> BTreeMap<String, Quantities> {
    let rate = |(name, region): (&String, &RegionUse)| {
        let idle = region.idle.as_ref().filter(|idle| idle.for_s > 0.0)?;
        let mut rate = idle.used.times(1.0 / idle.for_s);
        rate.tables.retain(|table, _| !JOURNAL_TABLES.contains(&table.as_str()));
        Some((name.clone(), rate))
    };
    used.regions.iter().filter_map(rate).collect()
}

fn mean(idle: &BTreeMap<String, Quantities>) -> Quantities {
    let sum = idle.values().fold(Quantities::default(), |sum, rate| sum.plus(rate));
    sum.times(1.0 / idle.len().max(1) as f64)
}

/// The journal's tables per order and copy. A copy that was lost on the way saw only a part of the orders.
fn journal(used: &Consumption, per_order: &BTreeMap<&String, Quantities>) -> Quantities {
    let holds = |quantities: &Quantities| {
        quantities.tables.get(JOURNAL_TABLES[0]).is_some_and(|table| table.write_units > 0.0)
    };
    let whole = used.regions.iter().filter(|(_, region)| !region.lost && holds(&region.used));
    let copies: Vec<&Quantities> = whole.filter_map(|(name, _)| per_order.get(name)).collect();
    let sum = copies.iter().fold(Quantities::default(), |sum, copy| sum.plus(copy));
    journal_only(&sum.times(1.0 / copies.len().max(1) as f64))
}

/// By table, replicated units in a survivor for each unit that others wrote.
fn copies(used: &Consumption) -> BTreeMap<String, f64> {
    let total = used.total();
    let ratio = |name: &String| {
        let at = |region: &RegionUse| region.used.tables.get(name).copied().unwrap_or_default();
        let everywhere = total.tables[name].write_units;
        let survivors = used.regions.values().filter(|region| !region.lost);
        let (copied, heard) = survivors.fold((0.0, 0.0), |(copied, heard), region| {
            let table = at(region);
            (copied + table.replicated_units, heard + everywhere - table.write_units)
        });
        if heard > 0.0 { copied / heard } else { 0.0 }
    };
    total.tables.keys().map(|name| (name.clone(), ratio(name))).collect()
}

fn units<'a>(regions: impl Iterator<Item = &'a RegionUse>, of: impl Fn(&TableUse) -> f64) -> f64 {
    regions.flat_map(|region| region.used.tables.values()).map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::sample::{consumption, layouts};

    fn writes(quantities: &Quantities) -> f64 {
        quantities.tables.values().map(|table| table.write_units + table.replicated_units).sum()
    }

    #[test]
    fn what_was_measured_comes_out_again_for_the_same_world() {
        let used = consumption();
        let work = Work::of(&used).expect("orders");
        let peace = &layouts()[0];
        let orders_per_s = used.orders as f64 / 100.0;
        let modelled: f64 =
            peace.regions().map(|region| writes(&work.in_region(peace, region, orders_per_s)) * 100.0).sum();
        let measured = used.write_units();
        assert!((modelled / measured - 1.0).abs() < 1e-9, "{modelled} against {measured}");
    }

    #[test]
    fn the_loss_of_a_region_half_way_changes_no_rate() {
        let whole = Work::of(&consumption()).expect("orders");
        let mut flooded = consumption();
        // The region `b` was lost after half of the time: it did half, and what it would have done others did.
        let b = flooded.regions["b"].clone();
        let half = b.used.times(0.5);
        flooded.regions.get_mut("b").expect("there").used = half.clone();
        let lost = flooded.regions.get_mut("b").expect("there");
        (lost.lost, lost.stood_s, lost.idle) = (true, 50.0, None);
        let table = |quantities: &Quantities| quantities.tables["orders"].write_units;
        let moved = table(&b.used) - table(&half) - 50.0 * 1.0;
        let a = flooded.regions.get_mut("a").expect("there");
        a.used.tables.get_mut("orders").expect("there").write_units += moved;
        a.used.tables.get_mut("orders").expect("there").replicated_units -= 0.5 * (moved + 50.0);
        let work = Work::of(&flooded).expect("orders");
        let own = |work: &Work| work.own.tables["orders"].write_units;
        assert!((own(&work) / own(&whole) - 1.0).abs() < 1e-9, "{} against {}", own(&work), own(&whole));
        let ratio = |work: &Work| work.copies["orders"];
        assert!(
            (ratio(&work) / ratio(&whole) - 1.0).abs() < 0.02,
            "{} against {}",
            ratio(&work),
            ratio(&whole)
        );
    }

    #[test]
    fn one_region_replicates_nothing_and_a_second_one_costs_a_copy() {
        let work = Work::of(&consumption()).expect("orders");
        let all = layouts();
        let copied = |layout: &Layout| -> f64 {
            let in_region = |region| work.in_region(layout, region, 1.0);
            let tables = |quantities: Quantities| -> f64 {
                quantities.tables.values().map(|table| table.replicated_units).sum()
            };
            layout.regions().map(|region| tables(in_region(region))).sum()
        };
        let one = all.iter().find(|layout| layout.regions().count() == 1).expect("there");
        let two = all.iter().find(|layout| layout.regions().count() == 2).expect("there");
        assert_eq!(copied(one), 0.0);
        assert!(copied(two) > 0.0);
    }

    #[test]
    fn an_entry_that_is_closed_late_is_the_orders_doing() {
        let mut late = consumption();
        for region in late.regions.values_mut() {
            let idle = region.idle.as_mut().expect("measured");
            idle.used.tables.get_mut("orders.journal").expect("there").write_units = 500.0;
        }
        let (usual, late) = (Work::of(&consumption()).expect("orders"), Work::of(&late).expect("orders"));
        let journal = |work: &Work| work.journal.tables["orders.journal"].write_units;
        assert!((journal(&late) - journal(&usual) - 0.5).abs() < 1e-9);
        assert!(late.idle.values().all(|rate| !rate.tables.contains_key("orders.journal")));
    }

    #[test]
    fn a_run_without_orders_says_nothing() {
        assert!(Work::of(&Consumption::default()).is_none());
    }
}
