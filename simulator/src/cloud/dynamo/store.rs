//! The rows of a region: tables and indexes as ordered maps of shared records.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::key::KeyBytes;
use super::record::Record;
use super::size::write_units;
use super::streams::Stream;
use super::table::{Index, Table};

/// When and where an item was last written: the later one wins, and the region decides between equals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    pub(super) at_us: i64,
    pub(super) region: Arc<str>,
}

/// All that changes, behind one lock.
pub(super) struct Store {
    /// By the tables' slots.
    pub(super) tables: Vec<Rows>,
    pub(super) stream: Stream,
}

/// The rows of one table.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) rows: BTreeMap<KeyBytes, Row>,
    /// Of global tables, what was deleted last. It grows with the keys ever deleted: a deletion must be
    /// remembered, or an older write would bring the item back.
    pub(super) deleted: BTreeMap<KeyBytes, Deletion>,
    /// By the indexes' places in the table's declaration.
    pub(super) indexes: Vec<BTreeMap<KeyBytes, Arc<Record>>>,
    /// The sizes of all items.
    pub(super) bytes: usize,
}

/// One item.
pub(super) struct Row {
    pub(super) record: Arc<Record>,
    /// Its last write, in a global table.
    pub(super) stamp: Option<Stamp>,
}

/// A deletion that must not be forgotten.
pub(super) struct Deletion {
    pub(super) stamp: Stamp,
    /// The key attributes, in JSON.
    pub(super) key: Arc<str>,
}

/// What a write consumes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WriteCost {
    pub(super) table: f64,
    /// By the indexes' places; `None` for one that the write left alone.
    pub(super) indexes: Vec<Option<f64>>,
}

impl WriteCost {
    pub(super) fn total(&self) -> f64 {
        self.table + self.indexes.iter().flatten().sum::<f64>()
    }
}

impl Store {
    pub(super) fn new<'a>(tables: impl IntoIterator<Item = &'a Table>) -> Self {
        let rows = |table: &Table| Rows {
            indexes: table.indexes.iter().map(|_| BTreeMap::new()).collect(),
            ..Rows::default()
        };
        Store { tables: tables.into_iter().map(rows).collect(), stream: Stream::default() }
    }

    pub(super) fn get(&self, table: &Table, key: &KeyBytes) -> Option<&Arc<Record>> {
        self.tables[table.slot].rows.get(key).map(|row| &row.record)
    }
}

impl Rows {
    /// The last write of a key, deletions included.
    pub(super) fn stamp(&self, key: &KeyBytes) -> Option<&Stamp> {
        let written = self.rows.get(key).and_then(|row| row.stamp.as_ref());
        written.or_else(|| self.deleted.get(key).map(|deletion| &deletion.stamp))
    }

    /// Puts an item.
    pub(super) fn put(
        &mut self,
        table: &Table,
        key: KeyBytes,
        record: Arc<Record>,
        stamp: Option<Stamp>,
    ) -> WriteCost {
        self.bytes += record.bytes();
        let row = Row { record: record.clone(), stamp };
        if !self.deleted.is_empty() {
            self.deleted.remove(&key);
        }
        let (old, indexes) = if table.indexes.is_empty() {
            (self.rows.insert(key, row), Vec::new())
        } else {
            let old = self.rows.insert(key.clone(), row);
            let before = old.as_ref().map(|row| &row.record);
            let indexes = self.maintain(table, &key, before, Some(&record));
            (old, indexes)
        };
        let before = old.map(|row| row.record.bytes());
        self.bytes -= before.unwrap_or(0);
        WriteCost { table: table_units(before, Some(record.bytes())), indexes }
    }

    /// Deletes an item, if it is there.
    pub(super) fn delete(&mut self, table: &Table, key: &KeyBytes) -> WriteCost {
        let old = self.rows.remove(key).map(|row| row.record);
        let indexes = self.maintain(table, key, old.as_ref(), None);
        let before = old.map(|record| record.bytes());
        self.bytes -= before.unwrap_or(0);
        WriteCost { table: table_units(before, None), indexes }
    }

    fn maintain(
        &mut self,
        table: &Table,
        key: &KeyBytes,
        old: Option<&Arc<Record>>,
        new: Option<&Arc<Record>>,
    ) -> Vec<Option<f64>> {
        let entries = table.indexes.iter().zip(&mut self.indexes);
        entries.map(|(index, entries)| move_entry(index, entries, key, old, new)).collect()
    }
}

/// Brings an index up to a write; says what that consumes.
fn move_entry(
    index: &Index,
    entries: &mut BTreeMap<KeyBytes, Arc<Record>>,
    key: &KeyBytes,
    old: Option<&Arc<Record>>,
    new: Option<&Arc<Record>>,
) -> Option<f64> {
    let entry = |record: &Arc<Record>| index.entry(record.item(), key);
    let (from, to) = (old.and_then(entry), new.and_then(entry));
    let units = |record: Option<&Arc<Record>>| record.map_or(0.0, |record| write_units(record.bytes()));
    match (from, to) {
        (None, None) => None,
        (Some(from), Some(to)) if from == to => {
            let changed = old.zip(new).is_none_or(|(old, new)| old.item() != new.item());
            entries.insert(to, new?.clone());
            changed.then(|| units(old).max(units(new)))
        }
        (from, to) => {
            // A move is a deletion and an insertion, each rounded by itself.
            let left = from.map(|from| entries.remove(&from)).map_or(0.0, |_| units(old));
            let joined =
                to.zip(new).map(|(to, new)| entries.insert(to, new.clone())).map_or(0.0, |_| units(new));
            Some(left + joined)
        }
    }
}

/// A write is charged by the larger of the two images, and is never free.
pub(super) fn table_units(old: Option<usize>, new: Option<usize>) -> f64 {
    write_units(old.unwrap_or(0).max(new.unwrap_or(0)))
}
