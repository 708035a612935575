//! DynamoDB of an upstream: calls, the writes that replication is owed, and the writes of other regions.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard, oneshot};

use super::link::{CALL_LIMIT, CallError};
use super::{Region, Upstream, lock};
use crate::cloud::dynamo::{Dynamo, Item, PlainItem, Touched};
use crate::cloud::replication::{Applied, ReplicatedBatch, ReplicatedWrite};
use crate::cloud::reply::Reply;

/// Items are held in so many groups.
const GROUPS: usize = 256;
/// Writes of other regions in one call: what BatchWriteItem takes.
const MERGED_AT_ONCE: usize = 25;
/// Calls at a time for one batch of another region's writes, and for one dump.
const CALLS_AT_ONCE: usize = 8;
/// How often, and how far apart, an item is read again whose reading failed.
const READS_MAX: u32 = 5;
const READ_AGAIN: Duration = Duration::from_millis(200);

/// Operations that tell what they consumed where they are asked to.
const METERED: [&str; 10] = [
    "GetItem",
    "Query",
    "Scan",
    "BatchGetItem",
    "TransactGetItems",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "TransactWriteItems",
];
const WRITING: [&str; 5] = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"];

/// Holds items while they are written, so that the log has their images in the order in which they were written.
pub(super) struct Held([Mutex<()>; GROUPS]);

