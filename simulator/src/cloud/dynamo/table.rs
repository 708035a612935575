//! A table as it was declared.

use std::sync::Arc;

use contracts::resources::{Replication, TableSpec};

use super::error::{Error, Result, invalid};
use super::key::{KeyBytes, Schema, fits, letter};
use super::value::{Item, Value};

/// Indexes by the partition key of the table.
pub(super) const LOCAL: &str = "LocalSecondaryIndexes";
/// Indexes by a partition key of their own.
pub(super) const GLOBAL: &str = "GlobalSecondaryIndexes";

/// A table's declaration; its rows are in the [`super::store`].
#[derive(Debug)]
pub(super) struct Table {
    /// Its place in the store.
    pub(super) slot: usize,
    /// The physical name.
    pub(super) name: Arc<str>,
    /// `service` or `service.table`: how usage and dumps name it.
    pub(super) logical: Box<str>,
    /// Whether its writes go to other regions.
    pub(super) global: bool,
    pub(super) schema: Schema,
    /// By name.
    pub(super) indexes: Vec<Index>,
}

/// A secondary index.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) name: &'static str,
    /// Whether it has the table's partition key.
    pub(super) local: bool,
    pub(super) schema: Schema,
}

impl Table {
    pub(super) fn new(slot: usize, spec: &TableSpec, env: &str) -> Self {
        let mut indexes: Vec<Index> = spec
            .indexes
            .iter()
            .map(|index| Index {
                name: index.name,
                local: spec.is_local(index),
                schema: Schema { partition: index.partition, sort: Some(index.sort) },
            })
            .collect();
        indexes.sort_unstable_by_key(|index| index.name);
        Table {
            slot,
            name: spec.physical_name(env).into(),
            logical: match spec.table {
                "" => spec.service.into(),
                table => format!("{}.{table}", spec.service).into(),
            },
            global: spec.replication == Replication::Global,
            schema: Schema { partition: spec.partition, sort: spec.sort },
            indexes,
        }
    }

    /// The place of an index.
    pub(super) fn index(&self, name: &str) -> Result<usize> {
        self.indexes
            .iter()
            .position(|index| index.name == name)
            .ok_or_else(|| invalid(format!("The table does not have the specified index: {name}")))
    }

    /// Checks that an item fits the indexes. What did not change since `old` was checked then.
    pub(super) fn check_index_keys(&self, item: &Item, old: Option<&Item>) -> Result<()> {
        for index in &self.indexes {
            for key in index.schema.keys() {
                let Some(value) = item.get(key.name) else { continue };
                if old.is_some_and(|old| old.get(key.name) == Some(value)) {
                    continue;
                }
                if !fits(value, key.kind) {
                    return Err(invalid(format!(
                        "One or more parameter values were invalid: Type mismatch for Index Key {} Expected: {} \
                         Actual: {} IndexName: {}",
                        key.name,
                        letter(key.kind),
                        value.kind(),
                        index.name
                    )));
                }
                if matches!(value, Value::S(text) if text.is_empty()) {
                    return Err(Error::EmptyKey(format!(
                        "One or more parameter values are not valid. A value specified for a secondary index key \
                         is not supported. The AttributeValue for a key attribute cannot contain an empty string \
                         value. IndexName: {}, IndexKey: {}",
                        index.name, key.name
                    )));
                }
            }
        }
        Ok(())
    }
}

impl Index {
    /// Under which name requests and answers list indexes of its kind.
    pub(super) fn kind(&self) -> &'static str {
        if self.local { LOCAL } else { GLOBAL }
    }

    /// Where the index has an item whose key in the table is this; `None` where it does not have it.
    pub(super) fn entry(&self, item: &Item, key: &KeyBytes) -> Option<KeyBytes> {
        let mut bytes = Vec::with_capacity(64 + key.len());
        self.schema.encode_into(item, &mut bytes)?;
        bytes.extend_from_slice(key);
        Some(bytes.into())
    }
}
