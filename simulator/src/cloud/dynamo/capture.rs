//! Captures the writes of global tables for replication.
//!
//! A write and the reading of its stream records happen under one lock, so the log has all writes in the order
//! in which the database took them, with the images it really stored, whatever operation made them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use dynoxide::actions::get_records::{GetRecordsRequest, Record};
use dynoxide::actions::get_shard_iterator::encode_shard_iterator;
use dynoxide::{Database, DynoxideError};

use super::super::clock::Stamps;
use super::super::lock;
use super::super::replication::{Log, LoggedWrite};
use super::table::Table;

/// What a public sequence number adds to the stored one.
const SEQUENCE_OFFSET: u128 = 100_000_000_000_000_000_000;

/// When and where an item was last written: the later one wins, and the region decides between equals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    pub(super) at_us: i64,
    pub(super) region: Arc<str>,
}

/// The bookkeeping beside the database, guarded by the write lock.
#[derive(Default)]
pub(super) struct Writer {
    /// By table: the last stream record read.
    positions: HashMap<String, i64>,
    /// By table and key: the last write, deletions included. It grows with the keys ever written, as the
    /// engine's own tables do; a deletion must be remembered or an older write would bring the item back.
    pub(super) stamps: HashMap<String, HashMap<String, Stamp>>,
    /// By table and key: the keys, in JSON, of what was deleted. A copy of a whole table tells of them too.
    pub(super) deleted: HashMap<String, BTreeMap<String, String>>,
}

/// The write lock of the global tables and the log it feeds.
pub(super) struct Capture {
    region: Arc<str>,
    writer: Mutex<Writer>,
    log: Arc<Log>,
}

impl Capture {
    pub(super) fn new(region: Arc<str>) -> Self {
        Capture { region, writer: Mutex::default(), log: Arc::default() }
    }

    pub(super) fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Runs a write and logs what it did to global tables, even if it failed half-way.
    pub(super) fn around<A>(
        &self,
        db: &Database,
        tables: &BTreeMap<String, Table>,
        touched: &[String],
        run: impl FnOnce() -> dynoxide::Result<A>,
    ) -> dynoxide::Result<A> {
        let mut global: Vec<&Table> = touched.iter().filter_map(|name| tables.get(name)).collect();
        global.retain(|table| table.global);
        if global.is_empty() {
            return run();
        }
        global.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        global.dedup_by(|a, b| a.name == b.name);
        let mut writer = lock(&self.writer);
        let result = run();
        let mut written = Vec::new();
        for table in global {
            for record in writer.new_records(db, table)? {
                written.push(writer.note(table, record, &self.region)?);
            }
        }
        // A transaction over several tables was read table by table.
        written.sort_unstable_by_key(|write| write.written_at_us);
        if !written.is_empty() {
            self.log.append(written);
        }
        result
    }

    /// Looks at the tables while nobody writes.
    pub(super) fn still<A>(&self, look: impl FnOnce(&Writer) -> A) -> A {
        look(&lock(&self.writer))
    }

    /// Merges writes of other regions. Their stream records are passed over, so nothing echoes: all of them are
    /// numbered up to the latest stamp.
    pub(super) fn unlogged<A>(
        &self,
        tables: &BTreeMap<String, Table>,
        stamps: &Stamps,
        run: impl FnOnce(&mut Writer) -> A,
    ) -> A {
        let mut writer = lock(&self.writer);
        let result = run(&mut writer);
        let last = stamps.last_us();
        for table in tables.values().filter(|table| table.global) {
            match writer.positions.get_mut(&table.name) {
                Some(position) => *position = last,
                None => drop(writer.positions.insert(table.name.clone(), last)),
            }
        }
        result
    }
}

impl Writer {
    fn new_records(&mut self, db: &Database, table: &Table) -> dynoxide::Result<Vec<Record>> {
        let position = self.positions.get(&table.name).copied().unwrap_or(0);
        let shard = format!("shardId-00000001-{}", table.name);
        let shard_iterator = encode_shard_iterator(&table.name, &shard, position);
        let records = db.get_records(GetRecordsRequest { shard_iterator, limit: None })?.records;
        if let Some(last) = records.last() {
            self.positions.insert(table.name.clone(), stored_number(last)?);
        }
        Ok(records)
    }

    /// Stamps the item and makes the log entry.
    fn note(&mut self, table: &Table, record: Record, region: &Arc<str>) -> dynoxide::Result<LoggedWrite> {
        let written_at_us = stored_number(&record)?;
        let change = record.dynamodb;
        let key = table.key_of(&change.keys).ok_or_else(|| broken("has no key"))?;
        let item = match change.new_image {
            Some(image) => Some(super::wire::write(&image)?),
            None => None,
        };
        // In order: one key is one text, or the last image of an item could not be told.
        let key_text = super::wire::write(&change.keys.iter().collect::<BTreeMap<_, _>>())?;
        self.note_deletion(table, &key, item.is_none().then(|| key_text.clone()));
        self.stamp(table, key, Stamp { at_us: written_at_us, region: region.clone() });
        Ok(LoggedWrite { table: table.name.clone(), key: key_text, item, written_at_us })
    }

    /// Remembers the key of what was deleted; forgets it where something is there again.
    pub(super) fn note_deletion(&mut self, table: &Table, key: &str, deleted: Option<String>) {
        match (self.deleted.get_mut(&table.name), deleted) {
            (Some(keys), Some(text)) => drop(keys.insert(key.to_owned(), text)),
            (Some(keys), None) => drop(keys.remove(key)),
            (None, Some(text)) => {
                self.deleted.entry(table.name.clone()).or_default().insert(key.to_owned(), text);
            }
            (None, None) => {}
        }
    }

    pub(super) fn stamp_of(&self, table: &Table, key: &str) -> Option<&Stamp> {
        self.stamps.get(&table.name)?.get(key)
    }

    pub(super) fn stamp(&mut self, table: &Table, key: String, stamp: Stamp) {
        match self.stamps.get_mut(&table.name) {
            Some(stamps) => stamps.insert(key, stamp),
            None => self.stamps.entry(table.name.clone()).or_default().insert(key, stamp),
        };
    }
}

/// A record's sequence number as the engine stores it: its write stamp in microseconds.
fn stored_number(record: &Record) -> dynoxide::Result<i64> {
    let public: Option<u128> = record.dynamodb.sequence_number.parse().ok();
    public
        .and_then(|number| number.checked_sub(SEQUENCE_OFFSET))
        .and_then(|number| i64::try_from(number).ok())
        .ok_or_else(|| broken("has an unreadable sequence number"))
}

fn broken(what: &str) -> DynoxideError {
    DynoxideError::InternalServerError(format!("a stream record {what}"))
}
