//! The tables' change streams, as far as a stock client may want to look into them.

use std::collections::VecDeque;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Dynamo;
use super::error::{Error, Result, invalid, missing};
use super::json::Text;
use super::record::Record;
use super::table::Table;

/// Records kept, over all tables.
pub(super) const RECORDS_KEPT: usize = 256;
/// Records an answer has at most.
const RECORDS_MAX: usize = 1000;
/// What a public sequence number adds to ours: they have at least 21 digits.
const NUMBER_OFFSET: u128 = 100_000_000_000_000_000_000;

/// A change of one item.
pub(super) struct Change {
    /// The slot of its table.
    pub(super) slot: usize,
    /// Its number: the write stamp where the write was local.
    pub(super) number: i64,
    pub(super) at_ms: i64,
    pub(super) old: Option<Arc<Record>>,
    pub(super) new: Option<Arc<Record>>,
}

/// The latest changes of all tables that have a stream, oldest first.
#[derive(Default)]
pub(super) struct Stream {
    changes: VecDeque<Change>,
}

impl Stream {
    pub(super) fn push(&mut self, change: Change) {
        if self.changes.len() == RECORDS_KEPT {
            self.changes.pop_front();
        }
        self.changes.push_back(change);
    }

    fn of(&self, table: &Table) -> impl DoubleEndedIterator<Item = &Change> {
        let slot = table.slot;
        self.changes.iter().filter(move |change| change.slot == slot)
    }
}

/// A request about streams; each operation has some of these members.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct StreamRequest<'a> {
    table_name: Option<Text<'a>>,
    stream_arn: Option<Text<'a>>,
    exclusive_start_stream_arn: Option<Text<'a>>,
    shard_id: Option<Text<'a>>,
    shard_iterator_type: Option<Text<'a>>,
    sequence_number: Option<Text<'a>>,
    shard_iterator: Option<Text<'a>>,
    limit: Option<usize>,
}

impl Dynamo {
    pub(super) fn list_streams(&self, request: StreamRequest<'_>) -> Result<String> {
        let wanted = |table: &&Table| {
            table.global && request.table_name.as_ref().is_none_or(|name| **name == *table.name)
        };
        let mut tables = self.tables.values().filter(wanted);
        if let Some(start) = &request.exclusive_start_stream_arn {
            // Nothing is left where it is not one of ours.
            tables.by_ref().find(|table| self.stream_arn(table) == **start);
        }
        let page: Vec<&Table> = tables.by_ref().take(request.limit.unwrap_or(100)).collect();
        let shown = page.iter().map(|table| {
            json!({ "StreamArn": self.stream_arn(table), "TableName": table.name, "StreamLabel": self.stream_label() })
        });
        let mut answer = json!({ "Streams": shown.collect::<Value>() });
        if let (Some(last), true) = (page.last(), tables.next().is_some()) {
            answer["LastEvaluatedStreamArn"] = json!(self.stream_arn(last));
        }
        Ok(answer.to_string())
    }

    pub(super) fn describe_stream(&self, request: StreamRequest<'_>) -> Result<String> {
        let table = self.streamed(request.stream_arn.as_deref())?;
        let store = self.store();
        let mut range = json!({});
        if let Some(first) = store.stream.of(table).next() {
            range["StartingSequenceNumber"] = json!(public(first.number));
        }
        let description = json!({
            "StreamArn": self.stream_arn(table),
            "StreamLabel": self.stream_label(),
            "StreamStatus": "ENABLED",
            "StreamViewType": "NEW_AND_OLD_IMAGES",
            "TableName": table.name,
            "KeySchema": super::describe::key_schema(&table.schema),
            "CreationRequestDateTime": self.created_ms as f64 / 1000.0,
            "Shards": [{ "ShardId": shard(table), "SequenceNumberRange": range }],
        });
        Ok(json!({ "StreamDescription": description }).to_string())
    }

