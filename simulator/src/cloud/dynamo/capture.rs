//! The change itself: rows, stream and replication log move together, under the store's lock.

use std::sync::Arc;

use super::super::replication::LoggedWrite;
use super::Dynamo;
use super::json::write_item;
use super::record::Record;
use super::store::{Deletion, Stamp, Store, WriteCost, table_units};
use super::streams::Change;
use super::table::Table;
use super::value::Item;
use super::write::{Effect, Planned};

impl Dynamo {
    /// Carries out one planned write. What it does to a global table goes to the log.
    pub(super) fn carry_out(
        &self,
        store: &mut Store,
        plan: Planned<'_>,
        logged: &mut Vec<LoggedWrite>,
    ) -> WriteCost {
        let Planned { table, key, old, effect } = plan;
        let new = match effect {
            Effect::Put(record) => Some(record),
            Effect::Delete if old.is_some() => None,
            Effect::Delete | Effect::Nothing => {
                let units = table_units(old.map(|old| old.bytes()), None);
                return WriteCost { table: units, indexes: vec![None; table.indexes.len()] };
            }
        };
        let stamp = table.global.then(|| self.log_write(store, table, old, new.clone(), logged));
        let rows = &mut store.tables[table.slot];
        let Some(record) = new else {
            if let Some((stamp, key_json)) = stamp {
                rows.deleted.insert(key.clone(), Deletion { stamp, key: key_json });
            }
            return rows.delete(table, &key);
        };
        rows.put(table, key, record, stamp.map(|(stamp, _)| stamp))
    }

    /// Gives a write its stamp and notes it in the stream and for the log; returns the stamp and the key in JSON.
    fn log_write(
        &self,
        store: &mut Store,
        table: &Table,
        old: Option<Arc<Record>>,
        new: Option<Arc<Record>>,
        logged: &mut Vec<LoggedWrite>,
    ) -> (Stamp, Arc<str>) {
        let at_us = self.stamps.next_us();
        let subject = new.as_ref().or(old.as_ref());
        let key = subject.map_or_else(|| "{}".into(), |record| key_json(table, record.item()));
        logged.push(LoggedWrite {
            table: table.name.clone(),
            key: key.clone(),
            item: new.clone(),
            written_at_us: at_us,
        });
        store.stream.push(Change { slot: table.slot, number: at_us, at_ms: self.stamps.now_ms(), old, new });
        (Stamp { at_us, region: self.region.clone() }, key)
    }
}

/// The key of an item of a table, as one text: equal for equal keys.
pub(super) fn key_json(table: &Table, item: &Item) -> Arc<str> {
    let mut json = String::with_capacity(96);
    write_item(&mut json, &table.schema.pick(item));
    json.into()
}
