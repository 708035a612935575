//! Appends records to the file, from a queue with an end.

use super::HistoryRecord;
use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};
use tokio::{
    sync::mpsc::{self, error::TryRecvError},
    task::JoinHandle,
};

/// Records that wait for the disk; whoever records more has to wait.
const QUEUE: usize = 4_096;

/// The history cannot be written, so the run proves nothing.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the history {}: {cause}", path.display())]
pub struct HistoryError {
    path: PathBuf,
    cause: io::Error,
}

/// The writer has ended; its task knows why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the history is not written any more")]
pub struct HistoryClosed;

/// Where records go.
#[derive(Clone, Debug)]
pub struct History {
    queue: mpsc::Sender<HistoryRecord>,
}

/// The task that writes.
#[derive(Debug)]
pub struct HistoryTask {
    task: JoinHandle<io::Result<u64>>,
    path: PathBuf,
}

impl History {
    /// Opens the file, which is made anew, and starts to write.
    pub fn start(path: &Path) -> Result<(History, HistoryTask), HistoryError> {
        let file = OpenOptions::new().create(true).write(true).truncate(true).open(path);
        let file = file.map_err(|cause| HistoryError { path: path.to_owned(), cause })?;
        let (queue, records) = mpsc::channel(QUEUE);
        let task = tokio::task::spawn_blocking(move || write(file, records));
        Ok((History { queue }, HistoryTask { task, path: path.to_owned() }))
    }

    /// The same without a thread of its own: in a simulation a thread would run in real time.
    ///
    /// # Errors
    /// As [`History::start`].
    pub fn start_here(path: &Path) -> Result<(History, HistoryTask), HistoryError> {
        let file = File::create(path).map_err(|cause| HistoryError { path: path.to_owned(), cause })?;
        let (queue, mut records) = mpsc::channel(QUEUE);
        let task = tokio::spawn(async move {
            let mut ledger = Ledger { file: BufWriter::new(file), seq: 0 };
            while let Some(record) = records.recv().await {
                ledger.append(record)?;
            }
            ledger.file.flush()?;
            Ok(ledger.seq)
        });
        Ok((History { queue }, HistoryTask { task, path: path.to_owned() }))
    }

    /// Appends a record. Waits where the disk is slow; the error means that the run must stop.
    pub async fn record(&self, record: HistoryRecord) -> Result<(), HistoryClosed> {
        self.queue.send(record).await.map_err(|_| HistoryClosed)
    }
}

impl HistoryTask {
    /// Waits until everything is on disk. Returns when every [`History`] is dropped, or when writing failed;
    /// gives the number of records.
    pub async fn finish(self) -> Result<u64, HistoryError> {
        let written = self.task.await.unwrap_or_else(|fault| Err(io::Error::other(fault)));
        written.map_err(|cause| HistoryError { path: self.path, cause })
    }

    /// Whether writing has ended: before the run's end that means that it failed.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

/// Writes until all senders are gone. Whenever the queue is empty the buffer goes to the system, so that a
/// run that is killed leaves what it knew.
fn write(file: File, mut records: mpsc::Receiver<HistoryRecord>) -> io::Result<u64> {
    let mut ledger = Ledger { file: BufWriter::new(file), seq: 0 };
    loop {
        let next = match records.try_recv() {
            Ok(record) => Some(record),
            Err(TryRecvError::Empty) => {
                ledger.file.flush()?;
                records.blocking_recv()
            }
            Err(TryRecvError::Disconnected) => None,
        };
        let Some(record) = next else { break };
        ledger.append(record)?;
    }
    ledger.file.flush()?;
    ledger.file.get_ref().sync_all()?;
    Ok(ledger.seq)
}

/// The file, and the number of the last record in it.
struct Ledger {
    file: BufWriter<File>,
    seq: u64,
}

impl Ledger {
    fn append(&mut self, mut record: HistoryRecord) -> io::Result<()> {
        self.seq += 1;
        record.seq = self.seq;
        serde_json::to_writer(&mut self.file, &record)?;
        self.file.write_all(b"\n")
    }
}
