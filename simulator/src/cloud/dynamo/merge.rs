//! Merges other regions' writes: per item, the last writer wins.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use dynoxide::Item;
use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::scan::ScanRequest;

use super::super::replication::{Applied, CopiedRow, CopyBatch, ReplicatedBatch, ReplicatedWrite, TableCopy};
use super::super::usage::REPLICATED_WRITE;
use super::Dynamo;
use super::capture::{Stamp, Writer};
use super::table::Table;

/// Rows of a copied table that travel together.
const COPIED_AT_ONCE: u64 = 500;

impl Dynamo {
    pub(in super::super) fn apply(&self, batch: ReplicatedBatch) -> anyhow::Result<Applied> {
        if *batch.from == *self.region {
            bail!("{} was sent its own writes", self.region);
        }
        self.capture.unlogged(&self.tables, &self.stamps, |writer| self.merge(writer, batch))
    }

    fn merge(&self, writer: &mut Writer, batch: ReplicatedBatch) -> anyhow::Result<Applied> {
        let from: Arc<str> = batch.from.as_str().into();
        let mut applied = Applied { through_seq: batch.first_seq.saturating_sub(1), ..Applied::default() };
        for write in batch.writes {
            let seq = write.seq;
            let won = self
                .merge_write(writer, &from, write)
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
        writer: &mut Writer,
        from: &Arc<str>,
        write: ReplicatedWrite,
    ) -> anyhow::Result<bool> {
        let table = self
            .tables
            .get(&write.table)
            .filter(|table| table.global)
            .with_context(|| format!("{} is no global table", write.table))?;
        let id = table.key_of(&write.key).context("the key lacks an attribute")?;
        let by = write.by.as_deref().map_or_else(|| from.clone(), Into::into);
        let stamp = Stamp { at_us: write.written_at_us, region: by };
        self.stamps.observe(write.written_at_us);
        if writer.stamp_of(table, &id).is_some_and(|last| *last >= stamp) {
            return Ok(false);
        }
        let deleted = write.item.is_none().then(|| self.key_text(table, &write.key)).transpose()?;
        let units = self.overwrite(table, write.key, write.item)?;
        writer.note_deletion(table, &id, deleted);
        writer.stamp(table, id, stamp);
        self.meter.table(&table.logical, REPLICATED_WRITE, |usage| {
            usage.calls += 1;
            usage.write_units += units;
        });
        Ok(true)
    }

    /// The global tables as they are now, for a region that lost them: whole, or only what one region wrote last.
    pub(in super::super) fn copy(&self, only: Option<&str>) -> anyhow::Result<TableCopy> {
        self.capture.still(|writer| {
            let mut copy = TableCopy { through_seq: self.log().head(), batches: Vec::new() };
            for table in self.tables.values().filter(|table| table.global) {
                self.copy_table(writer, table, only, &mut copy)?;
            }
            Ok(copy)
        })
    }

    fn copy_table(
        &self,
        writer: &Writer,
        table: &Table,
        only: Option<&str>,
        copy: &mut TableCopy,
    ) -> anyhow::Result<()> {
        let stamps = writer.stamps.get(&table.name);
        let mut add = |id: &str, key: &str, item: &str| {
            let stamp = stamps.and_then(|stamps| stamps.get(id)).context("a row without a stamp")?;
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
        let mut start = None;
        loop {
            let table_name = table.name.clone();
            let request = ScanRequest { table_name, exclusive_start_key: start, ..ScanRequest::default() };
            let page = self.db.scan(request)?;
            for item in page.items.unwrap_or_default() {
                let id = table.key_of(&item).context("a stored item without a key")?;
                add(&id, &self.key_text(table, &item)?, &super::wire::write(&item)?)?;
            }
            match page.last_evaluated_key {
                Some(key) => start = Some(key),
                None => break,
            }
        }
        let deleted = writer.deleted.get(&table.name).into_iter().flatten();
        for (id, key) in deleted {
            add(id, key, "null")?;
        }
        Ok(())
    }

    /// A key as one text in JSON.
    fn key_text(&self, table: &Table, item: &Item) -> anyhow::Result<String> {
        Ok(super::wire::write(&table.key_attributes(item))?)
    }

    /// Puts or deletes the item without condition; says what it consumed.
    fn overwrite(&self, table: &Table, key: Item, item: Option<Item>) -> dynoxide::Result<f64> {
        let table_name = table.name.clone();
        let return_consumed_capacity = Some("TOTAL".to_owned());
        let consumed = match item {
            Some(item) => {
                let request = PutItemRequest {
                    table_name,
                    item,
                    return_consumed_capacity,
                    ..PutItemRequest::default()
                };
                self.db.put_item(request)?.consumed_capacity
            }
            None => {
                let request = DeleteItemRequest {
                    table_name,
                    key,
                    return_consumed_capacity,
                    ..DeleteItemRequest::default()
                };
                self.db.delete_item(request)?.consumed_capacity
            }
        };
        Ok(consumed.map_or(0.0, |capacity| capacity.capacity_units))
    }
}
