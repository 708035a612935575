//! What becomes of a product when an administrator puts or deletes it. A repeat of what was done already is told
//! from a change that comes too late.

use contracts::{Product, ProductId, Timestamp, bodies::products::ProductDraft, events::Happening};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What an administrator wants.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// The product is to be so. It must have this version, or must not have been listed yet where there is none.
    Put {
        /// What it is to be.
        draft: Box<ProductDraft>,
        /// The version that it must have.
        if_version: Option<u64>,
    },
    /// The product is no longer sold.
    Delete {
        /// The version that it must have.
        if_version: u64,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// Nothing: it is as wanted.
    None(Product),
    /// This is the next version, and this is what others hear of it.
    Next(Product, Box<Happening>),
}

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is no such product, or none any more.
    #[error("Product not found")]
    NotFound,
    /// The id is not free. Ids of deleted products are not given again: orders refer to them.
    #[error("A product has, or had, this id already")]
    Taken,
    /// Somebody else changed it first.
    #[error("The product has version {0}")]
    Stale(u64),
}

impl Command {
    /// What to do with the product with this id, given what is stored under it.
    pub(crate) fn decide(
        &self,
        product_id: ProductId,
        held: Option<&Product>,
        now: Timestamp,
    ) -> Result<Change, Refusal> {
        match self {
            Command::Put { draft, if_version } => put(product_id, held, draft, *if_version, now),
            Command::Delete { if_version } => delete(held.ok_or(Refusal::NotFound)?, *if_version, now),
        }
    }
}

fn put(
    product_id: ProductId,
    held: Option<&Product>,
    draft: &ProductDraft,
    if_version: Option<u64>,
    now: Timestamp,
) -> Result<Change, Refusal> {
    let Some(held) = held else {
        let none = if_version.is_none().then(|| created(product_id, draft, now));
        return none.ok_or(Refusal::NotFound);
    };
    let next = Product { modified_date: now, version: held.version + 1, ..written(held, draft) };
    let same = held.active && written(held, draft) == *held;
    match if_version {
        asked if same && (asked == Some(held.version) || is_repeat(asked.unwrap_or(0), held)) => {
            Ok(Change::None(held.clone()))
        }
        None => Err(Refusal::Taken),
        Some(_) if !held.active => Err(Refusal::NotFound),
        Some(asked) if asked != held.version => Err(Refusal::Stale(held.version)),
        Some(_) => {
            let (old, new) = (Box::new(held.clone()), Box::new(next.clone()));
            let changed = changed(&old, &new);
            let told = Happening::ProductModified { old, new, changed };
            Ok(Change::Next(next, Box::new(told)))
        }
    }
}

fn delete(held: &Product, if_version: u64, now: Timestamp) -> Result<Change, Refusal> {
    if !held.active {
        let done = is_repeat(if_version, held).then(|| Change::None(held.clone()));
        return done.ok_or(Refusal::NotFound);
    }
    if if_version != held.version {
        return Err(Refusal::Stale(held.version));
    }
    let next = Product { modified_date: now, version: held.version + 1, active: false, ..held.clone() };
    let told = Happening::ProductDeleted(Box::new(next.clone()));
    Ok(Change::Next(next, Box::new(told)))
}

/// Whether what is held may have come of the same command, which asked for the version before.
fn is_repeat(asked: u64, held: &Product) -> bool {
    asked.checked_add(1) == Some(held.version)
}

fn created(product_id: ProductId, draft: &ProductDraft, now: Timestamp) -> Change {
    let ProductDraft { product_id: _, name, package, category, tags, pictures, price, currency } =
        draft.clone();
    let product = Product {
        product_id,
        created_date: now,
        modified_date: now,
        name,
        package,
        category,
        tags,
        pictures,
        price,
        currency,
        version: 1,
        active: true,
        age_restricted: true,
    };
    let told = Happening::ProductCreated(Box::new(product.clone()));
    Change::Next(product, Box::new(told))
}

/// What is held, with the draft's words and numbers.
fn written(held: &Product, draft: &ProductDraft) -> Product {
    let ProductDraft { product_id: _, name, package, category, tags, pictures, price, currency } =
        draft.clone();
    Product { name, package, category, tags, pictures, price, currency, ..held.clone() }
}

