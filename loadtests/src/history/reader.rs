//! Reads a history back.

use super::HistoryRecord;
use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

/// The history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is not there or cannot be read.
    #[error("cannot read the history {}: {cause}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A line is not a record.
    #[error("{}:{line}: not a record of a history: {cause}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// Why.
        cause: serde_json::Error,
    },
}

/// All records of a file, in its order.
pub fn read(path: &Path) -> Result<Vec<HistoryRecord>, ReadError> {
    let at = |cause| ReadError::File { path: path.to_owned(), cause };
    let lines = BufReader::new(File::open(path).map_err(at)?).lines();
    let mut records = Vec::new();
    for (number, line) in lines.enumerate() {
        let line = line.map_err(at)?;
        let record = serde_json::from_str(&line);
        let wrong = |cause| ReadError::Line { path: path.to_owned(), line: number + 1, cause };
        records.push(record.map_err(wrong)?);
    }
    Ok(records)
}
