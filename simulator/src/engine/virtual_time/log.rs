//! The log of a run: one file, in the order in which things happened, without times of the machine.

use crate::engine::RunFolder;
use anyhow::Context as _;
use std::{fs::File, sync::Mutex};
use tracing::{Level, subscriber::DefaultGuard};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt as _};

/// The log file's name.
const NAME: &str = "logs/virtual.log";

/// Logs what happens on this thread into a folder, until the guard is dropped.
///
/// # Errors
/// When the file cannot be made.
pub(super) fn to(folder: &RunFolder) -> anyhow::Result<DefaultGuard> {
    let path = folder.file(NAME);
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let lines = tracing_subscriber::fmt::layer().json().without_time().with_writer(Mutex::new(file));
    // turmoil tells of every turn of every host.
    let wanted = Targets::new().with_default(Level::INFO).with_target("turmoil", Level::ERROR);
    Ok(tracing::subscriber::set_default(tracing_subscriber::registry().with(wanted).with(lines)))
}
