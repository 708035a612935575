//! The writes a region owes to the others, as DynamoDB global tables replicate them.
//!
//! After it was acknowledged, each write goes into a log that every destination reads at its own pace: item
//! by item, in order, whole images. Sending, lag and cursors belong to the reader. What was not sent when the
//! region dies, dies with it.

use platform::watch;
use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use anyhow::ensure;
use serde::{Deserialize, Serialize};

use super::dynamo::{Item, Record};
use super::lock;

/// Writes kept for readers that lag. A reader that falls behind this is told so.
const LOG_WRITES_MAX: usize = 200_000;

/// Writes of one region on their way to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplicatedBatch {
    /// The region that wrote.
    pub from: String,
    /// The number of the first write; where the batch is empty, of the next one to come.
    pub first_seq: u64,
    /// The writes, by rising number. One that a later one of the same batch overwrites may be left out.
    pub writes: Vec<ReplicatedWrite>,
    /// The return of the receiver that this batch ends the whole copy for, as the receiver named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<u64>,
}

/// The global tables as one region has them at a moment, for one that lost them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableCopy {
    /// The number of the last write of the region's own that is in it.
    pub through_seq: u64,
    /// The rows in batches, each a list of writes in JSON.
    pub batches: Vec<CopyBatch>,
}

/// Rows of a [`TableCopy`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CopyBatch {
    /// The writes in JSON, without the brackets around them.
    pub writes: String,
    /// How many.
    pub count: u64,
}

impl TableCopy {
    /// Rows in all.
    pub fn count(&self) -> u64 {
        self.batches.iter().map(|batch| batch.count).sum()
    }
}

impl CopyBatch {
    /// A [`ReplicatedBatch`] in JSON. `whole` marks the last one.
    ///
    /// # Errors
    /// Never, for names that are text.
    pub fn json(&self, from: &str, whole: Option<u64>) -> anyhow::Result<String> {
        let (from, whole) = (serde_json::to_string(from)?, serde_json::to_string(&whole)?);
        Ok(format!(r#"{{"from":{from},"first_seq":1,"writes":[{}],"whole":{whole}}}"#, self.writes))
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: &CopiedRow<'_>) -> anyhow::Result<()> {
        let (table, by) = (serde_json::to_string(row.table)?, serde_json::to_string(row.by)?);
        let separator = if self.count == 0 { "" } else { "," };
        let (key, item, written_at_us) = (row.key, row.item, row.written_at_us);
        write!(
            self.writes,
            r#"{separator}{{"table":{table},"key":{key},"item":{item},"written_at_us":{written_at_us},"seq":0,"by":{by}}}"#
        )?;
        self.count += 1;
        Ok(())
    }
}

/// One row of a copy: key and item in JSON.
pub(super) struct CopiedRow<'a> {
    pub(super) table: &'a str,
    pub(super) key: &'a str,
    pub(super) item: &'a str,
    pub(super) written_at_us: i64,
    pub(super) by: &'a str,
}

/// What there is to send.
#[derive(Clone, Debug, PartialEq)]
pub enum Due {
    /// Nothing was written yet.
    Nothing,
    /// The next write is not due; it was written at this time, in microseconds since the Unix epoch.
    Later(i64),
    /// A batch.
    Batch(OutgoingBatch),
}

/// A [`ReplicatedBatch`] as text, ready to be sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutgoingBatch {
    /// The batch in JSON.
    pub json: String,
    /// The number of the last write that it covers.
    pub through_seq: u64,
    /// When each write that it covers was written, in microseconds since the Unix epoch.
    pub written_at_us: Vec<i64>,
}

/// The state of one item after a write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplicatedWrite {
    /// The table's physical name.
    pub table: String,
    /// The key attributes.
    pub key: Item,
    /// The whole item; none where it was deleted.
    pub item: Option<Item>,
    /// When it was written, in microseconds since the Unix epoch; rising in a region, and later than any write
    /// the writer could have seen.
    pub written_at_us: i64,
    /// Its number in the region's log, from 1; 0 in a copy of whole tables.
    pub seq: u64,
    /// The region that wrote it, where that is not the one that sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Writes that won.
    pub applied: u64,
    /// Writes that lost to a later one, or had been applied before.
    pub stale: u64,
    /// The number of the last write that was merged.
    pub through_seq: u64,
}

/// A write as the log keeps it; the item is the one that the table has.
#[derive(Debug)]
pub(super) struct LoggedWrite {
    pub(super) table: Arc<str>,
    /// The key attributes in JSON; equal for equal keys.
    pub(super) key: Arc<str>,
    pub(super) item: Option<Arc<Record>>,
    pub(super) written_at_us: i64,
}

