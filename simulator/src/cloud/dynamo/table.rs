//! A table as it was declared, and its creation in the engine.

use contracts::resources::{Key, KeyType, Replication, TableSpec};
use dynoxide::{AttributeValue, Database, Item};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the cloud remembers of a table.
#[derive(Debug)]
pub(super) struct Table {
    /// The physical name.
    pub(super) name: String,
    /// `service` or `service.table`: how usage and dumps name it.
    pub(super) logical: String,
    /// Whether its writes go to other regions.
    pub(super) global: bool,
    partition: &'static str,
    sort: Option<&'static str>,
}

impl Table {
    pub(super) fn create(db: &Database, spec: &TableSpec, env: &str) -> anyhow::Result<Self> {
        let table = Table {
            name: spec.physical_name(env),
            logical: match spec.table {
                "" => spec.service.to_owned(),
                table => format!("{}.{table}", spec.service),
            },
            global: spec.replication == Replication::Global,
            partition: spec.partition.name,
            sort: spec.sort.map(|key| key.name),
        };
        db.create_table(serde_json::from_value(create_request(&table, spec))?)?;
        Ok(table)
    }

    /// The attributes of an item that are its key, in order.
    pub(super) fn key_attributes<'i>(&self, item: &'i Item) -> BTreeMap<&'static str, &'i AttributeValue> {
        let names = std::iter::once(self.partition).chain(self.sort);
        names.filter_map(|name| Some((name, item.get(name)?))).collect()
    }

    /// An item's key as one text, equal for equal keys; `None` if a key attribute is missing or has a type
    /// that no key can have.
    pub(super) fn key_of(&self, item: &Item) -> Option<String> {
        let mut key = item.get(self.partition)?.to_key_string()?;
        if let Some(sort) = self.sort {
            key.push('\u{0}');
            key.push_str(&item.get(sort)?.to_key_string()?);
        }
        Some(key)
    }
}

fn create_request(table: &Table, spec: &TableSpec) -> Value {
    let mut attributes: Vec<Key> = std::iter::once(spec.partition)
        .chain(spec.sort)
        .chain(spec.indexes.iter().flat_map(|index| [index.partition, index.sort]))
        .collect();
    attributes.sort_unstable_by_key(|key| key.name);
    attributes.dedup();
    let mut request = json!({
        "TableName": table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": key_schema(spec.partition, spec.sort),
        "AttributeDefinitions": attributes.into_iter().map(definition).collect::<Vec<_>>(),
    });
    if !spec.indexes.is_empty() {
        let index = |index: &contracts::resources::IndexSpec| {
            json!({
                "IndexName": index.name,
                "KeySchema": key_schema(index.partition, Some(index.sort)),
                "Projection": { "ProjectionType": "ALL" },
            })
        };
        request["GlobalSecondaryIndexes"] = spec.indexes.iter().map(index).collect();
    }
    if table.global {
        request["StreamSpecification"] =
            json!({ "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" });
    }
    request
}

fn key_schema(partition: Key, sort: Option<Key>) -> Value {
    let hash = json!({ "AttributeName": partition.name, "KeyType": "HASH" });
    let range = sort.map(|key| json!({ "AttributeName": key.name, "KeyType": "RANGE" }));
    std::iter::once(hash).chain(range).collect()
}

fn definition(key: Key) -> Value {
    let kind = match key.kind {
        KeyType::Text => "S",
        KeyType::Number => "N",
    };
    json!({ "AttributeName": key.name, "AttributeType": kind })
}