/// The names of the top-level fields that differ.
fn changed(old: &Product, new: &Product) -> Vec<String> {
    let fields = |product: &Product| match serde_json::to_value(product) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let (old, new) = (fields(old), fields(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names.into_iter().filter(|name| old.get(*name) != new.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);
    const LATER: Timestamp = Timestamp(1_790_000_060_000);

    fn put_command(draft: ProductDraft, if_version: Option<u64>) -> Command {
        Command::Put { draft: Box::new(draft), if_version }
    }

    fn dearer() -> ProductDraft {
        ProductDraft { price: samples::draft().price + 100, ..samples::draft() }
    }

    fn next(change: Result<Change, Refusal>) -> (Product, Happening) {
        match change {
            Ok(Change::Next(product, happening)) => (product, *happening),
            other => panic!("no next version: {other:?}"),
        }
    }

    fn listed() -> Product {
        next(put_command(samples::draft(), None).decide(samples::id(1), None, NOW)).0
    }

    fn deleted() -> Product {
        next(Command::Delete { if_version: 1 }.decide(samples::id(1), Some(&listed()), LATER)).0
    }

    #[test]
    fn what_is_new_begins_at_version_one_and_is_told() {
        let (product, told) = next(put_command(samples::draft(), None).decide(samples::id(1), None, NOW));
        assert_eq!((product.version, product.active, product.age_restricted), (1, true, true));
        assert_eq!(told, Happening::ProductCreated(Box::new(product)));
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name_and_tells_what_differs() {
        let held = listed();
        let (product, told) = next(put_command(dearer(), Some(1)).decide(samples::id(1), Some(&held), LATER));
        assert_eq!((product.version, product.created_date, product.modified_date), (2, NOW, LATER));
        let Happening::ProductModified { old, new, changed } = told else { panic!("{told:?}") };
        assert_eq!((*old, *new), (held, product));
        assert_eq!(changed, ["modifiedDate", "price", "version"]);
    }

    #[test]
    fn a_repeat_of_anything_that_was_done_makes_no_version() {
        let first = listed();
        let again = put_command(samples::draft(), None).decide(samples::id(1), Some(&first), LATER);
        assert_eq!(again, Ok(Change::None(first.clone())));
        let change = put_command(dearer(), Some(1));
        let (second, _) = next(change.decide(samples::id(1), Some(&first), LATER));
        assert_eq!(change.decide(samples::id(1), Some(&second), LATER), Ok(Change::None(second)));
        let delete = Command::Delete { if_version: 1 };
        assert_eq!(delete.decide(samples::id(1), Some(&deleted()), LATER), Ok(Change::None(deleted())));
    }

    #[test]
    fn a_version_that_is_not_the_present_one_is_stale() {
        let held = Product { version: 5, ..listed() };
        for asked in [0, 1, 4, 6, u64::MAX] {
            let stale = Err(Refusal::Stale(5));
            assert_eq!(put_command(dearer(), Some(asked)).decide(samples::id(1), Some(&held), LATER), stale);
            let delete = Command::Delete { if_version: asked };
            assert_eq!(delete.decide(samples::id(1), Some(&held), LATER), stale);
        }
    }

    #[test]
    fn an_id_is_given_once() {
        let decide = |held: &Product, command: Command| command.decide(samples::id(1), Some(held), LATER);
        assert_eq!(decide(&listed(), put_command(dearer(), None)), Err(Refusal::Taken));
        assert_eq!(decide(&deleted(), put_command(samples::draft(), None)), Err(Refusal::Taken));
        assert_eq!(decide(&deleted(), put_command(dearer(), Some(2))), Err(Refusal::NotFound));
        assert_eq!(decide(&deleted(), Command::Delete { if_version: 2 }), Err(Refusal::NotFound));
    }

    #[test]
    fn what_was_never_there_is_not_found() {
        let change = put_command(dearer(), Some(1)).decide(samples::id(1), None, NOW);
        assert_eq!(change, Err(Refusal::NotFound));
        assert_eq!(
            Command::Delete { if_version: 1 }.decide(samples::id(1), None, NOW),
            Err(Refusal::NotFound)
        );
    }

    proptest! {
        /// Whatever is asked in whatever order, versions count the changes, and each change is told once.
        #[test]
        fn versions_count_the_changes(asked in prop::collection::vec((0..3u8, 0..4i64, 0..6u64), 0..30)) {
            let (mut held, mut told) = (None, 0);
            for (kind, price, version) in asked {
                let draft = ProductDraft { price, ..samples::draft() };
                let command = match kind {
                    0 => put_command(draft, None),
                    1 => put_command(draft, Some(version)),
                    _ => Command::Delete { if_version: version },
                };
                if let Ok(Change::Next(next, _)) = command.decide(samples::id(1), held.as_ref(), NOW) {
                    told += 1;
                    prop_assert_eq!(next.version, told);
                    held = Some(next);
                }
            }
        }
    }
}
