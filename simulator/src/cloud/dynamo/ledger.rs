//! The tables as a ledger of an upstream: what its global tables had when their items were last written or read.
//!
//! The rows are in the upstream. Kept here are the stamps that decide between two regions' writes, the log of what
//! this region wrote, and the images that a region which lost its tables is sent.

use std::sync::Arc;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::replication::ReplicatedWrite;
use super::Dynamo;
use super::describe::{definitions, key_schema, push};
use super::key::KeyBytes;
use super::record::Record;
use super::store::Stamp;
use super::table::Table;
use super::value::Item;
use super::write::{Effect, Planned};

/// An item of a global table, as a call names it.
#[derive(Clone, Debug)]
pub(in super::super) struct Touched {
    /// The table's physical name.
    pub(in super::super) table: Arc<str>,
    /// The key attributes.
    pub(in super::super) key: Item,
    bytes: KeyBytes,
}

impl Touched {
    fn identity(&self) -> (&str, &[u8]) {
        (&self.table, &self.bytes)
    }
}

impl PartialEq for Touched {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Touched {}

impl PartialOrd for Touched {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Touched {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl std::hash::Hash for Touched {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

/// What names an item in a request: all of it, or its key.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Subject {
    table_name: Option<String>,
    item: Option<Item>,
    key: Option<Item>,
}

impl Dynamo {
    /// The items of global tables that a writing call is about. A call that is not understood touches none: it will be
    /// refused.
    pub(in super::super) fn touched(&self, operation: &str, body: &str) -> Vec<Touched> {
        let Ok(body) = serde_json::from_str::<Value>(body) else { return Vec::new() };
        let subjects: Vec<(Option<&str>, &Value)> = match operation {
            "TransactWriteItems" => {
                actions(&body["TransactItems"]).map(|(_, action)| (None, action)).collect()
            }
            "BatchWriteItem" => {
                let tables = body["RequestItems"].as_object().into_iter().flatten();
                tables
                    .flat_map(|(table, requests)| {
                        actions(requests).map(|(_, action)| (Some(table.as_str()), action))
                    })
                    .collect()
            }
            _ => vec![(None, &body)],
        };
        subjects.into_iter().filter_map(|(table, subject)| self.subject(table, subject)).collect()
    }

    fn subject(&self, table: Option<&str>, subject: &Value) -> Option<Touched> {
        let subject = Subject::deserialize(subject).ok()?;
        let table = self.table(table.or(subject.table_name.as_deref())).ok().filter(|table| table.global)?;
        touched(table, &subject.item.or(subject.key)?)
    }

    /// The item that another region wrote.
    pub(in super::super) fn touched_by(&self, write: &ReplicatedWrite) -> anyhow::Result<Touched> {
        let table = self.tables.get(write.table.as_str()).filter(|table| table.global);
        let table = table.with_context(|| format!("{} is no global table", write.table))?;
        touched(table, &write.key).context("the key lacks an attribute")
    }

    /// Notes what an item is after a write of this region; nothing where it is what it was.
    pub(in super::super) fn note(&self, touched: &Touched, found: Option<Item>) {
        let Some(table) = self.tables.get(&touched.table) else { return };
        let mut store = self.store();
        let old = store.get(table, &touched.bytes).cloned();
        if old.as_ref().map(|old| old.item()) == found.as_ref() {
            return;
        }
        let effect = found.map_or(Effect::Delete, |item| Effect::Put(Record::new(item)));
        let mut logged = Vec::new();
        self.carry_out(&mut store, Planned { table, key: touched.bytes.clone(), old, effect }, &mut logged);
        self.log.append(logged);
    }

    /// Whether another region's write is later than what is known of its item.
    pub(in super::super) fn wins(&self, touched: &Touched, from: &str, write: &ReplicatedWrite) -> bool {
        let Some(table) = self.tables.get(&touched.table) else { return false };
        let stamp = Stamp { at_us: write.written_at_us, region: write.by.as_deref().unwrap_or(from).into() };
        self.store().tables[table.slot].stamp(&touched.bytes).is_none_or(|last| *last < stamp)
    }

    /// The logical and the physical names of all tables.
    pub(in super::super) fn names(&self) -> Vec<(String, String)> {
        self.tables.values().map(|table| (table.logical.to_string(), table.name.to_string())).collect()
    }

    /// The physical name of a table given by its logical one.
    pub(in super::super) fn physical_name(&self, logical: &str) -> Option<String> {
        self.names().into_iter().find(|(known, _)| known == logical).map(|(_, physical)| physical)
    }

    /// The logical name of a table given by its physical one.
    pub(in super::super) fn logical_name(&self, physical: &str) -> String {
        self.logical(physical).to_owned()
    }

    /// The logical name of the first table that a request names.
    pub(in super::super) fn first_table(&self, body: &str) -> String {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let named = body["TableName"].as_str();
        let batch = || body["RequestItems"].as_object()?.keys().map(String::as_str).min();
        let transaction =
            || actions(&body["TransactItems"]).filter_map(|(_, action)| action["TableName"].as_str()).min();
        self.logical_name(named.or_else(batch).or_else(transaction).unwrap_or_default())
    }

    /// What CreateTable takes, for every table.
    pub(in super::super) fn creations(&self) -> Vec<Value> {
        self.tables.values().map(creation).collect()
    }
}

fn touched(table: &Table, item: &Item) -> Option<Touched> {
    let (key, bytes) = (table.schema.pick(item), table.schema.encode(item)?);
    Some(Touched { table: table.name.clone(), key, bytes })
}

/// The actions of a batch or a transaction, each an object with one member. Those that only look are left out.
fn actions(list: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = list.as_array().into_iter().flatten().filter_map(Value::as_object).flatten();
    members.filter(|(name, _)| *name != "ConditionCheck").map(|(name, action)| (name.as_str(), action))
}

fn creation(table: &Table) -> Value {
    let mut creation = json!({
        "TableName": table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": key_schema(&table.schema),
        "AttributeDefinitions": definitions(table),
    });
    for index in &table.indexes {
        push(
            &mut creation[index.kind()],
            json!({
                "IndexName": index.name,
                "KeySchema": key_schema(&index.schema),
                "Projection": { "ProjectionType": "ALL" },
            }),
        );
    }
    if table.global {
        creation["StreamSpecification"] =
            json!({ "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" });
    }
    creation
}