/// The log of one region.
#[derive(Debug)]
pub(super) struct Log {
    kept: Mutex<Kept>,
    head: watch::Sender<u64>,
}

#[derive(Debug)]
struct Kept {
    writes: VecDeque<LoggedWrite>,
    first_seq: u64,
}

impl Default for Log {
    fn default() -> Self {
        let kept = Kept { writes: VecDeque::new(), first_seq: 1 };
        Log { kept: Mutex::new(kept), head: watch::Sender::new(0) }
    }
}

impl Log {
    pub(super) fn append(&self, writes: Vec<LoggedWrite>) {
        let mut kept = lock(&self.kept);
        kept.writes.extend(writes);
        let surplus = kept.writes.len().saturating_sub(LOG_WRITES_MAX);
        kept.drop_front(surplus);
        let head = kept.head();
        drop(kept);
        self.head.send_replace(head);
    }
}

impl Log {
    /// The number of the last write, 0 before the first.
    pub(super) fn head(&self) -> u64 {
        lock(&self.kept).head()
    }
}

impl Kept {
    fn head(&self) -> u64 {
        self.first_seq + self.writes.len() as u64 - 1
    }

    fn drop_front(&mut self, count: usize) {
        let count = count.min(self.writes.len());
        self.writes.drain(..count);
        self.first_seq += count as u64;
    }
}

/// Reads a region's log, with a cursor of its own. One destination, one source.
#[derive(Debug)]
pub struct ReplicationSource {
    log: Arc<Log>,
    region: Arc<str>,
    next_seq: u64,
    news: watch::Receiver<u64>,
}

impl ReplicationSource {
    pub(super) fn new(log: Arc<Log>, region: Arc<str>) -> Self {
        let news = log.head.subscribe();
        let next_seq = lock(&log.kept).first_seq;
        ReplicationSource { log, region, next_seq, news }
    }

    /// The number of the oldest write that is kept; where none is, of the next one to come.
    pub fn oldest(&self) -> u64 {
        lock(&self.log.kept).first_seq
    }

    /// The number of the last write, 0 before the first.
    pub fn head(&self) -> u64 {
        lock(&self.log.kept).head()
    }

    /// At most `max` writes from number `seq` on; empty where there is none yet. Does not move the cursor.
    ///
    /// # Errors
    /// The log no longer has that write: it was trimmed, or the reader fell too far behind.
    pub fn read_from(&self, seq: u64, max: usize) -> anyhow::Result<ReplicatedBatch> {
        let kept = lock(&self.log.kept);
        ensure!(
            seq >= kept.first_seq,
            "write {seq} is no longer in the log, which starts at {}",
            kept.first_seq
        );
        let skip = usize::try_from(seq - kept.first_seq)?;
        let writes = kept.writes.iter().skip(skip).take(max).zip(seq..);
        let writes = writes.map(|(write, seq)| parsed(write, seq)).collect::<anyhow::Result<_>>()?;
        Ok(ReplicatedBatch { from: self.region.to_string(), first_seq: seq, writes, whole: None })
    }

    /// The writes from number `seq` on that were written no later than `until_us`, at most `max` of them, as text:
    /// nothing is parsed. An image that a later write of the batch overwrites is left out, as nobody would see it.
    /// Does not move the cursor.
    ///
    /// # Errors
    /// As [`ReplicationSource::read_from`].
    pub fn read_due(&self, seq: u64, max: usize, until_us: i64) -> anyhow::Result<Due> {
        let kept = lock(&self.log.kept);
        ensure!(
            seq >= kept.first_seq,
            "write {seq} is no longer in the log, which starts at {}",
            kept.first_seq
        );
        let writes = kept.writes.iter().skip(usize::try_from(seq - kept.first_seq)?);
        let due = writes.clone().take(max).take_while(|write| write.written_at_us <= until_us);
        let due: Vec<(u64, &LoggedWrite)> = (seq..).zip(due).collect();
        match (due.last(), writes.clone().next()) {
            (Some(_), _) => Ok(Due::Batch(outgoing(&self.region, &due)?)),
            (None, Some(first)) => Ok(Due::Later(first.written_at_us)),
            (None, None) => Ok(Due::Nothing),
        }
    }

    /// At most `max` writes from the cursor on, which then stands behind them.
    ///
    /// # Errors
    /// The log no longer has the write at the cursor.
    pub fn next_batch(&mut self, max: usize) -> anyhow::Result<Vec<ReplicatedWrite>> {
        let writes = self.read_from(self.next_seq, max)?.writes;
        self.next_seq += writes.len() as u64;
        Ok(writes)
    }

