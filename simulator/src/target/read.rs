//! Reads a target's file and says where it is wrong.

use super::{Accounts, Target};
use crate::scenario::Scenario;
use serde::de::DeserializeOwned;
use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// What is wrong with a target, or why it cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TargetError {
    file: PathBuf,
    /// From 1; 0 where the file as a whole is wrong.
    line: usize,
    why: String,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, why) = (self.file.display(), &self.why);
        match self.line {
            0 => write!(f, "{file}: {why}"),
            line => write!(f, "{file}:{line}: {why}"),
        }
    }
}

impl TargetError {
    /// Something that no line of the file is to blame for.
    pub fn whole(file: &Path, why: impl fmt::Display) -> TargetError {
        TargetError { file: file.to_owned(), line: 0, why: why.to_string() }
    }
}

/// Reads a target and the accounts that it names, for a scenario. `prod` allows a deployment where real customers buy.
///
/// # Errors
/// When a file cannot be read or is wrong, or the target does not fit the scenario.
pub fn read(path: &Path, scenario: &Scenario, prod: bool) -> Result<(Target, Accounts), TargetError> {
    let target: Target = json(path)?;
    if let Some(why) = target.unfit_for(scenario, prod) {
        return Err(TargetError::whole(path, why));
    }
    let beside = path.parent().unwrap_or(Path::new("")).join(&target.accounts);
    let accounts = Accounts::read(&beside, &target, &scenario.topology)?;
    Ok((target, accounts))
}

/// Reads a JSON file. What stands in it is not shown by an error, as it may be a secret.
pub(super) fn json<T: DeserializeOwned>(path: &Path) -> Result<T, TargetError> {
    let text = fs::read_to_string(path)
        .map_err(|cause| TargetError::whole(path, format!("cannot be read: {cause}")))?;
    serde_json::from_str(&text).map_err(|cause| {
        let (file, line) = (path.to_owned(), cause.line());
        TargetError { file, line, why: without_value(&cause.to_string()) }
    })
}

/// serde's words without the place, and without a value of the wrong kind: `invalid type: string "x", expected u32`.
fn without_value(words: &str) -> String {
    let what = words.rsplit_once(" at line ").map_or(words, |(what, _)| what);
    let kind = what.split(':').next().unwrap_or_default();
    match what.rsplit_once(", expected ") {
        Some((_, expected)) if kind.starts_with("invalid ") => format!("{kind}, expected {expected}"),
        _ => what.to_owned(),
    }
}
