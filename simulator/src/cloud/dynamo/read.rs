//! Reads of items by their keys: one, a batch, or several at one moment.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Dynamo;
use super::capacity::{Axis, Detail, Ledger};
use super::error::{Error, Result, constraint, invalid, missing};
use super::expression::{Attributes, Bound, Projection};
use super::json::{Object, Pairs, Text, write_item, write_list, write_text};
use super::key::{KeyBytes, all_distinct};
use super::operations::{Answer, Request, named, refuse_legacy};
use super::record::Record;
use super::size::read_units;
use super::table::Table;
use super::transact::{FACTOR, all_prepared, check_count, check_distinct};
use super::value::Item;
use super::write::storable;

/// Keys a batch may have.
const KEYS_MAX: usize = 100;
/// Bytes of the items a batch may answer with.
const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A GetItem request, or one action of a transaction.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Get<'a> {
    table_name: Option<Text<'a>>,
    key: Option<Item>,
    consistent_read: Option<bool>,
    projection_expression: Option<Text<'a>>,
    expression_attribute_names: Option<Pairs<'a, Text<'a>>>,
    return_consumed_capacity: Option<Text<'a>>,
    attributes_to_get: Option<IgnoredAny>,
}

/// A TransactGetItems request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct TransactGet<'a> {
    transact_items: Option<Vec<TransactItem<'a>>>,
    return_consumed_capacity: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
struct TransactItem<'a> {
    get: Option<Get<'a>>,
}

/// A BatchGetItem request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct BatchGet<'a> {
    request_items: Option<Pairs<'a, KeysOfTable<'a>>>,
    return_consumed_capacity: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
struct KeysOfTable<'a> {
    keys: Option<Vec<Item>>,
    consistent_read: Option<bool>,
    projection_expression: Option<Text<'a>>,
    expression_attribute_names: Option<Pairs<'a, Text<'a>>>,
    attributes_to_get: Option<IgnoredAny>,
}

impl Request for Get<'_> {
    fn tables(&self) -> Result<Vec<&str>> {
        Ok(vec![named(self.table_name.as_deref())?])
    }
}

impl Request for TransactGet<'_> {
    fn tables(&self) -> Result<Vec<&str>> {
        let items = self.transact_items.as_ref().ok_or_else(|| missing("transactItems"))?;
        let gets = items.iter().map(|item| item.get.as_ref().ok_or_else(|| missing("transactItems.get")));
        gets.map(|get| named(get?.table_name.as_deref())).collect()
    }
}

impl Request for BatchGet<'_> {
    fn tables(&self) -> Result<Vec<&str>> {
        let items = self.request_items.as_ref().ok_or_else(|| missing("requestItems"))?;
        Ok(items.0.iter().map(|(name, _)| &**name).collect())
    }
}

/// A read whose request makes sense by itself.
struct Prepared<'d, 'r> {
    table: &'d Table,
    key: Result<KeyBytes>,
    projection: Option<Bound<'r, Projection>>,
}

impl Prepared<'_, '_> {
    /// What a transaction shows of an item: its key too, and nothing where it has nothing else to show.
    fn write_with_key(&self, record: &Record, response: &mut Object<'_>) {
        let Some(projection) = &self.projection else {
            return response.field("Item").push_str(record.json());
        };
        let mut shown = projection.root().apply(record.item(), projection.scope());
        if shown.is_empty() {
            return;
        }
        let key = self.table.schema.pick(record.item());
        key.iter().for_each(|(name, value)| shown.insert(name, value.clone()));
        write_item(response.field("Item"), &shown);
    }
}

/// What a projection shows of an item.
pub(super) fn write_projected(out: &mut String, record: &Record, projection: Option<&Bound<'_, Projection>>) {
    match projection {
        Some(projection) => write_item(out, &projection.root().apply(record.item(), projection.scope())),
        None => out.push_str(record.json()),
    }
}

