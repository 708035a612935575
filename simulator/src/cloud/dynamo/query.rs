//! Reads of many items: a partition's, or a whole table's.

use std::ops::Bound as End;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Dynamo;
use super::capacity::{Detail, Ledger};
use super::error::{Result, constraint, invalid};
use super::expression::{Attributes, Bound, Condition, KeyCondition, Projection, SortCondition};
use super::json::{Object, Pairs, Text, write_item, write_list};
use super::key::{KeyBytes, Schema};
use super::operations::{Answer, Request, named, refuse_legacy};
use super::page::{Page, Range};
use super::read::write_projected;
use super::record::Record;
use super::size::read_units;
use super::table::Table;
use super::value::{Item, Value};

/// A Query or a Scan request; most of their members are the same.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Search<'a> {
    table_name: Option<Text<'a>>,
    index_name: Option<Text<'a>>,
    key_condition_expression: Option<Text<'a>>,
    filter_expression: Option<Text<'a>>,
    projection_expression: Option<Text<'a>>,
    expression_attribute_names: Option<Pairs<'a, Text<'a>>>,
    expression_attribute_values: Option<Pairs<'a, Value>>,
    scan_index_forward: Option<bool>,
    limit: Option<i64>,
    exclusive_start_key: Option<Item>,
    select: Option<Text<'a>>,
    consistent_read: Option<bool>,
    return_consumed_capacity: Option<Text<'a>>,
    segment: Option<i64>,
    total_segments: Option<i64>,
    key_conditions: Option<IgnoredAny>,
    attributes_to_get: Option<IgnoredAny>,
    query_filter: Option<IgnoredAny>,
    scan_filter: Option<IgnoredAny>,
    conditional_operator: Option<IgnoredAny>,
}

impl Request for Search<'_> {
    fn tables(&self) -> Result<Vec<&str>> {
        Ok(vec![named(self.table_name.as_deref())?])
    }
}

/// What is read: a table, or one of its indexes by its place.
#[derive(Clone, Copy)]
pub(super) struct Source<'d> {
    pub(super) table: &'d Table,
    pub(super) index: Option<usize>,
}

impl<'d> Source<'d> {
    fn schema(self) -> &'d Schema {
        self.index.map_or(&self.table.schema, |place| &self.table.indexes[place].schema)
    }

    /// Where an item stands in it.
    fn place(self, item: &Item) -> Option<KeyBytes> {
        let key = self.table.schema.encode(item)?;
        match self.index {
            Some(place) => self.table.indexes[place].entry(item, &key),
            None => Some(key),
        }
    }

    /// The attributes that say where an item stands.
    fn position(self, item: &Item) -> Item {
        let mut position = self.table.schema.pick(item);
        if self.index.is_some() {
            self.schema().pick(item).iter().for_each(|(name, value)| position.insert(name, value.clone()));
        }
        position
    }
}

/// What an answer has of the items that were found.
struct Output<'r> {
    count_only: bool,
    filter: Option<Bound<'r, Condition>>,
    projection: Option<Bound<'r, Projection>>,
}

