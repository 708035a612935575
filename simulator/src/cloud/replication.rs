//! The writes a region owes to the others, as DynamoDB global tables replicate them.
//!
//! After it was acknowledged, each write goes into a log that every destination reads at its own pace: item
//! by item, in order, whole images. Sending, lag and cursors belong to the reader. What was not sent when the
//! region dies, dies with it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use anyhow::ensure;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

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
    /// The writes, by rising number without gaps.
    pub writes: Vec<ReplicatedWrite>,
}

/// The state of one item after a write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplicatedWrite {
    /// The table's physical name.
    pub table: String,
    /// The key attributes, in DynamoDB JSON.
    pub key: Value,
    /// The whole item, in DynamoDB JSON; none where it was deleted.
    pub item: Option<Value>,
    /// When it was written, in microseconds since the Unix epoch; rising in a region, and later than any write
    /// the writer could have seen.
    pub written_at_us: i64,
    /// Its number in the region's log, from 1.
    pub seq: u64,
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

/// A write as the log keeps it: text, a fifth of the memory of parsed JSON.
#[derive(Debug)]
pub(super) struct LoggedWrite {
    pub(super) table: String,
    pub(super) key: String,
    pub(super) item: Option<String>,
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
        Ok(ReplicatedBatch { from: self.region.to_string(), first_seq: seq, writes })
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

fn parsed(write: &LoggedWrite, seq: u64) -> anyhow::Result<ReplicatedWrite> {
    Ok(ReplicatedWrite {
        table: write.table.clone(),
        key: serde_json::from_str(&write.key)?,
        item: write.item.as_deref().map(serde_json::from_str).transpose()?,
        written_at_us: write.written_at_us,
        seq,
    })
}