impl Dynamo {
    /// The projection of a request that has no other expression.
    fn projection<'r>(
        &self,
        text: Option<&str>,
        names: Option<&'r Pairs<'r, Text<'r>>>,
        legacy: &Option<IgnoredAny>,
    ) -> Result<Option<Bound<'r, Projection>>> {
        refuse_legacy(&[("AttributesToGet", legacy)])?;
        let mut attributes = Attributes::new(names, None)?;
        let bound = text.map(|text| attributes.bind(self.expressions.projection(text)?)).transpose()?;
        attributes.all_used()?;
        Ok(bound)
    }

    fn prepare_get<'d, 'r>(&'d self, get: &'r mut Get<'_>) -> Result<Prepared<'d, 'r>> {
        let key = storable(get.key.take().ok_or_else(|| missing("key"))?)?;
        let get: &'r Get<'_> = get;
        let names = get.expression_attribute_names.as_ref();
        let projection =
            self.projection(get.projection_expression.as_deref(), names, &get.attributes_to_get)?;
        let table = self.table(get.table_name.as_deref())?;
        Ok(Prepared { table, key: table.schema.of_key(key.item()), projection })
    }

    pub(super) fn get_item<'d>(&'d self, mut request: Get<'_>) -> Result<Answer<'d>> {
        let detail = Detail::parse(request.return_consumed_capacity.as_deref())?;
        let consistent = request.consistent_read.unwrap_or(false);
        let Prepared { table, key, projection } = self.prepare_get(&mut request)?;
        let key = key?;
        let record = self.store().get(table, &key).cloned();
        let bytes = record.as_ref().map_or(0, |record| record.bytes());
        let ledger = Ledger::read(table, read_units(bytes, consistent));
        let mut body = String::with_capacity(64 + 2 * bytes);
        let mut answer = Object::new(&mut body);
        if let Some(record) = &record {
            write_projected(answer.field("Item"), record, projection.as_ref());
        }
        ledger.tell_one(&mut answer, detail);
        answer.end();
        Ok(Answer { body, ledger })
    }

    pub(super) fn transact_get_items<'d>(&'d self, request: TransactGet<'_>) -> Result<Answer<'d>> {
        let detail = Detail::parse(request.return_consumed_capacity.as_deref())?;
        let mut items = request.transact_items.unwrap_or_default();
        check_count(items.len())?;
        let prepared = items.iter_mut().map(|item| {
            let get = item.get.as_mut().ok_or_else(|| missing("transactItems.get"))?;
            self.prepare_get(get)
        });
        let prepared: Vec<Prepared<'d, '_>> = all_prepared(prepared.collect())?;
        if prepared.iter().any(|get| get.key.is_err()) {
            let reasons = prepared.into_iter().map(|get| get.key.err());
            return Err(Error::Cancelled(reasons.collect()));
        }
        let targets = || prepared.iter().filter_map(|get| Some((get.table, get.key.as_ref().ok()?)));
        check_distinct(targets().map(|(table, key)| (table.slot, key)))?;
        let store = self.store();
        let records: Vec<Option<Arc<Record>>> =
            targets().map(|(table, key)| store.get(table, key).cloned()).collect();
        drop(store);
        let mut ledger = Ledger::default();
        let mut body = String::new();
        let mut answer = Object::new(&mut body);
        write_list(answer.field("Responses"), prepared.iter().zip(&records), |out, (get, record)| {
            let bytes = record.as_ref().map_or(0, |record| record.bytes());
            ledger.add_read(get.table, FACTOR * read_units(bytes, true));
            let mut response = Object::new(out);
            if let Some(record) = record {
                get.write_with_key(record, &mut response);
            }
            response.end();
        });
        ledger.tell_all(&mut answer, detail, Axis::Read);
        answer.end();
        Ok(Answer { body, ledger })
    }

    pub(super) fn batch_get_item<'d>(&'d self, request: BatchGet<'_>) -> Result<Answer<'d>> {
        let detail = Detail::parse(request.return_consumed_capacity.as_deref())?;
        let Pairs(mut tables) = request.request_items.ok_or_else(|| missing("requestItems"))?;
        let counts = || tables.iter().map(|(_, keys)| keys.keys.as_ref().map_or(0, Vec::len));
        if tables.is_empty() || counts().any(|count| count == 0) || counts().sum::<usize>() > KEYS_MAX {
            let limits = "Member must have length from 1 to 100";
            return Err(constraint(Some("{...}"), "requestItems", limits));
        }
        tables.sort_by(|(one, _), (other, _)| one.cmp(other));
        let prepared = tables.iter().map(|(name, keys)| self.prepare_keys(name, keys));
        let prepared: Vec<PreparedKeys<'d, '_>> = prepared.collect::<Result<_>>()?;
        let mut ledger = Ledger::default();
        let (mut responses, mut unprocessed) = (String::new(), String::new());
        let (mut found, mut left) = (Object::new(&mut responses), Object::new(&mut unprocessed));
        let mut bytes_left = BATCH_BYTES_MAX;
        for keys in &prepared {
            self.read_keys(keys, &mut bytes_left, &mut ledger, &mut found, &mut left);
        }
        found.end();
        left.end();
        let mut body = String::with_capacity(responses.len() + 64);
        let mut answer = Object::new(&mut body);
        answer.field("Responses").push_str(&responses);
        answer.field("UnprocessedKeys").push_str(&unprocessed);
        ledger.tell_all(&mut answer, detail, Axis::None);
        answer.end();
        Ok(Answer { body, ledger })
    }

    fn prepare_keys<'d, 'r>(
        &'d self,
        name: &'r str,
        request: &'r KeysOfTable<'r>,
    ) -> Result<PreparedKeys<'d, 'r>> {
        let names = request.expression_attribute_names.as_ref();
        let text = request.projection_expression.as_deref();
        let projection = self.projection(text, names, &request.attributes_to_get)?;
        let table = self.table(Some(name))?;
        let keys = request.keys.iter().flatten().map(|key| Ok((key, table.schema.of_key(key)?)));
        let keys: Vec<(&Item, KeyBytes)> = keys.collect::<Result<_>>()?;
        if !all_distinct(keys.iter().map(|(_, key)| key)) {
            return Err(invalid("Provided list of item keys contains duplicates"));
        }
        Ok(PreparedKeys { name, table, request, keys, projection })
    }

    /// Reads the keys of one table, as far as the answer has room for them.
    fn read_keys<'d>(
        &self,
        keys: &PreparedKeys<'d, '_>,
        bytes_left: &mut usize,
        ledger: &mut Ledger<'d>,
        found: &mut Object<'_>,
        left: &mut Object<'_>,
    ) {
        let consistent = keys.request.consistent_read.unwrap_or(false);
        let store = self.store();
        let mut records = Vec::new();
        let mut full = None;
        for (position, (_, key)) in keys.keys.iter().enumerate() {
            let record = store.get(keys.table, key);
            let bytes = record.map_or(0, |record| record.bytes());
            let Some(rest) = bytes_left.checked_sub(bytes) else {
                // What comes behind is left too.
                *bytes_left = 0;
                full = Some(position);
                break;
            };
            *bytes_left = rest;
            ledger.add_read(keys.table, read_units(bytes, consistent));
            records.extend(record.cloned());
        }
        drop(store);
        write_list(found.field(keys.name), &records, |out, record| {
            write_projected(out, record, keys.projection.as_ref());
        });
        if let Some(position) = full {
            keys.write_rest(left.field(keys.name), position);
        }
    }
}

/// The part of a batch that is about one table.
struct PreparedKeys<'d, 'r> {
    name: &'r str,
    table: &'d Table,
    request: &'r KeysOfTable<'r>,
    keys: Vec<(&'r Item, KeyBytes)>,
    projection: Option<Bound<'r, Projection>>,
}

impl PreparedKeys<'_, '_> {
    /// The request for what was not read, so that the caller can send it again.
    fn write_rest(&self, out: &mut String, from: usize) {
        let mut rest = Object::new(out);
        write_list(rest.field("Keys"), &self.keys[from..], |out, (key, _)| write_item(out, key));
        if let Some(text) = &self.request.projection_expression {
            write_text(rest.field("ProjectionExpression"), text);
        }
        if let Some(names) = &self.request.expression_attribute_names {
            let mut object = Object::new(rest.field("ExpressionAttributeNames"));
            names.0.iter().for_each(|(key, name)| write_text(object.field(key), name));
            object.end();
        }
        if let Some(consistent) = self.request.consistent_read {
            rest.field("ConsistentRead").push_str(if consistent { "true" } else { "false" });
        }
        rest.end();
    }
}
