//! D5: after the heal all regions hold the same.

use super::Tally;
use super::case::RegionDump;
use super::records::{Records, items};
use serde_json::Value;
use std::collections::BTreeSet;

/// The tables that are replicated to every region.
const REPLICATED: &[&str] = &[
    "orders",
    "warehouse",
    "warehouse.stock",
    "warehouse.reservations",
    "warehouse.ledger",
    "delivery",
    "payment",
    "payment.ledger",
    "products",
];

/// D5: every replicated table is the same in all regions.
pub(super) fn regions_agree(records: &Records<'_>, tally: &mut Tally) {
    let Some(dumps) = records.case.healed() else {
        return tally.absent("a lost region never came back");
    };
    if dumps.len() < records.case.places.regions.len() {
        return tally.absent("a region was lost for good: what reached one of the others stays there alone");
    }
    let Some((first, others)) = dumps.split_first() else {
        return tally.absent("no region was dumped after the heal");
    };
    for table in REPLICATED {
        let expected = texts(first, table);
        tally.looked_at(expected.len() * others.len());
        for other in others {
            compare(table, (&first.region, &expected), (&other.region, &texts(other, table)), tally);
        }
    }
}

fn compare(
    table: &str,
    (one, ours): (&str, &BTreeSet<String>),
    (other, theirs): (&str, &BTreeSet<String>),
    tally: &mut Tally,
) {
    for (text, has, lacks) in ours
        .difference(theirs)
        .map(|text| (text, one, other))
        .chain(theirs.difference(ours).map(|text| (text, other, one)))
    {
        tally.broken(
            format!("{table}: {has} has a row that {lacks} has not, or has otherwise"),
            [id_of(text)],
        );
    }
}

/// Rows as canonical text: object keys are sorted.
fn texts(dump: &RegionDump, table: &str) -> BTreeSet<String> {
    items(dump, table).map(Value::to_string).collect()
}

fn id_of(text: &str) -> String {
    let item: Value = serde_json::from_str(text).unwrap_or_default();
    let name = ["orderId", "pk", "productId"].iter().find_map(|name| item[*name].as_str());
    name.unwrap_or("(no id)").to_owned()
}
