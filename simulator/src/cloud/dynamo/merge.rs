//! Merges other regions' writes: per item, the last writer wins.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use dynoxide::Item;
use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::put_item::PutItemRequest;

use super::super::replication::{Applied, ReplicatedBatch, ReplicatedWrite};
use super::Dynamo;
use super::capture::{Stamp, Writer};
use super::table::Table;

/// How usage names a replicated write.
const OPERATION: &str = "ReplicatedWrite";

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
        let stamp = Stamp { at_us: write.written_at_us, region: from.clone() };
        self.stamps.observe(write.written_at_us);
        if writer.stamp_of(table, &id).is_some_and(|last| *last >= stamp) {
            return Ok(false);
        }
        let units = self.overwrite(table, write.key, write.item)?;
        writer.stamp(table, id, stamp);
        self.meter.table(&table.logical, OPERATION, |usage| {
            usage.calls += 1;
            usage.write_units += units;
        });
        Ok(true)
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
