//! Batches of writes: no conditions, and nothing common but the call.

use serde::Deserialize;

use super::Dynamo;
use super::capacity::{Axis, Detail};
use super::error::{Result, constraint, invalid, missing};
use super::json::{Object, Pairs, Text};
use super::key::all_distinct;
use super::operations::{Answer, Request};
use super::table::Table;
use super::value::Item;
use super::write::{Effect, Planned, storable};

/// Writes a batch may have.
const WRITES_MAX: usize = 25;

/// A BatchWriteItem request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct BatchWrite<'a> {
    request_items: Option<Pairs<'a, Vec<BatchItem>>>,
    return_consumed_capacity: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchItem {
    put_request: Option<PutRequest>,
    delete_request: Option<DeleteRequest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRequest {
    item: Option<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteRequest {
    key: Option<Item>,
}

impl Request for BatchWrite<'_> {
    fn tables(&self) -> Result<Vec<&str>> {
        let items = self.request_items.as_ref().ok_or_else(|| missing("requestItems"))?;
        Ok(items.0.iter().map(|(name, _)| &**name).collect())
    }
}

impl BatchItem {
    fn plan(self, table: &Table) -> Result<Planned<'_>> {
        let (key, effect) = match (self.put_request, self.delete_request) {
            (Some(put), None) => {
                let record = storable(put.item.ok_or_else(|| missing("putRequest.item"))?)?;
                let key = table.schema.of_item(record.item())?;
                table.check_index_keys(record.item(), None)?;
                (key, Effect::Put(record))
            }
            (None, Some(delete)) => {
                let key = storable(delete.key.ok_or_else(|| missing("deleteRequest.key"))?)?;
                (table.schema.of_key(key.item())?, Effect::Delete)
            }
            _ => return Err(invalid("A write request must have either a PutRequest or a DeleteRequest")),
        };
        Ok(Planned { table, key, old: None, effect })
    }
}

impl Dynamo {
    pub(super) fn batch_write_item<'d>(&'d self, request: BatchWrite<'_>) -> Result<Answer<'d>> {
        let detail = Detail::parse(request.return_consumed_capacity.as_deref())?;
        let Pairs(mut tables) = request.request_items.ok_or_else(|| missing("requestItems"))?;
        let count: usize = tables.iter().map(|(_, items)| items.len()).sum();
        if count > WRITES_MAX || tables.iter().any(|(_, items)| items.is_empty()) || tables.is_empty() {
            let limits = "Member must have length from 1 to 25";
            return Err(constraint(Some("{...}"), "requestItems", limits));
        }
        // The SDK gives the tables in no order; what is written first must not depend on it.
        tables.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut plans = Vec::with_capacity(count);
        for (name, items) in tables {
            let table = self.table(Some(&name))?;
            for item in items {
                plans.push(item.plan(table)?);
            }
        }
        if !all_distinct(plans.iter().map(|plan| (plan.table.slot, &plan.key))) {
            return Err(invalid("Provided list of item keys contains duplicates"));
        }
        let mut store = self.store();
        for plan in &mut plans {
            plan.old = store.get(plan.table, &plan.key).cloned();
        }
        let ledger = self.commit(&mut store, plans, 1.0);
        drop(store);
        let mut body = String::new();
        let mut answer = Object::new(&mut body);
        answer.field("UnprocessedItems").push_str("{}");
        ledger.tell_all(&mut answer, detail, Axis::None);
        answer.end();
        Ok(Answer { body, ledger })
    }
}
