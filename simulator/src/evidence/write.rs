//! Puts the evidence into the run's folder.

use super::{Evidence, junit, page, summary};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file of the evidence cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    /// Which file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Writes `evidence.json`, `junit.xml`, `summary.md` and `evidence.html` into a folder, which is made where it
/// does not exist. A file is either whole or not there.
///
/// # Errors
/// The first file that cannot be written, and why: a full disk, a missing permission.
pub fn write_all(dir: &Path, evidence: &Evidence) -> Result<(), WriteError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| WriteError { path, source }
    };
    fs::create_dir_all(dir).map_err(at(dir))?;
    let json =
        serde_json::to_string_pretty(evidence).map_err(|why| at(&dir.join("evidence.json"))(why.into()))?;
    let junit = junit::render(evidence).map_err(|why| at(&dir.join("junit.xml"))(io::Error::other(why)))?;
    let files = [
        ("evidence.json", json),
        ("junit.xml", junit),
        ("summary.md", summary::render(evidence)),
        ("evidence.html", page::render(evidence)),
    ];
    for (name, text) in files {
        let path = dir.join(name);
        put(&path, &text).map_err(at(&path))?;
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let written = fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // Whether or not this succeeds, the first error is the one to report.
        let _ = fs::remove_file(&unfinished);
    }
    written
}
