//! Items as they are stored: never changed, shared by tables, indexes, streams and the replication log.

use std::sync::{Arc, OnceLock};

use super::json::write_item;
use super::size::item_bytes;
use super::value::Item;

/// A stored item with what is worth computing once.
#[derive(Debug)]
pub(in super::super) struct Record {
    item: Item,
    bytes: usize,
    json: OnceLock<Box<str>>,
}

impl Record {
    pub(in super::super) fn new(item: Item) -> Arc<Self> {
        Arc::new(Record { bytes: item_bytes(&item), item, json: OnceLock::new() })
    }

    pub(in super::super) fn item(&self) -> &Item {
        &self.item
    }

    /// Its size by DynamoDB's rules.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The item in JSON.
    pub(in super::super) fn json(&self) -> &str {
        self.json.get_or_init(|| {
            let mut json = String::with_capacity(self.bytes + 16 * self.item.len());
            write_item(&mut json, &self.item);
            json.into()
        })
    }
}