impl Search<'_> {
    fn check_members(&self) -> Result<Option<usize>> {
        refuse_legacy(&[
            ("KeyConditions", &self.key_conditions),
            ("AttributesToGet", &self.attributes_to_get),
            ("QueryFilter", &self.query_filter),
            ("ScanFilter", &self.scan_filter),
            ("ConditionalOperator", &self.conditional_operator),
        ])?;
        let projects = self.projection_expression.is_some();
        let fault = match (self.select.as_deref(), projects) {
            (None, _) | (Some("SPECIFIC_ATTRIBUTES"), true) | (Some("COUNT" | "ALL_ATTRIBUTES"), false) => {
                None
            }
            (Some("ALL_PROJECTED_ATTRIBUTES"), false) if self.index_name.is_some() => None,
            (Some("ALL_PROJECTED_ATTRIBUTES"), false) => {
                Some("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
            }
            (Some("SPECIFIC_ATTRIBUTES"), false) => {
                Some("Must specify the ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
            }
            (Some("COUNT" | "ALL_ATTRIBUTES" | "ALL_PROJECTED_ATTRIBUTES"), true) => {
                Some("Cannot specify the ProjectionExpression together with this Select")
            }
            (other, _) => {
                let set = "Member must satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]";
                return Err(constraint(other, "select", set));
            }
        };
        match (fault, self.limit) {
            (Some(fault), _) => Err(invalid(fault)),
            (None, Some(limit)) if limit < 1 => {
                let least = "Member must have value greater than or equal to 1";
                Err(constraint(Some(&limit.to_string()), "limit", least))
            }
            (None, limit) => Ok(limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))),
        }
    }

    /// The part of a whole table that is scanned: its number and how many there are.
    fn segment(&self) -> Result<Option<(u64, u64)>> {
        match (self.segment, self.total_segments) {
            (None, None) => Ok(None),
            (Some(segment), Some(total)) if (0..total).contains(&segment) && total <= 1_000_000 => {
                Ok(Some((segment.unsigned_abs(), total.unsigned_abs())))
            }
            (Some(_), Some(_)) => Err(invalid(
                "The Segment parameter is zero-based and must be less than parameter TotalSegments",
            )),
            _ => Err(invalid("The Segment and TotalSegments parameters must be present together")),
        }
    }

    fn source<'d>(&self, dynamo: &'d Dynamo) -> Result<Source<'d>> {
        let table = dynamo.table(self.table_name.as_deref())?;
        let index = self.index_name.as_deref().map(|name| table.index(name)).transpose()?;
        let global = index.is_some_and(|place| !table.indexes[place].local);
        if global && self.consistent_read == Some(true) {
            return Err(invalid("Consistent reads are not supported on global secondary indexes"));
        }
        Ok(Source { table, index })
    }

    /// Where a page goes on, if it does not begin at the beginning.
    fn start(&self, source: Source<'_>) -> Result<Option<KeyBytes>> {
        let Some(start) = &self.exclusive_start_key else { return Ok(None) };
        let fault = || invalid("The provided starting key is invalid");
        if source.position(start).len() != start.len() {
            return Err(fault());
        }
        source.table.schema.of_key(&source.table.schema.pick(start)).map_err(|_| fault())?;
        source.place(start).map(Some).ok_or_else(fault)
    }

    fn output<'r>(&'r self, dynamo: &Dynamo, attributes: &mut Attributes<'r>) -> Result<Output<'r>> {
        let expressions = &dynamo.expressions;
        let filter = self.filter_expression.as_ref();
        let filter = filter.map(|text| attributes.bind_filter(expressions.filter(text)?)).transpose()?;
        let projection = self.projection_expression.as_ref();
        let projection = projection.map(|text| attributes.bind(expressions.projection(text)?)).transpose()?;
        Ok(Output { count_only: self.select.as_deref() == Some("COUNT"), filter, projection })
    }

    fn attributes(&self) -> Result<Attributes<'_>> {
        Attributes::new(self.expression_attribute_names.as_ref(), self.expression_attribute_values.as_ref())
    }
}

impl Output<'_> {
    /// Refuses filters that look at the key where the key condition should, or into key attributes.
    fn check_filter(&self, source: Source<'_>, forbid_keys: bool) -> Result<()> {
        let Some(filter) = &self.filter else { return Ok(()) };
        for (name, nested) in filter.root().attributes(filter.scope()) {
            let key = source.schema().has(name);
            if key && forbid_keys {
                return Err(invalid(format!(
                    "Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
                )));
            }
            if nested && (key || source.table.schema.has(name)) {
                return Err(invalid(format!(
                    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: {name}"
                )));
            }
        }
        Ok(())
    }

    fn keeps(&self, record: &Record) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.root().holds(record.item(), filter.scope()))
    }

    fn write(&self, source: Source<'_>, page: &Page, ledger: &Ledger<'_>, detail: Detail) -> String {
        let found: Vec<&Arc<Record>> = page.records.iter().filter(|record| self.keeps(record)).collect();
        let bytes = if self.count_only { 0 } else { found.iter().map(|record| record.bytes()).sum() };
        let mut body = String::with_capacity(128 + 2 * bytes);
        let mut answer = Object::new(&mut body);
        if !self.count_only {
            write_list(answer.field("Items"), &found, |out, record| {
                write_projected(out, record, self.projection.as_ref());
            });
        }
        answer.field("Count").push_str(&found.len().to_string());
        answer.field("ScannedCount").push_str(&page.records.len().to_string());
        if let (true, Some(last)) = (page.more, page.records.last()) {
            write_item(answer.field("LastEvaluatedKey"), &source.position(last.item()));
        }
        ledger.tell_one(&mut answer, detail);
        answer.end();
        body
    }
}

