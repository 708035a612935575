//! The latencies in the format that HDR tools read.

use super::meter::Counts;
use crate::scenario::Window;
use hdrhistogram::serialization::{
    V2DeflateSerializer,
    interval_log::{IntervalLogWriterBuilder, IntervalLogWriterError, Tag},
};
use loadtests::history::Op;
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

/// Writes one histogram for each phase and kind of request. The unit is microseconds.
pub(super) fn write(path: &Path, begun_wall_ms: i64, windows: &[Window], counts: &Counts) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut serializer = V2DeflateSerializer::new();
    let begun = UNIX_EPOCH + Duration::from_millis(u64::try_from(begun_wall_ms).unwrap_or(0));
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("latency from the planned time to the whole answer, microseconds")
        .with_start_time(begun)
        .with_base_time(begun)
        .begin_log_with(&mut file, &mut serializer)?;
    let ops: BTreeSet<Op> = counts.cells.keys().map(|(_, _, op)| *op).collect();
    for window in windows {
        for op in &ops {
            let mut latency = super::meter::histogram();
            for ((_, _, _), tally) in
                counts.cells.iter().filter(|((phase, _, of), _)| *phase == window.phase && of == op)
            {
                let _same_bounds = latency.add(&tally.latency_us);
            }
            let (from, lasted) = (span(window.from_s), span(window.to_s - window.from_s));
            log.write_histogram(&latency, from, lasted, Tag::new(op.word())).map_err(io_error)?;
        }
    }
    file.flush()
}

fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn io_error<E: std::fmt::Debug>(fault: IntervalLogWriterError<E>) -> io::Error {
    match fault {
        IntervalLogWriterError::IoError(fault) => fault,
        other => io::Error::other(format!("{other:?}")),
    }
}
