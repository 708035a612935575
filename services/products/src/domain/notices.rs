//! Customers who wait for a product to come in again, and what they are told.
//!
//! What a customer says about a product is a wish, on or off. Each region writes wishes of its own; of all regions'
//! the highest version stands. A notice answers a wish of a version, and several regions may each write one: it is
//! told once, and the wish is no longer open.

use contracts::{ProductId, Region, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Products that a customer waits for at most.
pub(crate) const OPEN_MAX: usize = 50;
/// Rows of a customer that are read at most, of each kind. Whoever has so many waits for nothing new until old ones
/// have run out.
pub(crate) const ROWS_MAX: usize = 1_000;
/// Notices that a customer is shown at most.
const LISTED_MAX: usize = 100;

/// What a customer said about a product, in one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wish {
    pub(crate) product_id: ProductId,
    pub(crate) region: Region,
    /// Higher than that of every wish and notice of theirs for the product which the region knew of.
    pub(crate) version: u64,
    /// Whether they wait.
    pub(crate) on: bool,
}

/// A notice as one region wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Told {
    pub(crate) product_id: ProductId,
    /// Of the wish that it answers.
    pub(crate) version: u64,
    pub(crate) at: Timestamp,
}

/// The customer waits for too many products already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a customer can wait for at most {OPEN_MAX} products")]
pub(crate) struct Full;

/// The wish about each product that stands. Two of one version are told apart by region, so that every region takes
/// the same.
pub(crate) fn standing<'a>(wishes: impl IntoIterator<Item = &'a Wish>) -> BTreeMap<ProductId, &'a Wish> {
    let mut standing: BTreeMap<ProductId, &Wish> = BTreeMap::new();
    for wish in wishes {
        let held = standing.entry(wish.product_id).or_insert(wish);
        if (held.version, &held.region) < (wish.version, &wish.region) {
            *held = wish;
        }
    }
    standing
}

/// The products that a customer waits for.
fn open(wishes: &[Wish], told: &[Told]) -> BTreeSet<ProductId> {
    let answered = |wish: &Wish| {
        told.iter().any(|told| told.product_id == wish.product_id && told.version >= wish.version)
    };
    let open = standing(wishes).into_values().filter(|wish| wish.on && !answered(wish));
    open.map(|wish| wish.product_id).collect()
}

/// The version of the wish to be written where a customer says whether they wait for a product; nothing, where that
/// is so already.
pub(crate) fn decide(
    wishes: &[Wish],
    told: &[Told],
    product_id: ProductId,
    on: bool,
) -> Result<Option<u64>, Full> {
    let open = open(wishes, told);
    if open.contains(&product_id) == on {
        return Ok(None);
    }
    if on && (open.len() >= OPEN_MAX || wishes.len() >= ROWS_MAX || told.len() >= ROWS_MAX) {
        return Err(Full);
    }
    let wished = wishes.iter().filter(|wish| wish.product_id == product_id).map(|wish| wish.version);
    let told = told.iter().filter(|told| told.product_id == product_id).map(|told| told.version);
    Ok(Some(wished.chain(told).max().unwrap_or(0) + 1))
}

/// What a customer is shown, newest first: what several regions told of one wish counts once, as of the first.
pub(crate) fn listed(told: Vec<Told>) -> Vec<Told> {
    let mut first: BTreeMap<(ProductId, u64), Told> = BTreeMap::new();
    for told in told {
        let held = first.entry((told.product_id, told.version)).or_insert_with(|| told.clone());
        if told.at < held.at {
            *held = told;
        }
    }
    let mut listed: Vec<Told> = first.into_values().collect();
    listed.sort_by_key(|told| (Reverse(told.at), told.product_id));
    listed.truncate(LISTED_MAX);
    listed
}

#[cfg(test)]
mod tests;