impl Dynamo {
    pub(super) fn query<'d>(&'d self, request: Search<'_>) -> Result<Answer<'d>> {
        let detail = Detail::parse(request.return_consumed_capacity.as_deref())?;
        let limit = request.check_members()?;
        let mut attributes = request.attributes()?;
        let text = request.key_condition_expression.as_deref().ok_or_else(|| {
            invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
        })?;
        let condition: Bound<'_, KeyCondition> = attributes.bind(self.expressions.key_condition(text)?)?;
        let output = request.output(self, &mut attributes)?;
        attributes.all_used()?;
        let source = request.source(self)?;
        let (partition, sort) = condition.root().range(source.schema(), condition.scope())?;
        output.check_filter(source, true)?;
        let forward = request.scan_index_forward != Some(false);
        let mut range = Range::of(partition, sort);
        if let Some(start) = request.start(source)? {
            check_within(source.schema(), request.exclusive_start_key.as_ref(), partition, sort)?;
            range.go_on_behind(start, forward);
        }
        let page = self.store().page(source, &range, forward, limit, |_| true);
        let consistent = request.consistent_read.unwrap_or(false);
        let ledger = charge(source, page.bytes, consistent);
        let body = output.write(source, &page, &ledger, detail);
        Ok(Answer { body, ledger })
    }

    pub(super) fn scan<'d>(&'d self, request: Search<'_>) -> Result<Answer<'d>> {
        let detail = Detail::parse(request.return_consumed_capacity.as_deref())?;
        let limit = request.check_members()?;
        let segment = request.segment()?;
        let mut attributes = request.attributes()?;
        let output = request.output(self, &mut attributes)?;
        attributes.all_used()?;
        let source = request.source(self)?;
        output.check_filter(source, false)?;
        let mut range = Range { from: End::Unbounded, to: End::Unbounded };
        if let Some(start) = request.start(source)? {
            range.go_on_behind(start, true);
        }
        let schema = &source.table.schema;
        let wanted = |record: &Record| match segment {
            Some((segment, total)) => segment_of(schema, record.item(), total) == segment,
            None => true,
        };
        let page = self.store().page(source, &range, true, limit, wanted);
        let ledger = charge(source, page.bytes, request.consistent_read.unwrap_or(false));
        let body = output.write(source, &page, &ledger, detail);
        Ok(Answer { body, ledger })
    }
}

fn charge(source: Source<'_>, bytes: usize, consistent: bool) -> Ledger<'_> {
    let units = read_units(bytes, consistent);
    match source.index {
        Some(place) => Ledger::read_index(source.table, place, units),
        None => Ledger::read(source.table, units),
    }
}

/// Refuses to go on at an item that the query would not find.
fn check_within(
    schema: &Schema,
    start: Option<&Item>,
    partition: &Value,
    sort: SortCondition<'_>,
) -> Result<()> {
    let value = |name: &str| start.and_then(|start| start.get(name));
    let inside = value(schema.partition.name) == Some(partition)
        && schema.sort.is_none_or(|key| value(key.name).is_some_and(|value| sort.holds(value)));
    if inside {
        return Ok(());
    }
    Err(invalid("The provided starting key is outside query boundaries based on provided conditions"))
}

/// The segment of an item's partition: FNV-1a over the partition key, alike in every run.
fn segment_of(schema: &Schema, item: &Item, total: u64) -> u64 {
    let mut bytes = Vec::new();
    if let Some(value) = item.get(schema.partition.name) {
        super::key::encode_value(value, &mut bytes);
    }
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32) % total
}
