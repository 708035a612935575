//! R1 and R2: one region acts for an order at a time, and a lost one's customers are served again soon.

use super::Tally;
use super::case::{Attempt, Case, Outcome};
use super::events::makers;
use super::records::{Records, all_items, branch_of};
use contracts::ids::{Continent, OrderId, Region};
use std::collections::{BTreeMap, BTreeSet};

/// R1: for each order and epoch all effects come from one region; a higher epoch is never followed by a
/// lower one.
pub(super) fn one_owner(records: &Records<'_>, tally: &mut Tally) {
    let mut owners: BTreeMap<(OrderId, u64), BTreeSet<Region>> = makers(records);
    for row in records.last.rows.values().flatten() {
        let key = (row.order.order_id, row.branch.epoch);
        owners.entry(key).or_default().insert(row.branch.region.clone());
    }
    // Couriers report wherever somebody answers, so deliveries say nothing about owners.
    for (_, item) in all_items(records.case.last(), "payment") {
        let order_id = item["orderId"].as_str().and_then(|id| id.parse().ok());
        if let Some((order_id, branch)) = order_id.zip(branch_of(item)) {
            owners.entry((order_id, branch.epoch)).or_default().insert(branch.region);
        }
    }
    for (order_id, owner) in &records.last.intents {
        owners.entry((*order_id, owner.epoch)).or_default().insert(owner.region.clone());
    }
    for ((order_id, epoch), regions) in &owners {
        tally.demand(regions.len() == 1, order_id, || {
            let regions: Vec<&str> = regions.iter().map(Region::as_str).collect();
            format!("in epoch {epoch} {} acted for it", regions.join(" and "))
        });
    }
    one_content(records, tally);
    no_step_back(records, tally);
}

/// The same version of the same branch is the same in every region.
fn one_content(records: &Records<'_>, tally: &mut Tally) {
    for (order_id, rows) in &records.last.rows {
        let mut seen = BTreeMap::new();
        for row in rows {
            let first = seen.entry((row.branch.clone(), row.order.version)).or_insert(row);
            if first.order != row.order {
                let (one, other) = (&first.held_by, &row.held_by);
                tally.broken(
                    format!("{one} and {other} hold the same version with other content"),
                    [order_id],
                );
            }
        }
    }
}

/// Each row's epoch is that of its branch, and its history holds nothing of a later owner.
fn no_step_back(records: &Records<'_>, tally: &mut Tally) {
    for row in records.last.rows.values().flatten() {
        let highest = row.order.history.iter().map(|step| step.epoch).max().unwrap_or(0);
        if highest > row.branch.epoch || row.order.epoch > row.branch.epoch {
            let at = highest.max(row.order.epoch);
            tally.broken(
                format!("the branch of epoch {} was written on after epoch {at} had begun", row.branch.epoch),
                [row.order.order_id],
            );
        }
    }
}

/// R2: from the loss to the first order of a lost region's customers that a survivor confirms.
pub(super) fn recovered(records: &Records<'_>, tally: &mut Tally) {
    let losses = losses(records.case);
    if losses.is_empty() {
        return tally.absent("no region was lost");
    }
    for (at_ms, continents) in losses {
        let ids: Vec<&str> = continents.iter().map(Continent::as_str).collect();
        let limit = records.case.rules.recovery_ms_max;
        match first_confirmed(records.case, at_ms, &continents) {
            Some(ms) if ms > limit => {
                tally.looked();
                tally.broken(format!("orders were confirmed again after {ms} ms, allowed are {limit}"), ids);
            }
            Some(_) => tally.looked(),
            None => tally.broken("no order of the lost region's customers was ever confirmed again", ids),
        }
    }
}

/// The time from the (longest) loss to the first order confirmed by a survivor to a customer of the lost
/// continent, ms. `None` where nothing was lost, or nothing was confirmed again.
pub fn recovery_ms(case: &Case) -> Option<i64> {
    let times = losses(case).into_iter().map(|(at_ms, continents)| first_confirmed(case, at_ms, &continents));
    times.collect::<Option<Vec<i64>>>()?.into_iter().max()
}

/// Each loss of a region: when, and whose customers it concerns.
fn losses(case: &Case) -> Vec<(i64, BTreeSet<Continent>)> {
    let faults = case.faults.iter().filter(|fault| fault.loses_data());
    let losses = faults.map(|fault| {
        let of_regions = fault.lost_regions.iter().filter_map(|region| case.places.regions.get(region));
        (fault.at_ms, fault.lost_continents.iter().chain(of_regions).cloned().collect())
    });
    losses.collect()
}

fn first_confirmed(case: &Case, at_ms: i64, continents: &BTreeSet<Continent>) -> Option<i64> {
    let stands = |region: &Region, at_ms: i64| !case.was_lost_at(region, at_ms);
    let by_survivor = |attempt: &&Attempt| {
        let served = attempt.served_by.as_ref().zip(attempt.answered_ms);
        attempt.outcome == Outcome::Acknowledged
            && continents.contains(&attempt.home)
            && served.is_some_and(|(region, answered)| stands(region, answered))
    };
    let confirmed = case.attempts.iter().filter(by_survivor).filter_map(|attempt| attempt.answered_ms);
    confirmed.filter(|answered| *answered > at_ms).min().map(|answered| answered - at_ms)
}
