//! Pages: the next items of a range, up to a limit.

use std::collections::BTreeMap;
use std::ops::Bound as End;
use std::sync::Arc;

use super::expression::{Comparison, SortCondition};
use super::key::{KeyBytes, behind, encode_beginning, encode_value};
use super::query::Source;
use super::record::Record;
use super::store::Store;
use super::value::Value;

/// Bytes of items that a page reads at most, those counted that a filter leaves out.
const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// A range of keys.
pub(super) struct Range {
    pub(super) from: End<KeyBytes>,
    pub(super) to: End<KeyBytes>,
}

/// The items that were read.
pub(super) struct Page {
    pub(super) records: Vec<Arc<Record>>,
    pub(super) bytes: usize,
    /// Whether there may be more behind the last one.
    pub(super) more: bool,
}

impl Range {
    /// The keys of a partition whose sort values are in a range.
    pub(super) fn of(partition: &Value, sort: SortCondition<'_>) -> Self {
        let mut prefix = Vec::with_capacity(64);
        encode_value(partition, &mut prefix);
        let with = |value: &Value| {
            let mut bytes = prefix.clone();
            encode_value(value, &mut bytes);
            bytes
        };
        let (from, to) = match sort {
            SortCondition::Any => (Some(prefix.clone()), behind(prefix)),
            SortCondition::Between(low, high) => (Some(with(low)), behind(with(high))),
            SortCondition::BeginsWith(beginning) => {
                encode_beginning(beginning, &mut prefix);
                (Some(prefix.clone()), behind(prefix))
            }
            SortCondition::Compare(comparison, value) => match comparison {
                Comparison::Less => (Some(prefix.clone()), Some(with(value))),
                Comparison::LessOrEqual => (Some(prefix.clone()), behind(with(value))),
                Comparison::Greater => (behind(with(value)), behind(prefix)),
                Comparison::GreaterOrEqual => (Some(with(value)), behind(prefix)),
                Comparison::Equal | Comparison::NotEqual => (Some(with(value)), behind(with(value))),
            },
        };
        Range {
            from: from.map_or(End::Unbounded, |bytes| End::Included(bytes.into())),
            to: to.map_or(End::Unbounded, |bytes| End::Excluded(bytes.into())),
        }
    }

    /// Leaves out everything up to a key.
    pub(super) fn go_on_behind(&mut self, key: KeyBytes, forward: bool) {
        let end = if forward { &mut self.from } else { &mut self.to };
        *end = End::Excluded(key);
    }

    fn is_empty(&self) -> bool {
        let (End::Included(from) | End::Excluded(from)) = &self.from else { return false };
        let (End::Included(to) | End::Excluded(to)) = &self.to else { return false };
        from >= to
    }

    fn of_map<'m, V>(&self, map: &'m BTreeMap<KeyBytes, V>) -> impl DoubleEndedIterator<Item = &'m V> {
        // A map refuses to look for a range that ends before it begins.
        let range = (!self.is_empty()).then(|| {
            fn end(end: &End<KeyBytes>) -> End<&[u8]> {
                end.as_ref().map(|key| &**key)
            }
            map.range::<[u8], _>((end(&self.from), end(&self.to)))
        });
        range.into_iter().flatten().map(|(_, value)| value)
    }
}

impl Store {
    /// The next items of a range that `wanted` takes.
    pub(super) fn page(
        &self,
        source: Source<'_>,
        range: &Range,
        forward: bool,
        limit: Option<usize>,
        wanted: impl Fn(&Record) -> bool,
    ) -> Page {
        let rows = &self.tables[source.table.slot];
        match (source.index, forward) {
            (None, true) => read(range.of_map(&rows.rows).map(|row| &row.record), limit, wanted),
            (None, false) => read(range.of_map(&rows.rows).rev().map(|row| &row.record), limit, wanted),
            (Some(place), true) => read(range.of_map(&rows.indexes[place]), limit, wanted),
            (Some(place), false) => read(range.of_map(&rows.indexes[place]).rev(), limit, wanted),
        }
    }
}

fn read<'s>(
    records: impl Iterator<Item = &'s Arc<Record>>,
    limit: Option<usize>,
    wanted: impl Fn(&Record) -> bool,
) -> Page {
    let mut page = Page { records: Vec::new(), bytes: 0, more: false };
    for record in records.filter(|record| wanted(record)) {
        if page.bytes + record.bytes() > PAGE_BYTES_MAX && !page.records.is_empty() {
            page.more = true;
            break;
        }
        page.bytes += record.bytes();
        page.records.push(record.clone());
        if limit.is_some_and(|limit| page.records.len() >= limit) {
            page.more = true;
            break;
        }
    }
    page
}