impl Default for Held {
    fn default() -> Self {
        Held(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Held {
    /// Holds some items. Groups are taken in order, so that two who want the same never wait for each other.
    async fn hold<'a>(&self, items: impl Iterator<Item = &'a Touched>) -> Vec<MutexGuard<'_, ()>> {
        let hasher = BuildHasherDefault::<DefaultHasher>::new();
        let mut groups: Vec<usize> = items.map(|item| hasher.hash_one(item) as usize % GROUPS).collect();
        groups.sort_unstable();
        groups.dedup();
        let mut held = Vec::with_capacity(groups.len());
        for group in groups {
            held.push(self.0[group].lock().await);
        }
        held
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    item: Option<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    items: Vec<Item>,
    last_evaluated_key: Option<Value>,
}

impl Upstream {
    pub(super) async fn table_call(
        &self,
        region: &Arc<Region>,
        target: &str,
        operation: &str,
        body: &str,
    ) -> Result<Reply, CallError> {
        let (asked, body) = ask_for_units(operation, body);
        let bytes_in = body.len() as u64;
        let touched = match WRITING.contains(&operation) {
            true => region.dynamo.touched(operation, &body),
            false => Vec::new(),
        };
        let table = region.dynamo.first_table(&body);
        let mut reply = match touched.is_empty() {
            true => self.link.send(target, body, CALL_LIMIT).await?,
            false => self.write(region, Write { target: target.to_owned(), body, touched }).await?,
        };
        if METERED.contains(&operation) {
            meter(region, operation, &table, bytes_in, &mut reply, asked);
        } else if reply.body.contains("UnknownOperationException") {
            region.meter.unknown(target);
        }
        Ok(reply)
    }

    /// Carries out a write to its end: a caller that no longer waits must not keep its effect from the other regions.
    async fn write(&self, region: &Arc<Region>, write: Write) -> Result<Reply, CallError> {
        let (tell, told) = oneshot::channel();
        let whole = region.clone();
        {
            let mut writes = lock(&self.writes);
            while writes.try_join_next().is_some() {}
            writes.spawn(async move {
                let Some(upstream) = &whole.upstream else { return };
                let answer = upstream.write_and_note(&whole.dynamo, write).await;
                let _ = tell.send(answer); // nobody may wait for it any more
            });
        }
        let ended =
            || CallError::Silent { url: self.link.spec.url.clone(), cause: "the region ends".to_owned() };
        told.await.map_err(|_| ended())?
    }

    async fn write_and_note(&self, ledger: &Dynamo, write: Write) -> Result<Reply, CallError> {
        let _held = self.held.hold(write.touched.iter()).await;
        let answer = self.link.send(&write.target, write.body, CALL_LIMIT).await;
        // A refusal means that nothing was written; without an answer, or with an error, it may have been.
        if !answer.as_ref().is_ok_and(|reply| (400..500).contains(&reply.status)) {
            let notes = write.touched.iter().map(|touched| self.note(ledger, touched));
            if let Err(cause) = try_join_all(notes).await {
                tracing::error!(%cause, "a write is not replicated: what it left could not be read");
            }
        }
        answer
    }

    /// Reads an item again, and notes in the log what changed.
    async fn note(&self, ledger: &Dynamo, touched: &Touched) -> Result<(), CallError> {
        let request = json!({ "TableName": &*touched.table, "Key": touched.key, "ConsistentRead": true });
        let mut tries = 0;
        let found = loop {
            tries += 1;
            match self.link.call("DynamoDB_20120810.GetItem", request.clone()).await {
                Err(CallError::Silent { .. }) if tries < READS_MAX => tokio::time::sleep(READ_AGAIN).await,
                found => break found?,
            }
        };
        let garbled =
            |_| CallError::Garbled { url: self.link.spec.url.clone(), target: "GetItem".to_owned() };
        ledger.note(touched, Found::deserialize(found).map_err(garbled)?.item);
        Ok(())
    }

    /// Merges another region's writes: what wins is written upstream, and only then counts as applied.
    pub(in super::super) async fn merge(
        &self,
        ledger: &Dynamo,
        batch: ReplicatedBatch,
    ) -> anyhow::Result<Applied> {
        ensure!(batch.from != self.link.spec.region, "{} was sent its own writes", batch.from);
        let through_seq = batch.writes.last().map_or(batch.first_seq.saturating_sub(1), |write| write.seq);
        let mut latest = BTreeMap::new();
        let count = batch.writes.len() as u64;
        for write in batch.writes {
            let touched = ledger.touched_by(&write)?;
            latest.insert(touched, write);
        }
        let mut merging = Vec::new();
        let mut writes = latest.into_iter().peekable();
        while writes.peek().is_some() {
            let part: Vec<_> = writes.by_ref().take(MERGED_AT_ONCE).collect();
            merging.push(self.merge_part(ledger, &batch.from, part));
        }
        let parts: Vec<Applied> = stream::iter(merging).buffer_unordered(CALLS_AT_ONCE).try_collect().await?;
        let applied = parts.iter().map(|part| part.applied).sum();
        Ok(Applied { applied, stale: count - applied, through_seq })
    }

    async fn merge_part(
        &self,
        ledger: &Dynamo,
        from: &str,
        part: Vec<(Touched, ReplicatedWrite)>,
    ) -> anyhow::Result<Applied> {
        let _held = self.held.hold(part.iter().map(|(touched, _)| touched)).await;
        let winners: Vec<_> =
            part.iter().filter(|(touched, write)| ledger.wins(touched, from, write)).collect();
        if winners.is_empty() {
            return Ok(Applied::default());
        }
        let mut requests: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for (touched, write) in &winners {
            let request = match &write.item {
                Some(item) => json!({ "PutRequest": { "Item": item } }),
                None => json!({ "DeleteRequest": { "Key": touched.key } }),
            };
            requests.entry(&touched.table).or_default().push(request);
        }
        let answer =
            self.link.call("DynamoDB_20120810.BatchWriteItem", json!({ "RequestItems": requests })).await?;
        let left = answer["UnprocessedItems"].as_object().is_some_and(|left| !left.is_empty());
        ensure!(!left, "the upstream did not take all of a batch");
        let writes = winners.iter().map(|(_, write)| write.clone()).collect();
        ledger.apply(ReplicatedBatch { from: from.to_owned(), first_seq: 0, writes, whole: None })
    }

    /// The items of one table, `service` or `service.table`.
    pub(in super::super) async fn items(
        &self,
        ledger: &Dynamo,
        table: &str,
    ) -> anyhow::Result<Vec<PlainItem>> {
        let name = ledger.physical_name(table).with_context(|| format!("there is no table {table}"))?;
        self.scan(&name).await
    }

    pub(super) async fn all_items(
        &self,
        ledger: &Dynamo,
    ) -> anyhow::Result<BTreeMap<String, Vec<PlainItem>>> {
        let tables = ledger.names().into_iter().map(|(logical, physical)| async move {
            Ok::<_, anyhow::Error>((logical, self.scan(&physical).await?))
        });
        stream::iter(tables).buffer_unordered(CALLS_AT_ONCE).try_collect().await
    }

    async fn scan(&self, table: &str) -> anyhow::Result<Vec<PlainItem>> {
        let mut items = Vec::new();
        let mut request = json!({ "TableName": table, "ConsistentRead": true });
        loop {
            let page = self.link.call("DynamoDB_20120810.Scan", request.clone()).await?;
            let page = Page::deserialize(page).with_context(|| format!("a page of {table}"))?;
            items.extend(page.items.into_iter().map(PlainItem::new));
            match page.last_evaluated_key {
                Some(key) if !key.is_null() => request["ExclusiveStartKey"] = key,
                _ => return Ok(items),
            }
        }
    }
}

/// A call that writes items of global tables.
struct Write {
    target: String,
    body: String,
    touched: Vec<Touched>,
}

/// Has an operation tell what it consumed. Says whether the caller wanted to know.
fn ask_for_units(operation: &str, body: &str) -> (bool, String) {
    let parsed = METERED.contains(&operation).then(|| serde_json::from_str::<Value>(body).ok()).flatten();
    let Some(mut request) = parsed.filter(Value::is_object) else { return (true, body.to_owned()) };
    match request.get("ReturnConsumedCapacity").and_then(Value::as_str) {
        None | Some("NONE") => {
            request["ReturnConsumedCapacity"] = "TOTAL".into();
            (false, request.to_string())
        }
        Some(_) => (true, body.to_owned()),
    }
}

/// Counts a call at the first table that it names, and units where they were consumed; takes out of the answer what the
/// caller did not want to know.
fn meter(region: &Region, operation: &str, table: &str, bytes_in: u64, reply: &mut Reply, asked: bool) {
    let failed = reply.status >= 400;
    region.meter.table(table, operation, |usage| {
        usage.calls += 1;
        usage.failed += u64::from(failed);
        usage.bytes_in += bytes_in;
        usage.bytes_out += if failed { 0 } else { reply.body.len() as u64 };
    });
    let Ok(mut answer) = serde_json::from_str::<Value>(&reply.body) else { return };
    let consumed = match answer.get("ConsumedCapacity") {
        None => return,
        Some(Value::Array(tables)) => tables.clone(),
        Some(one) => vec![one.clone()],
    };
    for table in consumed {
        let units = table["CapacityUnits"].as_f64().unwrap_or_default();
        let logical = region.dynamo.logical_name(table["TableName"].as_str().unwrap_or_default());
        region.meter.table(&logical, operation, |usage| match WRITING.contains(&operation) {
            true => usage.write_units += units,
            false => usage.read_units += units,
        });
    }
    if !asked && let Some(members) = answer.as_object_mut() {
        members.remove("ConsumedCapacity");
        reply.body = answer.to_string();
    }
}