    /// Lets go of the writes up to number `seq`, for all readers.
    pub fn trim(&self, seq: u64) {
        let mut kept = lock(&self.log.kept);
        let done = seq.saturating_add(1).saturating_sub(kept.first_seq);
        kept.drop_front(usize::try_from(done).unwrap_or(usize::MAX));
    }

    /// Waits until something was written since this was last called, or since the source was made. Read first,
    /// wait after: a write in between is not missed.
    pub async fn changed(&mut self) {
        // The sender lives in the log, which this holds.
        let _ = self.news.changed().await;
    }
}

fn outgoing(region: &str, due: &[(u64, &LoggedWrite)]) -> anyhow::Result<OutgoingBatch> {
    let mut last = HashMap::with_capacity(due.len());
    for (seq, write) in due {
        last.insert((&write.table, &write.key), *seq);
    }
    let (first_seq, through_seq) =
        (due.first().map_or(0, |(seq, _)| *seq), due.last().map_or(0, |(seq, _)| *seq));
    let mut json =
        format!(r#"{{"from":{},"first_seq":{first_seq},"writes":["#, serde_json::to_string(region)?);
    let mut separator = "";
    for (seq, write) in due.iter().filter(|(seq, write)| last[&(&write.table, &write.key)] == *seq) {
        let (table, item) = (serde_json::to_string(&*write.table)?, write.item.as_ref());
        let item = item.map_or("null", |record| record.json());
        let (key, written_at_us) = (&write.key, write.written_at_us);
        write!(
            json,
            r#"{separator}{{"table":{table},"key":{key},"item":{item},"written_at_us":{written_at_us},"seq":{seq}}}"#
        )?;
        separator = ",";
    }
    json.push_str("]}");
    let written_at_us = due.iter().map(|(_, write)| write.written_at_us).collect();
    Ok(OutgoingBatch { json, through_seq, written_at_us })
}

fn parsed(write: &LoggedWrite, seq: u64) -> anyhow::Result<ReplicatedWrite> {
    Ok(ReplicatedWrite {
        table: write.table.to_string(),
        key: serde_json::from_str(&write.key)?,
        item: write.item.as_ref().map(|record| record.item().clone()),
        written_at_us: write.written_at_us,
        seq,
        by: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source(writes: &[(&str, &str, i64)]) -> ReplicationSource {
        let log = Arc::new(Log::default());
        let write = |(key, item, at_us): &(&str, &str, i64)| LoggedWrite {
            table: "orders".into(),
            key: json!({ "id": { "S": key } }).to_string().into(),
            item: (!item.is_empty())
                .then(|| Record::new(serde_json::from_value(json!({ "text": { "S": item } })).unwrap())),
            written_at_us: *at_us,
        };
        log.append(writes.iter().map(write).collect());
        ReplicationSource::new(log, "eu-west-1".into())
    }

    #[test]
    fn only_the_last_image_of_an_item_is_sent() {
        let source = source(&[("a", "1", 10), ("b", "1", 20), ("a", "2", 30), ("b", "", 40), ("c", "1", 99)]);
        let Due::Batch(batch) = source.read_due(1, 100, 50).unwrap() else { panic!("four are due") };
        assert_eq!((batch.through_seq, batch.written_at_us.as_slice()), (4, &[10, 20, 30, 40][..]));
        let sent: ReplicatedBatch = serde_json::from_str(&batch.json).unwrap();
        assert_eq!((sent.from.as_str(), sent.first_seq), ("eu-west-1", 1));
        let shown: Vec<_> = sent.writes.iter().map(|write| (write.seq, write.item.is_some())).collect();
        assert_eq!(shown, [(3, true), (4, false)]);
        assert_eq!(sent.writes[0], source.read_from(3, 1).unwrap().writes[0]);
    }

    #[test]
    fn what_is_not_due_waits() {
        let source = source(&[("a", "1", 10), ("a", "2", 30)]);
        assert_eq!(source.read_due(1, 100, 9).unwrap(), Due::Later(10));
        assert_eq!(source.read_due(3, 100, 1_000).unwrap(), Due::Nothing);
        let Due::Batch(batch) = source.read_due(1, 100, 29).unwrap() else { panic!("one is due") };
        assert_eq!(batch.through_seq, 1);
        source.trim(2);
        assert!(source.read_due(1, 100, 9).is_err());
    }
}
