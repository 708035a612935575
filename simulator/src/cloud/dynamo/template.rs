//! The empty database every region starts from.
//!
//! With a stream on a table, the engine looks for the next sequence number by reading all of the table's
//! stream records at every write, and never drops one: 136 us a write at 2,000 records, 7 ms at 20,000. An index
//! over the numbers and a trigger that drops old records make it flat. They can only be put into a file, so a
//! template is made once a process and every in-memory database is restored from it.

use std::path::{Path, PathBuf};
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, ensure};
use dynoxide::Database;
use rusqlite::Connection;

/// Stream records kept, over all tables. Replication reads them in the same critical section that writes
/// them; no single operation writes more than a hundred.
pub(super) const STREAM_RECORDS_KEPT: u64 = 256;

const INSERT_RECORD: &str = "INSERT INTO _stream_records
    (table_name, event_name, keys_json, sequence_number, shard_id, created_at)
    VALUES ('probe', 'INSERT', '{}', ?1, 'shard', 0)";

static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();

/// Replaces an empty database's content by the template.
pub(super) fn restore_into(db: &Database) -> anyhow::Result<()> {
    let template = match TEMPLATE.get() {
        Some(template) => template,
        None => {
            let made = make().context("the database template cannot be made")?;
            TEMPLATE.get_or_init(|| made)
        }
    };
    let file = ScratchFile::new();
    std::fs::write(&file.0, template).context("the database template cannot be written")?;
    db.restore_from(file.name()?).context("the database template cannot be restored")
}

fn make() -> anyhow::Result<Vec<u8>> {
    let file = ScratchFile::new();
    drop(Database::new(file.name()?)?);
    let connection = Connection::open(&file.0)?;
    // One file, without a write-ahead log beside it.
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    connection.execute_batch(&format!(
        "CREATE INDEX sr_idx ON _stream_records(table_name, CAST(sequence_number AS INTEGER));
         CREATE TRIGGER sr_trim AFTER INSERT ON _stream_records BEGIN
             DELETE FROM _stream_records WHERE id <= NEW.id - {STREAM_RECORDS_KEPT};
         END;"
    ))?;
    prove(&connection)?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(std::fs::read(&file.0)?)
}

/// Checks that the trigger trims and that the engine's own question is answered from the index.
fn prove(connection: &Connection) -> anyhow::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    for number in 1..=STREAM_RECORDS_KEPT + 50 {
        transaction.execute(INSERT_RECORD, [number])?;
    }
    let kept: u64 = transaction.query_row("SELECT COUNT(*) FROM _stream_records", [], |row| row.get(0))?;
    ensure!(kept == STREAM_RECORDS_KEPT, "{kept} stream records are kept instead of {STREAM_RECORDS_KEPT}");
    let plan: String = transaction.query_row(
        "EXPLAIN QUERY PLAN SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1
         FROM _stream_records WHERE table_name = 'probe'",
        [],
        |row| row.get(3),
    )?;
    ensure!(plan.contains("sr_idx"), "sequence numbers are not looked up in the index: {plan}");
    transaction.rollback()?;
    Ok(())
}

/// A file of this process that is gone when dropped, with what SQLite leaves beside it.
struct ScratchFile(PathBuf);

impl ScratchFile {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let file = ScratchFile(std::env::temp_dir().join(format!("bigsmokes-{}-{number}.db", process::id())));
        // A process of the same number may have died and left its own.
        file.remove();
        file
    }

    fn name(&self) -> anyhow::Result<&str> {
        self.0.to_str().context("the temporary directory's name is not UTF-8")
    }

    fn remove(&self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let mut name = self.0.clone().into_os_string();
            name.push(suffix);
            // Not being there is what is wanted.
            let _ = std::fs::remove_file(Path::new(&name));
        }
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        self.remove();
    }
}
