//! The run's client ledgers. The records and the file format are those of [`loadtests::history`], so that
//! Goose, which runs in a process of its own, writes the same.

pub use loadtests::history::{
    History, HistoryClosed, HistoryError, HistoryRecord, HistoryTask, Op, Ordered, OrderedLine, Outcome,
    Probe, ReadError, Source, read,
};

use std::path::Path;

/// All records of several files, by the time at which they were planned. A file that is not there is an error:
/// a ledger that is missing would hide orders.
pub fn read_all(paths: &[&Path]) -> Result<Vec<HistoryRecord>, ReadError> {
    let mut records = Vec::new();
    for path in paths {
        records.extend(read(path)?);
    }
    records.sort_by_key(|record| (record.planned_at_us, record.source, record.seq));
    Ok(records)
}

/// The attempts to make an order: acknowledged, refused or ambiguous. One key may have several.
pub fn attempts(records: &[HistoryRecord]) -> impl Iterator<Item = &HistoryRecord> {
    records.iter().filter(|record| record.is_attempt())
}