    pub(super) fn get_shard_iterator(&self, request: StreamRequest<'_>) -> Result<String> {
        let table = self.streamed(request.stream_arn.as_deref())?;
        let wanted = request.shard_id.as_deref().ok_or_else(|| missing("shardId"))?;
        if wanted != shard(table) {
            return Err(Error::NotFound(format!("Requested resource not found: Shard: {wanted}")));
        }
        let number = || {
            let text = request.sequence_number.as_deref().ok_or_else(|| missing("sequenceNumber"))?;
            ours(text).ok_or_else(|| invalid("Invalid SequenceNumber for the shard"))
        };
        let behind = match request.shard_iterator_type.as_deref() {
            Some("TRIM_HORIZON") => 0,
            Some("LATEST") => self.store().stream.of(table).next_back().map_or(0, |change| change.number),
            Some("AT_SEQUENCE_NUMBER") => number()? - 1,
            Some("AFTER_SEQUENCE_NUMBER") => number()?,
            Some(other) => return Err(invalid(format!("Invalid ShardIteratorType: {other}"))),
            None => return Err(missing("shardIteratorType")),
        };
        Ok(json!({ "ShardIterator": iterator(table, behind) }).to_string())
    }

    pub(super) fn get_records(&self, request: StreamRequest<'_>) -> Result<String> {
        let text = request.shard_iterator.as_deref().ok_or_else(|| missing("shardIterator"))?;
        let (name, behind) = position(text).ok_or_else(|| invalid("Invalid ShardIterator"))?;
        let table = self.table(Some(&name))?;
        let limit = request.limit.unwrap_or(RECORDS_MAX).min(RECORDS_MAX);
        let store = self.store();
        let changes = store.stream.of(table).filter(|change| change.number > behind).take(limit);
        let changes: Vec<&Change> = changes.collect();
        let last = changes.last().map_or(behind, |change| change.number);
        let records: Vec<Value> = changes.iter().map(|change| self.record(table, change)).collect();
        Ok(json!({ "Records": records, "NextShardIterator": iterator(table, last) }).to_string())
    }

    /// The table of a stream.
    fn streamed(&self, arn: Option<&str>) -> Result<&Table> {
        let arn = arn.ok_or_else(|| missing("streamArn"))?;
        let name = arn.split('/').nth(1).unwrap_or_default();
        self.tables
            .get(name)
            .filter(|table| table.global)
            .ok_or_else(|| Error::NotFound(format!("Requested resource not found: Stream: {arn}")))
    }

    fn record(&self, table: &Table, change: &Change) -> Value {
        let kind = match (&change.old, &change.new) {
            (None, _) => "INSERT",
            (Some(_), Some(_)) => "MODIFY",
            (Some(_), None) => "REMOVE",
        };
        let images = [("NewImage", &change.new), ("OldImage", &change.old)];
        let mut content = json!({
            "ApproximateCreationDateTime": change.at_ms / 1000,
            "SequenceNumber": public(change.number),
            "SizeBytes": images.iter().filter_map(|(_, image)| image.as_ref()).map(|image| image.bytes()).sum::<usize>(),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        });
        for (name, image) in images {
            if let Some(image) = image {
                content["Keys"] = json!(table.schema.pick(image.item()));
                content[name] = json!(image.item());
            }
        }
        json!({
            "eventID": format!("{:032x}", change.number),
            "eventName": kind,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": *self.region,
            "dynamodb": content,
        })
    }
}

/// A table's only shard.
fn shard(table: &Table) -> String {
    format!("shardId-00000001-{}", table.name)
}

fn public(number: i64) -> String {
    (NUMBER_OFFSET + u128::from(number.unsigned_abs())).to_string()
}

fn ours(public: &str) -> Option<i64> {
    let number = public.parse::<u128>().ok()?.checked_sub(NUMBER_OFFSET)?;
    i64::try_from(number).ok()
}

/// A place in a table's stream, behind a record.
fn iterator(table: &Table, behind: i64) -> String {
    STANDARD.encode(format!("{}/{behind}", table.name))
}

fn position(iterator: &str) -> Option<(String, i64)> {
    let text = String::from_utf8(STANDARD.decode(iterator).ok()?).ok()?;
    let (name, behind) = text.rsplit_once('/')?;
    Some((name.to_owned(), behind.parse().ok()?))
}
