//! Merges other regions' writes: per item, the last writer wins.

use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::super::replication::{Applied, CopiedRow, CopyBatch, ReplicatedBatch, ReplicatedWrite, TableCopy};
use super::super::usage::REPLICATED_WRITE;
use super::Dynamo;
use super::capture::key_json;
use super::key::KeyBytes;
use super::record::Record;
use super::store::{Deletion, Rows, Stamp, Store, WriteCost};
use super::streams::Change;
use super::table::Table;

/// Rows of a copied table that travel together.
const COPIED_AT_ONCE: u64 = 500;

impl Dynamo {
    pub(in super::super) fn apply(&self, batch: ReplicatedBatch) -> anyhow::Result<Applied> {
        if *batch.from == *self.region {
            bail!("{} was sent its own writes", self.region);
        }
        let from: Arc<str> = batch.from.as_str().into();
        let mut applied = Applied { through_seq: batch.first_seq.saturating_sub(1), ..Applied::default() };
        let mut store = self.store();
        for write in batch.writes {
            let seq = write.seq;
            let won = self
                .merge_write(&mut store, &from, write)
                .with_context(|| format!("write {seq} of {} cannot be applied", batch.from))?;
            if won {
                applied.applied += 1
            } else {
                applied.stale += 1
            }
            applied.through_seq = seq;
        }
        Ok(applied)
    }

    /// Whether the write won.
    fn merge_write(
        &self,
        store: &mut Store,
        from: &Arc<str>,
        write: ReplicatedWrite,
    ) -> anyhow::Result<bool> {
        let table = self
            .tables
            .get(write.table.as_str())
            .filter(|table| table.global)
            .with_context(|| format!("{} is no global table", write.table))?;
        let key = table.schema.encode(&write.key).context("the key lacks an attribute")?;
        let by = write.by.as_deref().map_or_else(|| from.clone(), Into::into);
        let stamp = Stamp { at_us: write.written_at_us, region: by };
        self.stamps.observe(write.written_at_us);
        if store.tables[table.slot].stamp(&key).is_some_and(|last| *last >= stamp) {
            return Ok(false);
        }
        let cost = match write.item {
            Some(item) => {
                let record = Record::new(item);
                self.note_merged(store, table, &key, Some(&record));
                store.tables[table.slot].put(table, key, record, Some(stamp))
            }
            None => {
                self.note_merged(store, table, &key, None);
                let deletion = Deletion { stamp, key: key_json(table, &write.key) };
                overwrite_by_nothing(&mut store.tables[table.slot], table, key, deletion)
            }
        };
        self.meter.table(&table.logical, REPLICATED_WRITE, |usage| {
            usage.calls += 1;
            usage.write_units += cost.total();
        });
        Ok(true)
    }

    /// A merged write is in the stream, as any other; it is not in the log, so nothing echoes.
    fn note_merged(&self, store: &mut Store, table: &Table, key: &KeyBytes, new: Option<&Arc<Record>>) {
        let old = store.get(table, key).cloned();
        if old.is_some() || new.is_some() {
            let (number, at_ms) = (self.stamps.next_us(), self.stamps.now_ms());
            store.stream.push(Change { slot: table.slot, number, at_ms, old, new: new.cloned() });
        }
    }

    /// The global tables as they are now, for a region that lost them: whole, or only what one region wrote last.
    pub(in super::super) fn copy(&self, only: Option<&str>) -> anyhow::Result<TableCopy> {
        let store = self.store();
        let mut copy = TableCopy { through_seq: self.log().head(), batches: Vec::new() };
        for table in self.tables.values().filter(|table| table.global) {
            copy_table(&store.tables[table.slot], table, only, &mut copy)?;
        }
        Ok(copy)
    }
}

fn overwrite_by_nothing(rows: &mut Rows, table: &Table, key: KeyBytes, deletion: Deletion) -> WriteCost {
    let cost = rows.delete(table, &key);
    rows.deleted.insert(key, deletion);
    cost
}

fn copy_table(rows: &Rows, table: &Table, only: Option<&str>, copy: &mut TableCopy) -> anyhow::Result<()> {
    let mut add = |stamp: &Stamp, key: &str, item: &str| {
        if only.is_some_and(|only| *stamp.region != *only) {
            return Ok(());
        }
        if copy.batches.last().is_none_or(|batch| batch.count >= COPIED_AT_ONCE) {
            copy.batches.push(CopyBatch::default());
        }
        let (written_at_us, by) = (stamp.at_us, &*stamp.region);
        let row = CopiedRow { table: &table.name, key, item, written_at_us, by };
        copy.batches.last_mut().map_or(Ok(()), |batch| batch.add(&row))
    };
    for row in rows.rows.values() {
        let stamp = row.stamp.as_ref().context("a row without a stamp")?;
        add(stamp, &key_json(table, row.record.item()), row.record.json())?;
    }
    for deletion in rows.deleted.values() {
        add(&deletion.stamp, &deletion.key, "null")?;
    }
    Ok(())
}
